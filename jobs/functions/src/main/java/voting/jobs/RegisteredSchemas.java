package voting.jobs;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.Map;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.formats.avro.SchemaCoder;

/** The header of a value in the Confluent wire format, a zero byte and the schema's id in four bytes, written and read. */
record RegisteredSchemas(String url, String subject, Map<Integer, Schema> known) implements SchemaCoder.SchemaCoderProvider {

    @Override
    public SchemaCoder get() {
        return new Coder(new Registry(url, subject, known, Knowledge.Clock.SYSTEM), subject, known);
    }

    private static final class Coder implements SchemaCoder {

        private final Registry registry;
        private final String subject;
        private final Map<Integer, Schema> known;
        private Schema written;
        private byte[] header;

        Coder(Registry registry, String subject, Map<Integer, Schema> known) {
            this.registry = registry;
            this.subject = subject;
            this.known = known;
        }

        @Override
        public Schema readSchema(InputStream value) throws IOException {
            DataInputStream data = new DataInputStream(value);
            if (data.readByte() != 0) {
                throw new IOException("a value of " + subject + " does not begin with a zero byte");
            }
            int id = data.readInt();
            try {
                Schema schema = registry.schema(id, System.currentTimeMillis());
                if (schema == null) {
                    throw new IOException("no schema of " + subject + " has the id " + Integer.toUnsignedString(id));
                }
                return schema;
            } catch (InterruptedException error) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted while waiting for the schema " + Integer.toUnsignedString(id), error);
            }
        }

        @Override
        public void writeSchema(Schema schema, OutputStream value) throws IOException {
            if (schema != written) {
                header = ByteBuffer.allocate(5).putInt(1, idOf(schema)).array();
                written = schema;
            }
            value.write(header);
        }

        private int idOf(Schema schema) throws IOException {
            for (Map.Entry<Integer, Schema> entry : known.entrySet()) {
                if (entry.getValue().equals(schema)) {
                    return entry.getKey();
                }
            }
            throw new IOException("the schema to write is not among those of " + subject + " that the job was given");
        }
    }
}
