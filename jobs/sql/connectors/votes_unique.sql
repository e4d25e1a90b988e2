-- As schemas/avro/votes-unique, plus the key: the format wants the same names, order and nullability.
CREATE TEMPORARY TABLE votes_unique (
    vote_key STRING NOT NULL,
    vote_id STRING NOT NULL,
    cast_at TIMESTAMP(3) NOT NULL,
    accepted_at TIMESTAMP(3) NOT NULL,
    source_partition INT NOT NULL,
    source_offset BIGINT NOT NULL
) WITH (
    ${options}
)
