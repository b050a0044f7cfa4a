import java.time.LocalDate;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueStore;

/** One partition's payments: looks up, decides, writes the event and remembers it (payments/lifecycle.py).
 *
 * The store holds the newest event of each payment, by the key of its orders.
 */
final class Decider implements Processor<byte[], byte[], Routed, byte[]> {
    static final String STORE = "payments";

    private static final int RECORD_BYTES_MAX = 900_000;
    private static final int KEY_BYTES_MAX = 2048;

    private final Topics topics;
    private final Wire wire = new Wire();
    private final Rules rules = new Rules();
    private final Canonical canonical = new Canonical();
    private final CloudEvents cloudEvents = new CloudEvents();
    private ProcessorContext<Routed, byte[]> context;
    private KeyValueStore<byte[], byte[]> payments;

    Decider(Topics topics) {
        this.topics = topics;
    }

    @Override
    public void init(ProcessorContext<Routed, byte[]> context) {
        this.context = context;
        payments = context.getStateStore(STORE);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        RecordMetadata from = context.recordMetadata().orElseThrow();
        Order order = null;
        try {
            byte[] key = key(record);
            int home = Utils.toPositive(Utils.murmur2(key)) % topics.partitions();
            if (home != from.partition()) {
                context.forward(record.withKey(new Routed(key, home)), "strays");
                return;
            }
            order = wire.order(record.value());
            boolean isReport = order instanceof Report;
            if (isReport != from.topic().equals(topics.reports())) {
                throw new Refused("undecodable", "not a value of this topic");
            }
            rules.check(order);
            if (!isKeyOf(key, order)) {
                throw new Refused("key-mismatch", "the key of this value is another");
            }
            byte[] known = payments.get(key);
            decide(record, order, known == null ? null : wire.payment(known));
        } catch (Refused refused) {
            reject(record, from, order, refused);
        }
    }

    private void decide(Record<byte[], byte[]> record, Order order, Payment payment) throws Refused {
        if (order instanceof Initiate initiate) {
            initiate(record, initiate, payment);
        } else if (payment == null) {
            throw new Refused("payment-unknown", "no payment of this key exists");
        } else if (order instanceof Report report) {
            byte[] id = canonical.reportId(payment.id(), report.attempt(), report.asked());
            move(record, payment, report.asked(), report.occurredAtUs(), id, changes(report, payment),
                report.attempt(), failure(report));
        } else if (order instanceof Cancel cancel) {
            byte[] id = canonical.cancelId(payment.id(), cancel.cancelKey());
            move(record, payment, Asked.CANCELLED, cancel.requestedAtUs(), id, Map.of("cancel_key", cancel.cancelKey()),
                payment.attempt(), null);
        }
    }

    private void initiate(Record<byte[], byte[]> record, Initiate order, Payment payment) throws Refused {
        byte[] fingerprint = canonical.fingerprint(order);
        if (payment != null) {
            if (Arrays.equals(payment.fingerprint(), fingerprint)) {
                return;
            }
            throw new Refused("idempotency-key-reused", "this idempotency key was used with another body");
        }
        Rail rail = Rules.rail(order.rail());
        long dueAtUs = order.requestedAtUs() + rail.claimUs;
        if (order.effectiveDate() != null) {
            LocalDate date = Rules.date(order.effectiveDate());
            dueAtUs = Math.max(dueAtUs, date.toEpochDay() * 86_400_000_000L);
        }
        byte[] id = canonical.paymentId(record.key());
        Head head = new Head(order, id, fingerprint, dueAtUs, dueAtUs + rail.settleUs - rail.claimUs);
        Step first = canonical.chained(canonical.hash(head), 1, Move.INITIATED, null, Status.PENDING,
            order.requestedAtUs(), order.commandId(), Map.of());
        write(record, id, first, wire.event(head, first));
    }

    private void move(
        Record<byte[], byte[]> record, Payment payment, Asked asked, long atUs, byte[] causedBy,
        Map<String, byte[]> changes, int attempt, Failure failure
    ) throws Refused {
        for (byte[] heard : payment.causes()) {
            if (Arrays.equals(heard, causedBy)) {
                return;
            }
        }
        Move move = Move.of(payment.status(), asked);
        if (move == null) {
            throw new Refused("illegal-move", "a payment that is " + payment.status() + " cannot be " + asked);
        }
        // Clocks of different machines disagree; a history's times always increase.
        Step step = canonical.chained(payment.lastHash(), payment.steps() + 1, move.eventType(), payment.status(),
            move.to(), Math.max(atUs, payment.lastAtUs() + 1), causedBy, changes);
        byte[] event = wire.event(payment, step, attempt, failure == null ? payment.failure() : failure);
        write(record, payment.id(), step, event);
    }

    private void write(Record<byte[], byte[]> record, byte[] paymentId, Step step, byte[] event) {
        payments.put(record.key(), event);
        Headers headers = cloudEvents.headers(paymentId, step);
        Header trace = record.headers().lastHeader("traceparent");
        if (trace != null) {
            headers.add(trace);
        }
        Routed key = new Routed(paymentId, context.taskId().partition());
        context.forward(new Record<>(key, event, record.timestamp(), headers), "events");
    }

    private void reject(Record<byte[], byte[]> record, RecordMetadata from, Order order, Refused refused) {
        byte[] raw = record.value() == null ? new byte[0] : record.value();
        byte[] key = record.key() != null && Rules.isClean(record.key(), KEY_BYTES_MAX, '\1') ? record.key() : null;
        byte[] paymentId = order == null ? null : canonical.paymentId(key(order));
        byte[] commandId = order == null ? null : commandId(order, paymentId);
        byte[] value = wire.rejection(new Rejection(from.topic(), from.partition(), from.offset(), key, refused,
            order == null ? null : order.tenant(), paymentId, commandId, record.timestamp() * 1000, raw,
            canonical.sha256(raw)));
        Routed routed = new Routed(record.key(), from.partition());
        context.forward(new Record<>(routed, value, record.timestamp()), "rejections");
    }

    private byte[] commandId(Order order, byte[] paymentId) {
        if (order instanceof Report report) {
            return canonical.reportId(paymentId, report.attempt(), report.asked());
        }
        return order instanceof Cancel cancel
            ? canonical.cancelId(paymentId, cancel.cancelKey())
            : ((Initiate) order).commandId();
    }

    private static byte[] key(Record<byte[], byte[]> record) throws Refused {
        byte[] key = record.key();
        int valueBytes = record.value() == null ? 0 : record.value().length;
        if (key != null && key.length + valueBytes > RECORD_BYTES_MAX) {
            throw new Refused("record-too-large", "must be at most " + RECORD_BYTES_MAX + " bytes");
        }
        if (key == null || key.length > KEY_BYTES_MAX) {
            throw new Refused("key-mismatch", "the key is missing or longer than " + KEY_BYTES_MAX + " bytes");
        }
        return key;
    }

    private static byte[] key(Order order) {
        byte[] tenant = order.tenant();
        byte[] key = Arrays.copyOf(tenant, tenant.length + 1 + order.key().length);
        key[tenant.length] = ':';
        System.arraycopy(order.key(), 0, key, tenant.length + 1, order.key().length);
        return key;
    }

    private static boolean isKeyOf(byte[] key, Order order) {
        int colon = order.tenant().length;
        return key.length == colon + 1 + order.key().length
            && key[colon] == ':'
            && Arrays.equals(key, 0, colon, order.tenant(), 0, colon)
            && Arrays.equals(key, colon + 1, key.length, order.key(), 0, order.key().length);
    }

    private static Map<String, byte[]> changes(Report report, Payment payment) {
        Map<String, byte[]> changes = new LinkedHashMap<>();
        changes.put("attempt", Canonical.ascii(Integer.toString(report.attempt())));
        if (report.bankReference() != null) {
            changes.put("bank_reference", report.bankReference());
        }
        if (report.amountMinor() != null && report.amountMinor() != payment.amountMinor()) {
            long minor = report.amountMinor();
            changes.put("reported_amount", Canonical.ascii("%d.%02d".formatted(minor / 100, minor % 100)));
        }
        Failure failure = failure(report);
        if (failure != null) {
            changes.put("failure_code", failure.code());
            changes.put("failure_reason", failure.reason());
            changes.put("failure_source", failure.source());
        }
        return changes;
    }

    private static Failure failure(Report report) {
        if (report.asked() != Asked.REJECTED && report.asked() != Asked.RETURNED) {
            return null;
        }
        return new Failure(report.code(), report.reason() == null ? new byte[0] : report.reason(), report.source());
    }
}
