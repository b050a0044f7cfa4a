import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

/** Values to bytes and back in Confluent's wire format, field by field through Avro's own decoder and encoder.
 *
 * Records without objects between: what a payment's event repeats of the one before is copied as it stands. The order
 * of fields is that of the newest schemas in schemas/avro. Not for several threads.
 */
final class Wire {
    static final int FINGERPRINT_VERSION = 1;

    private static final int HEADER_BYTES = 5;
    private static final int INITIATE = 1, CANCEL = 2, REPORT = 3, EVENT = 4, REJECTION = 5;
    private static final Status[] STATUSES = Status.values();
    private static final byte[] RAIL = Canonical.ascii("rail");
    private static final byte[] DIRECTPAY = Canonical.ascii("directpay");
    private static final Asked[] REPORTS = {Asked.CLAIMED, Asked.SETTLED, Asked.REJECTED, Asked.RETURNED};

    private final ByteArrayOutputStream out = new ByteArrayOutputStream(4096);
    private final BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
    private BinaryDecoder decoder;

    Order order(byte[] data) throws Refused {
        if (data == null || data.length < HEADER_BYTES || data[0] != 0) {
            throw new Refused("undecodable", "not Confluent's wire format");
        }
        int schemaId = ByteBuffer.wrap(data).getInt(1);
        try {
            begin(data, HEADER_BYTES);
            Order order = switch (schemaId) {
                case INITIATE -> initiate();
                case CANCEL -> new Cancel(text(), text(), text(), decoder.readLong());
                case REPORT -> report();
                default -> throw new Refused("undecodable", "schema " + schemaId + " is of no order");
            };
            if (!decoder.isEnd()) {
                throw new Refused("undecodable", "bytes are left over after the record");
            }
            return order;
        } catch (IOException | RuntimeException error) {
            throw new Refused("undecodable", "not the record that its schema describes");
        }
    }

    Payment payment(byte[] event) {
        try {
            begin(event, HEADER_BYTES);
            byte[] id = text();
            skipTexts(2);
            byte[] fingerprint = text();
            decoder.readInt();
            optional();
            skipTexts(2);
            long amountMinor = decoder.readLong();
            skipTexts(2);
            optional();
            skipTexts(1);
            optional();
            optional();
            decoder.readLong();
            decoder.readLong();
            decoder.readLong();
            int headEnd = at(event);
            Status status = status(text());
            int attempt = decoder.readInt();
            Failure failure = decoder.readIndex() == 0 ? null : new Failure(text(), text(), text());
            long refundedMinor = decoder.readLong();
            return steps(event, headEnd, id, fingerprint, amountMinor, status, attempt, failure, refundedMinor);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private Payment steps(
        byte[] event, int headEnd, byte[] id, byte[] fingerprint, long amountMinor, Status status, int attempt,
        Failure failure, long refundedMinor
    ) throws IOException {
        long count = decoder.readArrayStart();
        int from = at(event);
        List<byte[]> causes = new ArrayList<>((int) count);
        byte[] hash = null;
        long atUs = 0;
        while (causes.size() < count) {
            decoder.readInt();
            skipTexts(1);
            optional();
            skipTexts(1);
            atUs = decoder.readLong();
            causes.add(text());
            for (long pairs = decoder.readMapStart(); pairs > 0; pairs = decoder.mapNext()) {
                skipTexts(2 * pairs);
            }
            hash = text();
        }
        return new Payment(event, headEnd, from, at(event), id, fingerprint, amountMinor, status, attempt, failure,
            refundedMinor, causes, hash, atUs);
    }

    byte[] event(Head head, Step first) {
        try {
            header(EVENT);
            write(head);
            write(first.after().word);
            encoder.writeInt(0);
            encoder.writeIndex(0);
            encoder.writeLong(0);
            encoder.writeArrayStart();
            encoder.setItemCount(1);
            write(first);
            encoder.writeArrayEnd();
            return written();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    byte[] event(Payment before, Step step, int attempt, Failure failure) {
        try {
            encoder.writeFixed(before.event(), 0, before.headEnd());
            write(step.after().word);
            encoder.writeInt(attempt);
            encoder.writeIndex(failure == null ? 0 : 1);
            if (failure != null) {
                write(failure.code());
                write(failure.reason());
                write(failure.source());
            }
            encoder.writeLong(before.refundedMinor());
            encoder.writeArrayStart();
            encoder.setItemCount(step.sequence());
            encoder.writeFixed(before.event(), before.stepsFrom(), before.stepsTo() - before.stepsFrom());
            write(step);
            encoder.writeArrayEnd();
            return written();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    byte[] rejection(Rejection rejection) {
        try {
            header(REJECTION);
            encoder.writeString(rejection.topic());
            encoder.writeInt(rejection.partition());
            encoder.writeLong(rejection.offset());
            writeOptional(rejection.key());
            encoder.writeString(rejection.refused().reason);
            encoder.writeString(rejection.refused().getMessage());
            encoder.writeArrayStart();
            encoder.setItemCount(rejection.refused().faults.size());
            for (Fault fault : rejection.refused().faults) {
                encoder.writeString(fault.field());
                encoder.writeString(fault.message());
            }
            encoder.writeArrayEnd();
            writeOptional(rejection.tenant());
            writeOptional(rejection.paymentId());
            encoder.writeIndex(0);
            writeOptional(rejection.commandId());
            encoder.writeLong(rejection.rejectedAtUs());
            byte[] raw = rejection.raw();
            encoder.writeBytes(raw, 0, Math.min(raw.length, Rejection.RAW_BYTES_MAX));
            encoder.writeLong(raw.length);
            write(rejection.rawSha256());
            return written();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private Initiate initiate() throws IOException {
        return new Initiate(text(), text(), text(), optional(), text(), text(), decoder.readLong(), text(), text(),
            optional(), text(), optional(), optional(), decoder.readLong());
    }

    private Report report() throws IOException {
        return new Report(text(), text(), decoder.readInt(), asked(text()), decoder.readLong(),
            decoder.readIndex() == 0 ? null : decoder.readLong(), optional(), optional(), source(text()), optional());
    }

    private void write(Head head) throws IOException {
        Initiate order = head.order();
        write(head.id());
        write(order.tenant());
        write(order.key());
        write(head.fingerprint());
        encoder.writeInt(FINGERPRINT_VERSION);
        writeOptional(order.lease());
        write(order.payer());
        write(order.payee());
        encoder.writeLong(order.amountMinor());
        write(order.currency());
        write(order.rail());
        writeOptional(order.description());
        write(order.metadata());
        writeOptional(order.effectiveDate());
        writeOptional(order.refundOf());
        encoder.writeLong(order.requestedAtUs());
        encoder.writeLong(head.dueAtUs());
        encoder.writeLong(head.expectedSettlementAtUs());
    }

    private void write(Step step) throws IOException {
        encoder.writeInt(step.sequence());
        write(step.eventType());
        writeOptional(step.before() == null ? null : step.before().word);
        write(step.after().word);
        encoder.writeLong(step.atUs());
        write(step.causedBy());
        encoder.writeMapStart();
        encoder.setItemCount(step.changes().size());
        for (Map.Entry<String, byte[]> change : step.changes().entrySet()) {
            encoder.writeString(change.getKey());
            write(change.getValue());
        }
        encoder.writeMapEnd();
        write(step.hash());
    }

    private void header(int schemaId) throws IOException {
        encoder.writeFixed(ByteBuffer.allocate(HEADER_BYTES).putInt(1, schemaId).array());
    }

    /** Bytes and texts look the same on the wire. */
    private void write(byte[] text) throws IOException {
        encoder.writeBytes(text, 0, text.length);
    }

    private void writeOptional(byte[] text) throws IOException {
        encoder.writeIndex(text == null ? 0 : 1);
        if (text != null) {
            write(text);
        }
    }

    private byte[] written() throws IOException {
        encoder.flush();
        byte[] data = out.toByteArray();
        out.reset();
        return data;
    }

    private void begin(byte[] data, int from) {
        decoder = DecoderFactory.get().binaryDecoder(data, from, data.length - from, decoder);
    }

    private int at(byte[] data) throws IOException {
        return data.length - decoder.inputStream().available();
    }

    private byte[] text() throws IOException {
        return decoder.readBytes(null).array();
    }

    private byte[] optional() throws IOException {
        return decoder.readIndex() == 0 ? null : text();
    }

    private void skipTexts(long count) throws IOException {
        for (long skipped = 0; skipped < count; skipped++) {
            decoder.skipString();
        }
    }

    private static Status status(byte[] word) {
        for (Status each : STATUSES) {
            if (Arrays.equals(each.word, word)) {
                return each;
            }
        }
        throw new IllegalStateException("a status that is not known here");
    }

    private static Asked asked(byte[] word) {
        for (Asked each : REPORTS) {
            if (Arrays.equals(each.word, word)) {
                return each;
            }
        }
        throw new IllegalArgumentException("a report that is not known here");
    }

    private static byte[] source(byte[] word) {
        if (Arrays.equals(word, RAIL) || Arrays.equals(word, DIRECTPAY)) {
            return word;
        }
        throw new IllegalArgumentException("a source that is not known here");
    }
}
