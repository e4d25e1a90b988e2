-- That a voter's vote counts, never for whom.
CREATE TEMPORARY VIEW unique_votes AS
SELECT vote_key, vote_id, cast_at, accepted_at, source_partition, source_offset
FROM accepted
