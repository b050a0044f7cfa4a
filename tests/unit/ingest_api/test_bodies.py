"""Bodies are read strictly, and every fault of a body is told at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.entities import Role, Scope
from ingest_api.bodies import Fields, JsonNumber, parse_array, parse_json, parse_object, read_body
from ingest_api.refusals import BodyTooLarge, MalformedBody, UnsupportedMediaType
from payments.refusals import InvalidCommand
from tests.unit.ingest_api.requests import request_with

JSON_HEADER = (b"content-type", b"application/json")


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"{", b"{}x", b"nope", b'{"a":}', b'{"a":1,}', b"{'a':1}", b'{"a":01}', b'{"a":+1}', b'{"a":.5}',
        b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'\xef\xbb\xbf{"a":1}', b'{"a":"\xff"}', b'{"a":"\n"}',
        '{"a":1}'.encode("utf-16"), b"[" * 100_000, b'{"a":' * 50_000,
    ],
)  # fmt: skip
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        parse_object(body)


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"1", b"null", b"true", b'{"a":1,"a":1}'])
def test_a_body_must_be_one_object_that_names_each_member_once(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        parse_object(body)


def test_a_malformed_body_is_not_echoed() -> None:
    with pytest.raises(MalformedBody) as refused:
        parse_object(b'{"account_number": "98765432109876" oops}')
    assert "98765432109876" not in refused.value.detail


def test_numbers_keep_their_digits() -> None:
    members = parse_object(b'{"a": 1500.10, "b": 1e400, "c": 123456789012345678901234567890}')
    assert members == {
        "a": JsonNumber("1500.10"),
        "b": JsonNumber("1e400"),
        "c": JsonNumber("123456789012345678901234567890"),
    }


@pytest.mark.parametrize(
    ("token", "minor"),
    [
        ("1500", 150_000), ("1500.0", 150_000), ("1500.00", 150_000), ('"1500.00"', 150_000), ('"1500"', 150_000),
        ("0.01", 1), ('"1000000.00"', 100_000_000), ("1000000", 100_000_000),
    ],
)  # fmt: skip
def test_an_amount_is_its_digits(token: str, minor: int) -> None:
    fields = Fields(parse_object(f'{{"amount": {token}}}'.encode()))
    assert fields.amount("amount") == minor
    fields.check()


@pytest.mark.parametrize(
    "token",
    [
        "0", "-1", "0.00", "1000000.01", "0.001", "1.005", "1e3", "1E3", "1e400", "1e-400", "true", "false", "null",
        '"12a"', '" 5"', '"5 "', '""', '"+5"', '"-5"', '"1,000"', '"１２"', '"٣"', '"1e3"', '"NaN"', '"0x10"', "[]",
        "{}", '"5."', '".5"', '"1_000"', '"\\u00a05"', "99999999999999999999", '"5\\n"',
    ],
)  # fmt: skip
def test_what_is_no_amount_is_refused(token: str) -> None:
    fields = Fields(parse_object(f'{{"amount": {token}}}'.encode()))
    fields.amount("amount")
    with pytest.raises(InvalidCommand) as refused:
        fields.check()
    assert [error.field for error in refused.value.errors] == ["amount"]


def test_every_fault_is_told_once_and_under_its_field() -> None:
    fields = Fields(parse_object(b'{"email": 7, "amount": "x", "due_day": 1.5, "start": "tomorrow", "extra": 1}'))
    fields.text("email")
    fields.text("name")
    fields.amount("amount")
    fields.whole_number("due_day")
    fields.day("start")
    fields.choice("role", Role)
    fields.refuse_others()
    with pytest.raises(InvalidCommand) as refused:
        fields.check()
    told = {error.field: error.message for error in refused.value.errors}
    assert list(told) == ["email", "name", "amount", "due_day", "start", "role", "extra"]
    assert told["name"] == "is required"
    assert len(refused.value.errors) == len(told)


def test_the_domains_faults_join_those_of_the_body() -> None:
    fields = Fields({"amount": True})
    fields.amount("amount")

    def make() -> None:
        raise InvalidCommand((*_faults("amount", "currency"),))

    with pytest.raises(InvalidCommand) as refused:
        fields.build(make)
    assert [(e.field, e.message) for e in refused.value.errors] == [
        ("amount", "must be a JSON number or string of decimal digits, such as 1500.00"),
        ("currency", "wrong"),
    ]


@pytest.mark.parametrize("value", ["read", [], ["admin"], [1], ["read", None], {}])
def test_scopes_are_an_array_of_known_ones(value: Any) -> None:
    fields = Fields({"scopes": value})
    assert fields.choices("scopes", Scope, default=()) == ()
    if value != []:
        with pytest.raises(InvalidCommand):
            fields.check()


@pytest.mark.parametrize(
    "text", ["2026-02-30", "20260301", "2026-W09-7", "2026-3-1", "", "２０２６-03-01", "2026-03-01T00:00"]
)
def test_a_date_has_one_spelling(text: str) -> None:
    fields = Fields({"start": text})
    fields.day("start")
    with pytest.raises(InvalidCommand):
        fields.check()


def test_metadata_is_kept_as_canonical_json() -> None:
    fields = Fields(parse_object(b'{"metadata": {"b": [1, 2.50, true, null], "a": {"c": "\xc3\xa9"}}}'))
    assert fields.metadata("metadata") == '{"a":{"c":"é"},"b":[1,2.5,true,null]}'
    fields.check()


@pytest.mark.parametrize(
    "metadata",
    [
        b"[]", b'"x"', b"1", b"true", b'{"a":1e400}', b'{"a":"\\ud800"}', b'{"\\ud800":1}', b'{"a":"\\u0000"}',
        b'{"a":{"b":1,"b":2}}', b'{"a":"' + b"x" * 9000 + b'"}', b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"a":' + b"1" * 5000 + b"}", b'{"a":' + b"[" * 900 + b"]" * 900 + b"}",
    ],
)  # fmt: skip
def test_metadata_that_cannot_be_kept_is_refused(metadata: bytes) -> None:
    fields = Fields(parse_object(b'{"metadata": ' + metadata + b"}"))
    assert fields.metadata("metadata") == "{}"
    with pytest.raises(InvalidCommand) as refused:
        fields.check()
    assert [error.field for error in refused.value.errors] == ["metadata"]


def test_whatever_else_a_lease_says_becomes_its_terms() -> None:
    fields = Fields(parse_object(b'{"due_day": 1, "late_fee": "50.00", "pets": false, "terms": {"parking": "B2"}}'))
    fields.whole_number("due_day")
    assert json.loads(fields.others("terms")) == {"late_fee": "50.00", "pets": False, "parking": "B2"}
    fields.check()


def test_a_term_that_is_said_twice_is_refused() -> None:
    fields = Fields(parse_object(b'{"pets": false, "terms": {"pets": true}}'))
    fields.others("terms")
    with pytest.raises(InvalidCommand) as refused:
        fields.check()
    assert [error.field for error in refused.value.errors] == ["pets"]


@pytest.mark.parametrize(
    "content_type", [b"application/json", b"Application/JSON; charset=UTF-8", b'application/json;charset="utf-8"']
)
def test_json_is_read_in_any_number_of_pieces(content_type: bytes) -> None:
    request = request_with(body=b'{"a": 1}', headers=[(b"content-type", content_type)], pieces=3)
    assert asyncio.run(read_body(request, bytes_max=8)) == b'{"a": 1}'


@pytest.mark.parametrize(
    "headers",
    [
        [], [(b"content-type", b"text/plain")], [(b"content-type", b"application/x-www-form-urlencoded")],
        [(b"content-type", b"application/json; charset=latin-1")], [JSON_HEADER, (b"content-encoding", b"gzip")],
    ],
)  # fmt: skip
def test_other_media_types_are_refused(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(UnsupportedMediaType):
        asyncio.run(read_body(request_with(body=b"{}", headers=headers), bytes_max=100))


@pytest.mark.parametrize("announced", [[], [(b"content-length", b"9")], [(b"content-length", b"3")]])
def test_a_body_that_is_too_large_is_refused_whatever_it_announces(announced: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(BodyTooLarge):
        asyncio.run(
            read_body(request_with(body=b"123456789", headers=[JSON_HEADER, *announced], pieces=9), bytes_max=8)
        )


@pytest.mark.parametrize("text", ["[]", " [ ] ", "[1]", '[{"a":1},null]', "[1 , [2,[]]\n,\t3 ]\r\n"])
def test_an_array_is_read_item_by_item_as_it_would_be_whole(text: str) -> None:
    assert parse_array(text.encode(), items_max=3) == parse_json(text.encode())


@pytest.mark.parametrize(
    "text", ["[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1]]", "[1]x", "[nope]", "[NaN]", "[[1]", '["\\ud8x"]']
)
def test_an_array_with_a_fault_is_malformed(text: str) -> None:
    with pytest.raises(MalformedBody):
        parse_array(text.encode(), items_max=3)


@given(st.lists(st.sampled_from(["[", "]", "{", "}", ",", ":", "1", '"a"', " ", "null"]), max_size=8).map("".join))
def test_an_array_is_refused_where_json_is(text: str) -> None:
    try:
        whole = parse_json(text.encode())
    except MalformedBody:
        with contextlib.suppress(MalformedBody):
            assert parse_array(text.encode(), items_max=100) is None
    else:
        assert parse_array(text.encode(), items_max=100) == (whole if isinstance(whole, list) else None)


def test_of_an_array_that_is_too_long_the_rest_is_not_parsed() -> None:
    assert parse_array(b"[{}, {}, {}, nope", items_max=2) == [{}, {}, {}]


@pytest.mark.parametrize("text", ["", " ", "{}", "1", "nope", "null"])
def test_what_begins_as_no_array_is_none(text: str) -> None:
    assert parse_array(text.encode(), items_max=3) is None


@given(st.binary(max_size=60))
def test_no_bytes_do_anything_but_parse_or_be_refused(body: bytes) -> None:
    with contextlib.suppress(MalformedBody):
        parse_json(body)


def _faults(*fields: str) -> list[Any]:
    from payments.refusals import FieldError

    return [FieldError(field=field, message="wrong") for field in fields]
