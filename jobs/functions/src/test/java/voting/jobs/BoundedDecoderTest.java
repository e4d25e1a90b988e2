package voting.jobs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericData;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericDatumReader;
import org.apache.flink.avro.shaded.org.apache.avro.io.BinaryEncoder;
import org.apache.flink.avro.shaded.org.apache.avro.io.EncoderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class BoundedDecoderTest {

    private static final long SEED = 1;
    private static final int ROUNDS = 1_000;

    /** Room for classes that are loaded meanwhile, and far below what hostile lengths ask for. */
    private static final long FEW_BYTES = 1_000_000;

    private final BoundedDecoder decoder = new BoundedDecoder();
    private final GenericDatumReader<GenericData.Record> everything = new GenericDatumReader<>(Schemas.EVERYTHING);
    private final GenericDatumReader<GenericData.Record> last =
            new GenericDatumReader<>(Schemas.EVERYTHING, Schemas.LAST_OF_EVERYTHING);

    @Test
    void whatAvroWritesReadsBack() throws IOException {
        RandomDatum data = new RandomDatum(SEED);
        for (int round = 0; round < ROUNDS; round++) {
            GenericData.Record datum = data.record(Schemas.EVERYTHING);
            for (byte[] bytes : List.of(Encoding.plain(datum), Encoding.inBlocks(datum))) {
                assertEquals(datum, read(bytes, everything));
                assertTrue(decoder.isAtEnd());
            }
        }
    }

    @Test
    void whatAvroWritesCanBeSkipped() throws IOException {
        RandomDatum data = new RandomDatum(SEED);
        for (int round = 0; round < ROUNDS; round++) {
            GenericData.Record datum = data.record(Schemas.EVERYTHING);
            for (byte[] bytes : List.of(Encoding.plain(datum), Encoding.inBlocks(datum))) {
                assertEquals(datum.get("last"), read(bytes, last).get("last"));
                assertTrue(decoder.isAtEnd());
            }
        }
    }

    /** Guards the tests above: random data must be such that the encoders write differently. */
    @Test
    void avrosBlocksHaveTheirSizes() {
        GenericData.Record datum = new RandomDatum(SEED).record(Schemas.EVERYTHING);
        byte[] plain = Encoding.plain(datum);
        byte[] inBlocks = Encoding.inBlocks(datum);
        assertTrue(inBlocks.length > plain.length);
    }

    @Test
    void anOffsetIsWhereReadingStarts() throws IOException {
        decoder.read(new byte[] {9, 9, 2}, 2);
        assertEquals(1, decoder.readInt());
        assertTrue(decoder.isAtEnd());
    }

    @Test
    void whatIsCutShortIsAnError() {
        RandomDatum data = new RandomDatum(SEED);
        for (int round = 0; round < 10; round++) {
            GenericData.Record datum = data.record(Schemas.EVERYTHING);
            for (byte[] bytes : List.of(Encoding.plain(datum), Encoding.inBlocks(datum))) {
                for (int length = 0; length < bytes.length; length++) {
                    byte[] cut = Arrays.copyOf(bytes, length);
                    assertThrows(IOException.class, () -> read(cut, everything));
                    assertThrows(IOException.class, () -> read(cut, last));
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MIN_VALUE, -(1L << 31), -1, 5, Integer.MAX_VALUE, 1L << 31, 1L << 32, 1L << 62, Long.MAX_VALUE})
    void aLengthThatIsNotThereTakesNoMemory(long length) throws IOException {
        byte[] bytes = announced(length);
        refusedWithoutMemory(bytes, decoder::readString);
        refusedWithoutMemory(bytes, () -> decoder.readString(null));
        refusedWithoutMemory(bytes, () -> decoder.readBytes(null));
        refusedWithoutMemory(bytes, decoder::skipString);
        refusedWithoutMemory(bytes, decoder::skipBytes);
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MIN_VALUE, Long.MIN_VALUE + 1, -(1L << 31), -5, 5, Integer.MAX_VALUE, 1L << 62, Long.MAX_VALUE})
    void aNumberOfItemsThatAreNotThereIsAnError(long items) throws IOException {
        byte[] bytes = announced(items);
        refusedWithoutMemory(bytes, decoder::readArrayStart);
        refusedWithoutMemory(bytes, decoder::arrayNext);
        refusedWithoutMemory(bytes, decoder::readMapStart);
        refusedWithoutMemory(bytes, decoder::mapNext);
    }

    @ParameterizedTest
    @ValueSource(longs = {5, Integer.MAX_VALUE, 1L << 32, Long.MAX_VALUE})
    void aNumberOfItemsThatAreNotThereCannotBeSkipped(long items) throws IOException {
        byte[] bytes = announced(items);
        refusedWithoutMemory(bytes, decoder::skipArray);
        refusedWithoutMemory(bytes, decoder::skipMap);
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MIN_VALUE, -1, 4, Integer.MAX_VALUE, 1L << 62, Long.MAX_VALUE})
    void aBlocksSizeBeyondTheEndCannotBeSkipped(long size) throws IOException {
        byte[] bytes = announced(-1, size);
        refusedWithoutMemory(bytes, decoder::skipArray);
        refusedWithoutMemory(bytes, decoder::skipMap);
    }

    @ParameterizedTest
    @ValueSource(ints = {10, 11, 40})
    void aNumberThatDoesNotEndIsAnError(int length) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) 0xFF);
        refusedWithoutMemory(bytes, decoder::readLong);
        refusedWithoutMemory(bytes, decoder::readInt);
        refusedWithoutMemory(bytes, decoder::readArrayStart);
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MIN_VALUE, Integer.MIN_VALUE - 1L, Integer.MAX_VALUE + 1L, Long.MAX_VALUE})
    void aNumberBeyondAnIntIsNone(long number) throws IOException {
        byte[] bytes = announced(number);
        refusedWithoutMemory(bytes, decoder::readInt);
        refusedWithoutMemory(bytes, decoder::readEnum);
        refusedWithoutMemory(bytes, decoder::readIndex);
        decoder.read(bytes, 0);
        assertEquals(number, decoder.readLong());
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MIN_VALUE, Integer.MIN_VALUE, -65, -64, -1, 0, 1, 63, 64, Integer.MAX_VALUE, Long.MAX_VALUE})
    void anyLongReadsBack(long number) throws IOException {
        decoder.read(announced(number), 0);
        assertEquals(number, decoder.readLong());
    }

    @Test
    void aFixedValueLongerThanTheRestIsAnError() {
        refusedWithoutMemory(new byte[6], () -> decoder.readFixed(new byte[7], 0, 7));
        refusedWithoutMemory(new byte[6], () -> decoder.skipFixed(7));
        refusedWithoutMemory(new byte[3], decoder::readFloat);
        refusedWithoutMemory(new byte[7], decoder::readDouble);
        refusedWithoutMemory(new byte[0], decoder::readBoolean);
    }

    private static Stream<byte[]> notUtf8() {
        return Stream.of(
                bytes(0xFF),
                bytes('a', 0x80),
                bytes('a', 0xC3), // the start of a letter
                bytes(0xC0, 0x80), // a zero in two bytes
                bytes(0xED, 0xA0, 0x80), // half a surrogate
                bytes(0xF4, 0x90, 0x80, 0x80)); // beyond Unicode
    }

    @ParameterizedTest
    @MethodSource("notUtf8")
    void aStringThatIsNotUtf8IsAnError(byte[] text) throws IOException {
        byte[] bytes = new byte[1 + text.length];
        bytes[0] = (byte) (2 * text.length);
        System.arraycopy(text, 0, bytes, 1, text.length);
        refusedWithoutMemory(bytes, decoder::readString);
        decoder.read(bytes, 0);
        assertArrayEquals(text, decoder.readBytes(null).array());
    }

    @Test
    void anErrorHasNoStackTrace() {
        decoder.read(new byte[0], 0);
        IOException error = assertThrows(IOException.class, decoder::readLong);
        assertEquals(0, error.getStackTrace().length);
    }

    private GenericData.Record read(byte[] bytes, GenericDatumReader<GenericData.Record> reader) throws IOException {
        decoder.read(bytes, 0);
        return reader.read(null, decoder);
    }

    private void refusedWithoutMemory(byte[] bytes, Executable reading) {
        decoder.read(bytes, 0);
        long before = Allocation.bytesSoFar();
        assertThrows(IOException.class, reading);
        assertTrue(Allocation.bytesSoFar() - before < FEW_BYTES);
    }

    /** These numbers, and three bytes more. */
    private static byte[] announced(long... numbers) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        for (long number : numbers) {
            encoder.writeLong(number);
        }
        encoder.writeFixed(new byte[3]);
        return out.toByteArray();
    }

    private static byte[] bytes(int... unsigned) {
        byte[] bytes = new byte[unsigned.length];
        for (int index = 0; index < unsigned.length; index++) {
            bytes[index] = (byte) unsigned[index];
        }
        return bytes;
    }
}
