package voting.jobs;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.flink.avro.shaded.org.apache.avro.io.Decoder;
import org.apache.flink.avro.shaded.org.apache.avro.util.Utf8;

/**
 * Avro's binary encoding, read from an array that is not to be trusted. (Avro 1.11 specification, "Binary encoding".)
 *
 * <p>Avro's own decoder takes memory for as many bytes or items as the data announce before it finds out that they are not there:
 * ten bytes can ask for two gigabytes. This one looks first. It also looks whether a string is UTF-8, for what reads the outputs
 * does. Whatever is wrong with the data is an {@link IOException}.
 */
final class BoundedDecoder extends Decoder {

    private static final int LONGEST_VARINT = 10;

    private static final VarHandle FLOATS = MethodHandles.byteArrayViewVarHandle(float[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle DOUBLES = MethodHandles.byteArrayViewVarHandle(double[].class, ByteOrder.LITTLE_ENDIAN);

    private byte[] data;
    private int position;

    /** Start at an offset of an array. */
    void read(byte[] from, int offset) {
        data = from;
        position = offset;
    }

    boolean isAtEnd() {
        return position == data.length;
    }

    @Override
    public void readNull() {}

    @Override
    public boolean readBoolean() throws IOException {
        return data[taken(1)] == 1;
    }

    @Override
    public int readInt() throws IOException {
        long value = readLong();
        if (value != (int) value) {
            throw new Malformed("an int that is too long");
        }
        return (int) value;
    }

    @Override
    public long readLong() throws IOException {
        long bits = 0;
        for (int index = 0; index < LONGEST_VARINT; index++) {
            byte next = data[taken(1)];
            bits |= (long) (next & 0x7F) << (7 * index);
            if (next >= 0) {
                return bits >>> 1 ^ -(bits & 1);
            }
        }
        throw new Malformed("a number that does not end");
    }

    @Override
    public float readFloat() throws IOException {
        return (float) FLOATS.get(data, taken(Float.BYTES));
    }

    @Override
    public double readDouble() throws IOException {
        return (double) DOUBLES.get(data, taken(Double.BYTES));
    }

    @Override
    public Utf8 readString(Utf8 old) throws IOException {
        byte[] bytes = takeBytes();
        if (!isUtf8(bytes)) {
            throw new Malformed("a string that is not UTF-8");
        }
        return new Utf8(bytes);
    }

    @Override
    public String readString() throws IOException {
        return readString(null).toString();
    }

    @Override
    public void skipString() throws IOException {
        taken(readLength());
    }

    @Override
    public ByteBuffer readBytes(ByteBuffer old) throws IOException {
        return ByteBuffer.wrap(takeBytes());
    }

    @Override
    public void skipBytes() throws IOException {
        taken(readLength());
    }

    @Override
    public void readFixed(byte[] bytes, int start, int length) throws IOException {
        System.arraycopy(data, taken(length), bytes, start, length);
    }

    @Override
    public void skipFixed(int length) throws IOException {
        taken(length);
    }

    @Override
    public int readEnum() throws IOException {
        return readInt();
    }

    @Override
    public int readIndex() throws IOException {
        return readInt();
    }

    @Override
    public long readArrayStart() throws IOException {
        return readBlock();
    }

    @Override
    public long arrayNext() throws IOException {
        return readBlock();
    }

    @Override
    public long skipArray() throws IOException {
        return skipBlocks();
    }

    @Override
    public long readMapStart() throws IOException {
        return readBlock();
    }

    @Override
    public long mapNext() throws IOException {
        return readBlock();
    }

    @Override
    public long skipMap() throws IOException {
        return skipBlocks();
    }

    /** Number of items in the next block; one that has its size before it says so with a negative number. */
    private long readBlock() throws IOException {
        long items = readLong();
        if (items < 0) {
            items = -items;
            readLong();
        }
        return withinReach(items);
    }

    /** Skips the blocks whose size is told; returns the number of items in one that must be skipped item by item. */
    private long skipBlocks() throws IOException {
        long items = readLong();
        while (items < 0) {
            taken(readLength());
            items = readLong();
        }
        return withinReach(items);
    }

    private byte[] takeBytes() throws IOException {
        int length = readLength();
        byte[] bytes = new byte[length];
        System.arraycopy(data, taken(length), bytes, 0, length);
        return bytes;
    }

    private int readLength() throws IOException {
        return (int) withinReach(readLong());
    }

    /** Nothing here takes less than a byte, so there is no more of anything than bytes are left. */
    private long withinReach(long count) throws Malformed {
        if (count < 0 || count > data.length - position) {
            throw new Malformed("a length beyond the end");
        }
        return count;
    }

    /** The place of so many bytes that are read or skipped now. */
    private int taken(int length) throws Malformed {
        if (length > data.length - position) {
            throw new Malformed("it ends too soon");
        }
        int start = position;
        position += length;
        return start;
    }

    private static boolean isUtf8(byte[] bytes) {
        int allBits = 0;
        for (byte next : bytes) {
            allBits |= next;
        }
        boolean isAscii = allBits >= 0;
        return isAscii
                || !StandardCharsets.UTF_8
                        .newDecoder()
                        .decode(ByteBuffer.wrap(bytes), CharBuffer.allocate(bytes.length), true)
                        .isError();
    }

    private static final class Malformed extends IOException {

        Malformed(String message) {
            super(message);
        }

        /** A flood of bad records must not cost a stack trace each. */
        @Override
        public Throwable fillInStackTrace() {
            return this;
        }
    }
}
