package voting.jobs;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.flink.avro.shaded.org.apache.avro.AvroRuntimeException;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

/**
 * The schemas of one subject of the registry (its Confluent-compatible API), by id. Ids never change their meaning, so those that were
 * known when the job was submitted come with it, and the registry is asked for others only: it may be away while jobs restart.
 */
final class Registry extends Knowledge {

    private static final Duration TIMEOUT = Duration.ofSeconds(5);

    private final String url;
    private final String subject;
    private final Duration timeout;
    private final HttpClient client = HttpClient.newHttpClient();
    private final ObjectMapper json = new ObjectMapper();
    private final Map<Integer, Schema> schemas = new HashMap<>();
    private final Set<Integer> versions = new HashSet<>();

    Registry(String url, String subject, Map<Integer, Schema> known, Clock clock) {
        this(url, subject, known, clock, TIMEOUT);
    }

    /** {@code timeout} is for one answer. */
    Registry(String url, String subject, Map<Integer, Schema> known, Clock clock, Duration timeout) {
        super("the schema registry at " + url, clock);
        this.url = url;
        this.subject = subject;
        this.timeout = timeout;
        this.schemas.putAll(known);
    }

    /** Schemas by id, as a job is given them: a JSON object with ids as names and the texts of schemas as values. */
    static Map<Integer, Schema> known(String text) {
        Map<Integer, Schema> known = new HashMap<>();
        try {
            JsonNode object = new ObjectMapper().readTree(text);
            if (!object.isObject()) {
                throw new IllegalArgumentException("not an object");
            }
            for (Map.Entry<String, JsonNode> entry : object.properties()) {
                known.put(Integer.valueOf(entry.getKey()), new Schema.Parser().parse(entry.getValue().asText("")));
            }
        } catch (JsonProcessingException | IllegalArgumentException | AvroRuntimeException error) {
            throw new IllegalArgumentException("not a JSON object of schemas by id: " + text, error);
        }
        return known;
    }

    /**
     * The schema of an id that a record names, which was appended then; null if the subject has none of that id. Blocks when the id
     * is new.
     */
    Schema schema(int id, long appendedAtMs) throws IOException, InterruptedException {
        Schema known = schemas.get(id);
        if (known == null) {
            knowAllAt(appendedAtMs);
            known = schemas.get(id);
        }
        return known;
    }

    @Override
    protected void read() throws IOException, InterruptedException {
        String path = "/subjects/" + subject + "/versions";
        JsonNode numbers = get(path);
        if (!numbers.isArray()) {
            throw new IOException(path + ": not a list of versions");
        }
        for (JsonNode number : numbers) {
            if (!number.isInt()) {
                throw new IOException(path + ": a version that is not a number");
            }
            if (!versions.contains(number.intValue())) {
                readVersion(path + "/" + number.intValue());
                versions.add(number.intValue());
            }
        }
    }

    private void readVersion(String path) throws IOException, InterruptedException {
        JsonNode version = get(path);
        JsonNode id = version.path("id");
        JsonNode text = version.path("schema");
        if (!id.isInt() || !text.isTextual()) {
            throw new IOException(path + ": no id or no schema");
        }
        try {
            schemas.put(id.intValue(), new Schema.Parser().parse(text.textValue()));
        } catch (AvroRuntimeException error) {
            throw new IOException(path + ": not an Avro schema", error);
        }
    }

    private JsonNode get(String path) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + path)).build();
        CompletableFuture<HttpResponse<String>> sent = client.sendAsync(request, HttpResponse.BodyHandlers.ofString());
        HttpResponse<String> answer;
        try {
            // The client's own timeout ends with the headers, and a body may never end.
            answer = sent.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException error) {
            throw new IOException(path + ": " + error.getCause(), error.getCause());
        } catch (TimeoutException error) {
            throw new IOException(path + ": no answer within " + timeout.toMillis() + " ms", error);
        } finally {
            sent.cancel(true);
        }
        if (answer.statusCode() != 200) {
            throw new IOException(path + ": the registry answers " + answer.statusCode());
        }
        try {
            return json.readTree(answer.body());
        } catch (JsonProcessingException error) {
            throw new IOException(path + ": the registry's answer is not JSON", error);
        }
    }
}
