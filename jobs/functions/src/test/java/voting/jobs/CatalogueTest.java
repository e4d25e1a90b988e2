package voting.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static voting.jobs.Records.CLOSES_AT_MS;
import static voting.jobs.Records.ELECTION_ID;
import static voting.jobs.Records.OPENS_AT_MS;
import static voting.jobs.Records.election;
import static voting.jobs.Records.symbol;
import static voting.jobs.Records.text;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericRecord;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.KafkaException;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.errors.InterruptException;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.record.TimestampType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CatalogueTest {

    private static final int ID = 3;
    private static final long NOW = FakeClock.START_MS;

    private final FakeClock clock = new FakeClock();
    private final MockConsumer<byte[], byte[]> consumer = new MockConsumer<>("earliest");
    private final List<ConsumerRecord<byte[], byte[]>> published = new ArrayList<>();
    private RegistryServer server;
    private Catalogue catalogue;

    @BeforeEach
    void startAnEmptyTopic() throws IOException {
        server = new RegistryServer();
        server.register("elections-value", 1, ID, Schemas.ELECTION);
        Registry registry = new Registry(server.url(), "elections-value", Map.of(), clock);
        catalogue = new Catalogue(consumer, Schemas.ELECTION, registry, clock);
        consumer.updateBeginningOffsets(Map.of(Catalogue.TOPIC, 0L));
        consumer.updateEndOffsets(Map.of(Catalogue.TOPIC, 0L));
    }

    @AfterEach
    void stopTheRegistry() {
        server.close();
    }

    @Test
    void aRecordSaysAVersionOfAnElection() throws Exception {
        publish(election(Map.of()));
        Election expected =
                new Election(
                        true, OPENS_AT_MS, CLOSES_AT_MS, Set.of(text("alice"), text("bob")), Set.of(text("north"), text("south")));
        assertEquals(expected, found(1));
    }

    @ParameterizedTest
    @ValueSource(strings = {"unknown", "draft", "closed", "sealed", "published"})
    void noOtherStatusIsOpen(String status) throws Exception {
        publish(election(Map.of("status", symbol("status", status))));
        assertFalse(found(1).open());
    }

    @Test
    void noJurisdictionsAreNone() throws Exception {
        publish(election(Map.of("jurisdictions", List.of())));
        assertEquals(Set.of(), found(1).jurisdictions());
    }

    @Test
    void whatNobodyHasPublishedIsUnknown() throws Exception {
        publish(election(Map.of()));
        assertNull(found(2));
        assertNull(catalogue.election(text("another"), 1, NOW));
    }

    @Test
    void eachVersionIsKept() throws Exception {
        publish(election(Map.of("version", 1)));
        publish(election(Map.of("version", 2, "status", symbol("status", "closed"))));
        assertTrue(found(1).open());
        assertFalse(found(2).open());
    }

    @Test
    void aVersionThatIsPublishedLaterIsFound() throws Exception {
        publish(election(Map.of()));
        found(1);
        publish(election(Map.of("version", 2)));
        assertTrue(catalogue.election(text(ELECTION_ID), 2, NOW + 60_000).open());
    }

    @Test
    void aVersionIsNotChangedByWhatIsSaidLater() throws Exception {
        publish(election(Map.of()));
        publish(election(Map.of("status", symbol("status", "closed"))));
        assertTrue(found(1).open());
    }

    @Test
    void aKnownVersionIsNotReadAgain() throws Exception {
        publish(election(Map.of()));
        found(1);
        consumer.close(); // It may not be used any more.
        assertTrue(catalogue.election(text(ELECTION_ID), 1, NOW + 1_000_000).open());
    }

    @Test
    void recordsThatSayNothingAreNoElections() throws Exception {
        append(null);
        append(new byte[0]);
        append(new byte[] {'{', '}', 0, 0, 0, 0});
        append(Encoding.value(99, election(Map.of())));
        append(Encoding.value(ID, new byte[] {2}));
        publish(election(Map.of("version", 2)));
        assertNull(found(1));
        assertTrue(found(2).open());
    }

    @Test
    void nothingIsLeftOutWhenTheRegistryComesBack() throws Exception {
        for (int version = 1; version <= 3; version++) {
            publish(election(Map.of("version", version)));
        }
        // The registry's own patience ends once, in the middle of a reading.
        long attempts = 11;
        for (int failure = 0; failure < attempts; failure++) {
            server.answerFirst(503, "");
        }
        assertThrows(IOException.class, () -> found(1));
        published.forEach(consumer::addRecord); // The stand-in has forgotten what it gave out; where it is to go on counts.
        for (int version = 1; version <= 3; version++) {
            assertTrue(found(version).open());
        }
    }

    @Test
    void aTopicThatCannotBeReadIsReadAgain() throws Exception {
        publish(election(Map.of()));
        consumer.setPollException(new KafkaException("the broker is away"));
        assertTrue(found(1).open());
        assertEquals(List.of(Knowledge.FIRST_PAUSE_MS), clock.pauses());
    }

    @Test
    void aBrokerThatStaysAwaySaysNothing() {
        consumer.setOffsetsException(new KafkaException("the broker is away"));
        clock.whileAsleep(() -> consumer.setOffsetsException(new KafkaException("the broker is still away")));
        IOException error = assertThrows(IOException.class, () -> found(1));
        assertEquals("the topic elections has not answered for 30 s", error.getMessage());
        assertEquals("the broker is still away", error.getCause().getMessage());
    }

    @Test
    void anInterruptionGetsOut() {
        publish(election(Map.of()));
        consumer.setPollException(new InterruptException(new InterruptedException())); // Making it interrupts this thread.
        assertThrows(InterruptedException.class, () -> found(1));
        assertFalse(Thread.interrupted());
        assertTrue(clock.pauses().isEmpty());
    }

    @Test
    void closingClosesTheConsumer() {
        catalogue.close();
        assertTrue(consumer.closed());
    }

    private Election found(int version) throws Exception {
        return catalogue.election(text(ELECTION_ID), version, NOW);
    }

    private void publish(GenericRecord election) {
        append(Encoding.value(ID, election));
    }

    private void append(byte[] value) {
        ConsumerRecord<byte[], byte[]> record =
                new ConsumerRecord<>(
                        Catalogue.TOPIC.topic(),
                        Catalogue.TOPIC.partition(),
                        published.size(),
                        NOW - 1_000,
                        TimestampType.CREATE_TIME,
                        0,
                        0,
                        null,
                        value,
                        new RecordHeaders(),
                        Optional.empty());
        published.add(record);
        consumer.addRecord(record);
        consumer.updateEndOffsets(Map.of(Catalogue.TOPIC, (long) published.size()));
    }
}
