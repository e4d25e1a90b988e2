package voting.jobs;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.function.Function;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericDatumWriter;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericRecord;
import org.apache.flink.avro.shaded.org.apache.avro.io.BinaryEncoder;
import org.apache.flink.avro.shaded.org.apache.avro.io.EncoderFactory;

/** What Avro's own encoders make of a datum. */
final class Encoding {

    private static final int SMALLEST_BLOCK_BYTES = 64;

    private Encoding() {}

    /** Arrays and maps in one block without its size. */
    static byte[] plain(GenericRecord datum) {
        return encoded(datum, out -> EncoderFactory.get().binaryEncoder(out, null));
    }

    /** Arrays and maps in many blocks, with their sizes. */
    static byte[] inBlocks(GenericRecord datum) {
        EncoderFactory factory = new EncoderFactory().configureBlockSize(SMALLEST_BLOCK_BYTES);
        return encoded(datum, out -> factory.blockingBinaryEncoder(out, null));
    }

    /** The wire format. */
    static byte[] value(int schemaId, GenericRecord datum) {
        return value(schemaId, plain(datum));
    }

    static byte[] value(int schemaId, byte[] body) {
        return ByteBuffer.allocate(5 + body.length).put((byte) 0).putInt(schemaId).put(body).array();
    }

    private static byte[] encoded(GenericRecord datum, Function<OutputStream, BinaryEncoder> encoders) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        BinaryEncoder encoder = encoders.apply(out);
        try {
            new GenericDatumWriter<GenericRecord>(datum.getSchema()).write(datum, encoder);
            encoder.flush();
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        return out.toByteArray();
    }
}
