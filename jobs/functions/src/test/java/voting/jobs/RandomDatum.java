package voting.jobs;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericData;
import org.apache.flink.avro.shaded.org.apache.avro.util.Utf8;

/** Values of any schema, the same ones in each run. */
final class RandomDatum {

    private static final int MOST_ITEMS = 12;

    private final Random random;

    RandomDatum(long seed) {
        random = new Random(seed);
    }

    GenericData.Record record(Schema schema) {
        GenericData.Record record = new GenericData.Record(schema);
        for (Schema.Field field : schema.getFields()) {
            record.put(field.pos(), of(field.schema()));
        }
        return record;
    }

    private Object of(Schema schema) {
        return switch (schema.getType()) {
            case NULL -> null;
            case BOOLEAN -> random.nextBoolean();
            case INT -> (int) number();
            case LONG -> number();
            case FLOAT -> Float.intBitsToFloat(random.nextInt());
            case DOUBLE -> Double.longBitsToDouble(random.nextLong());
            case STRING -> text();
            case BYTES -> ByteBuffer.wrap(bytes(random.nextInt(40)));
            case FIXED -> new GenericData.Fixed(schema, bytes(schema.getFixedSize()));
            case ENUM -> new GenericData.EnumSymbol(schema, one(schema.getEnumSymbols()));
            case UNION -> of(one(schema.getTypes()));
            case ARRAY -> array(schema);
            case MAP -> map(schema);
            case RECORD -> record(schema);
        };
    }

    /** Of any magnitude, so that varints have any length. */
    private long number() {
        return random.nextLong() >> random.nextInt(Long.SIZE);
    }

    private Utf8 text() {
        StringBuilder text = new StringBuilder();
        for (int length = random.nextInt(30); length > 0; length--) {
            text.appendCodePoint(one(List.of((int) 'a', (int) 'Z', 0, 0x7F, 0xFC, 0x20AC, 0x1F5F3)));
        }
        return new Utf8(text.toString());
    }

    private List<Object> array(Schema schema) {
        List<Object> items = new ArrayList<>();
        for (int left = random.nextInt(MOST_ITEMS); left > 0; left--) {
            items.add(of(schema.getElementType()));
        }
        return items;
    }

    private Map<Utf8, Object> map(Schema schema) {
        Map<Utf8, Object> entries = new HashMap<>();
        for (int left = random.nextInt(MOST_ITEMS); left > 0; left--) {
            entries.put(text(), of(schema.getValueType()));
        }
        return entries;
    }

    private byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    private <T> T one(List<T> choices) {
        return choices.get(random.nextInt(choices.size()));
    }
}
