-- The record: who has voted for whom (never shown to analysts), and the totals. Both are projections of votes-accepted and
-- votes-agg, written by upserts that may be repeated at any time; the triggers make sure that a repeat, a replay or a writer
-- that lags behind changes nothing. (The JDBC connector's upsert is unconditional, hence here and not in the job.)
--
-- The triggers that write to a second table run with the rights of their owner, so that a writer of the ledger can neither skip
-- nor rewrite conflicts and history; their search path is fixed, so that no table of a caller's can take the place of ours.

CREATE TABLE votes_ledger (
    election_id      TEXT        NOT NULL,
    voter_sub        TEXT        NOT NULL,
    candidate_id     TEXT        NOT NULL,
    voted_at         TIMESTAMPTZ NOT NULL DEFAULT now(),
    vote_id          TEXT,
    source_partition INTEGER,
    source_offset    BIGINT,
    PRIMARY KEY (election_id, voter_sub)
);
COMMENT ON COLUMN votes_ledger.voted_at IS 'Append time of the vote in votes-in.';
COMMENT ON COLUMN votes_ledger.source_partition IS 'Partition of votes-in; with source_offset the position of the vote in the log.';

CREATE TABLE ledger_conflicts (
    conflict_id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    election_id      TEXT        NOT NULL,
    voter_sub        TEXT        NOT NULL,
    kept_vote_id     TEXT,
    refused_vote_id  TEXT,
    refused_partition INTEGER,
    refused_offset   BIGINT,
    detected_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
    -- A restart repeats writes: the same conflict is one row.
    UNIQUE NULLS NOT DISTINCT (election_id, voter_sub, kept_vote_id, refused_vote_id, refused_partition, refused_offset)
);
COMMENT ON TABLE ledger_conflicts IS 'A second vote of a voter that reached the ledger. It must stay empty: a row means that dedup let two votes through.';

CREATE FUNCTION keep_first_vote() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF (NEW.vote_id, NEW.candidate_id, NEW.source_partition, NEW.source_offset)
       IS DISTINCT FROM (OLD.vote_id, OLD.candidate_id, OLD.source_partition, OLD.source_offset) THEN
        INSERT INTO ledger_conflicts (election_id, voter_sub, kept_vote_id, refused_vote_id, refused_partition, refused_offset)
        VALUES (OLD.election_id, OLD.voter_sub, OLD.vote_id, NEW.vote_id, NEW.source_partition, NEW.source_offset)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL; -- the row that is there stays
END
$$;
CREATE TRIGGER votes_ledger_keep_first BEFORE UPDATE ON votes_ledger
    FOR EACH ROW EXECUTE FUNCTION keep_first_vote();

CREATE TABLE vote_totals (
    election_id  TEXT        NOT NULL,
    candidate_id TEXT        NOT NULL,
    count        BIGINT      NOT NULL CHECK (count >= 0),
    updated_at   TIMESTAMPTZ NOT NULL DEFAULT now(),
    generation   INTEGER     NOT NULL DEFAULT 1 CHECK (generation >= 1),
    PRIMARY KEY (election_id, candidate_id)
);
COMMENT ON COLUMN vote_totals.updated_at IS 'Append time of the newest vote in the count.';
COMMENT ON COLUMN vote_totals.generation IS 'Number of the rebuild that counted. (generation, count) only grows.';

CREATE FUNCTION move_totals_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.generation, NEW.count) <= (OLD.generation, OLD.count) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER vote_totals_forward_only BEFORE UPDATE ON vote_totals
    FOR EACH ROW EXECUTE FUNCTION move_totals_forward();

CREATE TABLE vote_totals_history (
    election_id  TEXT        NOT NULL,
    candidate_id TEXT        NOT NULL,
    minute       TIMESTAMPTZ NOT NULL CHECK (minute = date_trunc('minute', minute, 'UTC')),
    generation   INTEGER     NOT NULL,
    count        BIGINT      NOT NULL CHECK (count >= 0),
    PRIMARY KEY (election_id, candidate_id, minute)
);
COMMENT ON TABLE vote_totals_history IS 'The count of each candidate at the end of each minute in which it changed.';

CREATE FUNCTION record_totals_history() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO vote_totals_history AS history (election_id, candidate_id, minute, generation, count)
    VALUES (NEW.election_id, NEW.candidate_id, date_trunc('minute', NEW.updated_at, 'UTC'), NEW.generation, NEW.count)
    ON CONFLICT (election_id, candidate_id, minute) DO UPDATE
        SET generation = excluded.generation, count = excluded.count
        WHERE (history.generation, history.count) < (excluded.generation, excluded.count);
    RETURN NULL;
END
$$;
CREATE TRIGGER vote_totals_history AFTER INSERT OR UPDATE ON vote_totals
    FOR EACH ROW EXECUTE FUNCTION record_totals_history();
