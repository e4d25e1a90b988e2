package voting.jobs;

import java.util.function.Consumer;

/** Says in the log that there are dead letters: at once, and then how many more there are, at most every ten seconds. */
final class Alarm {

    static final long EVERY_MS = 10_000;

    private final Knowledge.Clock clock;
    private final Consumer<String> log;
    private long saidAtMs = Long.MIN_VALUE / 2;
    private long unsaid;

    Alarm(Knowledge.Clock clock, Consumer<String> log) {
        this.clock = clock;
        this.log = log;
    }

    /** One more dead letter, from there in votes-in. {@code error} must tell neither voter nor choice. */
    void raise(int partition, long offset, String error) {
        unsaid++;
        long nowMs = clock.nowMs();
        if (nowMs - saidAtMs < EVERY_MS) {
            return;
        }
        log.accept(
                "ALARM: " + unsaid + " more dead letters, the newest from partition " + partition + ", offset " + offset
                        + " of votes-in: " + error);
        saidAtMs = nowMs;
        unsaid = 0;
    }
}
