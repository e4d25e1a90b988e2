package voting.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static voting.jobs.Records.APPENDED_AT_MS;
import static voting.jobs.Records.CAST_AT_MS;
import static voting.jobs.Records.CLOSES_AT_MS;
import static voting.jobs.Records.ELECTION_ID;
import static voting.jobs.Records.KEY;
import static voting.jobs.Records.VOTER;
import static voting.jobs.Records.vote;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.SimpleCounter;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ReadVoteTest {

    private static final int REASON = 7;
    private static final int ERROR = 8;
    private static final int HOME = 1;
    private static final int VOTES = 6;
    private static final int ELECTIONS = 3;
    private static final long COVERED = 100;
    private static final long SETTLED = 200;

    private final MockConsumer<byte[], byte[]> consumer = new MockConsumer<>("earliest");
    private final Map<String, Counter> counters = new HashMap<>();
    private final ReadVote function = new ReadVote();
    private RegistryServer server;

    @BeforeEach
    void openWithOneElection() throws IOException {
        server = new RegistryServer();
        server.register("votes-in-value", 1, VOTES, Schemas.VOTE_2).register("elections-value", 1, ELECTIONS, Schemas.ELECTION);
        FakeClock clock = new FakeClock();
        Catalogue catalogue =
                new Catalogue(consumer, Schemas.ELECTION, new Registry(server.url(), "elections-value", Map.of(), clock), clock);
        consumer.updateBeginningOffsets(Map.of(Catalogue.TOPIC, 0L));
        consumer.updateEndOffsets(Map.of(Catalogue.TOPIC, 1L));
        byte[] election = Encoding.value(ELECTIONS, Records.election(Map.of()));
        consumer.addRecord(new ConsumerRecord<>(Catalogue.TOPIC.topic(), Catalogue.TOPIC.partition(), 0, null, election));
        function.open(
                CoveredOffsets.parse(HOME + ":" + COVERED, 4),
                CoveredOffsets.parse(HOME + ":" + SETTLED, 4),
                new VoteReader(Schemas.VOTE_2, new Registry(server.url(), "votes-in-value", Map.of(), clock), 4),
                catalogue,
                new UnregisteredMetricsGroup() {
                    @Override
                    public Counter counter(String name) {
                        return counters.computeIfAbsent(name, any -> new SimpleCounter());
                    }
                });
    }

    @AfterEach
    void close() {
        function.close();
        server.close();
    }

    @Test
    void aVoteThatMayCountIsARowWithoutReasonAndError() throws Exception {
        RowData expected =
                GenericRowData.of(
                        StringData.fromString(ELECTION_ID + ":" + VOTER),
                        StringData.fromString("0b6a1a52-8f0c-4b46-9c53-4c1c0a6e7f01"),
                        StringData.fromString(ELECTION_ID),
                        StringData.fromString(VOTER),
                        StringData.fromString("alice"),
                        TimestampData.fromEpochMillis(CAST_AT_MS),
                        1,
                        null,
                        null);
        assertEquals(expected, read(Map.of(), APPENDED_AT_MS));
        assertCounted(0, 0);
    }

    @Test
    void anInvalidVoteIsARowWithItsReason() throws Exception {
        assertReason("unknown_election", read(Map.of("catalogue_version", 2), APPENDED_AT_MS));
        assertReason("unknown_candidate", read(Map.of("candidate_id", "carol"), APPENDED_AT_MS));
        assertReason("election_not_open", read(Map.of(), CLOSES_AT_MS));
        assertReason("wrong_jurisdiction", read(Map.of("jurisdiction", "east"), APPENDED_AT_MS));
        assertCounted(0, 4);
    }

    @Test
    void aRecordThatIsNoVoteIsARowOfAnErrorAndNothingElse() throws Exception {
        RowData row = read(Map.of("voter_sub", "somebody-else"), APPENDED_AT_MS);
        for (int field = 0; field < ERROR; field++) {
            assertTrue(row.isNullAt(field));
        }
        assertEquals("the key is not electionId:sub of the value", row.getString(ERROR).toString());
        assertCounted(1, 0);
    }

    @Test
    void aRecordThatTheOutputsCoverIsNotJudgedAgain() throws Exception {
        TimestampData appendedAt = TimestampData.fromEpochMillis(APPENDED_AT_MS);
        assertThrows(IllegalStateException.class, () -> function.eval(KEY, null, HOME, COVERED, appendedAt));
        assertCounted(0, 0);
    }

    @Test
    void aRecordThatIsSettledIsNotCountedAgain() throws Exception {
        TimestampData appendedAt = TimestampData.fromEpochMillis(APPENDED_AT_MS);
        byte[] invalid = Encoding.value(VOTES, vote(Map.of("candidate_id", "carol")));
        assertReason("unknown_candidate", function.eval(KEY, invalid, HOME, SETTLED, appendedAt));
        function.eval(KEY, null, HOME, SETTLED, appendedAt);
        assertCounted(0, 0);
        function.eval(KEY, invalid, HOME, SETTLED + 1, appendedAt);
        assertCounted(0, 1);
    }

    @Test
    void closingClosesTheCatalogue() {
        function.close();
        assertTrue(consumer.closed());
    }

    @Test
    void whatWasNeverOpenedCanBeClosed() {
        new ReadVote().close();
    }

    private RowData read(Map<String, ?> changes, long appendedAtMs) throws Exception {
        byte[] value = Encoding.value(VOTES, vote(changes));
        return function.eval(KEY, value, HOME, SETTLED + 1, TimestampData.fromEpochMillis(appendedAtMs));
    }

    private static void assertReason(String reason, RowData row) {
        assertEquals(reason, row.getString(REASON).toString());
        assertTrue(row.isNullAt(ERROR));
        assertEquals(ELECTION_ID + ":" + VOTER, row.getString(0).toString());
    }

    private void assertCounted(long deadLetters, long invalidVotes) {
        assertEquals(deadLetters, counters.get("dead_letters").getCount());
        assertEquals(invalidVotes, counters.get("invalid_votes").getCount());
    }
}
