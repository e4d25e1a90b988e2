-- What steers and what watches: revocation, the audit trail, the reports of recounts.

CREATE TABLE denylist (
    kind       TEXT        NOT NULL CHECK (kind IN ('subject', 'token', 'client')),
    value      TEXT        NOT NULL CHECK (value <> ''),
    reason     TEXT        NOT NULL CHECK (reason <> ''),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    created_by TEXT        NOT NULL DEFAULT current_user,
    expires_at TIMESTAMPTZ,
    PRIMARY KEY (kind, value)
);
COMMENT ON TABLE denylist IS 'Emergency revocation: every ingress keeps it in memory and refuses these subjects, token ids (jti) and clients.';

CREATE TABLE audit_trail (
    event_id    TEXT        PRIMARY KEY,
    occurred_at TIMESTAMPTZ NOT NULL,
    source      TEXT        NOT NULL,
    action      TEXT        NOT NULL,
    outcome     TEXT        NOT NULL,
    subject     TEXT,
    election_id TEXT,
    actor       TEXT,
    details     JSONB       NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE audit_trail IS 'A sink of the topic audit-log.';
CREATE INDEX audit_trail_by_time ON audit_trail (occurred_at);
CREATE INDEX audit_trail_by_subject ON audit_trail (subject) WHERE subject IS NOT NULL;
CREATE TRIGGER audit_trail_append_only BEFORE DELETE OR TRUNCATE ON audit_trail
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The sink's upsert repeats events after a restart: the row that is there stays.
CREATE FUNCTION keep_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_trail_keep_row BEFORE UPDATE ON audit_trail
    FOR EACH ROW EXECUTE FUNCTION keep_row();

CREATE TABLE recount_reports (
    report_id   TEXT        PRIMARY KEY,
    election_id TEXT        NOT NULL,
    started_at  TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ NOT NULL CHECK (finished_at >= started_at),
    agrees      BOOLEAN     NOT NULL,
    manifest    JSONB       NOT NULL
);
COMMENT ON COLUMN recount_reports.manifest IS 'Offsets, hashes and counts, as signed.';
CREATE TRIGGER recount_reports_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON recount_reports
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
