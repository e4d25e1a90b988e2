package voting.jobs;

import java.util.ArrayList;
import java.util.List;

/** Time that passes only while somebody sleeps, or as told. */
final class FakeClock implements Knowledge.Clock {

    /** Of no importance, but not zero. */
    static final long START_MS = 1_736_857_815_123L;

    private final List<Long> pauses = new ArrayList<>();
    private Runnable whileAsleep = () -> {};
    private long now = START_MS;

    @Override
    public long nowMs() {
        return now;
    }

    @Override
    public void sleep(long milliseconds) throws InterruptedException {
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        pauses.add(milliseconds);
        now += milliseconds;
        whileAsleep.run();
    }

    void pass(long milliseconds) {
        now += milliseconds;
    }

    List<Long> pauses() {
        return pauses;
    }

    /** Happens in each pause from now on. */
    void whileAsleep(Runnable action) {
        whileAsleep = action;
    }
}
