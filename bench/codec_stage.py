"""What Avro costs beside JSON: a transition written as the stream app writes it, a snapshot read as its readers do.

One process, no broker: rounds of the three formats in turns over the same payments, in CPU time, so that other work on
the machine hardly moves the figures. Each format goes from a Payment to bytes and from bytes to an equal Payment in
the way that suits it best: ours keeps the past of a payment as bytes, msgspec writes and reads the structs themselves,
the standard library takes dictionaries, with bytes as hexadecimal text.
"""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from bench.inputs import Life, lives
from payments.decision import Moved
from payments.idempotency import id_of_key
from payments.lifecycle import decide
from payments.payment import Payment
from schemas import codec
from schemas.records import payment_record, payment_value
from stream_app.stored import Snapshot, Step

PAYMENTS = 1_000
ROUNDS = 15
_DUMPS = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_STRUCTS = msgspec.json.Decoder(Payment)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """`write` encodes a payment's newest transition, given the snapshot before it; `read` decodes what was written."""

    name: str
    write: Callable[[Payment, Snapshot | None], bytes]
    read: Callable[[bytes], Payment]


def codec_stage(say: Say, *, payments: int = PAYMENTS, rounds: int = ROUNDS) -> dict[str, Any]:
    """Return for each format microseconds of CPU time and bytes a transition written and a completed snapshot read."""
    steps = [step for life in lives("codec", payments) for step in history(life)]
    completed = {each.name: [(each.write(*step),) for step in steps[2::3]] for each in FORMATS}
    written: dict[str, list[float]] = {each.name: [] for each in FORMATS}
    read: dict[str, list[float]] = {each.name: [] for each in FORMATS}
    for number in range(rounds):
        # There and back, so that none has a place of its own.
        for each in FORMATS[:: -1 if number % 2 else 1]:
            written[each.name].append(_us_each(each.write, steps))
            read[each.name].append(_us_each(each.read, completed[each.name]))
    figures = {
        each.name: {
            "written_us": figures_of(written[each.name]),
            "read_us": figures_of(read[each.name]),
            "bytes": round(statistics.mean(len(data) for (data,) in completed[each.name])),
        }
        for each in FORMATS
    }
    for name, figure in figures.items():
        say(f"{name}: {figure}")
    return {"payments": payments, "rounds": rounds, **figures}


def history(life: Life) -> Iterator[tuple[Payment, Snapshot | None]]:
    """Yield a payment after each of its transitions, with the snapshot before."""
    before: Snapshot | None = None
    for order in (life.order, life.claimed, life.settled):
        decision = decide(order, None if before is None else before.payment)
        assert isinstance(decision, Moved), "every input of a bench moves its payment"
        yield decision.payment, before
        before = Step(decision.payment, before).snapshot()


def figures_of(us: Sequence[float]) -> dict[str, float]:
    """Return the best and the median of some rounds: the best had least of what is not the work itself."""
    return {"best": round(min(us), 1), "median": round(statistics.median(us), 1)}


def _us_each(work: Callable[..., object], inputs: Sequence[tuple[Any, ...]]) -> float:
    # Ids are remembered for what is at hand; a reader meets a payment long after it was seen last.
    id_of_key.cache_clear()
    with _collector_at_rest():
        began = time.process_time_ns()
        for each in inputs:
            work(*each)
        return (time.process_time_ns() - began) / 1000 / len(inputs)


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    # It looks seldom in our processes, too.
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _write_avro(payment: Payment, before: Snapshot | None) -> bytes:
    return Step(payment, before).snapshot().event()


def _read_avro(data: bytes) -> Payment:
    payment = codec.decode(data)
    assert isinstance(payment, Payment)
    return payment


def _write_json(payment: Payment, _before: Snapshot | None) -> bytes:
    record = payment_record(payment)
    record["fingerprint"] = record["fingerprint"].hex()
    for step in record["transitions"]:
        step["hash"] = step["hash"].hex()
    return _DUMPS(record).encode()


def _read_json(data: bytes) -> Payment:
    record = json.loads(data)
    record["fingerprint"] = bytes.fromhex(record["fingerprint"])
    for step in record["transitions"]:
        step["hash"] = bytes.fromhex(step["hash"])
    return payment_value(record)


def _write_structs(payment: Payment, _before: Snapshot | None) -> bytes:
    return msgspec.json.encode(payment)


AVRO = Format(name="avro", write=_write_avro, read=_read_avro)
JSON = Format(name="json", write=_write_json, read=_read_json)
MSGSPEC_JSON = Format(name="msgspec_json", write=_write_structs, read=_STRUCTS.decode)
FORMATS = (AVRO, JSON, MSGSPEC_JSON)
