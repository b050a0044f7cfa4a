import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.StreamPartitioner;
import org.apache.kafka.streams.state.Stores;

/** A worker as a process, told by `name=value` arguments; health and metrics are served as by our worker. */
public final class Worker {
    private static final Duration CLOSE_MAX = Duration.ofSeconds(20);

    public static void main(String[] arguments) throws IOException {
        Map<String, String> settings = Arrays.stream(arguments)
            .map(argument -> argument.split("=", 2))
            .collect(Collectors.toMap(pair -> pair[0], pair -> pair[1]));
        Topics topics = new Topics(settings.get("name"), Integer.parseInt(settings.get("partitions")));
        CommittedEvents committed = new CommittedEvents(topics.events());
        KafkaStreams streams = new KafkaStreams(topology(topics), Tuning.properties(settings), committed);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.setStateListener((state, before) -> {
            if (state == KafkaStreams.State.ERROR) {
                Runtime.getRuntime().halt(1); // Restarted, not repaired.
            }
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(CLOSE_MAX)));
        serve(Integer.parseInt(settings.get("health_port")), streams, committed);
        streams.start();
    }

    /** One sub-topology over both inputs, so that a task has a partition of each and the payments of that number. */
    private static Topology topology(Topics topics) {
        Serializer<Routed> keys = (topic, routed) -> routed.key();
        ByteArraySerializer values = new ByteArraySerializer();
        StreamPartitioner<Routed, byte[]> partitioner = partitioner(topics.partitions());
        Topology topology = new Topology();
        topology.addSource("orders", new ByteArrayDeserializer(), new ByteArrayDeserializer(), topics.commands(),
            topics.reports());
        topology.addProcessor("payments", () -> new Decider(topics), "orders");
        topology.addStateStore(
            Stores.keyValueStoreBuilder(
                Stores.persistentKeyValueStore(Decider.STORE), Serdes.ByteArray(), Serdes.ByteArray()
            ).withCachingEnabled(),
            "payments");
        topology.addSink("events", topics.events(), keys, values, partitioner, "payments");
        topology.addSink("rejections", topics.rejections(), keys, values, partitioner, "payments");
        topology.addSink("strays", (key, value, context) -> context.topic(), keys, values, partitioner, "payments");
        return topology;
    }

    private static StreamPartitioner<Routed, byte[]> partitioner(int partitions) {
        var each = IntStream.range(0, partitions).mapToObj(number -> Optional.of(Set.of(number))).toList();
        return (topic, routed, value, count) -> each.get(routed.partition());
    }

    private static void serve(int port, KafkaStreams streams, CommittedEvents committed) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/health/ready", exchange -> {
            boolean ready = streams.state() == KafkaStreams.State.RUNNING;
            answer(exchange, ready ? 200 : 503, "{\"status\":\"" + (ready ? "ready" : "not ready") + "\"}");
        });
        server.createContext("/metrics", exchange -> answer(exchange, 200,
            "directpay_stream_written_total{topic=\"payment-events\"} " + committed.count() + "\n"));
        server.start();
    }

    private static void answer(HttpExchange exchange, int status, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, body.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(body);
        }
    }
}

/** The topics of a worker, all under one prefix. */
record Topics(String name, int partitions) {
    String commands() {
        return name + "-payment-commands";
    }

    String reports() {
        return name + "-rail-reports";
    }

    String events() {
        return name + "-payment-events";
    }

    String rejections() {
        return name + "-payment-rejections";
    }
}

/** A record's key and the partition it goes to, whatever its key says. */
record Routed(byte[] key, int partition) {}
