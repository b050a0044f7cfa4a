"""The values of ach-origination: what the originator of ACH files writes down, in the order in which it holds."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from directory.entities import AccountType
from directory.sealing import Sealed
from payments.fields import fault
from payments.rails import ACH_RAILS, RAILS, Rail
from payments.refusals import InvalidCommand

Record = dict[str, Any]


class AchParty(Struct, frozen=True, kw_only=True):
    """One side of a payment, without its numbers."""

    holder: str
    account_type: AccountType


class AchPayment(Struct, frozen=True, kw_only=True):
    """A payment was taken: its payer is to be debited, then its payee credited.

    `numbers` holds both sides' routing and account numbers, sealed for `reference`. A refund's payer is who was paid.
    `payer_account` is a keyed hash of the payer's numbers (32 bytes); `is_prenoted`: the account is tried at first.
    """

    reference: str
    payment_key: str
    rail: Rail
    travels_by: Rail
    amount_minor: int
    currency: str
    payer: AchParty
    payee: AchParty
    numbers: Sealed
    claimed_at_us: int
    settle_by_us: int
    submitted_at_us: int
    is_refund: bool = False
    payer_account: bytes | None = None
    is_prenoted: bool = False


class AchSender(Struct, frozen=True, kw_only=True):
    """Who sends a file, from what bank to what bank: all that its headers say of it."""

    company_name: str
    company_identification: str
    entry_description: str
    bank_routing_number: str
    destination_routing_number: str
    destination_name: str
    origin: str
    origin_name: str
    payee_class: str


class AchCutOff(Struct, frozen=True, kw_only=True):
    """A file: the `entries` of its rail that have waited longest, for the window that closes at `deadline_us`."""

    file_number: int
    rail: Rail
    deadline_us: int
    settles_at_us: int
    created_at_us: int
    file_id_modifier: str
    first_sequence: int
    entries: int
    sender: AchSender


class AchDelivery(Struct, frozen=True, kw_only=True):
    """A file was handed in; handed in late, it settles later than its cut-off says."""

    file_number: int
    sha256: bytes
    delivered_at_us: int
    settles_at_us: int


class AchSettlement(Struct, frozen=True, kw_only=True):
    """A file's settlement time has passed. The accounts that its prenotes have tried may be debited from then on."""

    file_number: int
    settled_at_us: int
    debits_from_us: int | None = None


class AchReturn(Struct, frozen=True, kw_only=True):
    """The bank sent an entry back. File hash and line name the return; it says whether the entry is presented again, or
    the return dishonored, with which code.

    `return_trace_number` and `settlement_day` (of the year) are the return's own. One that is contested names what it
    contests: `dishonored_trace_number`.
    """

    file_sha256: bytes
    line: int
    original_trace_number: str
    code: str
    amount_minor: int
    information: Sealed | None = None
    received_at_us: int
    present_again_at_us: int | None = None
    return_trace_number: str | None = None
    settlement_day: int | None = None
    dishonored_as: str | None = None
    dishonored_trace_number: str | None = None


class AchNotice(Struct, frozen=True, kw_only=True):
    """The bank posted an entry and corrects it. File hash and line name the notice."""

    file_sha256: bytes
    line: int
    original_trace_number: str
    code: str
    corrected: Sealed
    received_at_us: int


AchRecord = AchPayment | AchCutOff | AchDelivery | AchSettlement | AchReturn | AchNotice


def payment_record(payment: AchPayment) -> Record:
    return {
        **asdict(payment),
        "payer": asdict(payment.payer),
        "payee": asdict(payment.payee),
        "numbers": _sealed_record(payment.numbers),
    }


def payment_value(record: Record) -> AchPayment:
    return AchPayment(
        **{
            **record,
            "rail": _ach_rail("rail", record["rail"]),
            "travels_by": _ach_rail("travels_by", record["travels_by"]),
            "payer": _party("payer", record["payer"]),
            "payee": _party("payee", record["payee"]),
            "numbers": Sealed(**record["numbers"]),
        }
    )


def cut_off_record(cut_off: AchCutOff) -> Record:
    return {**asdict(cut_off), "sender": asdict(cut_off.sender)}


def cut_off_value(record: Record) -> AchCutOff:
    rail = _ach_rail("rail", record["rail"])
    return AchCutOff(**{**record, "rail": rail, "sender": AchSender(**record["sender"])})


def delivery_record(delivery: AchDelivery) -> Record:
    return asdict(delivery)


def delivery_value(record: Record) -> AchDelivery:
    return AchDelivery(**record)


def settlement_record(settlement: AchSettlement) -> Record:
    return asdict(settlement)


def settlement_value(record: Record) -> AchSettlement:
    return AchSettlement(**record)


def return_record(returned: AchReturn) -> Record:
    information = returned.information
    return {**asdict(returned), "information": None if information is None else _sealed_record(information)}


def return_value(record: Record) -> AchReturn:
    information = record["information"]
    return AchReturn(**{**record, "information": None if information is None else Sealed(**information)})


def notice_record(notice: AchNotice) -> Record:
    return {**asdict(notice), "corrected": _sealed_record(notice.corrected)}


def notice_value(record: Record) -> AchNotice:
    return AchNotice(**{**record, "corrected": Sealed(**record["corrected"])})


def _sealed_record(sealed: Sealed) -> Record:
    return {"key_id": sealed.key_id, "nonce": sealed.nonce, "ciphertext": sealed.ciphertext}


def _ach_rail(field: str, text: str) -> Rail:
    rail = RAILS.get(text)
    if rail not in ACH_RAILS:
        raise InvalidCommand(fault(field, f"must be one of {', '.join(sorted(ACH_RAILS))}"))
    return rail


def _party(field: str, record: Record) -> AchParty:
    if record["account_type"] not in set(AccountType):
        raise InvalidCommand(fault(f"{field}.account_type", f"must be one of {', '.join(AccountType)}"))
    return AchParty(holder=record["holder"], account_type=AccountType(record["account_type"]))
