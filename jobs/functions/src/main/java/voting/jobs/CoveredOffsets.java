package voting.jobs;

import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The source offsets that dedup's committed outputs covered when the job was submitted. A job that comes from the right state never
 * reads one of them: one that does would count votes twice, or judge them anew with an empty memory. A job that takes over from
 * another one, whose verdicts were compared with its own, reads them for its state alone.
 */
final class CoveredOffsets {

    private static final Pattern ENTRY = Pattern.compile("([0-9]{1,9}):([0-9]{1,18})");
    private static final long NONE = -1;

    private final long[] last;

    /** {@code last} has the last covered offset of each partition, -1 for none. */
    CoveredOffsets(long[] last) {
        this.last = last.clone();
    }

    /**
     * From {@code partition:offset,…}; a partition that is not named has none covered.
     *
     * @throws IllegalArgumentException if it is anything else
     */
    static CoveredOffsets parse(String text, int partitions) {
        long[] last = new long[partitions];
        Arrays.fill(last, NONE);
        for (String entry : text.isEmpty() ? new String[0] : text.split(",", -1)) {
            Matcher parts = ENTRY.matcher(entry);
            if (!parts.matches()) {
                throw new IllegalArgumentException("covered offsets \"" + text + "\": \"" + entry + "\" is not partition:offset");
            }
            int partition = Integer.parseInt(parts.group(1));
            if (partition >= partitions) {
                throw new IllegalArgumentException(
                        "covered offsets \"" + text + "\": there is no partition " + partition + " of " + partitions);
            }
            if (last[partition] != NONE) {
                throw new IllegalArgumentException("covered offsets \"" + text + "\": partition " + partition + " is named twice");
            }
            last[partition] = Long.parseLong(parts.group(2));
        }
        return new CoveredOffsets(last);
    }

    /** @throws IllegalStateException if nobody can say */
    boolean has(int partition, long offset) {
        if (partition >= last.length) {
            throw new IllegalStateException("votes-in has a partition " + partition + ", and was to have " + last.length);
        }
        return offset <= last[partition];
    }

    /** @throws IllegalStateException if the outputs have this record already, or if nobody can say */
    void refuse(int partition, long offset) {
        if (has(partition, offset)) {
            throw new IllegalStateException(
                    "the state is behind the outputs: partition " + partition + " of votes-in is read at offset " + offset
                            + ", and the outputs cover it up to " + last[partition]);
        }
    }
}
