-- Roles: each service can do what it must and no more. Passwords are set where the system is deployed, never here.
-- Roles belong to the whole server: another database of the same server may have made them, or be making them at this moment.

DO $$
DECLARE
    role_name TEXT;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['voting_ingress', 'voting_jobs', 'voting_elections', 'voting_proof', 'analyst_ro'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I LOGIN', role_name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
        -- The owner may take each role on (SET ROLE), to try what the role can do.
        EXECUTE format('GRANT %I TO CURRENT_USER', role_name);
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role_name);
    END LOOP;
    -- What everybody has by default on a new database: none of it is for analysts. A temporary function or table of a caller's own
    -- is how a filter inside a view gets tricked.
    EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO voting_ingress, voting_jobs, voting_elections, voting_proof;

-- The ingress reads what decides about a vote and its own voter's state in the ledger, but not the choice.
GRANT SELECT ON elections, candidates, current_elections, denylist, vote_totals TO voting_ingress;
GRANT SELECT (election_id, voter_sub, voted_at, vote_id) ON votes_ledger TO voting_ingress;

-- The jobs read the catalogue, write projections and cannot take anything away. Conflicts and history are written by the triggers.
GRANT SELECT ON elections, candidates, current_elections TO voting_jobs;
GRANT SELECT, INSERT, UPDATE ON votes_ledger, vote_totals, audit_trail TO voting_jobs;
GRANT SELECT ON ledger_conflicts, vote_totals_history TO voting_jobs;

GRANT SELECT, INSERT ON elections, candidates TO voting_elections;
GRANT SELECT ON current_elections TO voting_elections;
GRANT SELECT, INSERT, UPDATE, DELETE ON denylist TO voting_elections;

GRANT SELECT ON ALL TABLES IN SCHEMA public TO voting_proof;
GRANT INSERT ON recount_reports TO voting_proof;

-- Analysts: documented views, nothing else. A view reads with its owner's rights, so no right on a table is needed.
-- Each view is a security barrier: no condition of the query sees a row before the view has decided to show it (an error message
-- such as "invalid input syntax: 4711" tells a hidden count as well as a result does).
CREATE SCHEMA analytics;
GRANT USAGE ON SCHEMA analytics TO analyst_ro;

CREATE VIEW analytics.elections WITH (security_barrier) AS
    SELECT election_id, version, title, status, opens_at, closes_at, jurisdictions, required_aal, results_visibility, results_batch
    FROM public.current_elections;
COMMENT ON VIEW analytics.elections IS 'One row per election: its newest version.';

CREATE VIEW analytics.candidates WITH (security_barrier) AS
    SELECT candidates.election_id, candidates.candidate_id, candidates.name, candidates.position
    FROM public.candidates
    JOIN public.current_elections USING (election_id, version);
COMMENT ON VIEW analytics.candidates IS 'One row per candidate of the newest version of each election, with its place on the ballot.';

-- The totals move vote by vote. Whoever knows when somebody voted could read the choice from a step of one, so an election whose
-- live results move in batches shows nothing here before it is published.
CREATE VIEW analytics.results WITH (security_barrier) AS
    SELECT candidates.election_id,
           candidates.candidate_id,
           candidates.name,
           coalesce(totals.count, 0) AS count,
           totals.updated_at
    FROM analytics.candidates
    JOIN public.current_elections AS elections USING (election_id)
    LEFT JOIN public.vote_totals AS totals USING (election_id, candidate_id)
    WHERE elections.status = 'published'
       OR (elections.results_visibility = 'live' AND elections.results_batch = 1);
COMMENT ON VIEW analytics.results IS
    'Votes counted per candidate, zeros too, of elections whose results may be seen vote by vote: published ones, and live ones with results_batch 1.';

CREATE VIEW analytics.results_history WITH (security_barrier) AS
    SELECT history.election_id, history.candidate_id, history.minute, history.count
    FROM public.vote_totals_history AS history
    JOIN public.current_elections AS elections USING (election_id)
    WHERE elections.status = 'published'
       OR (elections.results_visibility = 'live' AND elections.results_batch = 1);
COMMENT ON VIEW analytics.results_history IS
    'The count of each candidate at the end of each minute (UTC) in which it changed, of the elections that analytics.results shows.';

CREATE VIEW analytics.turnout WITH (security_barrier) AS
    SELECT election_id, date_trunc('hour', voted_at, 'UTC') AS hour, count(*) AS votes
    FROM public.votes_ledger
    GROUP BY election_id, date_trunc('hour', voted_at, 'UTC');
COMMENT ON VIEW analytics.turnout IS 'Votes counted per election and hour (UTC), whoever they are for.';

GRANT SELECT ON ALL TABLES IN SCHEMA analytics TO analyst_ro;
