package voting.jobs;

import java.io.IOException;
import java.util.Map;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.util.Utf8;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.FunctionHint;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.ScalarFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code read_vote(key, value, partition, offset, appended_at)} of the SQL: one row for each record of votes-in, the vote that it
 * holds and the reason for which it is invalid, if it is; or nothing but an error, for which it can never be counted.
 *
 * <p>A function of the record, the registry's schemas and the catalogue's versions, none of which ever change: a replay gives the
 * same rows. The job's compiled plan calls it once for each record.
 *
 * <p>Settings are the job's parameters ({@code pipeline.global-job-parameters}), so that a compiled plan holds none of them.
 */
@FunctionHint(
        output =
                @DataTypeHint(
                        value =
                                "ROW<vote_key STRING, vote_id STRING, election_id STRING, voter_sub STRING, candidate_id STRING,"
                                        + " cast_at TIMESTAMP(3), catalogue_version INT, reason STRING, error STRING>",
                        bridgedTo = RowData.class))
public final class ReadVote extends ScalarFunction {

    private static final Logger LOG = LoggerFactory.getLogger(ReadVote.class);
    private static final int FIELDS = 9;
    private static final int REASON = 7;
    private static final int ERROR = 8;
    private static final StringData UNKNOWN_ELECTION = StringData.fromString("unknown_election");

    private transient VoteReader reader;
    private transient Catalogue catalogue;
    private transient CoveredOffsets covered;
    private transient CoveredOffsets settled;
    private transient Alarm alarm;
    private transient Counter deadLetters;
    private transient Counter invalidVotes;

    @Override
    public void open(FunctionContext context) {
        int partitions = Integer.parseInt(parameter(context, "votes-in.partitions"));
        Knowledge.Clock clock = Knowledge.Clock.SYSTEM;
        CoveredOffsets coveredOffsets = CoveredOffsets.parse(context.getJobParameter("votes-in.covered", ""), partitions);
        CoveredOffsets settledOffsets = CoveredOffsets.parse(context.getJobParameter(IsSettled.PARAMETER, ""), partitions);
        VoteReader voteReader =
                new VoteReader(
                        new Schema.Parser().parse(parameter(context, "votes-in.schema")),
                        registry(context, "votes-in", clock),
                        partitions);
        Catalogue elections =
                new Catalogue(
                        parameter(context, "kafka.bootstrap.servers"),
                        new Schema.Parser().parse(parameter(context, "elections.schema")),
                        registry(context, "elections", clock),
                        clock);
        open(coveredOffsets, settledOffsets, voteReader, elections, context.getMetricGroup());
    }

    /** Takes the catalogue over, and closes it. */
    void open(
            CoveredOffsets coveredOffsets,
            CoveredOffsets settledOffsets,
            VoteReader voteReader,
            Catalogue elections,
            MetricGroup metrics) {
        covered = coveredOffsets;
        settled = settledOffsets;
        reader = voteReader;
        catalogue = elections;
        alarm = new Alarm(Knowledge.Clock.SYSTEM, LOG::warn);
        deadLetters = metrics.counter("dead_letters");
        invalidVotes = metrics.counter("invalid_votes");
    }

    @Override
    public void close() {
        if (catalogue != null) {
            catalogue.close();
        }
    }

    public RowData eval(
            byte[] key,
            byte[] value,
            int partition,
            long offset,
            @DataTypeHint(value = "TIMESTAMP_LTZ(3)", bridgedTo = TimestampData.class) TimestampData appendedAt)
            throws IOException, InterruptedException {
        covered.refuse(partition, offset);
        long appendedAtMs = appendedAt.getMillisecond();
        GenericRowData row = new GenericRowData(FIELDS);
        boolean known = settled.has(partition, offset);
        try {
            Vote vote = reader.read(key, value, partition, appendedAtMs);
            row.setField(0, StringData.fromBytes(key));
            row.setField(1, text(vote.voteId()));
            row.setField(2, text(vote.electionId()));
            row.setField(3, text(vote.voterSub()));
            row.setField(4, text(vote.candidateId()));
            row.setField(5, TimestampData.fromEpochMillis(vote.castAtMs()));
            row.setField(6, vote.catalogueVersion());
            StringData reason = reasonAgainst(vote, appendedAtMs);
            row.setField(REASON, reason);
            if (reason != null && !known) {
                invalidVotes.inc();
            }
        } catch (NotAVote error) {
            row.setField(ERROR, StringData.fromString(error.getMessage()));
            if (!known) {
                deadLetters.inc();
                alarm.raise(partition, offset, error.getMessage());
            }
        }
        return row;
    }

    private StringData reasonAgainst(Vote vote, long appendedAtMs) throws IOException, InterruptedException {
        Election election = catalogue.election(vote.electionId(), vote.catalogueVersion(), appendedAtMs);
        if (election == null) {
            return UNKNOWN_ELECTION;
        }
        String reason = election.reasonAgainst(vote, appendedAtMs);
        return reason == null ? null : StringData.fromString(reason);
    }

    private static StringData text(Utf8 utf8) {
        return StringData.fromBytes(utf8.getBytes(), 0, utf8.getByteLength());
    }

    private static Registry registry(FunctionContext context, String topic, Knowledge.Clock clock) {
        Map<Integer, Schema> known = Registry.known(parameter(context, topic + ".schemas"));
        return new Registry(parameter(context, "schema-registry.url"), topic + "-value", known, clock);
    }

    static String parameter(FunctionContext context, String name) {
        String value = context.getJobParameter(name, null);
        if (value == null) {
            throw new IllegalStateException("the job parameter " + name + " is not set");
        }
        return value;
    }
}
