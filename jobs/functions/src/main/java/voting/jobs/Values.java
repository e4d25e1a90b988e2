package voting.jobs;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.avro.shaded.org.apache.avro.AvroRuntimeException;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericData;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericDatumReader;

/**
 * Values in the Confluent wire format, read with their writers' schemas and resolved to one reader's: a zero byte, the schema's id
 * in four bytes, the datum. Not safe to share between threads.
 */
final class Values {

    private static final int HEADER_BYTES = 5;

    private final Schema reader;
    private final Registry registry;
    private final Map<Integer, GenericDatumReader<GenericData.Record>> readers = new HashMap<>();
    private final BoundedDecoder decoder = new BoundedDecoder();

    Values(Schema reader, Registry registry) {
        this.reader = reader;
        this.registry = registry;
    }

    /**
     * Decode a value that was appended then.
     *
     * @throws NotAVote if these bytes are no value of a schema of the subject, and never will be
     * @throws IOException if the registry cannot say so now
     */
    GenericData.Record decode(byte[] value, long appendedAtMs) throws NotAVote, IOException, InterruptedException {
        if (value == null) {
            throw new NotAVote("no value");
        }
        if (value.length < HEADER_BYTES) {
            throw new NotAVote(value.length + " bytes are too short for the wire format's header");
        }
        if (value[0] != 0) {
            throw new NotAVote("the first byte is " + (value[0] & 0xFF) + ", not 0");
        }
        GenericDatumReader<GenericData.Record> datumReader = readerOf(ByteBuffer.wrap(value).getInt(1), appendedAtMs);
        decoder.read(value, HEADER_BYTES);
        GenericData.Record datum;
        try {
            datum = datumReader.read(null, decoder);
        } catch (IOException | AvroRuntimeException error) {
            // The decoder's and Avro's: the bytes are all here, so none of them is about reading from somewhere.
            throw new NotAVote("not a value of its schema: " + error.getMessage());
        } catch (IndexOutOfBoundsException error) {
            // Avro looks up what the number stands for. Its message is the JVM's, which leaves it out where it has seen many.
            throw new NotAVote("not a value of its schema: no such branch of a union or symbol of an enum");
        }
        if (!decoder.isAtEnd()) {
            throw new NotAVote("bytes left over after the value");
        }
        return datum;
    }

    private GenericDatumReader<GenericData.Record> readerOf(int id, long appendedAtMs)
            throws NotAVote, IOException, InterruptedException {
        GenericDatumReader<GenericData.Record> known = readers.get(id);
        if (known == null) {
            Schema writer = registry.schema(id, appendedAtMs);
            if (writer == null) {
                throw new NotAVote("no schema of this topic has the id " + Integer.toUnsignedString(id));
            }
            known = new GenericDatumReader<>(writer, reader);
            readers.put(id, known);
        }
        return known;
    }
}
