import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.streams.StreamsConfig;

/** How Kafka Streams is tuned: what its configuration reference offers, each with its reason; the rest as shipped.
 *
 * As shipped with exactly_once_v2: a commit every 100 ms, a linger of 100 ms (a commit flushes), acks=all, records
 * read committed, RocksDB with a changelog.
 */
final class Tuning {
    private static final int CACHE_BYTES = 64 * 1024 * 1024;
    private static final int BATCH_BYTES = 256 * 1024;

    private Tuning() {}

    static Properties properties(Map<String, String> settings) {
        Properties properties = new Properties();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, settings.get("name"));
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, settings.get("bootstrap"));
        properties.put(StreamsConfig.CLIENT_ID_CONFIG, settings.get("instance"));
        properties.put(StreamsConfig.STATE_DIR_CONFIG, settings.get("state_dir"));
        properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        // A thread a core, each with its share of the partitions and one transaction at a time.
        properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Runtime.getRuntime().availableProcessors());
        // More than is written between two commits: a payment that moves twice then goes to its changelog once.
        properties.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, CACHE_BYTES);
        // Static membership, as ours: a restart under the same name needs no rebalance.
        properties.put(StreamsConfig.consumerPrefix(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG), settings.get("instance"));
        properties.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
        // Its 16 KiB hold some twenty snapshots: the broker would have ten times the batches to store.
        properties.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), BATCH_BYTES);
        return properties;
    }
}
