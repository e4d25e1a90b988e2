package voting.jobs;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CoveredOffsetsTest {

    private static final int PARTITIONS = 4;

    private final CoveredOffsets covered = CoveredOffsets.parse("0:0,2:1000", PARTITIONS);

    @ParameterizedTest
    @CsvSource({"0, 0", "2, 0", "2, 999", "2, 1000"})
    void aCoveredOffsetIsRefused(int partition, long offset) {
        IllegalStateException error = assertThrows(IllegalStateException.class, () -> covered.refuse(partition, offset));
        String said = "partition " + partition + " of votes-in is read at offset " + offset;
        assertTrue(error.getMessage().contains(said), error::getMessage);
    }

    @ParameterizedTest
    @CsvSource({"0, 1", "1, 0", "2, 1001", "2, 9223372036854775807", "3, 0"})
    void anOffsetThatIsNotCoveredIsRead(int partition, long offset) {
        assertDoesNotThrow(() -> covered.refuse(partition, offset));
    }

    @Test
    void nothingIsCoveredByNothing() {
        CoveredOffsets nothing = CoveredOffsets.parse("", PARTITIONS);
        for (int partition = 0; partition < PARTITIONS; partition++) {
            nothing.refuse(partition, 0);
        }
    }

    @Test
    void anyOrderWillDo() {
        CoveredOffsets other = CoveredOffsets.parse("3:7,0:5", PARTITIONS);
        other.refuse(0, 6);
        assertThrows(IllegalStateException.class, () -> other.refuse(3, 7));
    }

    @Test
    void aPartitionThatWasNotToBeThereIsRefused() {
        IllegalStateException error = assertThrows(IllegalStateException.class, () -> covered.refuse(4, 0));
        assertEquals("votes-in has a partition 4, and was to have 4", error.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"x", "1", ":", "1:", ":1", "1:2:3", "a:1", "1:a", "-1:5", "1:-1", "+1:5", " 1:5", "1:5 ", "1.0:5"})
    void anEntryThatIsNoneIsNamed(String entry) {
        for (String text : new String[] {entry, "0:1," + entry, entry + ",0:1"}) {
            assertEquals("covered offsets \"" + text + "\": \"" + entry + "\" is not partition:offset", refused(text));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {",", "0:1,", ",0:1", "0:1,,1:1"})
    void anEmptyEntryIsNone(String text) {
        assertEquals("covered offsets \"" + text + "\": \"\" is not partition:offset", refused(text));
    }

    @Test
    void aNumberBeyondALongIsNone() {
        assertEquals(
                "covered offsets \"0:99999999999999999999\": \"0:99999999999999999999\" is not partition:offset",
                refused("0:99999999999999999999"));
        assertEquals("covered offsets \"9999999999:0\": \"9999999999:0\" is not partition:offset", refused("9999999999:0"));
    }

    @ParameterizedTest
    @ValueSource(ints = {PARTITIONS, PARTITIONS + 1, 999_999_999})
    void aPartitionBeyondTheLastIsNamed(int partition) {
        String text = "0:1," + partition + ":1";
        assertEquals("covered offsets \"" + text + "\": there is no partition " + partition + " of 4", refused(text));
    }

    @Test
    void aPartitionThatIsNamedTwiceIsAnError() {
        assertEquals("covered offsets \"1:5,1:6\": partition 1 is named twice", refused("1:5,1:6"));
    }

    private static String refused(String text) {
        return assertThrows(IllegalArgumentException.class, () -> CoveredOffsets.parse(text, PARTITIONS)).getMessage();
    }
}
