package voting.jobs;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.JsonNodeFactory;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;

/** Stands in for a schema registry: what was registered, unless something else is to be answered first. */
final class RegistryServer implements AutoCloseable {

    static {
        // Without it every answer takes 40 ms: the server sends headers and body apart.
        System.setProperty("sun.net.httpserver.nodelay", "true");
    }

    private final Map<String, String> answers = new ConcurrentHashMap<>();
    private final Map<String, TreeMap<Integer, Schema>> subjects = new TreeMap<>();
    private final Queue<Answer> answersBefore = new ConcurrentLinkedQueue<>();
    private final List<String> requests = Collections.synchronizedList(new ArrayList<>());
    private final HttpServer server;

    private record Answer(int status, String body, int missingBytes) {}

    RegistryServer() throws IOException {
        this(0);
    }

    RegistryServer(int port) throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.createContext("/", this::answer);
        server.start();
    }

    String url() {
        return "http://127.0.0.1:" + port();
    }

    int port() {
        return server.getAddress().getPort();
    }

    RegistryServer register(String subject, int version, int id, Schema schema) {
        subjects.computeIfAbsent(subject, any -> new TreeMap<>()).put(version, schema);
        ObjectNode described = JsonNodeFactory.instance.objectNode();
        described.put("subject", subject).put("version", version).put("id", id).put("schema", schema.toString());
        answers.put(path(subject) + "/" + version, described.toString());
        answers.put(path(subject), subjects.get(subject).keySet().toString());
        return this;
    }

    /** One answer that comes before all others that were not told so. */
    void answerFirst(int status, String body) {
        answersBefore.add(new Answer(status, body, 0));
    }

    /** One answer whose rest never comes. */
    void answerFirstAndStall(String body) {
        answersBefore.add(new Answer(200, body, 1));
    }

    List<String> requests() {
        return new ArrayList<>(requests);
    }

    static String path(String subject) {
        return "/subjects/" + subject + "/versions";
    }

    private void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        requests.add(path);
        Answer answer = answersBefore.poll();
        if (answer == null) {
            String registered = answers.get(path);
            answer = registered == null ? new Answer(404, "{\"error_code\": 404}", 0) : new Answer(200, registered, 0);
        }
        byte[] body = answer.body().getBytes(StandardCharsets.UTF_8);
        int length = body.length + answer.missingBytes();
        exchange.sendResponseHeaders(answer.status(), length == 0 ? -1 : length);
        exchange.getResponseBody().write(body);
        exchange.getResponseBody().flush();
        if (answer.missingBytes() == 0) {
            exchange.close();
        }
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
