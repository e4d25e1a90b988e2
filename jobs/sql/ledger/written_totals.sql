-- Every total, written to vote_totals as it is read, which refuses one that is behind what it has. As written_votes.
CREATE TEMPORARY VIEW written_totals AS
SELECT
    write_total(
        election_id,
        candidate_id,
        `count`,
        EXTRACT(EPOCH FROM as_of) * 1000 + EXTRACT(MILLISECOND FROM as_of),
        generation
    ) AS settled
FROM votes_agg_records
