package voting.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static voting.jobs.Records.APPENDED_AT_MS;
import static voting.jobs.Records.text;
import static voting.jobs.Records.vote;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericData;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericRecord;
import org.apache.flink.avro.shaded.org.apache.avro.util.Utf8;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ValuesTest {

    private static final String SUBJECT = "votes-in-value";
    private static final int OLD = 4;
    private static final int CURRENT = 6;
    private static final int LATER = 300;
    private static final int OF_ELECTIONS = 5;

    private RegistryServer server;
    private Values values;

    @BeforeEach
    void registerTheSchemas() throws IOException {
        server = new RegistryServer();
        server.register(SUBJECT, 1, OLD, Schemas.VOTE_1);
        server.register(SUBJECT, 2, CURRENT, Schemas.VOTE_2);
        server.register(SUBJECT, 3, LATER, Schemas.VOTE_3);
        server.register("elections-value", 1, OF_ELECTIONS, Schemas.ELECTION);
        values = new Values(Schemas.VOTE_2, new Registry(server.url(), SUBJECT, Map.of(), new FakeClock()));
    }

    @AfterEach
    void stopTheRegistry() {
        server.close();
    }

    @Test
    void aVoteComesBackAsItWasWritten() throws Exception {
        assertEquals(readable(vote(Map.of())), decode(Encoding.value(CURRENT, vote(Map.of()))));
    }

    @Test
    void aVoteOfVersion1SaysNoJurisdiction() throws Exception {
        GenericData.Record datum = decode(Encoding.value(OLD, vote(Schemas.VOTE_1, Map.of())));
        assertNull(datum.get("jurisdiction"));
        assertEquals(text(Records.VOTER), datum.get("voter_sub"));
    }

    @Test
    void anEmptyJurisdictionIsNotNone() throws Exception {
        assertEquals(text(""), decode(Encoding.value(CURRENT, vote(Map.of("jurisdiction", "")))).get("jurisdiction"));
    }

    @Test
    void aFieldOfALaterVersionIsLeftOut() throws Exception {
        GenericRecord later = vote(Schemas.VOTE_3, Map.of("channels", List.of("web", "kiosk")));
        assertEquals(readable(vote(Map.of())), decode(Encoding.value(LATER, later)));
    }

    @Test
    void textIsUtf8WhateverTheWritersJavaWants() throws Exception {
        String annotated = "{\"type\":\"string\",\"avro.java.string\":\"String\"}";
        server.register(SUBJECT, 4, 8, Schemas.parse(Schemas.VOTE_2.toString().replace("\"string\"", annotated)));
        GenericData.Record datum = decode(Encoding.value(8, vote(Map.of())));
        for (String field : List.of("vote_id", "election_id", "voter_sub", "candidate_id", "jurisdiction")) {
            assertInstanceOf(Utf8.class, datum.get(field));
        }
    }

    @Test
    void aWritersNarrowerTypesBecomeTheReaders() throws Exception {
        String time = "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}";
        Schema narrow = Schemas.parse(Schemas.VOTE_1.toString().replace(time, "\"int\""));
        server.register(SUBJECT, 4, 8, narrow);
        assertEquals(12L, decode(Encoding.value(8, vote(narrow, Map.of("cast_at", 12)))).get("cast_at"));
    }

    @Test
    void noValueIsNoVote() {
        assertEquals("no value", refused(null));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 4})
    void aValueShorterThanTheHeaderIsNoVote(int length) {
        assertEquals(length + " bytes are too short for the wire format's header", refused(new byte[length]));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 127, 128, 255, '{'})
    void theFirstByteMustBeZero(int first) {
        byte[] value = Encoding.value(CURRENT, vote(Map.of()));
        value[0] = (byte) first;
        assertEquals("the first byte is " + first + ", not 0", refused(value));
    }

    @Test
    void anIdThatNobodyHasRegisteredIsNoVote() {
        assertEquals("no schema of this topic has the id 7", refused(Encoding.value(7, vote(Map.of()))));
        assertEquals("no schema of this topic has the id 4294967295", refused(Encoding.value(-1, vote(Map.of()))));
    }

    @Test
    void anIdOfAnotherSubjectIsNoVote() {
        byte[] election = Encoding.value(OF_ELECTIONS, Records.election(Map.of()));
        assertEquals("no schema of this topic has the id 5", refused(election));
    }

    @Test
    void bytesLeftOverAreNoVote() {
        byte[] value = Encoding.value(CURRENT, vote(Map.of()));
        assertEquals("bytes left over after the value", refused(Arrays.copyOf(value, value.length + 1)));
    }

    @Test
    void aVoteCutShortIsNoVote() {
        byte[] current = Encoding.value(CURRENT, vote(Map.of()));
        byte[] later = Encoding.value(LATER, vote(Schemas.VOTE_3, Map.of("channels", List.of("web"))));
        for (byte[] value : List.of(current, later)) {
            for (int length = 5; length < value.length; length++) {
                String message = refused(Arrays.copyOf(value, length));
                assertTrue(message.startsWith("not a value of its schema: "), message);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 2, Integer.MAX_VALUE, Integer.MIN_VALUE})
    void aBranchThatTheUnionDoesNotHaveIsNoVote(int branch) {
        String text = Schemas.VOTE_2.toString().replace("[\"null\",\"string\"],\"default\":null", "\"int\"");
        byte[] value = Encoding.value(CURRENT, vote(Schemas.parse(text), Map.of("jurisdiction", branch)));
        assertEquals("not a value of its schema: no such branch of a union or symbol of an enum", refused(value));
    }

    @Test
    void aSchemaThatIsNoVotesIsNoVote() {
        server.register(SUBJECT, 4, 8, Schemas.LAST_OF_EVERYTHING);
        server.register(SUBJECT, 5, 9, Schema.create(Schema.Type.STRING));
        String another = refused(Encoding.value(8, new byte[] {2}));
        assertTrue(another.startsWith("not a value of its schema: Found Everything, expecting voting.Vote"), another);
        String text = refused(Encoding.value(9, new byte[] {2, 'a'}));
        assertTrue(text.startsWith("not a value of its schema: Found string, expecting voting.Vote"), text);
    }

    @Test
    void aBadValueDoesNotTouchTheNext() throws Exception {
        byte[] good = Encoding.value(LATER, vote(Schemas.VOTE_3, Map.of("channels", List.of("web"))));
        for (int length = 5; length < good.length; length++) {
            refused(Arrays.copyOf(good, length));
            assertEquals(readable(vote(Map.of())), decode(good));
        }
    }

    @Test
    void theSchemasAreAskedForOnce() throws Exception {
        for (int round = 0; round < 10; round++) {
            decode(Encoding.value(CURRENT, vote(Map.of())));
            decode(Encoding.value(OLD, vote(Schemas.VOTE_1, Map.of())));
        }
        assertEquals(4, server.requests().size());
    }

    @Test
    void aRefusalHasNoStackTrace() {
        assertEquals(0, assertThrows(NotAVote.class, () -> decode(null)).getStackTrace().length);
    }

    private GenericData.Record decode(byte[] value) throws Exception {
        return values.decode(value, APPENDED_AT_MS);
    }

    private String refused(byte[] value) {
        return assertThrows(NotAVote.class, () -> decode(value)).getMessage();
    }

    /** The same datum with texts as Avro reads them. */
    private static GenericData.Record readable(GenericData.Record datum) {
        for (Schema.Field field : datum.getSchema().getFields()) {
            if (datum.get(field.pos()) instanceof String) {
                datum.put(field.pos(), text((String) datum.get(field.pos())));
            }
        }
        return datum;
    }
}
