"""Two reconcilers at once on a real broker, each shutting the other out: what is found is written once, and reported
once."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path
from threading import Barrier
from typing import Any

from confluent_kafka import KafkaException

from kafka_log.reader import LogReader
from kafka_log.span import read_span
from kafka_log.topics_admin import apply_topics
from payments.commands import RailReport
from payments.payment import Status
from reconciliation.known_payment import KnownPayment
from reconciliation.reconciliation_log import ReconciliationLog
from reconciliation.statement_desk import RECORDS_AT_ONCE, StatementDesk, Wanted
from schemas import codec
from schemas.reconciliation import StatementFinding, StatementImport
from schemas.topics import RAIL_REPORTS, RECONCILIATION
from tests.integration.stream_worker import PARTITIONS
from tests.unit.reconciliation.desk_in_hand import NOW_US, booking, known, reference_of, statement_file

RENT = 150_000
# Two transactions, so that one can be shut out between them.
LOST = 3 * RECORDS_AT_ONCE // 2
STARTS_MAX = 50


def test_two_reconcilers_that_shut_each_other_out_write_a_file_once(kafka_bootstrap: str, tmp_path: Path) -> None:
    apply_topics(kafka_bootstrap, PARTITIONS)
    tenant_id = f"t{uuid.uuid4().hex[:12]}"
    lost = [known(f"rent-{number}", status=Status.PROCESSING, tenant_id=tenant_id) for number in range(LOST)]
    booked = [booking(RENT, reference_of(it), reference=f"BK-{number}") for number, it in enumerate(lost)]
    data = statement_file({"Q": booked})
    both = Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        work = partial(taken_by, kafka_bootstrap, tmp_path, both, lost, data)
        (done, starts), (done_too, starts_too) = pool.map(work, ("one", "other"))

    # Both had opened before either wrote: one was shut out at least.
    assert starts + starts_too > 2
    assert done.repaired == done_too.repaired == LOST
    records = list(values(kafka_bootstrap, RECONCILIATION.name))
    found = Counter(it.finding_id for it in records if isinstance(it, StatementFinding) and it.tenant_id == tenant_id)
    assert (len(found), set(found.values())) == (LOST, {1})
    assert len([it for it in records if isinstance(it, StatementImport) and it.tenant_id == tenant_id]) == 1
    reports = [it for it in values(kafka_bootstrap, RAIL_REPORTS.name) if isinstance(it, RailReport)]
    told = Counter(it.payment_id for it in reports if it.tenant_id == tenant_id)
    assert told == Counter(it.payment_id for it in lost)


def taken_by(
    bootstrap: str, folder: Path, both: Barrier, payments: Sequence[KnownPayment], data: bytes, name: str
) -> tuple[StatementImport, int]:
    """Return what was found, and how often it was begun: after each end that the other one makes, as a process is."""
    for start in range(STARTS_MAX):
        log = ReconciliationLog(bootstrap, folder / f"{name}.sqlite", partitions=PARTITIONS, instance=name)
        try:
            log.open()
            log.book.keep(payments, {})
            if start == 0:
                both.wait(timeout=60)
            desk = StatementDesk(partial(getattr, log, "book"), log, lambda: NOW_US)
            wanted = Wanted(name=name, tenant_id=payments[0].tenant_id)
            return desk.take(BytesIO(data), wanted).done, start + 1
        except KafkaException:
            continue
        finally:
            log.close()
    raise AssertionError(f"{name} was shut out {STARTS_MAX} times")


def values(bootstrap: str, topic: str) -> Iterator[Any]:
    """Yield what is committed on a topic."""
    reader = LogReader(bootstrap, client_id="test-reads")
    ends = {(topic, partition): end for partition, end in reader.end_offsets(topic).items()}
    for message in read_span(reader, dict.fromkeys(ends, 0), ends):
        value = message.value()
        assert isinstance(value, bytes)
        yield codec.decode(value)
    reader.close()
