package voting.jobs;

import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.ScalarFunction;

/**
 * {@code is_settled(partition, offset)} of the SQL: whether the outputs have this record of votes-in already, so that it is read for
 * what is remembered of it alone.
 */
public final class IsSettled extends ScalarFunction {

    static final String PARAMETER = "votes-in.settled";

    private transient CoveredOffsets settled;

    @Override
    public void open(FunctionContext context) {
        open(context.getJobParameter(PARAMETER, ""), Integer.parseInt(ReadVote.parameter(context, "votes-in.partitions")));
    }

    void open(String offsets, int partitions) {
        settled = CoveredOffsets.parse(offsets, partitions);
    }

    public boolean eval(int partition, long offset) {
        return settled.has(partition, offset);
    }
}
