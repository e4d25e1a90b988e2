-- Times go as text with their offset: the connector would turn a TIMESTAMP into an instant by the JVM's time zone.
-- (The URL's stringtype=unspecified lets PostgreSQL read the text as the column's type.)
CREATE TEMPORARY TABLE votes_ledger (
    election_id STRING NOT NULL,
    voter_sub STRING NOT NULL,
    candidate_id STRING NOT NULL,
    voted_at STRING NOT NULL,
    vote_id STRING NOT NULL,
    source_partition INT NOT NULL,
    source_offset BIGINT NOT NULL,
    PRIMARY KEY (election_id, voter_sub) NOT ENFORCED
) WITH (
    ${options}
)
