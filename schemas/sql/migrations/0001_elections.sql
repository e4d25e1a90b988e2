-- The election catalogue. A version is immutable: what a vote was checked against can always be looked up again.

CREATE TABLE elections (
    election_id        TEXT        NOT NULL CHECK (election_id ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
    version            INTEGER     NOT NULL CHECK (version >= 1),
    title              TEXT        NOT NULL CHECK (title <> ''),
    status             TEXT        NOT NULL CHECK (status IN ('draft', 'open', 'closed', 'sealed', 'published')),
    opens_at           TIMESTAMPTZ NOT NULL,
    closes_at          TIMESTAMPTZ NOT NULL,
    jurisdictions      TEXT[]      NOT NULL DEFAULT '{}',
    required_aal       TEXT        NOT NULL DEFAULT 'aal1' CHECK (required_aal IN ('aal1', 'aal2')),
    results_visibility TEXT        NOT NULL DEFAULT 'after_publication' CHECK (results_visibility IN ('live', 'after_publication')),
    results_batch      INTEGER     NOT NULL DEFAULT 1 CHECK (results_batch >= 1),
    created_at         TIMESTAMPTZ NOT NULL DEFAULT now(),
    created_by         TEXT        NOT NULL DEFAULT current_user,
    PRIMARY KEY (election_id, version),
    CHECK (opens_at < closes_at)
);

CREATE TABLE candidates (
    election_id  TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    candidate_id TEXT    NOT NULL CHECK (candidate_id ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
    name         TEXT    NOT NULL CHECK (name <> ''),
    position     INTEGER NOT NULL CHECK (position >= 1),
    PRIMARY KEY (election_id, version, candidate_id),
    UNIQUE (election_id, version, position),
    FOREIGN KEY (election_id, version) REFERENCES elections (election_id, version)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: write a new version instead', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

-- Its candidates are part of a version: they come in the transaction that writes it, or not at all. now() is the instant at which the
-- transaction began, the same for all of its statements.
CREATE FUNCTION stamp_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.created_at := now();
    RETURN NEW;
END
$$;
CREATE FUNCTION refuse_late_candidate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM public.elections
               WHERE election_id = NEW.election_id AND version = NEW.version AND created_at <> now()) THEN
        RAISE EXCEPTION 'version % of election % is written already: write a new version instead', NEW.version, NEW.election_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER elections_stamp_version BEFORE INSERT ON elections
    FOR EACH ROW EXECUTE FUNCTION stamp_version();
CREATE TRIGGER candidates_refuse_late BEFORE INSERT ON candidates
    FOR EACH ROW EXECUTE FUNCTION refuse_late_candidate();

CREATE TRIGGER elections_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON elections
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER candidates_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON candidates
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE VIEW current_elections AS
    SELECT DISTINCT ON (election_id) *
    FROM elections
    ORDER BY election_id, version DESC;
COMMENT ON VIEW current_elections IS 'The newest version of each election.';
