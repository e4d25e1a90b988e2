package voting.jobs;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericData;
import org.apache.flink.avro.shaded.org.apache.avro.util.Utf8;

/** A vote and an election that are as they should be, but for what a test changes. */
final class Records {

    static final String ELECTION_ID = "election-2025-01";
    static final String VOTER = "5f1d5b3e-3c1b-4f5e-9f53-2d9a3f0a7a11";
    static final byte[] KEY = utf8(ELECTION_ID + ":" + VOTER);
    static final long CAST_AT_MS = 1_736_857_815_123L;
    static final long APPENDED_AT_MS = CAST_AT_MS + 7;
    static final long OPENS_AT_MS = CAST_AT_MS - 3_600_000;
    static final long CLOSES_AT_MS = CAST_AT_MS + 3_600_000;

    private Records() {}

    static GenericData.Record vote(Map<String, ?> changes) {
        return vote(Schemas.VOTE_2, changes);
    }

    /** A vote of any version; its additional fields are empty. */
    static GenericData.Record vote(Schema schema, Map<String, ?> changes) {
        GenericData.Record vote = new GenericData.Record(schema);
        vote.put("vote_id", "0b6a1a52-8f0c-4b46-9c53-4c1c0a6e7f01");
        vote.put("election_id", ELECTION_ID);
        vote.put("voter_sub", VOTER);
        vote.put("candidate_id", "alice");
        vote.put("cast_at", CAST_AT_MS);
        vote.put("catalogue_version", 1);
        if (schema.getField("jurisdiction") != null) {
            vote.put("jurisdiction", "north");
        }
        changes.forEach(vote::put);
        return vote;
    }

    static GenericData.Record election(Map<String, ?> changes) {
        GenericData.Record election = new GenericData.Record(Schemas.ELECTION);
        election.put("election_id", ELECTION_ID);
        election.put("version", 1);
        election.put("title", "Wahl zum Gemeinderat, Köln");
        election.put("status", symbol("status", "open"));
        election.put("opens_at", OPENS_AT_MS);
        election.put("closes_at", CLOSES_AT_MS);
        election.put("jurisdictions", List.of("north", "south"));
        election.put("required_aal", "aal1");
        election.put("results_visibility", symbol("results_visibility", "live"));
        election.put("results_batch", 1);
        election.put("candidates", List.of(candidate("alice"), candidate("bob")));
        changes.forEach(election::put);
        return election;
    }

    static GenericData.EnumSymbol symbol(String field, String name) {
        return new GenericData.EnumSymbol(Schemas.ELECTION.getField(field).schema(), name);
    }

    private static GenericData.Record candidate(String id) {
        GenericData.Record candidate = new GenericData.Record(Schemas.ELECTION.getField("candidates").schema().getElementType());
        candidate.put("candidate_id", id);
        candidate.put("name", "Name of " + id);
        return candidate;
    }

    static Utf8 text(String text) {
        return new Utf8(text);
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
