import java.util.List;
import java.util.Map;

/** A payment as its newest event has it: the event's bytes, and of what they say what the next step needs.
 *
 * The head ends at `headEnd`; the steps so far, end to end, are the bytes from `stepsFrom` to `stepsTo`.
 */
record Payment(
    byte[] event, int headEnd, int stepsFrom, int stepsTo, byte[] id, byte[] fingerprint, long amountMinor,
    Status status, int attempt, Failure failure, long refundedMinor, List<byte[]> causes, byte[] lastHash,
    long lastAtUs
) {
    int steps() {
        return causes.size();
    }
}

/** What never changes of a payment. */
record Head(Initiate order, byte[] id, byte[] fingerprint, long dueAtUs, long expectedSettlementAtUs) {}

/** Why a payment failed or was returned. */
record Failure(byte[] code, byte[] reason, byte[] source) {}

/** One transition; `before` is null at the first. */
record Step(
    int sequence, byte[] eventType, Status before, Status after, long atUs, byte[] causedBy,
    Map<String, byte[]> changes, byte[] hash
) {}
