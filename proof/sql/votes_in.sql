-- The log as bytes, from its start to the recount's end offsets. The timestamp is the broker's append time.
CREATE TEMPORARY TABLE votes_in (
    `key` BYTES,
    `value` BYTES,
    `partition` INT NOT NULL METADATA VIRTUAL,
    `offset` BIGINT NOT NULL METADATA VIRTUAL,
    appended_at TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL
) WITH (
    ${options}
)
