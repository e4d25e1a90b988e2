package voting.jobs;

import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.ScalarFunction;

/**
 * {@code generation()} of the SQL: the number of the rebuild that this job is, its parameter of that name. Not a literal, which a
 * compiled plan would hold for all its jobs.
 */
public final class Generation extends ScalarFunction {

    private transient int generation;

    @Override
    public void open(FunctionContext context) {
        generation = Integer.parseInt(context.getJobParameter("generation", "1"));
    }

    public int eval() {
        return generation;
    }

    /** The planner must not put in what it is where the plan is compiled. */
    @Override
    public boolean isDeterministic() {
        return false;
    }
}
