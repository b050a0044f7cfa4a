import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/** Ids, and hashes of canonical JSON lists (payments/idempotency.py): keys sorted, no spaces, no needless escapes.
 *
 * Texts are UTF-8 bytes throughout, as they came: nobody needs them as characters. Not for several threads.
 */
final class Canonical {
    private static final byte[] HEX = ascii("0123456789abcdef");
    private static final byte[] NULL = ascii("null");
    private static final byte[] NOTHING = {};
    /** UUIDv5 of "directpay" among DNS names. */
    private static final byte[] NAMESPACE = uuidBytes(ascii("1f264809-0cf2-5b8f-b36a-e0b09ebe299d"));

    private final MessageDigest sha1 = digest("SHA-1");
    private final MessageDigest sha256 = digest("SHA-256");
    private byte[] json = new byte[1024];
    private int size;

    /** Returns the id of the payment that a Kafka key is about. */
    byte[] paymentId(byte[] key) {
        return uuid5(NAMESPACE, key);
    }

    byte[] reportId(byte[] paymentId, int attempt, Asked report) {
        return uuid5(uuidBytes(paymentId), ascii("report:" + attempt + ":" + report.text));
    }

    byte[] cancelId(byte[] paymentId, byte[] cancelKey) {
        sha1.update(uuidBytes(paymentId));
        sha1.update(ascii("cancel:"));
        return uuidText(sha1.digest(cancelKey));
    }

    byte[] sha256(byte[] data) {
        return sha256.digest(data);
    }

    /** Returns the hash of what the caller asked for. */
    byte[] fingerprint(Initiate order) {
        begin().add(order.lease()).add(order.payer()).add(order.payee()).add(order.amountMinor()).add(order.currency())
            .add(order.rail()).add(order.description()).add(order.metadata());
        if (order.effectiveDate() != null) {
            add(order.effectiveDate());
        }
        return hash(NOTHING);
    }

    /** Returns what the hash of a payment's first step covers. */
    byte[] hash(Head head) {
        Initiate order = head.order();
        return begin().add(order.tenant()).add(order.key()).addHex(head.fingerprint()).add(Wire.FINGERPRINT_VERSION)
            .add(order.lease()).add(order.payer()).add(order.payee()).add(order.amountMinor()).add(order.currency())
            .add(order.rail()).add(order.description()).add(order.metadata()).add(order.effectiveDate())
            .add(order.refundOf()).add(order.requestedAtUs()).add(head.dueAtUs()).add(head.expectedSettlementAtUs())
            .hash(NOTHING);
    }

    /** Returns the step that follows the one (or the head) with that hash, chained to it. */
    Step chained(
        byte[] hashBefore, int sequence, byte[] eventType, Status before, Status after, long atUs, byte[] causedBy,
        Map<String, byte[]> changes
    ) {
        byte[] hash = begin().add(sequence).add(eventType).add(before == null ? null : before.word).add(after.word)
            .add(atUs).add(causedBy).add(changes).hash(hashBefore);
        return new Step(sequence, eventType, before, after, atUs, causedBy, changes, hash);
    }

    private Canonical begin() {
        size = 0;
        put('[');
        return this;
    }

    private Canonical add(byte[] text) {
        comma();
        if (text == null) {
            put(NULL);
        } else {
            quoted(text);
        }
        return this;
    }

    private Canonical add(long number) {
        comma();
        put(ascii(Long.toString(number)));
        return this;
    }

    private Canonical addHex(byte[] data) {
        comma();
        put('"');
        for (byte each : data) {
            put(HEX[each >> 4 & 15]);
            put(HEX[each & 15]);
        }
        put('"');
        return this;
    }

    private Canonical add(Map<String, byte[]> texts) {
        comma();
        put('{');
        boolean first = true;
        for (Map.Entry<String, byte[]> each : (texts.size() < 2 ? texts : new TreeMap<>(texts)).entrySet()) {
            if (!first) {
                put(',');
            }
            first = false;
            quoted(ascii(each.getKey()));
            put(':');
            quoted(each.getValue());
        }
        put('}');
        return this;
    }

    /** Returns the SHA-256 of `before` and the list. */
    private byte[] hash(byte[] before) {
        put(']');
        sha256.update(before);
        sha256.update(json, 0, size);
        return sha256.digest();
    }

    private void comma() {
        if (size > 1) {
            put(',');
        }
    }

    private void quoted(byte[] text) {
        put('"');
        for (byte each : text) {
            // The bytes of what is not ASCII are negative, and stand as they are.
            if (each == '"' || each == '\\') {
                put('\\');
                put(each);
            } else if (each >= 0 && each < ' ') {
                control(each);
            } else {
                put(each);
            }
        }
        put('"');
    }

    private void control(byte each) {
        put('\\');
        int known = "\b\f\n\r\t".indexOf(each);
        if (known >= 0) {
            put("bfnrt".charAt(known));
        } else {
            put(ascii("u00"));
            put(HEX[each >> 4]);
            put(HEX[each & 15]);
        }
    }

    private void put(int each) {
        if (size == json.length) {
            json = Arrays.copyOf(json, 2 * size);
        }
        json[size++] = (byte) each;
    }

    private void put(byte[] all) {
        for (byte each : all) {
            put(each);
        }
    }

    private byte[] uuid5(byte[] namespace, byte[] name) {
        sha1.update(namespace);
        return uuidText(sha1.digest(name));
    }

    private static byte[] uuidText(byte[] hash) {
        hash[6] = (byte) (hash[6] & 0x0f | 0x50);
        hash[8] = (byte) (hash[8] & 0x3f | 0x80);
        byte[] text = new byte[36];
        int at = 0;
        for (int number = 0; number < 16; number++) {
            if (number == 4 || number == 6 || number == 8 || number == 10) {
                text[at++] = '-';
            }
            text[at++] = HEX[hash[number] >> 4 & 15];
            text[at++] = HEX[hash[number] & 15];
        }
        return text;
    }

    private static byte[] uuidBytes(byte[] text) {
        byte[] bytes = new byte[16];
        int digits = 0;
        for (byte each : text) {
            if (each != '-') {
                bytes[digits / 2] = (byte) (bytes[digits / 2] << 4 | Character.digit(each, 16));
                digits++;
            }
        }
        return bytes;
    }

    static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    private static MessageDigest digest(String name) {
        try {
            return MessageDigest.getInstance(name);
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error);
        }
    }
}
