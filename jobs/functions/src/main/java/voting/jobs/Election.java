package voting.jobs;

import java.util.Set;
import org.apache.flink.avro.shaded.org.apache.avro.util.Utf8;

/**
 * One version of an election. Times in milliseconds since the epoch: votes appended from {@code opensAtMs} on, and before {@code
 * closesAtMs}, are in time. No {@code jurisdictions} means everybody's.
 */
record Election(boolean open, long opensAtMs, long closesAtMs, Set<Utf8> candidates, Set<Utf8> jurisdictions) {

    /** A name of {@code RejectionReason} in schemas/avro/votes-rejected, or null for a vote that may count. */
    String reasonAgainst(Vote vote, long appendedAtMs) {
        if (!candidates.contains(vote.candidateId())) {
            return "unknown_candidate";
        }
        if (!open || appendedAtMs < opensAtMs || appendedAtMs >= closesAtMs) {
            return "election_not_open";
        }
        if (!jurisdictions.isEmpty() && vote.jurisdiction() != null && !jurisdictions.contains(vote.jurisdiction())) {
            return "wrong_jurisdiction";
        }
        return null;
    }
}
