package voting.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class AlarmTest {

    private final FakeClock clock = new FakeClock();
    private final List<String> said = new ArrayList<>();
    private final Alarm alarm = new Alarm(clock, said::add);

    @Test
    void theFirstIsToldAtOnce() {
        alarm.raise(3, 17, "no value");
        assertEquals(List.of("ALARM: 1 more dead letters, the newest from partition 3, offset 17 of votes-in: no value"), said);
    }

    @Test
    void aFloodIsToldEveryTenSecondsWithItsSize() {
        for (int record = 0; record < 25_000; record++) {
            alarm.raise(0, record, "no value");
            clock.pass(1);
        }
        assertEquals(3, said.size());
        assertEquals("ALARM: 10000 more dead letters, the newest from partition 0, offset 20000 of votes-in: no value", said.get(2));
    }
}
