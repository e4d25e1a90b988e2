-- What the denylist needs beside its entries: a cheap way to see that it has changed, and a memory of who changed it.

-- Every ingress asks about every second whether there is something new. The entries themselves cannot tell: created_at is the time
-- at which a transaction began, not the one at which others saw it, and an entry that is taken away while another, begun earlier,
-- comes in leaves both their number and their newest time as they were. Hence one row whose id is another one after every change.
-- The id is random: a counter that a restored backup has set back could come to a value that an ingress has seen for other entries.
CREATE TABLE denylist_state (
    only_row  BOOLEAN PRIMARY KEY DEFAULT true CHECK (only_row),
    change_id UUID    NOT NULL DEFAULT gen_random_uuid()
);
COMMENT ON TABLE denylist_state IS 'One row. Whoever has read the entries of the denylist with this change_id has nothing new to read.';
INSERT INTO denylist_state DEFAULT VALUES;
CREATE TRIGGER denylist_state_stays BEFORE DELETE OR TRUNCATE ON denylist_state
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Runs before the change and holds its row until the transaction ends: changes follow each other, so that no reader ever sees an id
-- without the change that it stands for, and two writers cannot wait for each other.
-- With the rights of its owner, so that nobody can change the denylist without it; for the search path see 0002.
CREATE FUNCTION note_denylist_change() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE denylist_state SET change_id = gen_random_uuid();
    RETURN NULL;
END
$$;
CREATE TRIGGER denylist_note_change BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON denylist
    FOR EACH STATEMENT EXECUTE FUNCTION note_denylist_change();

-- A time that no Python datetime can hold, infinity among them, would keep every program from reading any entry.
ALTER TABLE denylist ADD CHECK (expires_at < '10000-01-01 00:00Z');

-- An entry that is replaced or taken away is gone from the denylist. What was done stays here, so that its audit event can be
-- published, with the same id, by a later run of the command that died before it had published it.
CREATE TABLE denylist_changes (
    kind       TEXT        NOT NULL CHECK (kind IN ('subject', 'token', 'client')),
    value      TEXT        NOT NULL CHECK (value <> ''),
    number     INTEGER     NOT NULL CHECK (number >= 1),
    event_id   UUID        NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    reason     TEXT        CHECK (reason <> ''),
    expires_at TIMESTAMPTZ,
    changed_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    changed_by TEXT        NOT NULL DEFAULT current_user,
    PRIMARY KEY (kind, value, number),
    CHECK (reason IS NOT NULL OR expires_at IS NULL)
);
COMMENT ON TABLE denylist_changes IS 'Every change of the denylist that was made by command, each an event of audit-log.';
COMMENT ON COLUMN denylist_changes.reason IS 'Of the denial; NULL where an entry was taken away.';
CREATE TRIGGER denylist_changes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON denylist_changes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT ON denylist_state TO voting_ingress, voting_proof;
GRANT SELECT, INSERT ON denylist_changes TO voting_elections;
GRANT SELECT ON denylist_changes TO voting_proof;
