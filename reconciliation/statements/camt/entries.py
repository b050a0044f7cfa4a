"""An entry of camt.053 with its details, made of what was gathered."""

from __future__ import annotations

from collections.abc import Sequence

from reconciliation.statements.amounts import whole_number
from reconciliation.statements.batches import check_count, check_net
from reconciliation.statements.camt.gathered import Gathered
from reconciliation.statements.camt.versions import Version
from reconciliation.statements.faults import BrokenText, Rule
from reconciliation.statements.values import Batch, BatchItem, Direction, Entry

# BOOK is in the balances; the others are not: pending, for information, future (version 8).
_STATUSES = {"BOOK": True, "PDNG": False, "INFO": False, "FUTR": False}
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
# What is written where nobody gave an end-to-end id.
NOT_PROVIDED = "NOTPROVIDED"


class Details:
    """One NtryDtls while it passes: its Btch if it has one, and its TxDtls."""

    def __init__(self) -> None:
        self.batch: Gathered | None = None
        self.items: list[BatchItem] = []


def item_of(item: Gathered, version: Version, entry: Gathered, currency: str) -> BatchItem:
    """Return one TxDtls of an entry."""
    path = version.item_direction
    direction = entry.direction("CdtDbtInd") if path is None or item.one(path) is None else item.direction(path)
    end_to_end_id = item.text("Refs/EndToEndId")
    texts = [
        *item.texts("RmtInf/Ustrd"),
        *item.texts("RmtInf/Strd/CdtrRefInf/Ref"),
        item.text("AddtlTxInf"),
    ]
    return BatchItem(
        direction=direction,
        amount_minor=_item_amount_minor(item, version, currency),
        end_to_end_id=None if end_to_end_id == NOT_PROVIDED else end_to_end_id,
        reference=item.text("Refs/AcctSvcrRef"),
        trace_number=item.text("Refs/ClrSysRef"),
        return_reason=item.text("RtrInf/Rsn/Cd") or item.text("RtrInf/Rsn/Prtry"),
        text=_joined(texts),
    )


def entry_of(entry: Gathered, version: Version, details: Sequence[Details], currency: str) -> Entry:
    """Return an Ntry; a sole transaction that is no batch gives the entry its identifiers."""
    booked = entry.read(version.status, _is_booked)
    if booked is None:
        raise entry.refused(version.status, Rule.MANDATORY, "must be there")
    booking_date = entry.day("BookgDt")
    if booked and booking_date is None:
        raise entry.refused("BookgDt", Rule.MANDATORY, "must say when a booked entry was booked")
    direction = entry.direction("CdtDbtInd")
    sole = _sole_item(details)
    own = sole or BatchItem(direction=direction)
    return Entry(
        direction=direction,
        amount_minor=entry.amount_minor("Amt", currency),
        booking_date=booking_date,
        value_date=entry.day("ValDt"),
        is_reversal=entry.read("RvslInd", _flag) or False,
        is_booked=booked,
        transaction_code=_transaction_code(entry),
        end_to_end_id=own.end_to_end_id,
        reference=own.reference or entry.text("AcctSvcrRef") or entry.text("NtryRef"),
        trace_number=own.trace_number,
        return_reason=own.return_reason,
        text=_joined([own.text, entry.text("AddtlNtryInf")]),
        batches=() if sole else tuple(_batch_of(each, direction, currency) for each in details),
    )


def _item_amount_minor(item: Gathered, version: Version, currency: str) -> int | None:
    path = version.item_amount
    # An amount in the currency in which the payment was ordered is not what the account got.
    if item.one(path) is None or item.currency(path) != currency:
        return None
    return item.amount_minor(path, currency)


def _sole_item(details: Sequence[Details]) -> BatchItem | None:
    if len(details) == 1 and details[0].batch is None and len(details[0].items) == 1:
        return details[0].items[0]
    return None


def _batch_of(details: Details, direction: Direction, currency: str) -> Batch:
    batch, items = details.batch, tuple(details.items)
    if batch is None:
        return Batch(items=items)
    items_count, net_minor = batch.read("NbOfTxs", whole_number), _net_minor(batch, direction, currency)
    for path, said, check in (("NbOfTxs", items_count, check_count), ("TtlAmt", net_minor, check_net)):
        try:
            if said is not None:
                check(said, items)
        except BrokenText as broken:
            raise batch.refused(path, broken.rule, broken.detail, batch.one(path)) from None
    return Batch(
        message_id=batch.text("MsgId"),
        payment_information_id=batch.text("PmtInfId"),
        items_count=items_count,
        net_minor=net_minor,
        items=items,
    )


def _net_minor(batch: Gathered, direction: Direction, currency: str) -> int | None:
    if batch.one("TtlAmt") is None:
        return None
    # Without a direction of its own, a batch has that of its entry.
    direction = direction if batch.one("CdtDbtInd") is None else batch.direction("CdtDbtInd")
    return direction.signed(batch.amount_minor("TtlAmt", currency))


def _transaction_code(entry: Gathered) -> str | None:
    """Return `PMNT/RCDT/ACDT` where ISO 20022's own code is given, otherwise the bank's."""
    domain = [entry.text(f"BkTxCd/Domn/{path}") for path in ("Cd", "Fmly/Cd", "Fmly/SubFmlyCd")]
    return "/".join(filter(None, domain)) or entry.text("BkTxCd/Prtry/Cd")


def _joined(texts: Sequence[str | None]) -> str:
    return "\n".join(filter(None, texts))


def _is_booked(text: str) -> bool:
    if text not in _STATUSES:
        raise BrokenText(Rule.CODE, "must be " + ", ".join(_STATUSES))
    return _STATUSES[text]


def _flag(text: str) -> bool:
    if text not in _FLAGS:
        raise BrokenText(Rule.CODE, "must be true or false")
    return _FLAGS[text]
