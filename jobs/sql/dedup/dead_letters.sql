-- Records that can never be counted: key and bytes as they came, what is known about them in the headers.
CREATE TEMPORARY VIEW dead_letters AS
SELECT
    `key`,
    `value`,
    MAP[
        'error', ENCODE(vote.error, 'UTF-8'),
        'topic', ENCODE('votes-in', 'UTF-8'),
        'partition', ENCODE(CAST(`partition` AS STRING), 'UTF-8'),
        'offset', ENCODE(CAST(`offset` AS STRING), 'UTF-8'),
        'appended_at', ENCODE(DATE_FORMAT(appended_at, 'yyyy-MM-dd HH:mm:ss.SSS') || 'Z', 'UTF-8')
    ] AS headers
FROM read_records
WHERE vote.error IS NOT NULL AND NOT settled
