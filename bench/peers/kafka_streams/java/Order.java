import java.util.Map;

/** What may be ordered of a payment (payments/commands.py). Texts are UTF-8; what was not given is null. */
sealed interface Order {
    byte[] tenant();

    byte[] key();
}

record Initiate(
    byte[] commandId, byte[] tenant, byte[] key, byte[] lease, byte[] payer, byte[] payee, long amountMinor,
    byte[] currency, byte[] rail, byte[] description, byte[] metadata, byte[] effectiveDate, byte[] refundOf,
    long requestedAtUs
) implements Order {}

record Cancel(byte[] tenant, byte[] key, byte[] cancelKey, long requestedAtUs) implements Order {}

record Report(
    byte[] tenant, byte[] key, int attempt, Asked asked, long occurredAtUs, Long amountMinor, byte[] code,
    byte[] reason, byte[] source, byte[] bankReference
) implements Order {}

/** What an order asks of a payment that exists. */
enum Asked {
    CANCELLED, CLAIMED, SETTLED, REJECTED, RETURNED;

    final String text = name().toLowerCase();
    final byte[] word = Canonical.ascii(text);
}

enum Status {
    PENDING, PROCESSING, COMPLETED, FAILED, CANCELLED, RETURNED, REFUNDED;

    final byte[] word = Canonical.ascii(name().toLowerCase());
}

/** A legal move's end and its event. */
record Move(Status to, byte[] eventType) {
    static final byte[] INITIATED = Canonical.ascii("payment_initiated");

    /** payments/lifecycle.py: what is absent is refused. */
    private static final Map<Status, Map<Asked, Move>> MOVES = Map.of(
        Status.PENDING, Map.of(
            Asked.CANCELLED, move(Status.CANCELLED, "cancelled"),
            Asked.CLAIMED, move(Status.PROCESSING, "processing"),
            Asked.REJECTED, move(Status.FAILED, "failed")),
        Status.PROCESSING, Map.of(
            Asked.SETTLED, move(Status.COMPLETED, "completed"),
            Asked.REJECTED, move(Status.FAILED, "failed"),
            Asked.RETURNED, move(Status.FAILED, "failed")),
        Status.COMPLETED, Map.of(
            Asked.RETURNED, move(Status.RETURNED, "returned"),
            Asked.SETTLED, move(Status.COMPLETED, "suspense_recorded")),
        Status.CANCELLED, Map.of(Asked.SETTLED, move(Status.CANCELLED, "suspense_recorded")),
        Status.FAILED, Map.of(Asked.SETTLED, move(Status.FAILED, "suspense_recorded")),
        Status.RETURNED, Map.of(Asked.SETTLED, move(Status.RETURNED, "suspense_recorded")),
        Status.REFUNDED, Map.of(Asked.SETTLED, move(Status.REFUNDED, "suspense_recorded")));

    /** Returns the move, or null where none is legal. */
    static Move of(Status from, Asked asked) {
        return MOVES.get(from).get(asked);
    }

    private static Move move(Status to, String event) {
        return new Move(to, Canonical.ascii("payment_" + event));
    }
}

/** A rail's delays in seconds (payments/rails.py): from initiation to claim, and to settlement at most. */
enum Rail {
    INSTANT(0, 2), SAME_DAY_ACH(5, 60), STANDARD_ACH(5, 180), WIRE(0, 10);

    final byte[] word = Canonical.ascii(name().toLowerCase());
    final long claimUs;
    final long settleUs;

    Rail(long claimS, long settleS) {
        claimUs = claimS * 1_000_000;
        settleUs = settleS * 1_000_000;
    }
}
