-- votes-agg as a plain log of records. What each reader keeps of it moves only forward, so no state is needed to read it.
CREATE TEMPORARY TABLE votes_agg_records (
    election_id STRING NOT NULL,
    candidate_id STRING NOT NULL,
    generation INT NOT NULL,
    `count` BIGINT NOT NULL,
    as_of TIMESTAMP(3) NOT NULL
) WITH (
    ${options}
)
