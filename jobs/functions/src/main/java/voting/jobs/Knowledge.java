package voting.jobs;

import java.io.IOException;

/**
 * Something that only grows, elsewhere, and is read again when something is missed in it: whether it is really not there.
 *
 * <p>What a record names was there before the record was appended. So what is still missing after everything has been read once
 * more, later than that, does not exist, and a replay comes to the same. Where the source does not answer nothing is known: it is
 * asked again, and the task fails after {@link #PATIENCE_MS}, so that it can be stopped and its restart goes on asking.
 */
abstract class Knowledge {

    /** The clocks of the brokers and of this machine may differ by so much before a reading is taken for a later one than it is. */
    static final long CLOCKS_DIFFER_MS = 1_000;

    /** A flood of records that name what does not exist shares its readings. It then lags by this and the difference of clocks. */
    static final long READ_EVERY_MS = 200;

    static final long FIRST_PAUSE_MS = 200;
    static final long LONGEST_PAUSE_MS = 5_000;
    static final long PATIENCE_MS = 30_000;

    private final String name;
    private final Clock clock;
    private long readAtMs = Long.MIN_VALUE / 2;

    Knowledge(String name, Clock clock) {
        this.name = name;
        this.clock = clock;
    }

    /** Time and waiting, which tests do without. */
    interface Clock {
        long nowMs();

        void sleep(long milliseconds) throws InterruptedException;

        Clock SYSTEM =
                new Clock() {
                    @Override
                    public long nowMs() {
                        return System.currentTimeMillis();
                    }

                    @Override
                    public void sleep(long milliseconds) throws InterruptedException {
                        Thread.sleep(milliseconds);
                    }
                };
    }

    /** Read all of it again. */
    protected abstract void read() throws IOException, InterruptedException;

    /**
     * Make sure that everything is known that was there when a record was appended. Blocks.
     *
     * @throws IOException if the source has not answered for {@link #PATIENCE_MS}
     */
    final void knowAllAt(long appendedAtMs) throws IOException, InterruptedException {
        if (readAtMs - CLOCKS_DIFFER_MS >= appendedAtMs) {
            return;
        }
        long wait = readAtMs + READ_EVERY_MS - clock.nowMs();
        if (wait > 0) {
            clock.sleep(Math.min(wait, READ_EVERY_MS));
        }
        long giveUpAtMs = clock.nowMs() + PATIENCE_MS;
        for (long pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
            long startedAtMs = clock.nowMs();
            try {
                read();
                readAtMs = startedAtMs;
                return;
            } catch (IOException error) {
                long patienceMs = giveUpAtMs - clock.nowMs();
                if (patienceMs <= 0) {
                    throw new IOException(name + " has not answered for " + PATIENCE_MS / 1000 + " s", error);
                }
                clock.sleep(Math.min(pause, patienceMs));
            }
        }
    }
}
