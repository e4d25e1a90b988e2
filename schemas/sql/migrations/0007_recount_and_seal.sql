-- What a recount leaves behind, what it may mend, and what closes an election for good.

-- The places of the records of votes-in that can never be counted, as a recount found them. Not what they hold: that may be a choice.
CREATE TABLE dead_letters (
    source_partition INTEGER NOT NULL,
    source_offset    BIGINT  NOT NULL,
    election_id      TEXT    NOT NULL,
    found_at         TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (source_partition, source_offset)
);
COMMENT ON COLUMN dead_letters.election_id IS 'By its value or its key; unknown if neither tells.';
CREATE TRIGGER dead_letters_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dead_letters
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What somebody who looked at a dead letter has found. One that was a vote is sent through again, and then decided like any other.
CREATE TABLE adjudications (
    source_partition INTEGER     NOT NULL,
    source_offset    BIGINT      NOT NULL,
    ruling           TEXT        NOT NULL CHECK (ruling IN ('no_vote', 'sent_again')),
    reason           TEXT        NOT NULL CHECK (reason <> ''),
    ruled_by         TEXT        NOT NULL CHECK (ruled_by <> ''),
    ruled_at         TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (source_partition, source_offset)
);
CREATE TRIGGER adjudications_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON adjudications
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Where votes-in ended after an election had closed: every vote that can count lies before.
CREATE TABLE election_ends (
    election_id TEXT        NOT NULL,
    partition   INTEGER     NOT NULL CHECK (partition >= 0),
    end_offset  BIGINT      NOT NULL CHECK (end_offset >= 0),
    noted_at    TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (election_id, partition)
);
CREATE TRIGGER election_ends_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON election_ends
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE election_seals (
    election_id TEXT        PRIMARY KEY,
    report_id   TEXT        NOT NULL REFERENCES recount_reports (report_id),
    counts      JSONB       NOT NULL,
    sealed_at   TIMESTAMPTZ NOT NULL DEFAULT now(),
    sealed_by   TEXT        NOT NULL DEFAULT current_user
);
COMMENT ON TABLE election_seals IS 'Elections whose totals are final: nothing of them in votes_ledger and vote_totals changes any more.';
CREATE TRIGGER election_seals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON election_seals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A job that repeats a write after its restart must go on, so a late write is refused by leaving it out, and remembered. Who takes
-- something away is told.
CREATE TABLE late_writes (
    table_name  TEXT        NOT NULL,
    election_id TEXT        NOT NULL,
    what        TEXT        NOT NULL,
    first_at    TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (table_name, election_id, what)
);
COMMENT ON TABLE late_writes IS 'Writes to a sealed election that would have changed it, and were refused. It must stay empty.';
COMMENT ON COLUMN late_writes.what IS 'Of the ledger the vote id, of the totals the candidate and the count: never a voter beside a choice.';

CREATE FUNCTION refuse_after_seal() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    written TEXT;
BEGIN
    -- The seal takes this lock for itself: a write is before it or after it.
    IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND OLD.election_id <> NEW.election_id THEN
        PERFORM pg_advisory_xact_lock_shared(hashtextextended('seal ' || OLD.election_id, 0));
        IF EXISTS (SELECT FROM election_seals WHERE election_id = OLD.election_id) THEN
            RAISE EXCEPTION 'election % is sealed', OLD.election_id USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('seal ' || NEW.election_id, 0));
    IF NOT EXISTS (SELECT FROM election_seals WHERE election_id = NEW.election_id) THEN
        RETURN NEW;
    END IF;
    IF TG_TABLE_NAME = 'votes_ledger' THEN
        IF EXISTS (SELECT FROM votes_ledger AS kept
                   WHERE (kept.election_id, kept.voter_sub) = (NEW.election_id, NEW.voter_sub)
                     AND (kept.vote_id, kept.candidate_id) IS NOT DISTINCT FROM (NEW.vote_id, NEW.candidate_id)) THEN
            RETURN NULL;
        END IF;
        written := 'vote ' || coalesce(NEW.vote_id, 'without an id');
    ELSE
        IF EXISTS (SELECT FROM vote_totals AS kept
                   WHERE (kept.election_id, kept.candidate_id) = (NEW.election_id, NEW.candidate_id)
                     AND (kept.generation, kept.count) >= (NEW.generation, NEW.count)) THEN
            RETURN NULL;
        END IF;
        written := NEW.candidate_id || ' ' || NEW.count || ' in generation ' || NEW.generation;
    END IF;
    INSERT INTO late_writes (table_name, election_id, what) VALUES (TG_TABLE_NAME, NEW.election_id, written) ON CONFLICT DO NOTHING;
    RAISE WARNING 'election % is sealed: a late write to % was refused', NEW.election_id, TG_TABLE_NAME;
    RETURN NULL;
END
$$;
-- Before all others, whose names come later.
CREATE TRIGGER a_seal BEFORE INSERT OR UPDATE OR DELETE ON votes_ledger FOR EACH ROW EXECUTE FUNCTION refuse_after_seal();
CREATE TRIGGER a_seal BEFORE INSERT OR UPDATE OR DELETE ON vote_totals FOR EACH ROW EXECUTE FUNCTION refuse_after_seal();

CREATE FUNCTION refuse_truncate_of_sealed() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM election_seals) THEN
        RAISE EXCEPTION '% has sealed elections', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER a_seal_truncate BEFORE TRUNCATE ON votes_ledger FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate_of_sealed();
CREATE TRIGGER a_seal_truncate BEFORE TRUNCATE ON vote_totals FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate_of_sealed();

-- Whether the totals are still what a recount found. Organisers learn this, and not what the totals are.
CREATE FUNCTION totals_are(election TEXT, counts JSONB) RETURNS BOOLEAN LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce((SELECT jsonb_object_agg(candidate_id, count) FROM vote_totals WHERE election_id = election AND count > 0), '{}')
         = coalesce((SELECT jsonb_object_agg(key, value) FROM jsonb_each(counts) WHERE value <> '0'), '{}')
$$;

-- Who repairs has a role of its own: what proves must not be able to change what it proves.
DO $$
BEGIN
    BEGIN
        CREATE ROLE voting_repair LOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;
    END;
    GRANT voting_repair TO CURRENT_USER;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO voting_repair', current_database());
END
$$;
GRANT USAGE ON SCHEMA public TO voting_repair;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO voting_repair;
GRANT INSERT ON recount_reports, dead_letters TO voting_repair;
GRANT INSERT, DELETE ON votes_ledger, vote_totals TO voting_repair;

GRANT SELECT ON dead_letters, adjudications, election_ends, election_seals, late_writes TO voting_proof;
GRANT INSERT ON dead_letters, adjudications TO voting_proof;
GRANT SELECT, INSERT ON election_ends, election_seals TO voting_elections;
GRANT SELECT ON recount_reports, dead_letters, adjudications TO voting_elections;
GRANT EXECUTE ON FUNCTION totals_are TO voting_elections;
