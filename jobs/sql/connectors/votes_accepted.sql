-- As schemas/avro/votes-accepted, plus the key: the format wants the same names, order and nullability.
CREATE TEMPORARY TABLE votes_accepted (
    vote_key STRING NOT NULL,
    vote_id STRING NOT NULL,
    election_id STRING NOT NULL,
    voter_sub STRING NOT NULL,
    candidate_id STRING NOT NULL,
    cast_at TIMESTAMP(3) NOT NULL,
    catalogue_version INT NOT NULL,
    accepted_at TIMESTAMP(3) NOT NULL,
    source_partition INT NOT NULL,
    source_offset BIGINT NOT NULL
) WITH (
    ${options}
)
