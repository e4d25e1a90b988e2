package voting.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RegistryTest {

    private static final String SUBJECT = "votes-in-value";
    private static final String PATH = RegistryServer.path(SUBJECT);
    private static final long NOW = FakeClock.START_MS;

    private final FakeClock clock = new FakeClock();
    private RegistryServer server;
    private Registry registry;

    @BeforeEach
    void startTheRegistry() throws IOException {
        server = new RegistryServer();
        server.register(SUBJECT, 1, 4, Schemas.VOTE_1);
        registry = new Registry(server.url(), SUBJECT, Map.of(), clock);
    }

    @AfterEach
    void stopTheRegistry() {
        server.close();
    }

    @Test
    void anIdOfTheSubjectHasItsSchema() throws Exception {
        assertEquals(Schemas.VOTE_1, registry.schema(4, NOW));
        assertEquals(List.of(PATH, PATH + "/1"), server.requests());
    }

    @Test
    void anIdOfAnotherSubjectHasNone() throws Exception {
        server.register("votes-agg-value", 1, 5, Schemas.ELECTION);
        assertNull(registry.schema(5, NOW));
        assertTrue(clock.pauses().isEmpty());
    }

    @Test
    void whatTheJobCameWithIsNotAskedFor() throws Exception {
        String text = Schemas.VOTE_2.toString().replace("\"", "\\\"");
        registry = new Registry(server.url(), SUBJECT, Registry.known("{\"7\": \"" + text + "\"}"), clock);
        assertEquals(Schemas.VOTE_2, registry.schema(7, NOW));
        assertEquals(List.of(), server.requests());
        assertEquals(Schemas.VOTE_1, registry.schema(4, NOW));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "[]", "{\"seven\": \"\\\"int\\\"\"}", "{\"7\": \"nothing\"}", "{\"7\": 7}"})
    void aJobThatComesWithOtherThanSchemasIsRefused(String text) {
        assertThrows(IllegalArgumentException.class, () -> Registry.known(text));
    }

    @Test
    void aKnownIdIsNotAskedForAgain() throws Exception {
        for (int appended = 0; appended < 100_000; appended += 1_000) {
            clock.pass(1_000);
            registry.schema(4, NOW + appended);
        }
        assertEquals(2, server.requests().size());
    }

    @Test
    void aSchemaThatIsRegisteredLaterIsFound() throws Exception {
        assertNull(registry.schema(6, NOW));
        server.register(SUBJECT, 2, 6, Schemas.VOTE_2);
        clock.pass(60_000);
        assertEquals(Schemas.VOTE_2, registry.schema(6, NOW + 60_000));
        // The version that was known is not fetched again.
        assertEquals(List.of(PATH, PATH + "/1", PATH, PATH + "/2"), server.requests());
    }

    @Test
    void versionNumbersMayHaveGaps() throws Exception {
        server.register(SUBJECT, 3, 6, Schemas.VOTE_2);
        server.register(SUBJECT, 17, 300, Schemas.VOTE_3);
        assertEquals(Schemas.VOTE_3, registry.schema(300, NOW));
        assertEquals(Schemas.VOTE_2, registry.schema(6, NOW));
    }

    @Test
    void anIdMayHaveSeveralVersions() throws Exception {
        server.register(SUBJECT, 2, 4, Schemas.VOTE_1);
        assertEquals(Schemas.VOTE_1, registry.schema(4, NOW));
    }

    @ParameterizedTest
    @ValueSource(ints = {404, 500, 503, 204})
    void anAnswerOfAnotherStatusIsAskedForAgain(int status) throws Exception {
        server.answerFirst(status, status == 204 ? "" : "[]");
        assertEquals(Schemas.VOTE_1, registry.schema(4, NOW));
        assertEquals(List.of(Knowledge.FIRST_PAUSE_MS), clock.pauses());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "<html><body>Bad gateway</body></html>",
                "",
                "[1",
                "null",
                "1",
                "{}",
                "{\"versions\": [1]}",
                "[\"1\"]",
                "[1.5]",
                "[null]",
                "[4294967297]",
                "[[1]]"
            })
    void anAnswerThatIsNoListOfVersionsIsAskedForAgain(String body) throws Exception {
        server.answerFirst(200, body);
        assertEquals(Schemas.VOTE_1, registry.schema(4, NOW));
        assertEquals(List.of(Knowledge.FIRST_PAUSE_MS), clock.pauses());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "<html></html>",
                "",
                "[]",
                "\"text\"",
                "{\"id\": 4, \"schema\": \"{\\\"type\\\": \\\"str",
                "{\"id\": 4}",
                "{\"id\": null, \"schema\": \"\\\"string\\\"\"}",
                "{\"id\": \"4\", \"schema\": \"\\\"string\\\"\"}",
                "{\"id\": 4, \"schema\": {}}",
                "{\"id\": 4, \"schema\": \"\"}",
                "{\"id\": 4, \"schema\": \"{\\\"type\\\": \\\"record\\\"}\"}",
                "{\"id\": 4, \"schema\": \"syntax = \\\"proto3\\\";\", \"schemaType\": \"PROTOBUF\"}"
            })
    void anAnswerThatIsNoVersionIsAskedForAgain(String body) throws Exception {
        server.answerFirst(200, "[1]");
        server.answerFirst(200, body);
        assertEquals(Schemas.VOTE_1, registry.schema(4, NOW));
        assertEquals(List.of(Knowledge.FIRST_PAUSE_MS), clock.pauses());
    }

    @Test
    @Timeout(10)
    void anAnswerWhoseRestDoesNotComeIsAskedForAgain() throws Exception {
        registry = new Registry(server.url(), SUBJECT, Map.of(), clock, Duration.ofMillis(200));
        server.answerFirstAndStall("[1");
        assertEquals(Schemas.VOTE_1, registry.schema(4, NOW));
        assertEquals(List.of(Knowledge.FIRST_PAUSE_MS), clock.pauses());
    }

    @Test
    void aRegistryThatIsAwaySaysNothing() {
        server.close();
        IOException error = assertThrows(IOException.class, () -> registry.schema(4, NOW));
        assertEquals("the schema registry at " + server.url() + " has not answered for 30 s", error.getMessage());
        assertTrue(error.getCause().getMessage().contains("ConnectException"), error.getCause().getMessage());
    }

    @Test
    void aRegistryThatComesBackAnswersInTheEnd() throws Exception {
        int port = server.port();
        server.close();
        clock.whileAsleep(
                () -> {
                    if (clock.pauses().size() == 3) {
                        server = again(port);
                    }
                });
        assertEquals(Schemas.VOTE_1, registry.schema(4, NOW));
        assertEquals(List.of(200L, 400L, 800L), clock.pauses());
    }

    @Test
    void anInterruptionGetsOutWhileTheRegistryKeepsItWaiting() {
        server.answerFirstAndStall("[1");
        Thread task = Thread.currentThread();
        Thread canceller =
                new Thread(
                        () -> {
                            while (server.requests().isEmpty()) {
                                Thread.onSpinWait();
                            }
                            task.interrupt();
                        });
        canceller.start();
        assertThrows(InterruptedException.class, () -> registry.schema(4, NOW));
        assertTrue(clock.pauses().isEmpty());
    }

    private static RegistryServer again(int port) {
        try {
            return new RegistryServer(port).register(SUBJECT, 1, 4, Schemas.VOTE_1);
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
    }
}
