package voting.jobs;

import org.apache.flink.avro.shaded.org.apache.avro.util.Utf8;

/** A vote as a record of votes-in holds it. {@code jurisdiction} is null where its writer did not say (version 1 of the schema). */
record Vote(
        Utf8 voteId, Utf8 electionId, Utf8 voterSub, Utf8 candidateId, long castAtMs, int catalogueVersion, Utf8 jurisdiction) {}
