-- votes-agg as tally writes it: the newest total of each candidate.
CREATE TEMPORARY TABLE votes_agg_upserts (
    total_key STRING NOT NULL,
    election_id STRING NOT NULL,
    candidate_id STRING NOT NULL,
    generation INT NOT NULL,
    `count` BIGINT NOT NULL,
    as_of TIMESTAMP(3) NOT NULL,
    PRIMARY KEY (total_key) NOT ENFORCED
) WITH (
    ${options}
)
