-- A version of an election is seen by those who take votes only once the log has it. A vote names the version that it was checked
-- against, and whoever judges the vote looks that version up in the topic `elections`: one that a crash kept out of the topic must
-- never have been used.

CREATE TABLE election_publications (
    election_id  TEXT        NOT NULL,
    version      INTEGER     NOT NULL,
    published_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (election_id, version),
    FOREIGN KEY (election_id, version) REFERENCES elections (election_id, version)
);
COMMENT ON TABLE election_publications IS 'The versions that the topic elections has. Written after the log has acknowledged them.';
CREATE TRIGGER election_publications_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON election_publications
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Until now every version was seen at once, so votes may name any of them: taking one back would not undo that.
INSERT INTO election_publications (election_id, version) SELECT election_id, version FROM elections;

-- The views of the analysts are built on this one.
CREATE OR REPLACE VIEW current_elections AS
    SELECT DISTINCT ON (election_id) elections.*
    FROM elections
    JOIN election_publications USING (election_id, version)
    ORDER BY election_id, version DESC;
COMMENT ON VIEW current_elections IS 'The newest version of each election that the log has; nothing of an election of which it has none.';
COMMENT ON VIEW analytics.elections IS 'One row per election: the newest version that the log has.';
COMMENT ON VIEW analytics.candidates IS
    'One row per candidate of the version of each election that analytics.elections shows, with its place on the ballot.';

GRANT SELECT, INSERT ON election_publications TO voting_elections;
GRANT SELECT ON election_publications TO voting_proof;
