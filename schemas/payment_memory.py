"""Reading the log in order: of a payment's next record only what is new in it is read."""

from __future__ import annotations

from collections import OrderedDict

from payments.payment import Status
from schemas import registry
from schemas.codec import HEADER_BYTES, MAGIC, decode
from schemas.payment_decoding import Read, read_after
from schemas.plain_avro import read_text
from schemas.records import Value
from schemas.topics import RECORD_BYTES_MAX

# About 2.5 KB each: some 40 MB at most.
PAYMENTS_REMEMBERED_MAX = 16_384
_HEADER = MAGIC + registry.newest_of("io.directpay.PaymentEvent").schema_id.to_bytes(HEADER_BYTES - 1, "big")
# An id is a text of 36 characters, with its length before it.
_ID_END = HEADER_BYTES + 37
_GOES_ON = (Status.PENDING, Status.PROCESSING)


def tenant_of(data: bytes) -> str | None:
    """Return whose payment an event is of, without reading the rest; None: it has to be read to know."""
    if not data.startswith(_HEADER):
        return None
    try:
        tenant_id, end = read_text(data, _ID_END)
    except (ValueError, IndexError):
        return None
    return tenant_id if end <= len(data) else None


class PaymentMemory:
    """Decodes what `codec.decode` does, to the same values, and remembers the payments that it saw last and that have
    not ended: a record repeats its payment's terms and history, which are two thirds of the work of reading it."""

    def __init__(self, payments_max: int = PAYMENTS_REMEMBERED_MAX) -> None:
        self._payments_max = payments_max
        self._read: OrderedDict[bytes, Read] = OrderedDict()

    def decode(self, data: bytes | None) -> Value:
        """Return the value that the bytes are, or raise Undecodable or UnknownSchema."""
        if data is not None and data.startswith(_HEADER) and len(data) <= RECORD_BYTES_MAX:
            try:
                return self._next(data)
            except Exception:  # noqa: S110  It is read again, to say what is wrong.
                pass
        return decode(data)

    def _next(self, data: bytes) -> Value:
        place = data[HEADER_BYTES:_ID_END]
        read = read_after(data, self._read.pop(place, None))
        if read.payment.status in _GOES_ON:
            self._read[place] = read
            if len(self._read) > self._payments_max:
                self._read.popitem(last=False)
        return read.payment
