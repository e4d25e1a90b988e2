package voting.jobs;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class IsSettledTest {

    private final IsSettled function = new IsSettled();

    @Test
    void aRecordIsSettledUpToTheOffsetOfItsPartition() {
        function.open("1:100", 2);
        assertTrue(function.eval(1, 0));
        assertTrue(function.eval(1, 100));
        assertFalse(function.eval(1, 101));
        assertFalse(function.eval(0, 0));
    }

    @Test
    void nothingIsSettledUnlessTheJobIsToldSo() {
        function.open("", 2);
        assertFalse(function.eval(0, 0));
    }

    @Test
    void nobodyCanSayForAPartitionThatIsNotThere() {
        function.open("", 2);
        assertThrows(IllegalStateException.class, () -> function.eval(2, 0));
    }
}
