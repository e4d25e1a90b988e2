package voting.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static voting.jobs.Knowledge.CLOCKS_DIFFER_MS;
import static voting.jobs.Knowledge.PATIENCE_MS;
import static voting.jobs.Knowledge.READ_EVERY_MS;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KnowledgeTest {

    private static final long NOW = FakeClock.START_MS;

    private final FakeClock clock = new FakeClock();
    private final Source source = new Source();

    /** Notes when it is read. */
    private final class Source extends Knowledge {

        private final List<Long> readAt = new ArrayList<>();
        private int failures;
        private long takesMs;

        Source() {
            super("the source", KnowledgeTest.this.clock);
        }

        @Override
        protected void read() throws IOException, InterruptedException {
            readAt.add(clock.nowMs());
            clock.pass(takesMs);
            if (failures > 0) {
                failures--;
                throw new IOException("failure " + readAt.size());
            }
        }
    }

    @Test
    void theFirstReadingIsAtOnce() throws Exception {
        source.knowAllAt(NOW);
        assertEquals(List.of(NOW), source.readAt);
    }

    @Test
    void aReadingLongAfterTheRecordIsNotRepeated() throws Exception {
        source.knowAllAt(NOW);
        source.knowAllAt(NOW - CLOCKS_DIFFER_MS);
        source.knowAllAt(NOW - 1_000_000);
        assertEquals(1, source.readAt.size());
    }

    @Test
    void aReadingThatMayBeEarlierThanTheRecordIsRepeated() throws Exception {
        source.knowAllAt(NOW);
        source.knowAllAt(NOW - CLOCKS_DIFFER_MS + 1);
        assertEquals(List.of(NOW, NOW + READ_EVERY_MS), source.readAt);
    }

    @Test
    void aReadingIsAsOldAsItsStart() throws Exception {
        source.takesMs = 10_000;
        source.knowAllAt(NOW);
        source.knowAllAt(NOW);
        assertEquals(2, source.readAt.size());
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MAX_VALUE, Long.MAX_VALUE - CLOCKS_DIFFER_MS + 1, NOW + 1_000_000_000})
    void aRecordFromTheFutureIsReadForEachTime(long appendedAt) throws Exception {
        source.knowAllAt(appendedAt);
        source.knowAllAt(appendedAt);
        assertEquals(2, source.readAt.size());
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, 0})
    void aRecordWithoutATimeIsReadForOnce(long appendedAt) throws Exception {
        source.knowAllAt(appendedAt);
        source.knowAllAt(appendedAt);
        assertEquals(1, source.readAt.size());
    }

    @Test
    void aFloodSharesItsReadings() throws Exception {
        for (long appendedAt = NOW; appendedAt < NOW + 10_000; appendedAt++) {
            clock.pass(Math.max(0, appendedAt - clock.nowMs()));
            source.knowAllAt(appendedAt);
        }
        long lag = CLOCKS_DIFFER_MS + READ_EVERY_MS;
        assertTrue(clock.nowMs() <= NOW + 10_000 + lag, () -> "it lags by " + (clock.nowMs() - NOW - 10_000) + " ms");
        assertTrue(source.readAt.size() <= (10_000 + lag) / READ_EVERY_MS + 1, () -> source.readAt.size() + " readings");
    }

    @Test
    void aClockThatIsSetBackIsNotWaitedFor() throws Exception {
        source.knowAllAt(NOW);
        clock.pass(-3_600_000);
        source.knowAllAt(NOW);
        assertEquals(List.of(READ_EVERY_MS), clock.pauses());
        assertEquals(2, source.readAt.size());
    }

    @Test
    void aSourceThatComesBackAnswersInTheEnd() throws Exception {
        source.failures = 7;
        source.knowAllAt(NOW);
        assertEquals(List.of(200L, 400L, 800L, 1_600L, 3_200L, 5_000L, 5_000L), clock.pauses());
    }

    @Test
    void aReadingThatFailedIsNone() throws Exception {
        source.failures = Integer.MAX_VALUE;
        assertThrows(IOException.class, () -> source.knowAllAt(0));
        source.failures = 0;
        int before = source.readAt.size();
        source.knowAllAt(0);
        assertEquals(before + 1, source.readAt.size());
    }

    @Test
    void patienceEndsWithTheCause() {
        source.failures = Integer.MAX_VALUE;
        IOException error = assertThrows(IOException.class, () -> source.knowAllAt(NOW));
        assertEquals("the source has not answered for 30 s", error.getMessage());
        assertEquals("failure " + source.readAt.size(), error.getCause().getMessage());
        assertEquals(NOW + PATIENCE_MS, clock.nowMs());
    }

    @Test
    void readingsThatTakeLongAreNotRepeatedBeyondPatience() {
        source.failures = Integer.MAX_VALUE;
        source.takesMs = PATIENCE_MS;
        assertThrows(IOException.class, () -> source.knowAllAt(NOW));
        assertEquals(1, source.readAt.size());
    }

    @Test
    void anInterruptionGetsOutOfAPause() {
        source.failures = 1;
        Thread.currentThread().interrupt();
        assertThrows(InterruptedException.class, () -> source.knowAllAt(NOW));
    }

    @Test
    void anInterruptionGetsOutOfAReading() {
        InterruptedException interruption = new InterruptedException();
        Knowledge interrupted =
                new Knowledge("the source", clock) {
                    @Override
                    protected void read() throws InterruptedException {
                        throw interruption;
                    }
                };
        assertSame(interruption, assertThrows(InterruptedException.class, () -> interrupted.knowAllAt(NOW)));
        assertTrue(clock.pauses().isEmpty());
    }
}
