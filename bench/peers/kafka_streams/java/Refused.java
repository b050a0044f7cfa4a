import java.util.List;

/** A record that is not obeyed: what payment-rejections tells of it. */
final class Refused extends Exception {
    private static final long serialVersionUID = 1;

    final String reason;
    final List<Fault> faults;

    Refused(String reason, String detail) {
        this(reason, detail, List.of());
    }

    Refused(String reason, String detail, List<Fault> faults) {
        super(detail, null, false, false); // An answer, not a failure: nobody looks at its stack.
        this.reason = reason;
        this.faults = faults;
    }
}

/** A field that breaks a rule, and the rule. */
record Fault(String field, String message) {}
