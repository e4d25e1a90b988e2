package voting.jobs;

import org.apache.flink.avro.shaded.org.apache.avro.Schema;

/** The schemas of the tests. Those of topics are the published ones of schemas/avro without their comments. */
final class Schemas {

    private static final String VOTE_FIELDS =
            """
            {"name": "vote_id", "type": "string"},
            {"name": "election_id", "type": "string"},
            {"name": "voter_sub", "type": "string"},
            {"name": "candidate_id", "type": "string"},
            {"name": "cast_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "catalogue_version", "type": "int"}
            """;

    private static final String JURISDICTION =
            """
            {"name": "jurisdiction", "type": ["null", "string"], "default": null}
            """;

    private static final String CHANNELS =
            """
            {"name": "channels", "type": {"type": "array", "items": "string"}}
            """;

    /** Version 1 of votes-in. */
    static final Schema VOTE_1 = vote(VOTE_FIELDS);

    /** Version 2 of votes-in, which the job reads. */
    static final Schema VOTE_2 = vote(VOTE_FIELDS + "," + JURISDICTION);

    /** A version 3 as there may be one some day: its new field lies before the old ones. */
    static final Schema VOTE_3 = vote(CHANNELS + "," + VOTE_FIELDS + "," + JURISDICTION);

    /** Version 1 of elections. */
    static final Schema ELECTION =
            parse(
                    """
                    {
                      "type": "record",
                      "name": "Election",
                      "namespace": "voting",
                      "fields": [
                        {"name": "election_id", "type": "string"},
                        {"name": "version", "type": "int"},
                        {"name": "title", "type": "string"},
                        {"name": "status", "type": {
                          "type": "enum",
                          "name": "ElectionStatus",
                          "symbols": ["unknown", "draft", "open", "closed", "sealed", "published"],
                          "default": "unknown"
                        }},
                        {"name": "opens_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
                        {"name": "closes_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
                        {"name": "jurisdictions", "type": {"type": "array", "items": "string"}, "default": []},
                        {"name": "required_aal", "type": "string", "default": "aal1"},
                        {"name": "results_visibility", "type": {
                          "type": "enum",
                          "name": "ResultsVisibility",
                          "symbols": ["after_publication", "live"],
                          "default": "after_publication"
                        }},
                        {"name": "results_batch", "type": "int", "default": 1},
                        {"name": "candidates", "type": {"type": "array", "items": {
                          "type": "record",
                          "name": "Candidate",
                          "fields": [
                            {"name": "candidate_id", "type": "string"},
                            {"name": "name", "type": "string"}
                          ]
                        }}}
                      ]
                    }
                    """);

    /** A field of every type that Avro has. */
    static final Schema EVERYTHING =
            parse(
                    """
                    {
                      "type": "record",
                      "name": "Everything",
                      "fields": [
                        {"name": "null", "type": "null"},
                        {"name": "boolean", "type": "boolean"},
                        {"name": "int", "type": "int"},
                        {"name": "long", "type": "long"},
                        {"name": "float", "type": "float"},
                        {"name": "double", "type": "double"},
                        {"name": "string", "type": "string"},
                        {"name": "bytes", "type": "bytes"},
                        {"name": "fixed", "type": {"type": "fixed", "name": "Seven", "size": 7}},
                        {"name": "enum", "type": {"type": "enum", "name": "Colour", "symbols": ["red", "green", "blue"]}},
                        {"name": "record", "type": {"type": "record", "name": "Pair", "fields": [
                          {"name": "left", "type": "long"},
                          {"name": "right", "type": ["null", "string"]}
                        ]}},
                        {"name": "union", "type": ["null", "double", "string", "Pair", "Colour", "Seven"]},
                        {"name": "ints", "type": {"type": "array", "items": "int"}},
                        {"name": "pairs", "type": {"type": "array", "items": "Pair"}},
                        {"name": "matrix", "type": {"type": "array", "items": {"type": "array", "items": "bytes"}}},
                        {"name": "floats", "type": {"type": "map", "values": "float"}},
                        {"name": "maps", "type": {"type": "map", "values": {"type": "map", "values": "Pair"}}},
                        {"name": "last", "type": "long"}
                      ]
                    }
                    """);

    /** Reads of {@link #EVERYTHING} the last field alone, hence skips one of every type. */
    static final Schema LAST_OF_EVERYTHING =
            parse("{\"type\": \"record\", \"name\": \"Everything\", \"fields\": [{\"name\": \"last\", \"type\": \"long\"}]}");

    private Schemas() {}

    static Schema parse(String text) {
        return new Schema.Parser().parse(text);
    }

    private static Schema vote(String fields) {
        return parse("{\"type\": \"record\", \"name\": \"Vote\", \"namespace\": \"voting\", \"fields\": [" + fields + "]}");
    }
}
