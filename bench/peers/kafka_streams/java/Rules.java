import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.time.LocalDate;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** The rules of an order's fields (payments/fields.py). One differs: metadata may be in any spelling of JSON. */
final class Rules {
    private static final long YEAR_2000_US = 946_684_800_000_000L;
    private static final long YEAR_2200_US = 7_258_118_400_000_000L;
    private static final long AMOUNT_MINOR_MAX = 100_000_000;
    private static final int METADATA_BYTES_MAX = 8 * 1024;
    private static final byte[] USD = Canonical.ascii("USD");
    private static final byte[] NO_METADATA = Canonical.ascii("{}");
    private static final byte[] SYSTEM_PREFIX = Canonical.ascii("directpay:");
    private static final Rail[] RAILS = Rail.values();
    private static final ObjectMapper JSON = new ObjectMapper();

    private final List<Fault> faults = new ArrayList<>();

    /** Throws Refused, naming every field at fault. */
    void check(Order order) throws Refused {
        faults.clear();
        check(tenant(order.tenant()), "tenant_id", "must be 1 to 64 characters without colons or control characters");
        boolean system = !(order instanceof Initiate initiate) || initiate.refundOf() != null;
        check(key(order.key(), system), "idempotency_key", "must be 1 to 255 characters of the caller's own");
        if (order instanceof Initiate initiate) {
            fields(initiate);
        } else if (order instanceof Report report) {
            fields(report);
        } else if (order instanceof Cancel cancel) {
            check(key(cancel.cancelKey(), true), "cancel_key", "must be 1 to 255 characters");
            time("requested_at", cancel.requestedAtUs());
        }
        if (!faults.isEmpty()) {
            String detail = faults.stream().map(each -> each.field() + ": " + each.message())
                .collect(Collectors.joining("; "));
            throw new Refused("invalid-command", detail, List.copyOf(faults));
        }
    }

    private void fields(Initiate order) {
        uuid("command_id", order.commandId());
        uuid("lease_id", order.lease());
        uuid("payer_account_id", order.payer());
        uuid("payee_account_id", order.payee());
        uuid("refund_of", order.refundOf());
        amount("amount", order.amountMinor());
        text("description", order.description(), 500);
        check(metadata(order.metadata()), "metadata", "must be a JSON object of at most 8192 bytes");
        check(order.effectiveDate() == null || date(order.effectiveDate()) != null, "effective_date",
            "must be a date such as 2026-03-01");
        time("requested_at", order.requestedAtUs());
        check(!Arrays.equals(order.payer(), order.payee()), "payee_account_id", "must differ from payer_account_id");
        check(Arrays.equals(order.currency(), USD), "currency", "must be USD");
        check(rail(order.rail()) != null, "payment_rail_type", "must be one of instant, same_day_ach, standard_ach, wire");
    }

    private void fields(Report report) {
        time("occurred_at", report.occurredAtUs());
        if (report.amountMinor() != null) {
            amount("amount", report.amountMinor());
        }
        text("code", report.code(), 64);
        text("reason", report.reason(), 500);
        text("bank_reference", report.bankReference(), 500);
        check(report.attempt() >= 1 && report.attempt() <= 99, "attempt", "must be from 1 to 99");
        boolean failed = report.asked() == Asked.REJECTED || report.asked() == Asked.RETURNED;
        check(!failed || report.code() != null && report.code().length > 0, "code",
            "is required when the payment is rejected or returned");
    }

    private void check(boolean kept, String field, String message) {
        if (!kept) {
            faults.add(new Fault(field, message));
        }
    }

    private void uuid(String field, byte[] text) {
        check(text == null || isUuid(text), field, "must be a lowercase UUID");
    }

    private void amount(String field, long minor) {
        check(minor > 0 && minor <= AMOUNT_MINOR_MAX, field, "must be more than 0 and at most 1000000.00");
    }

    private void text(String field, byte[] text, int charactersMax) {
        check(text == null || isClean(text, charactersMax, '\1'), field,
            "must be at most " + charactersMax + " characters of Unicode text without NUL");
    }

    private void time(String field, long atUs) {
        check(atUs >= YEAR_2000_US && atUs < YEAR_2200_US, field,
            "must be microseconds since 1970-01-01 UTC, from 2000 to 2199");
    }

    private static boolean tenant(byte[] text) {
        if (text.length == 0 || !isClean(text, 64, ' ')) {
            return false;
        }
        for (byte each : text) {
            if (each == ':') {
                return false;
            }
        }
        return true;
    }

    private static boolean key(byte[] text, boolean system) {
        int prefix = SYSTEM_PREFIX.length;
        boolean isSystems = text.length >= prefix && Arrays.equals(text, 0, prefix, SYSTEM_PREFIX, 0, prefix);
        return text.length > 0 && isClean(text, 255, ' ') && (system || !isSystems);
    }

    /** Returns whether the text is UTF-8 of so many characters at most, none of them a control below `lowest`. */
    static boolean isClean(byte[] text, int charactersMax, int lowest) {
        for (byte each : text) {
            if (each < lowest || each == 0x7f) {
                return isCleanUnicode(text, charactersMax, lowest);
            }
        }
        return text.length <= charactersMax;
    }

    private static boolean isCleanUnicode(byte[] text, int charactersMax, int lowest) {
        try {
            String decoded = UTF_8.newDecoder().decode(ByteBuffer.wrap(text)).toString();
            boolean controls = lowest == ' ';
            return decoded.codePointCount(0, decoded.length()) <= charactersMax
                && decoded.codePoints().noneMatch(each -> each == 0 || controls && Character.isISOControl(each));
        } catch (CharacterCodingException error) {
            return false;
        }
    }

    private static boolean isUuid(byte[] text) {
        if (text.length != 36) {
            return false;
        }
        for (int at = 0; at < 36; at++) {
            byte each = text[at];
            boolean fits = at == 8 || at == 13 || at == 18 || at == 23
                ? each == '-'
                : each >= '0' && each <= '9' || each >= 'a' && each <= 'f';
            if (!fits) {
                return false;
            }
        }
        return true;
    }

    private static boolean metadata(byte[] text) {
        if (Arrays.equals(text, NO_METADATA)) {
            return true;
        }
        if (!isClean(text, METADATA_BYTES_MAX, '\1') || text.length > METADATA_BYTES_MAX) {
            return false;
        }
        try {
            JsonNode value = JSON.readTree(new String(text, UTF_8));
            return value != null && value.isObject();
        } catch (JsonProcessingException error) {
            return false;
        }
    }

    /** Returns the date of a text such as 2026-03-01, or null. */
    static LocalDate date(byte[] text) {
        try {
            return text.length == 10 && text[0] == '2' ? LocalDate.parse(new String(text, UTF_8)) : null;
        } catch (DateTimeParseException error) {
            return null;
        }
    }

    /** Returns the rail of that name, or null. */
    static Rail rail(byte[] name) {
        for (Rail each : RAILS) {
            if (Arrays.equals(each.word, name)) {
                return each;
            }
        }
        return null;
    }
}
