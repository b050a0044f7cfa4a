"""What a batch's one statement is made of: arrays of fixed types, and statements whose parameters stay apart."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.adapt import PyFormat, Transformer
from psycopg.types.numeric import Int8

from projections.arrays import Array, Bigints, Texts, array_of
from projections.named_sql import joint, statement

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
numbers = st.integers(-(2**63), 2**63 - 1)


@given(
    st.lists(st.none() | texts, min_size=1)
    | st.lists(st.none() | st.binary(), min_size=1)
    | st.lists(st.none() | st.dates(), min_size=1)
)
def test_an_array_has_the_bytes_that_psycopg_gives_a_list(values: list[str | bytes | date | None]) -> None:
    if any(value is not None for value in values):
        [expected] = Transformer().dump_sequence([values], [PyFormat.BINARY])
        assert array_of(values).data == bytes(expected or b"")


@given(st.lists(st.none() | numbers, min_size=1).filter(any))
def test_numbers_are_bigints_however_small_they_are(values: list[int | None]) -> None:
    wide = [None if value is None else Int8(value) for value in values]
    [expected] = Transformer().dump_sequence([wide], [PyFormat.BINARY])
    assert array_of(values).data == bytes(expected or b"")
    assert type(array_of(values)) is Bigints


def test_nothing_but_null_is_text_which_statements_cast() -> None:
    assert type(array_of([None, None])) is Texts


def test_a_value_of_another_type_is_refused() -> None:
    with pytest.raises(KeyError):
        array_of([1.5])


@pytest.mark.parametrize("values", [["a"], [1], [b"a"], [date(2026, 3, 1)], [None]])
def test_psycopg_takes_an_array_as_it_is(values: list[object]) -> None:
    transformer = Transformer()
    array: Array = array_of(values)
    assert transformer.dump_sequence([array], [PyFormat.AUTO]) == [array.data]
    assert transformer.formats == [1]
    assert transformer.types != (0,)


def test_statements_in_one_keep_their_parameters_apart() -> None:
    together = joint(("count_settle_times", "pay_leases"), "projection_7")
    whose = [name for name, _ in together.parameters]
    assert whose == ["count_settle_times"] * 6 + ["pay_leases"] * 3
    assert len(set(together.parameters)) == len(together.parameters)
    text = together.text.decode()
    assert all(f"${place}::" in text for place in range(1, len(whose) + 1))
    assert "%(" not in text
    assert "projection." not in text
    assert statement("pay_leases", schema="projection_7").count("%(") == 3
