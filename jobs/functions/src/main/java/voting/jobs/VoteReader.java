package voting.jobs;

import java.io.IOException;
import java.time.Instant;
import java.util.Arrays;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericData;
import org.apache.flink.avro.shaded.org.apache.avro.util.Utf8;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.utils.Utils;

/** Reads a record of votes-in: the vote that it holds, or why it can never be counted. */
final class VoteReader {

    // As in schemas/ids.py.
    private static final int LONGEST_NAME = 64;
    private static final int LONGEST_SUB = 128;

    // The calendar of whatever reads the outputs ends here, and a vote that cannot be read there must not come out.
    private static final long FIRST_TIME_MS = Instant.parse("0001-01-01T00:00:00Z").toEpochMilli();
    private static final long LAST_TIME_MS = Instant.parse("9999-12-31T23:59:59.999Z").toEpochMilli();

    private final Values values;
    private final int partitions;
    private final int voteId;
    private final int electionId;
    private final int voterSub;
    private final int candidateId;
    private final int castAt;
    private final int catalogueVersion;
    private final int jurisdiction;

    /** {@code schema} is the newest version of Vote; votes-in has that many {@code partitions}. */
    VoteReader(Schema schema, Registry registry, int partitions) {
        this.values = new Values(schema, registry);
        this.partitions = partitions;
        this.voteId = schema.getField("vote_id").pos();
        this.electionId = schema.getField("election_id").pos();
        this.voterSub = schema.getField("voter_sub").pos();
        this.candidateId = schema.getField("candidate_id").pos();
        this.castAt = schema.getField("cast_at").pos();
        this.catalogueVersion = schema.getField("catalogue_version").pos();
        this.jurisdiction = schema.getField("jurisdiction").pos();
    }

    /**
     * @throws NotAVote for a record that can never be counted
     * @throws IOException if the registry cannot say now
     */
    Vote read(byte[] key, byte[] value, int partition, long appendedAtMs) throws NotAVote, IOException, InterruptedException {
        GenericData.Record datum = values.decode(value, appendedAtMs);
        Vote vote =
                new Vote(
                        (Utf8) datum.get(voteId),
                        (Utf8) datum.get(electionId),
                        (Utf8) datum.get(voterSub),
                        (Utf8) datum.get(candidateId),
                        (Long) datum.get(castAt),
                        (Integer) datum.get(catalogueVersion),
                        (Utf8) datum.get(jurisdiction));
        require(isName(vote.voteId(), LONGEST_NAME, true), "vote_id is malformed");
        require(isName(vote.electionId(), LONGEST_NAME, false), "election_id is malformed");
        require(isName(vote.voterSub(), LONGEST_SUB, true), "voter_sub is malformed");
        require(isName(vote.candidateId(), LONGEST_NAME, false), "candidate_id is malformed");
        require(vote.castAtMs() >= FIRST_TIME_MS && vote.castAtMs() <= LAST_TIME_MS, "cast_at is beyond the calendar");
        require(key != null && isKeyOf(key, vote), "the key is not electionId:sub of the value");
        int home = Utils.toPositive(Utils.murmur2(key)) % partitions;
        if (partition != home) {
            throw new NotAVote("partition " + partition + " is not the key's: " + home);
        }
        return vote;
    }

    private static void require(boolean holds, String otherwise) throws NotAVote {
        if (!holds) {
            throw new NotAVote(otherwise);
        }
    }

    private static boolean isName(Utf8 text, int longest, boolean capitals) {
        byte[] bytes = text.getBytes();
        int length = text.getByteLength();
        if (length == 0 || length > longest || !isLetterOrDigit(bytes[0], capitals)) {
            return false;
        }
        for (int index = 1; index < length; index++) {
            byte character = bytes[index];
            if (!isLetterOrDigit(character, capitals) && character != '.' && character != '_' && character != '-') {
                return false;
            }
        }
        return true;
    }

    private static boolean isLetterOrDigit(byte character, boolean capitals) {
        return character >= 'a' && character <= 'z'
                || character >= '0' && character <= '9'
                || capitals && character >= 'A' && character <= 'Z';
    }

    private static boolean isKeyOf(byte[] key, Vote vote) {
        int colon = vote.electionId().getByteLength();
        int end = colon + 1 + vote.voterSub().getByteLength();
        return key.length == end
                && key[colon] == ':'
                && Arrays.equals(key, 0, colon, vote.electionId().getBytes(), 0, colon)
                && Arrays.equals(key, colon + 1, end, vote.voterSub().getBytes(), 0, end - colon - 1);
    }
}
