import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.header.internals.RecordHeaders;

/** The CloudEvents headers of an event, and its status for readers who only count. Not for several threads. */
final class CloudEvents {
    private static final RecordHeader SPECVERSION = header("ce_specversion", "1.0");
    private static final RecordHeader SOURCE = header("ce_source", "/directpay");
    private static final RecordHeader CONTENT_TYPE = header("content-type", "application/avro");
    private static final DateTimeFormatter SECONDS =
        DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.000000'Z'").withZone(ZoneOffset.UTC);

    // What happens together has few different seconds.
    private long second = Long.MIN_VALUE;
    private byte[] secondText;

    Headers headers(byte[] paymentId, Step step) {
        RecordHeaders headers = new RecordHeaders();
        headers.add(SPECVERSION);
        headers.add(new RecordHeader("ce_id", id(paymentId, step.sequence())));
        headers.add(new RecordHeader("ce_type", step.eventType()));
        headers.add(SOURCE);
        headers.add(new RecordHeader("ce_time", rfc3339(step.atUs())));
        headers.add(CONTENT_TYPE);
        headers.add(new RecordHeader("directpay_status", step.after().word));
        return headers;
    }

    private static byte[] id(byte[] paymentId, int sequence) {
        byte[] number = Canonical.ascii(":" + sequence);
        byte[] id = Arrays.copyOf(paymentId, paymentId.length + number.length);
        System.arraycopy(number, 0, id, paymentId.length, number.length);
        return id;
    }

    private byte[] rfc3339(long atUs) {
        long atSecond = Math.floorDiv(atUs, 1_000_000L);
        if (atSecond != second) {
            second = atSecond;
            secondText = Canonical.ascii(SECONDS.format(Instant.ofEpochSecond(atSecond)));
        }
        byte[] text = secondText.clone();
        long left = Math.floorMod(atUs, 1_000_000L);
        for (int at = text.length - 2; left > 0; at--, left /= 10) {
            text[at] = (byte) ('0' + left % 10);
        }
        return text;
    }

    private static RecordHeader header(String name, String value) {
        return new RecordHeader(name, Canonical.ascii(value));
    }
}
