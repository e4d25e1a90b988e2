package voting.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static voting.jobs.Records.APPENDED_AT_MS;
import static voting.jobs.Records.CAST_AT_MS;
import static voting.jobs.Records.ELECTION_ID;
import static voting.jobs.Records.KEY;
import static voting.jobs.Records.VOTER;
import static voting.jobs.Records.text;
import static voting.jobs.Records.utf8;
import static voting.jobs.Records.vote;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericRecord;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.utils.Utils;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.NullAndEmptySource;
import org.junit.jupiter.params.provider.ValueSource;

class VoteReaderTest {

    private static final int PARTITIONS = 4;
    private static final int HOME = 1;
    private static final int OLD = 4;
    private static final int CURRENT = 6;
    private static final List<String> ID_FIELDS = List.of("vote_id", "election_id", "voter_sub", "candidate_id");

    private static RegistryServer server;
    private static VoteReader reader;
    private static VoteReader readerOfOnePartition;

    @BeforeAll
    static void startTheRegistry() throws IOException {
        server = new RegistryServer();
        server.register("votes-in-value", 1, OLD, Schemas.VOTE_1).register("votes-in-value", 2, CURRENT, Schemas.VOTE_2);
        reader = reader(PARTITIONS);
        readerOfOnePartition = reader(1);
    }

    @AfterAll
    static void stopTheRegistry() {
        server.close();
    }

    @Test
    void aVoteComesOutAsItWasCast() throws Exception {
        Vote expected =
                new Vote(
                        text("0b6a1a52-8f0c-4b46-9c53-4c1c0a6e7f01"),
                        text(ELECTION_ID),
                        text(VOTER),
                        text("alice"),
                        CAST_AT_MS,
                        1,
                        text("north"));
        assertEquals(expected, read(vote(Map.of())));
    }

    @Test
    void aVoteOfVersion1SaysNoJurisdiction() throws Exception {
        assertNull(reader.read(KEY, Encoding.value(OLD, vote(Schemas.VOTE_1, Map.of())), HOME, APPENDED_AT_MS).jurisdiction());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "Köln", "any text: that somebody's token has\n"})
    void anyJurisdictionCanBeRead(String jurisdiction) throws Exception {
        assertEquals(text(jurisdiction), read(vote(Map.of("jurisdiction", jurisdiction))).jurisdiction());
    }

    private static Stream<Arguments> wellFormed() {
        return Stream.of(
                        each(ID_FIELDS, "0", "a", "z9", "a.b_c-d", "0-._", "a".repeat(64)),
                        each(List.of("vote_id", "voter_sub"), "A", "Zz", "a".repeat(63) + "Z"),
                        each(List.of("voter_sub"), "a".repeat(65), "a".repeat(128)))
                .flatMap(cases -> cases);
    }

    @ParameterizedTest
    @MethodSource("wellFormed")
    void anIdOfPlainCharactersIsRead(String field, String id) throws Exception {
        GenericRecord vote = vote(Map.of(field, id));
        byte[] key = keyOf(vote);
        assertEquals(text(id), fieldOf(readAtHome(key, vote), field));
    }

    private static Stream<Arguments> malformed() {
        return Stream.of(
                        each(ID_FIELDS, "", ".a", "-a", "_a", "a b", "a:b", "a/b", "a\n", "a\0", "\0", "a@b", "a`", "a{", "a["),
                        each(ID_FIELDS, "ä", "aä", "a€", "a🗳", "\u0430"), // The last is Cyrillic.
                        each(List.of("election_id", "candidate_id"), "A", "aB", "Alice"),
                        each(List.of("vote_id", "election_id", "candidate_id"), "a".repeat(65)),
                        each(List.of("voter_sub"), "a".repeat(129), "a".repeat(1000)))
                .flatMap(cases -> cases);
    }

    @ParameterizedTest
    @MethodSource("malformed")
    void anythingElseIsAMalformedId(String field, String id) {
        GenericRecord vote = vote(Map.of(field, id));
        assertEquals(field + " is malformed", refused(keyOf(vote), vote));
    }

    @ParameterizedTest
    @ValueSource(longs = {-62_135_596_800_000L, -1, 0, 253_402_300_799_999L})
    void aTimeOfTheCalendarIsRead(long castAt) throws Exception {
        assertEquals(castAt, read(vote(Map.of("cast_at", castAt))).castAtMs());
    }

    @ParameterizedTest
    @ValueSource(longs = {-62_135_596_800_001L, 253_402_300_800_000L, 1L << 62, Long.MIN_VALUE, Long.MAX_VALUE})
    void aTimeBeyondTheCalendarIsNone(long castAt) {
        assertEquals("cast_at is beyond the calendar", refused(KEY, vote(Map.of("cast_at", castAt))));
    }

    @ParameterizedTest
    @NullAndEmptySource
    @ValueSource(
            strings = {
                ":",
                ELECTION_ID,
                ELECTION_ID + ":",
                ":" + VOTER,
                VOTER + ":" + ELECTION_ID,
                ELECTION_ID + ";" + VOTER,
                ELECTION_ID + ":" + VOTER + " ",
                "\0" + ELECTION_ID + ":" + VOTER,
                "election-2025-02:" + VOTER,
                ELECTION_ID + ":5f1d5b3e-3c1b-4f5e-9f53-2d9a3f0a7a12",
                "ELECTION-2025-01:" + VOTER
            })
    void aKeyThatIsNotTheVotesOwnIsRefused(String key) {
        assertEquals("the key is not electionId:sub of the value", refused(key == null ? null : utf8(key), vote(Map.of())));
    }

    @Test
    void aVoteThatMovesItsColonIsRefused() {
        byte[] key = utf8("a:b-c");
        GenericRecord vote = vote(Map.of("election_id", "a-b", "voter_sub", "c"));
        assertEquals("the key is not electionId:sub of the value", refused(key, vote));
    }

    @Test
    void aRecordWithoutAValueIsRefused() {
        assertEquals("no value", assertThrows(NotAVote.class, () -> reader.read(KEY, null, HOME, APPENDED_AT_MS)).getMessage());
        assertEquals("no value", assertThrows(NotAVote.class, () -> reader.read(null, null, HOME, APPENDED_AT_MS)).getMessage());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2, 3, 4, -1})
    void aVoteInAnotherPartitionIsRefused(int partition) {
        byte[] value = Encoding.value(CURRENT, vote(Map.of()));
        NotAVote error = assertThrows(NotAVote.class, () -> reader.read(KEY, value, partition, APPENDED_AT_MS));
        assertEquals("partition " + partition + " is not the key's: 1", error.getMessage());
    }

    /** The partitions are those of another implementation. */
    @ParameterizedTest
    @CsvSource({"voter-0, 0, 484", "voter-1, 2, 494", "voter-2, 2, 286", "voter-8, 3, 443", "voter-9, 1, 1", "voter-11, 1, 449"})
    void aVoteLiesInTheHomeOfItsKey(String voter, int homeOf4, int homeOf512) throws Exception {
        GenericRecord vote = vote(Map.of("voter_sub", voter));
        byte[] value = Encoding.value(CURRENT, vote);
        assertEquals(text(voter), reader.read(keyOf(vote), value, homeOf4, APPENDED_AT_MS).voterSub());
        assertEquals(text(voter), reader(512).read(keyOf(vote), value, homeOf512, APPENDED_AT_MS).voterSub());
    }

    /** From Kafka's own UtilsTest. */
    @ParameterizedTest
    @CsvSource({
        "21, -973932308",
        "foobar, -790332482",
        "a-little-bit-long-string, -985981536",
        "a-little-bit-longer-string, -1486304829",
        "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8, -58897971",
        "abc, 479470107"
    })
    void theHashIsKafkas(String key, int hash) {
        assertEquals(hash, Utils.murmur2(utf8(key)));
    }

    @Test
    void aRefusalDoesNotTellTheChoice() {
        for (String field : List.of("vote_id", "election_id", "voter_sub")) {
            assertFalse(refused(KEY, vote(Map.of(field, "x y"))).contains("alice"));
        }
        assertFalse(refused(KEY, vote(Map.of("candidate_id", "alice smith"))).contains("alice"));
    }

    private Vote read(GenericRecord vote) throws Exception {
        return reader.read(KEY, Encoding.value(CURRENT, vote), HOME, APPENDED_AT_MS);
    }

    private Vote readAtHome(byte[] key, GenericRecord vote) throws Exception {
        return readerOfOnePartition.read(key, Encoding.value(CURRENT, vote), 0, APPENDED_AT_MS);
    }

    private String refused(byte[] key, GenericRecord vote) {
        return assertThrows(NotAVote.class, () -> readAtHome(key, vote)).getMessage();
    }

    private static VoteReader reader(int partitions) {
        return new VoteReader(Schemas.VOTE_2, new Registry(server.url(), "votes-in-value", Map.of(), new FakeClock()), partitions);
    }

    private static byte[] keyOf(GenericRecord vote) {
        return utf8(vote.get("election_id") + ":" + vote.get("voter_sub"));
    }

    private static Object fieldOf(Vote vote, String field) {
        return switch (field) {
            case "vote_id" -> vote.voteId();
            case "election_id" -> vote.electionId();
            case "voter_sub" -> vote.voterSub();
            default -> vote.candidateId();
        };
    }

    private static Stream<Arguments> each(List<String> fields, String... ids) {
        return fields.stream().flatMap(field -> Stream.of(ids).map(id -> Arguments.of(field, id)));
    }
}
