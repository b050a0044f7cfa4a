"""`directpay redrive` on a real Kafka: what was refused for a fault of ours is sent again, and decided once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from payments.redrive import REDRIVEN_FROM, place_of
from payments.rejection import Rejection
from schemas import codec, registry, topics
from tests.integration.stream_worker import Stage, free_port
from tests.integration.test_stream_survives import Registry, order_of, with_schema_id

COMMAND_S_MAX = 60
SCHEMA_ID = 90_001
ORDERS = 20


@pytest.fixture
def schemas() -> Iterator[Registry]:
    answers = Registry()
    answers.open()
    yield answers
    answers.close()


def redrive(bootstrap: str, *options: str, code: int = 0) -> str:
    """Run the command, expect its exit code, and return what it said."""
    ran = subprocess.run(
        [sys.executable, "-m", "cli.main", "redrive", *options],
        env=os.environ | {"DIRECTPAY_KAFKA": bootstrap},
        capture_output=True,
        text=True,
        timeout=COMMAND_S_MAX,
        check=False,
    )
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def refused(stage: Stage) -> list[Rejection]:
    return [each for each in stage.rejections() if (each.key or "").startswith(f"{stage.tenant}:")]


def again(stage: Stage) -> dict[str, bytes | None]:
    """Return, by the place of the refused record, the value of every record that was sent again."""
    found: dict[str, bytes | None] = {}
    for message in stage.records(topics.PAYMENT_COMMANDS):
        mark = dict(message.headers() or ()).get(REDRIVEN_FROM)
        if isinstance(mark, bytes):
            assert mark.decode() not in found, "it was sent again twice"
            found[mark.decode()] = message.value()
    return found


def send_of_unknown_schema(stage: Stage, schemas: Registry) -> None:
    """Have orders refused because nobody knows their schema yet, and one that would be refused anyway."""
    stage.worker(schema_registry_url=schemas.url).wait_ready()
    for number in range(ORDERS):
        order = order_of(stage, number)
        value = with_schema_id(codec.encode(order), SCHEMA_ID)
        stage.send(topics.PAYMENT_COMMANDS.name, order.key, value)
    stage.send(topics.PAYMENT_COMMANDS.name, f"{stage.tenant}:large", b"x" * 100_000)
    stage.send(topics.PAYMENT_COMMANDS.name, f"{stage.tenant}:other", codec.encode(order_of(stage, 0)))
    stage.sent()
    stage.wait_decided()
    assert len(refused(stage)) == ORDERS + 2
    stage.workers[-1].kill()


def test_after_the_cause_is_mended_each_refused_command_is_sent_once_and_decided(
    stage: Stage, schemas: Registry
) -> None:
    send_of_unknown_schema(stage, schemas)
    of_schema = {place_of(each): each.raw for each in refused(stage) if each.reason == "unknown-schema"}
    listed = redrive(stage.bootstrap, "--tenant", stage.tenant, "--dry-run")
    assert all(f"{place}  " in listed for place in of_schema)
    assert f"{ORDERS} would be sent, 0 were sent before, 0 were sent and refused again, 1 cannot be sent." in listed
    assert "only 32768 of its 100000 bytes were kept: its sender has to send it" in listed
    assert "key-mismatch" not in listed
    assert not again(stage)

    # Not mended yet: it is refused again, and another run leaves it so until it is told otherwise.
    [first, *_] = of_schema
    redrive(stage.bootstrap, "--record", first)
    stage.worker(schema_registry_url=schemas.url).wait_ready()
    stage.wait_decided()
    stage.workers[-1].kill()
    assert len(refused(stage)) == ORDERS + 3
    [second] = {place_of(each) for each in refused(stage) if each.reason == "unknown-schema"} - of_schema.keys()

    schemas.schemas[SCHEMA_ID] = registry.newest_of("io.directpay.InitiatePayment").text
    stage.worker(schema_registry_url=schemas.url).wait_ready()
    said = redrive(stage.bootstrap, "--tenant", stage.tenant, "--reason", "unknown-schema")
    assert f"{ORDERS - 1} sent again, 1 were sent before, 1 were sent and refused again, 0 cannot" in said
    stage.wait_decided()
    said = redrive(stage.bootstrap, "--tenant", stage.tenant, "--reason", "unknown-schema", "--again")
    assert f"1 sent again, {ORDERS} were sent before, 0 were sent and refused again, 0 cannot" in said
    stage.wait_decided()
    twice = redrive(stage.bootstrap, "--tenant", stage.tenant, "--reason", "unknown-schema", "--again")
    assert f"0 sent again, {ORDERS + 1} were sent before, 0 were sent and refused again, 0 cannot" in twice

    assert again(stage) == of_schema | {second: of_schema[first]}
    histories = stage.histories()
    assert sorted(histories) == sorted(order_of(stage, number).idempotency_key for number in range(ORDERS))
    assert all(len(snapshots) == 1 for snapshots in histories.values())
    assert len(refused(stage)) == ORDERS + 3


def test_a_command_that_was_sent_again_by_its_sender_too_is_decided_once(stage: Stage, schemas: Registry) -> None:
    send_of_unknown_schema(stage, schemas)
    schemas.schemas[SCHEMA_ID] = registry.newest_of("io.directpay.InitiatePayment").text
    stage.worker(schema_registry_url=schemas.url).wait_ready()
    for number in range(ORDERS):
        stage.order(order_of(stage, number))
    stage.sent()
    redrive(stage.bootstrap, "--tenant", stage.tenant, "--reason", "unknown-schema")
    stage.wait_decided()

    assert {len(snapshots) for snapshots in stage.histories().values()} == {1}
    assert len(refused(stage)) == ORDERS + 2


def test_a_refusal_that_is_an_answer_and_a_record_that_was_not_refused_are_told_and_not_sent(
    stage: Stage, schemas: Registry
) -> None:
    send_of_unknown_schema(stage, schemas)
    [answer] = [place_of(each) for each in refused(stage) if each.reason == "key-mismatch"]

    said = redrive(stage.bootstrap, "--record", answer, "--record", "payment-commands/0/987654321", code=1)

    assert "cannot be sent: key-mismatch is an answer, not a fault that can be mended" in said
    assert "No refusal is kept (for 30 days) of payment-commands/0/987654321." in said
    assert not again(stage)


def test_without_kafka_it_says_so() -> None:
    said = redrive(f"127.0.0.1:{free_port()}", code=1)
    assert said.splitlines()[-1].startswith("directpay redrive: Kafka at 127.0.0.1:")
    assert "cannot be read" in said
