"""The schemas by id, for good: others have cached them, and bytes on the log point to them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import fastavro
import pytest

from schemas.registry import AVRO_DIRECTORY, RegisteredSchema, newest_of, schema_by_id, schemas
from schemas.topics import TOPICS

TIME = {"type": "long", "logicalType": "timestamp-micros"}
# Append only: a new version of a record is a new line.
GOLDEN = {
    1: ("io.directpay.InitiatePayment", "6462968206e6333633d5e274dc4210c267001c8239b01a2ded972cdaab52a4b8"),
    2: ("io.directpay.CancelPayment", "5fe2c5ec8b8b72d8ed310da4113977824d49ca75bec6772b882d55ec5de13e95"),
    3: ("io.directpay.RailReport", "06a99ce7b5313315f6d401633ec6bc9ee561fe2ddb57f03c6c8124fc80626f7d"),
    4: ("io.directpay.PaymentEvent", "2e00472a1cef9dee53df279651cce7a9db6d8154daec5fd6ecb5418e49dc0157"),
    5: ("io.directpay.PaymentRejection", "7eaf941adbd3bea716c2f728996602f0d53c0f8f5ffd56a9bbfc091c2b279b9f"),
    6: ("io.directpay.DirectoryCommand", "96b7d39a60377e463c0f2f7603104cc1e4c0a65e1bc8bfd604b38f4daab3ecb5"),
    7: ("io.directpay.DirectoryEvent", "f5e280c0809e7ac97c5264cc733a503339e1a180d350483219589f2e8dd9b01e"),
    8: ("io.directpay.DirectorySecret", "127606aadf0f550b7f4bbb827b6165cd572373cf8bbc8a6f8850e192e2c65516"),
    9: ("io.directpay.RefundPayment", "109181b822eb2dc30921f35418543e5717c9ef4457b4120233000e0c48f63724"),
    10: ("io.directpay.InitiateRefund", "1929ecffe9b8f68b18e3d36db0c00373b7221e1b9f258cef8414b98d11f63820"),
    11: ("io.directpay.RefundReport", "74704d2a10ed2fcf085270aa9c1bd273752e182c72a83dd319ba58c6b302faff"),
    12: ("io.directpay.AchPayment", "90953d851b69827b58dde691952fd1c4a355dc1f10812e2a83bbe428af3e6494"),
    13: ("io.directpay.AchCutOff", "ade0ad692b07a08e0f03f692eb55f5847bb7477058178a61170ba2e7ea4d51de"),
    14: ("io.directpay.AchDelivery", "ff538e08320dae36976c8c1a1cb6843ee03acabd8e284a8863c19b9ef66fbe56"),
    15: ("io.directpay.AchSettlement", "8f4b726970bae93237616a7dc706eee06ddb2fa3224d3f947c98bd07da7fa043"),
    16: ("io.directpay.AchReturn", "5d14bfe6341991e939cbf2a91a01e0587affed4d32c8e83bf3c654169273e7d5"),
    17: ("io.directpay.AchNotice", "b88a6a558612722a909c77922d4b3e8087931c0c8a814868dcb7b6f8a0ecc60b"),
    18: ("io.directpay.AchReturn", "461161e0eb2b17e4e2851e64c1f448885ae2b873d0d74bd049b3462c6bd5ed1b"),
    19: ("io.directpay.StatementFinding", "fada50d14920abb3fc371a14b68f6950cdb368288a16899a220399cada875dec"),
    20: ("io.directpay.StatementImport", "104982d35f10cbd1a7ffb2f23ab29c90ac5393f104161d52303f4fa850639b3a"),
    21: ("io.directpay.StatementProof", "19b299cf2a016f0fb6a57e83129c46e6211e2d2af4e0f3ae807701666f090662"),
    22: ("io.directpay.ItemResolution", "d118b86f26e5ec83578a9781e102c5d589f365fda9186da3fd150c0fa52d4106"),
    23: ("io.directpay.WebhookDelivery", "ad3cface680cd01897c3e54ae397c9c7908888792add9bc5dc74546eca227735"),
    24: ("io.directpay.WebhookReplay", "7149fe9237ec9fde041e797c5679eb01f16fb81b367189386c3d4a48bb695d69"),
    25: ("io.directpay.DirectoryCommand", "4c181a29e6891eefc75158138783907a56c74475a596119873c344a779487df5"),
    26: ("io.directpay.DirectoryEvent", "52113f85e9e01f2a922c3d6c0013656f8658fe09c44d9d3c501a1be3bbc327ec"),
    27: ("io.directpay.AchPayment", "72fdcc45aa0d234bfcd8bcb69790729547cf81718db260a9d07bdb4fe5994d2c"),
    28: ("io.directpay.AchSettlement", "19c56302a9f3aa3d741dfb1b1894914a387dd227a1cbcc4f66275b899bc90236"),
    29: ("io.directpay.AchReturn", "93bfb005a2deda4c7b16a996a69a7caf59109cb9661c190e68684782d462f8d8"),
}


def test_no_schema_was_changed_removed_or_added_without_its_hash() -> None:
    found = {s.schema_id: (s.name, hashlib.sha256(s.text.encode()).hexdigest()) for s in schemas()}
    assert found == GOLDEN


def test_ids_count_from_1() -> None:
    assert [schema.schema_id for schema in schemas()] == list(range(1, len(GOLDEN) + 1))
    assert schema_by_id(0) is None
    assert schema_by_id(len(GOLDEN) + 1) is None


def test_every_file_is_registered_once() -> None:
    assert len(list(AVRO_DIRECTORY.glob("*.avsc"))) == len(schemas())


def test_every_record_of_every_topic_has_a_schema_and_the_other_way_round() -> None:
    assert {schema.name for schema in schemas()} == {name for topic in TOPICS for name in topic.values}


@pytest.mark.parametrize("schema", schemas(), ids=lambda schema: schema.name)
def test_every_schema_is_avro_and_every_field_says_what_it_means(schema: RegisteredSchema) -> None:
    fastavro.parse_schema(schema.json)
    documented = list(_named(schema.json))
    assert documented
    for path, part in documented:
        assert part.get("doc", "").strip(), f"{path} has no doc"


@pytest.mark.parametrize("schema", schemas(), ids=lambda schema: schema.name)
def test_names_tell_units_and_times_are_microseconds(schema: RegisteredSchema) -> None:
    times = amounts = 0
    for path, part in _named(schema.json):
        name = part["name"]
        if name.endswith("_us"):
            assert part["type"] in (TIME, ["null", TIME]), path
            assert "microseconds" in part["doc"], path
            times += 1
        if name.endswith("_minor"):
            assert part["type"] in ("long", ["null", "long"]), path
            assert "minor units (cents)" in part["doc"], path
            amounts += 1
    assert times or schema.name.endswith("Secret")
    assert amounts or not schema.name.endswith(("InitiatePayment", "PaymentEvent"))


def test_the_history_is_the_last_field_of_an_event() -> None:
    event = next(schema for schema in schemas() if schema.name == "io.directpay.PaymentEvent")
    assert [field["name"] for field in event.json["fields"]][-1] == "transitions"


def test_command_and_event_of_the_directory_describe_entities_alike() -> None:
    command, event = (
        {field["name"]: field["type"] for field in newest_of(name).json["fields"]}["entity"]
        for name in ("io.directpay.DirectoryCommand", "io.directpay.DirectoryEvent")
    )
    assert command == ["null", *event]


def _named(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every record and every field with its path."""
    if isinstance(schema, list):
        for branch in schema:
            yield from _named(branch, path)
    elif isinstance(schema, dict):
        if "name" in schema:
            path = f"{path}.{schema['name']}"
            yield path, schema
        for part in ("type", "items", "values", "fields"):
            if part in schema:
                yield from _named(schema[part], path)
