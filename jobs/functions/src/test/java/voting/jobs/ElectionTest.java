package voting.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static voting.jobs.Records.text;

import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.flink.avro.shaded.org.apache.avro.util.Utf8;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ElectionTest {

    private static final long OPENS = 1_000;
    private static final long CLOSES = 2_000;
    private static final long BETWEEN = 1_500;

    private static final Election EVERYBODYS = new Election(true, OPENS, CLOSES, texts("alice", "bob"), Set.of());
    private static final Election NORTHERN = new Election(true, OPENS, CLOSES, texts("alice"), texts("north", "far-north"));
    private static final Election CLOSED = new Election(false, OPENS, CLOSES, texts("alice"), texts("north"));

    @Test
    void aVoteInTimeForACandidateCounts() {
        assertNull(EVERYBODYS.reasonAgainst(vote("alice", "north"), BETWEEN));
        assertNull(EVERYBODYS.reasonAgainst(vote("bob", "north"), BETWEEN));
    }

    @ParameterizedTest
    @ValueSource(longs = {OPENS, OPENS + 1, CLOSES - 1})
    void theFirstInstantIsInTimeAndTheLastOneBeforeClosing(long appendedAt) {
        assertNull(EVERYBODYS.reasonAgainst(vote("alice", "north"), appendedAt));
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MIN_VALUE, -1, OPENS - 1, CLOSES, CLOSES + 1, Long.MAX_VALUE})
    void aVoteOutOfTimeDoesNotCount(long appendedAt) {
        assertEquals("election_not_open", EVERYBODYS.reasonAgainst(vote("alice", "north"), appendedAt));
    }

    @Test
    void aVersionThatIsNotOpenTakesNoVotesEvenInItsTime() {
        assertEquals("election_not_open", CLOSED.reasonAgainst(vote("alice", "north"), BETWEEN));
    }

    @ParameterizedTest
    @ValueSource(strings = {"carol", "", "Alice", "alice "})
    void aCandidateMustBeOnTheBallot(String candidate) {
        assertEquals("unknown_candidate", EVERYBODYS.reasonAgainst(vote(candidate, "north"), BETWEEN));
    }

    @ParameterizedTest
    @ValueSource(strings = {"south", "", "North", "nort", "north-west"})
    void aVoterOfAnotherJurisdictionDoesNotCount(String jurisdiction) {
        assertEquals("wrong_jurisdiction", NORTHERN.reasonAgainst(vote("alice", jurisdiction), BETWEEN));
    }

    @ParameterizedTest
    @ValueSource(strings = {"north", "far-north"})
    void eachJurisdictionOfTheElectionMayVote(String jurisdiction) {
        assertNull(NORTHERN.reasonAgainst(vote("alice", jurisdiction), BETWEEN));
    }

    @Test
    void aVoteThatDoesNotSayTheJurisdictionWasCheckedByItsIngress() {
        assertNull(NORTHERN.reasonAgainst(vote("alice", null), BETWEEN));
    }

    @ParameterizedTest
    @ValueSource(strings = {"north", "", "anywhere"})
    void anElectionWithoutJurisdictionsIsEverybodys(String jurisdiction) {
        assertNull(EVERYBODYS.reasonAgainst(vote("alice", jurisdiction), BETWEEN));
    }

    @Test
    void theCandidateIsJudgedFirstThenTheTimeThenTheJurisdiction() {
        assertEquals("unknown_candidate", CLOSED.reasonAgainst(vote("carol", "south"), CLOSES));
        assertEquals("election_not_open", CLOSED.reasonAgainst(vote("alice", "south"), CLOSES));
        assertEquals("election_not_open", NORTHERN.reasonAgainst(vote("alice", "south"), CLOSES));
        assertEquals("unknown_candidate", NORTHERN.reasonAgainst(vote("carol", "south"), BETWEEN));
    }

    private static Vote vote(String candidate, String jurisdiction) {
        Utf8 said = jurisdiction == null ? null : text(jurisdiction);
        return new Vote(text("v"), text("e"), text("s"), text(candidate), BETWEEN, 1, said);
    }

    private static Set<Utf8> texts(String... texts) {
        return Stream.of(texts).map(Utf8::new).collect(Collectors.toSet());
    }
}
