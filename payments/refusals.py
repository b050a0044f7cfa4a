"""Why an order is refused: typed errors that carry data, raised or returned, never a bare string."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One fault of one field: `field` is the name the caller used, `message` says what would be right."""

    field: str
    message: str


class Refusal(Exception):
    """A rule says no. `code` is stable and public (rejections, problem documents, `failure.code`)."""

    code = "refused"

    def __init__(self, detail: str, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors


class InvalidCommand(Refusal):
    """A command whose fields break a rule; nothing was decided and its key is not consumed."""

    code = "invalid-command"

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors), errors)


class InvalidIdempotencyKey(Refusal):
    """A key that is missing, too long, or has characters or a prefix that callers may not use."""

    code = "idempotency-key-invalid"

    def __init__(self, message: str) -> None:
        super().__init__(message, (FieldError(field="idempotency_key", message=message),))


class KeyReusedWithOtherBody(Refusal):
    """The key has a payment already, and that payment was asked for with another body."""

    code = "idempotency-key-reused"

    def __init__(self, payment_id: str) -> None:
        message = "this idempotency key was used with another body; the first payment stays as it was"
        super().__init__(message, (FieldError(field="idempotency_key", message=message),))
        self.payment_id = payment_id


class PaymentUnknown(Refusal):
    """A cancel or a report for a payment that no command has created."""

    code = "payment-unknown"

    def __init__(self, payment_id: str) -> None:
        super().__init__(f"no payment {payment_id} exists")
        self.payment_id = payment_id


class IllegalMove(Refusal):
    """The payment's state forbids what was asked."""

    code = "illegal-move"

    def __init__(self, *, payment_id: str, status: str, asked: str) -> None:
        super().__init__(f"a payment that is {status} cannot be {asked}")
        self.payment_id = payment_id
        self.status = status
        self.asked = asked


class RefundOfRefund(Refusal):
    """A refund is no payment that could be refunded: who wants the money to move again pays again."""

    code = "refund-of-refund"

    def __init__(self, payment_id: str) -> None:
        super().__init__("a refund cannot be refunded; ask for a payment instead")
        self.payment_id = payment_id


class RefundTooLarge(Refusal):
    """More than is left of the payment: what was paid, less what is refunded already or is being refunded."""

    code = "refund-too-large"

    def __init__(self, *, payment_id: str, left: str) -> None:
        message = f"must be at most {left}, which is what is left of the payment"
        super().__init__(f"amount: {message}", (FieldError(field="amount", message=message),))
        self.payment_id = payment_id
        self.left = left


class TooManyRefunds(Refusal):
    """A payment's history has a bound, and so has the number of its refunds, those that failed among them."""

    code = "too-many-refunds"

    def __init__(self, *, payment_id: str, refunds_max: int) -> None:
        super().__init__(f"a payment can be refunded at most {refunds_max} times")
        self.payment_id = payment_id


class RefundUnknown(Refusal):
    """What is told of a refund that the payment has not asked for."""

    code = "refund-unknown"

    def __init__(self, refund_id: str) -> None:
        super().__init__(f"the payment knows no refund {refund_id}")
        self.refund_id = refund_id
