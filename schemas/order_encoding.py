"""InitiatePayment's Avro bytes, written directly: the API writes one for every payment.

The bytes are fastavro's for the newest InitiatePayment schema (a test holds them equal); a change of the schema changes
this file.
"""

from __future__ import annotations

from payments.commands import InitiatePayment
from schemas.plain_avro import long_of, optional_of, text_of


def initiate_bytes(order: InitiatePayment) -> bytes:
    """Return the Avro body of the command."""
    return b"".join(
        (
            text_of(order.command_id),
            text_of(order.tenant_id),
            text_of(order.idempotency_key),
            optional_of(order.lease_id),
            text_of(order.payer_account_id),
            text_of(order.payee_account_id),
            long_of(order.amount_minor),
            text_of(order.currency),
            text_of(order.payment_rail_type),
            optional_of(order.description),
            text_of(order.metadata_json),
            optional_of(order.effective_date),
            optional_of(order.refund_of),
            long_of(order.requested_at_us),
        )
    )
