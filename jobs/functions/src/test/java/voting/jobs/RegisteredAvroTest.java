package voting.jobs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.JsonNodeFactory;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.factories.Factory;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.LogicalType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RegisteredAvroTest {

    private static final String SUBJECT = "votes-in-value";
    private static final DataType ROW =
            DataTypes.ROW(
                            DataTypes.FIELD("vote_id", DataTypes.STRING().notNull()),
                            DataTypes.FIELD("election_id", DataTypes.STRING().notNull()),
                            DataTypes.FIELD("voter_sub", DataTypes.STRING().notNull()),
                            DataTypes.FIELD("candidate_id", DataTypes.STRING().notNull()),
                            DataTypes.FIELD("cast_at", DataTypes.TIMESTAMP(3).notNull()),
                            DataTypes.FIELD("catalogue_version", DataTypes.INT().notNull()),
                            DataTypes.FIELD("jurisdiction", DataTypes.STRING()))
                    .notNull();
    private static final GenericRowData VOTE =
            GenericRowData.of(
                    StringData.fromString("v-1"),
                    StringData.fromString("e-1"),
                    StringData.fromString("s-1"),
                    StringData.fromString("alice"),
                    TimestampData.fromEpochMillis(Records.CAST_AT_MS),
                    3,
                    StringData.fromString("north"));

    private final RegisteredAvro format = new RegisteredAvro();
    private RegistryServer server;

    @BeforeEach
    void startTheRegistry() throws IOException {
        server = new RegistryServer();
    }

    @AfterEach
    void stopTheRegistry() {
        server.close();
    }

    @Test
    void flinkFindsTheFormat() {
        assertTrue(ServiceLoader.load(Factory.class).stream().anyMatch(found -> found.type() == RegisteredAvro.class));
    }

    @Test
    void whatIsWrittenIsReadAgainAndTheRegistryIsNotAsked() throws Exception {
        Configuration options = options(Map.of(4, Schemas.VOTE_1, 0x01020304, Schemas.VOTE_2));
        byte[] value = encoder(options, ROW).serialize(VOTE);
        assertArrayEquals(new byte[] {0, 1, 2, 3, 4, 6, 'v', '-', '1'}, java.util.Arrays.copyOf(value, 9));
        assertEquals(VOTE, decoder(options).deserialize(value));
        assertEquals(List.of(), server.requests());
    }

    @Test
    void whatAFormerVersionWroteIsReadAsTheNewestOne() throws Exception {
        byte[] value = Encoding.value(4, Records.vote(Schemas.VOTE_1, Map.of()));
        RowData read = decoder(options(Map.of(4, Schemas.VOTE_1, 7, Schemas.VOTE_2))).deserialize(value);
        assertEquals("alice", read.getString(3).toString());
        assertTrue(read.isNullAt(6));
        assertEquals(List.of(), server.requests());
    }

    @Test
    void aNewerIdIsAskedFor() throws Exception {
        server.register(SUBJECT, 1, 4, Schemas.VOTE_1).register(SUBJECT, 2, 7, Schemas.VOTE_2).register(SUBJECT, 3, 9, Schemas.VOTE_3);
        org.apache.flink.avro.shaded.org.apache.avro.generic.GenericData.Record newer =
                Records.vote(Schemas.VOTE_3, Map.of("channels", List.of("web")));
        DeserializationSchema<RowData> decoder = decoder(options(Map.of(7, Schemas.VOTE_2)));
        assertEquals("alice", decoder.deserialize(Encoding.value(9, newer)).getString(3).toString());
        int asked = server.requests().size();
        decoder.deserialize(Encoding.value(9, newer));
        assertEquals(asked, server.requests().size());
    }

    @Test
    void anIdThatIsOfNoSchemaIsAnError() throws Exception {
        server.register(SUBJECT, 1, 4, Schemas.VOTE_1);
        DeserializationSchema<RowData> decoder = decoder(options(Map.of(7, Schemas.VOTE_2)));
        byte[] value = Encoding.value(8, Records.vote(Map.of()));
        assertTrue(rootOf(assertThrows(IOException.class, () -> decoder.deserialize(value))).contains("has the id 8"));
    }

    @Test
    void aValueWithoutTheHeaderIsAnError() throws Exception {
        DeserializationSchema<RowData> decoder = decoder(options(Map.of(7, Schemas.VOTE_2)));
        byte[] value = {'{', '}', 0, 0, 7, 0};
        assertTrue(rootOf(assertThrows(IOException.class, () -> decoder.deserialize(value))).contains("zero byte"));
    }

    @Test
    void aSchemaThatIsNotAmongThoseGivenCannotBeWritten() throws Exception {
        SerializationSchema<RowData> encoder = encoder(options(Map.of(4, Schemas.VOTE_1)), ROW);
        Exception error = assertThrows(RuntimeException.class, () -> encoder.serialize(VOTE));
        assertTrue(rootOf(error).contains("not among those of " + SUBJECT), rootOf(error));
    }

    @Test
    void aTableWithOtherFieldsThanItsSchemaIsRefused() {
        DataType other = DataTypes.ROW(DataTypes.FIELD("vote_id", DataTypes.STRING().notNull())).notNull();
        assertThrows(ValidationException.class, () -> encoder(options(Map.of(7, Schemas.VOTE_2)), other));
    }

    @Test
    void schemasThatAreNoneAreRefused() {
        Configuration options = options(Map.of());
        options.set(RegisteredAvro.SCHEMAS, "{\"seven\": \"{}\"}");
        assertThrows(IllegalArgumentException.class, () -> encoder(options, ROW));
    }

    private Configuration options(Map<Integer, Schema> known) {
        ObjectNode schemas = JsonNodeFactory.instance.objectNode();
        known.forEach((id, schema) -> schemas.put(id.toString(), schema.toString()));
        Configuration options = new Configuration();
        options.set(RegisteredAvro.SCHEMA, Schemas.VOTE_2.toString());
        options.set(RegisteredAvro.SCHEMAS, schemas.toString());
        options.set(RegisteredAvro.URL, server.url());
        options.set(RegisteredAvro.SUBJECT, SUBJECT);
        return options;
    }

    private SerializationSchema<RowData> encoder(Configuration options, DataType type) throws Exception {
        SerializationSchema<RowData> encoder = shipped(format.createEncodingFormat(null, options).createRuntimeEncoder(null, type));
        encoder.open(null);
        return encoder;
    }

    private DeserializationSchema<RowData> decoder(Configuration options) throws Exception {
        DeserializationSchema<RowData> decoder =
                shipped(format.createDecodingFormat(null, options).createRuntimeDecoder(new Planner(), ROW));
        decoder.open(null);
        return decoder;
    }

    /** As it comes out of the job graph at a task. */
    @SuppressWarnings("unchecked")
    private static <T> T shipped(T schema) throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(schema);
        }
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            return (T) in.readObject();
        }
    }

    private static String rootOf(Throwable error) {
        return error.getCause() == null ? error.getMessage() : rootOf(error.getCause());
    }

    private static final class Planner implements DynamicTableSource.Context {

        @Override
        public <T> TypeInformation<T> createTypeInformation(DataType type) {
            return null;
        }

        @Override
        public <T> TypeInformation<T> createTypeInformation(LogicalType type) {
            return null;
        }

        @Override
        public DynamicTableSource.DataStructureConverter createDataStructureConverter(DataType type) {
            throw new UnsupportedOperationException();
        }
    }
}
