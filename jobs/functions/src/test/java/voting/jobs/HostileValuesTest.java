package voting.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericData;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Any bytes are a value or {@link NotAVote}, and take no more memory than is due to their length. */
class HostileValuesTest {

    private static final int ID = 6;
    private static final int ROUNDS = 100_000;
    private static final long SEED = 1;

    /** An exception with its stack trace and a datum's own objects. */
    private static final long MOST_BYTES = 50_000;

    private static final long MOST_BYTES_PER_BYTE = 100;

    private final Map<String, Integer> refusals = new HashMap<>();
    private final Random random = new Random(SEED);
    private RegistryServer server;

    @BeforeEach
    void startTheRegistry() throws IOException {
        server = new RegistryServer();
        server.register("votes", 1, ID, Schemas.VOTE_3);
        server.register("elections", 1, ID, Schemas.ELECTION);
        server.register("everything", 1, ID, Schemas.EVERYTHING);
    }

    @AfterEach
    void stopTheRegistry() {
        server.close();
    }

    @Test
    void anyBytesAreAVoteOrNot() throws Exception {
        decodeGarbage(values("votes", Schemas.VOTE_2));
    }

    @Test
    void anyBytesAreAnElectionOrNot() throws Exception {
        decodeGarbage(values("elections", Schemas.ELECTION));
    }

    @Test
    void anyBytesAreAValueOfAnyTypesOrNot() throws Exception {
        decodeGarbage(values("everything", Schemas.EVERYTHING));
    }

    @Test
    void aDamagedVoteIsAVoteOrNot() throws Exception {
        GenericData.Record vote = Records.vote(Schemas.VOTE_3, Map.of("channels", List.of("web", "kiosk")));
        decodeDamaged(values("votes", Schemas.VOTE_2), Encoding.value(ID, vote));
    }

    @Test
    void aDamagedElectionIsAnElectionOrNot() throws Exception {
        decodeDamaged(values("elections", Schemas.ELECTION), Encoding.value(ID, Records.election(Map.of())));
    }

    @Test
    void aDamagedValueOfAnyTypesIsAValueOrNot() throws Exception {
        GenericData.Record datum = new RandomDatum(SEED).record(Schemas.EVERYTHING);
        decodeDamaged(values("everything", Schemas.EVERYTHING), Encoding.value(ID, Encoding.inBlocks(datum)));
    }

    @Test
    void aDamagedValueIsSkippedOrNot() throws Exception {
        GenericData.Record datum = new RandomDatum(SEED).record(Schemas.EVERYTHING);
        decodeDamaged(values("everything", Schemas.LAST_OF_EVERYTHING), Encoding.value(ID, Encoding.inBlocks(datum)));
    }

    private void decodeGarbage(Values values) throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            byte[] body = new byte[random.nextInt(100)];
            random.nextBytes(body);
            if (random.nextBoolean()) {
                makeSmall(body);
            }
            decode(values, Encoding.value(ID, body));
        }
        assertTrue(refusals.size() > 1, refusals::toString);
    }

    private void decodeDamaged(Values values, byte[] valid) throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            byte[] value = Arrays.copyOf(valid, valid.length + random.nextInt(3) - 1);
            for (int damages = 1 + random.nextInt(3); damages > 0; damages--) {
                value[5 + random.nextInt(value.length - 5)] = (byte) random.nextInt();
            }
            decode(values, value);
        }
        assertTrue(refusals.size() > 1, refusals::toString);
    }

    private void decode(Values values, byte[] value) throws Exception {
        long before = Allocation.bytesSoFar();
        try {
            values.decode(value, Records.APPENDED_AT_MS);
        } catch (NotAVote error) {
            refusals.merge(error.getMessage(), 1, Integer::sum);
        }
        long taken = Allocation.bytesSoFar() - before;
        assertTrue(taken < MOST_BYTES + MOST_BYTES_PER_BYTE * value.length, () -> taken + " for " + Arrays.toString(value));
    }

    /** Lengths and numbers as they are in real values, so that reading gets further. */
    private void makeSmall(byte[] body) {
        for (int index = 0; index < body.length; index++) {
            body[index] &= 0x07;
        }
    }

    private Values values(String subject, Schema reader) throws Exception {
        Values values = new Values(reader, new Registry(server.url(), subject, Map.of(), new FakeClock()));
        try {
            values.decode(Encoding.value(ID, new byte[0]), Records.APPENDED_AT_MS); // Loads classes and schemas.
        } catch (NotAVote expected) {
            assertEquals("not a value of its schema: it ends too soon", expected.getMessage());
        }
        return values;
    }
}
