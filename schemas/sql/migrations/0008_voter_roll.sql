-- Who may have an account that votes, and what happened to identities on its way to the topic audit-log.

DO $$
BEGIN
    BEGIN
        CREATE ROLE voting_identity LOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;
    END;
    EXECUTE format('GRANT voting_identity TO CURRENT_USER');
    -- TEMPORARY: a roll is read into a table of its own before any of it counts.
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO voting_identity', current_database());
END
$$;
GRANT USAGE ON SCHEMA public TO voting_identity;

-- An entry is the keyed hash of a person's address: neither the table nor a backup of it tells who is on the roll.
CREATE TABLE voter_roll (
    entry        BYTEA       PRIMARY KEY CHECK (octet_length(entry) = 32),
    jurisdiction TEXT        CHECK (jurisdiction <> ''),
    imported_at  TIMESTAMPTZ NOT NULL DEFAULT now()
);
COMMENT ON TABLE voter_roll IS 'Who may have an account that votes. As long as it is empty, no roll governs.';
CREATE TRIGGER voter_roll_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON voter_roll
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One person, one account: an entry is taken by the first identity that proves the address, and an identity takes one entry.
-- It is not given back when the identity is deleted or changes its address, or a person could vote again with the next account.
CREATE TABLE roll_bindings (
    entry       BYTEA       PRIMARY KEY REFERENCES voter_roll (entry),
    identity_id TEXT        NOT NULL UNIQUE CHECK (identity_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$'),
    bound_at    TIMESTAMPTZ NOT NULL DEFAULT now()
);
COMMENT ON TABLE roll_bindings IS 'Which identity an entry of the roll belongs to. Released only while no election is open or waits for its seal.';

-- Whoever lost the account for good can be given another one, but not in the middle of an election. With the rights of its owner, so
-- that the elections are seen whoever deletes; for the search path see 0002. The lock keeps an election from opening meanwhile.
CREATE FUNCTION refuse_release_before_seal() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    LOCK TABLE public.elections IN SHARE MODE;
    IF EXISTS (SELECT FROM (SELECT DISTINCT ON (election_id) status FROM public.elections ORDER BY election_id, version DESC) AS newest
               WHERE status IN ('open', 'closed')) THEN
        RAISE EXCEPTION 'an election is open or waits for its seal: no entry of the roll is released before'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER roll_bindings_refuse_release BEFORE DELETE ON roll_bindings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_release_before_seal();
CREATE TRIGGER roll_bindings_append_only BEFORE UPDATE OR TRUNCATE ON roll_bindings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Voters in the ledger of an election to whom no entry of the roll belongs. It tells nothing else about who has voted.
CREATE FUNCTION voters_not_on_roll(election TEXT) RETURNS TABLE (voter_sub TEXT) LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT ledger.voter_sub
    FROM public.votes_ledger AS ledger
    WHERE ledger.election_id = election
      AND NOT EXISTS (SELECT FROM public.roll_bindings AS binding WHERE binding.identity_id = ledger.voter_sub)
    ORDER BY ledger.voter_sub
$$;

-- What happened, before the log has it. A row goes when the log has acknowledged it; one that is sent twice is the same event.
CREATE TABLE identity_events (
    event_id    UUID        PRIMARY KEY DEFAULT gen_random_uuid(),
    occurred_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    action      TEXT        NOT NULL CHECK (action <> ''),
    outcome     TEXT        NOT NULL CHECK (outcome IN ('success', 'refused', 'failure')),
    subject     TEXT,
    actor       TEXT,
    details     JSONB       NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE identity_events IS 'Events of identities that are not in the topic audit-log yet.';
CREATE INDEX identity_events_by_time ON identity_events (occurred_at);

GRANT SELECT, INSERT ON voter_roll TO voting_identity;
GRANT SELECT, INSERT, DELETE ON roll_bindings TO voting_identity;
GRANT SELECT, INSERT, DELETE, UPDATE ON identity_events TO voting_identity; -- UPDATE: what SELECT … FOR UPDATE asks for
GRANT SELECT, INSERT ON audit_trail TO voting_identity;
GRANT EXECUTE ON FUNCTION voters_not_on_roll(TEXT) TO voting_identity, voting_proof;
GRANT SELECT ON voter_roll, roll_bindings TO voting_proof;
