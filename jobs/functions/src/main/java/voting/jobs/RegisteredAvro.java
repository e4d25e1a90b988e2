package voting.jobs;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericRecord;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.formats.avro.AvroRowDataDeserializationSchema;
import org.apache.flink.formats.avro.AvroRowDataSerializationSchema;
import org.apache.flink.formats.avro.AvroToRowDataConverters;
import org.apache.flink.formats.avro.RegistryAvroDeserializationSchema;
import org.apache.flink.formats.avro.RegistryAvroSerializationSchema;
import org.apache.flink.formats.avro.RowDataToAvroConverters;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.format.DecodingFormat;
import org.apache.flink.table.connector.format.EncodingFormat;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DeserializationFormatFactory;
import org.apache.flink.table.factories.DynamicTableFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.factories.SerializationFormatFactory;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;

/**
 * The format {@code registered-avro} of tables: values in the Confluent wire format, with the schemas and their ids in the table's
 * options.
 *
 * <p>Flink's own {@code avro-confluent} asks the registry when a task meets a schema first, after every restart again; with this one
 * jobs restart, and go on, without it. Nor does it look the schema of every record up by its hash.
 */
public final class RegisteredAvro implements SerializationFormatFactory, DeserializationFormatFactory {

    static final ConfigOption<String> SCHEMA =
            ConfigOptions.key("schema")
                    .stringType()
                    .noDefaultValue()
                    .withDescription("Text of the schema that rows are written with and read as: the fields of the table, in its order");

    static final ConfigOption<String> SCHEMAS =
            ConfigOptions.key("schemas")
                    .stringType()
                    .noDefaultValue()
                    .withDescription("Schemas of the subject by id, that of the option \"schema\" among them: {\"7\": \"text\"}");

    static final ConfigOption<String> URL =
            ConfigOptions.key("url").stringType().noDefaultValue().withDescription("The registry, which is asked for ids that are newer");

    static final ConfigOption<String> SUBJECT =
            ConfigOptions.key("subject").stringType().noDefaultValue().withDescription("The subject of the topic in the registry");

    @Override
    public String factoryIdentifier() {
        return "registered-avro";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(SCHEMA, SCHEMAS, URL, SUBJECT);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of();
    }

    @Override
    public EncodingFormat<SerializationSchema<RowData>> createEncodingFormat(
            DynamicTableFactory.Context context, ReadableConfig options) {
        FactoryUtil.validateFactoryOptions(this, options);
        Schema schema = new Schema.Parser().parse(options.get(SCHEMA));
        RegisteredSchemas schemas = registered(options);
        return new EncodingFormat<>() {
            @Override
            public SerializationSchema<RowData> createRuntimeEncoder(DynamicTableSink.Context sink, DataType type) {
                RowType row = rowOf(type, schema);
                return new AvroRowDataSerializationSchema(
                        row,
                        new RegistryAvroSerializationSchema<>(GenericRecord.class, schema, schemas),
                        RowDataToAvroConverters.createConverter(row));
            }

            @Override
            public ChangelogMode getChangelogMode() {
                return ChangelogMode.insertOnly();
            }
        };
    }

    @Override
    public DecodingFormat<DeserializationSchema<RowData>> createDecodingFormat(
            DynamicTableFactory.Context context, ReadableConfig options) {
        FactoryUtil.validateFactoryOptions(this, options);
        Schema schema = new Schema.Parser().parse(options.get(SCHEMA));
        RegisteredSchemas schemas = registered(options);
        return new DecodingFormat<>() {
            @Override
            public DeserializationSchema<RowData> createRuntimeDecoder(DynamicTableSource.Context source, DataType type) {
                RowType row = rowOf(type, schema);
                return new AvroRowDataDeserializationSchema(
                        new RegistryAvroDeserializationSchema<>(GenericRecord.class, schema, schemas),
                        AvroToRowDataConverters.createRowConverter(row),
                        source.createTypeInformation(type));
            }

            @Override
            public ChangelogMode getChangelogMode() {
                return ChangelogMode.insertOnly();
            }
        };
    }

    private static RegisteredSchemas registered(ReadableConfig options) {
        return new RegisteredSchemas(options.get(URL), options.get(SUBJECT), Map.copyOf(Registry.known(options.get(SCHEMAS))));
    }

    /** Rows are turned into records, and back, by the places of their fields. */
    private static RowType rowOf(DataType type, Schema schema) {
        RowType row = (RowType) type.getLogicalType();
        List<String> fields = schema.getFields().stream().map(Schema.Field::name).toList();
        if (!fields.equals(row.getFieldNames())) {
            throw new ValidationException("the table has the fields " + row.getFieldNames() + ", its schema " + fields);
        }
        return row;
    }
}
