-- What dedup accepted, as bytes.
CREATE TEMPORARY TABLE votes_accepted (
    `value` BYTES
) WITH (
    ${options}
)
