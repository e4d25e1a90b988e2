CREATE TEMPORARY TABLE votes_dlq (
    `key` BYTES,
    `value` BYTES,
    headers MAP<STRING, BYTES> METADATA
) WITH (
    ${options}
)
