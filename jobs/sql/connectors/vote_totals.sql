-- Times as text with their offset, as in votes_ledger.
CREATE TEMPORARY TABLE vote_totals (
    election_id STRING NOT NULL,
    candidate_id STRING NOT NULL,
    `count` BIGINT NOT NULL,
    updated_at STRING NOT NULL,
    generation INT NOT NULL,
    PRIMARY KEY (election_id, candidate_id) NOT ENFORCED
) WITH (
    ${options}
)
