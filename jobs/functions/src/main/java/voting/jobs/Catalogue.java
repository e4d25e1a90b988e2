package voting.jobs;

import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericData;
import org.apache.flink.avro.shaded.org.apache.avro.util.Utf8;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.Consumer;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.KafkaException;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.TopicPartition;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.errors.InterruptException;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * The versions of all elections, from the topic {@code elections}: a version is written there before any ingress may name it, and
 * never changes.
 */
final class Catalogue extends Knowledge implements Closeable {

    static final TopicPartition TOPIC = new TopicPartition("elections", 0);
    private static final Duration TIMEOUT = Duration.ofSeconds(5);
    private static final Duration POLL = Duration.ofMillis(100);

    private final Values values;
    private final Consumer<byte[], byte[]> consumer;
    private final Map<Utf8, Map<Integer, Election>> elections = new HashMap<>();

    /** {@code schema} is the newest version of Election. */
    Catalogue(String bootstrapServers, Schema schema, Registry registry, Clock clock) {
        this(consumer(bootstrapServers), schema, registry, clock);
    }

    /** Takes the consumer over, and closes it. */
    Catalogue(Consumer<byte[], byte[]> consumer, Schema schema, Registry registry, Clock clock) {
        super("the topic " + TOPIC.topic(), clock);
        this.values = new Values(schema, registry);
        this.consumer = consumer;
        consumer.assign(List.of(TOPIC));
        consumer.seekToBeginning(List.of(TOPIC));
    }

    private static Consumer<byte[], byte[]> consumer(String bootstrapServers) {
        Properties properties = new Properties();
        properties.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers);
        properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        // A topic that was made anew is read from its start. The other choice is its end.
        properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        properties.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
        properties.put(ConsumerConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, (int) TIMEOUT.toMillis());
        properties.put(ConsumerConfig.RECONNECT_BACKOFF_MAX_MS_CONFIG, 1000);
        return new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    /** A version of an election that a record names, which was appended then; null if there is none. Blocks when it is new. */
    Election election(Utf8 electionId, int version, long appendedAtMs) throws IOException, InterruptedException {
        Election known = known(electionId, version);
        if (known == null) {
            knowAllAt(appendedAtMs);
            known = known(electionId, version);
        }
        return known;
    }

    private Election known(Utf8 electionId, int version) {
        Map<Integer, Election> versions = elections.get(electionId);
        return versions == null ? null : versions.get(version);
    }

    @Override
    protected void read() throws IOException, InterruptedException {
        try {
            long end = consumer.endOffsets(List.of(TOPIC), TIMEOUT).get(TOPIC);
            long startedAt = System.nanoTime();
            while (consumer.position(TOPIC, TIMEOUT) < end) {
                if (System.nanoTime() - startedAt > TIMEOUT.toNanos()) {
                    throw new IOException("its end is not reached");
                }
                readSome();
            }
        } catch (InterruptException error) {
            Thread.interrupted(); // The client's exception leaves it set, Java's takes it along.
            throw (InterruptedException) new InterruptedException().initCause(error);
        } catch (KafkaException error) {
            throw new IOException(error.getMessage(), error);
        }
    }

    private void readSome() throws IOException, InterruptedException {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
            try {
                remember(record);
            } catch (IOException | InterruptedException error) {
                // To be read once more: the consumer has gone past all that it gave out.
                consumer.seek(TOPIC, record.offset());
                throw error;
            }
        }
    }

    private void remember(ConsumerRecord<byte[], byte[]> record) throws IOException, InterruptedException {
        GenericData.Record datum;
        try {
            datum = values.decode(record.value(), record.timestamp());
        } catch (NotAVote error) {
            return; // Somebody else's record: what it says is no election, so whatever names it is unknown.
        }
        // The first that was said of a version: it cannot be changed by saying something else later.
        elections
                .computeIfAbsent((Utf8) datum.get("election_id"), any -> new HashMap<>())
                .putIfAbsent((Integer) datum.get("version"), electionOf(datum));
    }

    static Election electionOf(GenericData.Record datum) {
        Set<Utf8> candidates = new HashSet<>();
        for (Object candidate : (List<?>) datum.get("candidates")) {
            candidates.add((Utf8) ((GenericData.Record) candidate).get("candidate_id"));
        }
        Set<Utf8> jurisdictions = new HashSet<>();
        for (Object jurisdiction : (List<?>) datum.get("jurisdictions")) {
            jurisdictions.add((Utf8) jurisdiction);
        }
        return new Election(
                "open".equals(datum.get("status").toString()),
                (Long) datum.get("opens_at"),
                (Long) datum.get("closes_at"),
                candidates,
                jurisdictions);
    }

    @Override
    public void close() {
        consumer.close();
    }
}
