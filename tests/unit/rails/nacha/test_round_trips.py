from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from rails.nacha.contents import Batch, NachaFile
from rails.nacha.faults import InvalidNachaFile
from rails.nacha.lines import CHUNK_BYTES
from rails.nacha.reader import read_file
from rails.nacha.writer import build_file
from tests.unit.rails.nacha.contents import batch_header, entry, faults_of, files, nacha_file
from tests.unit.rails.nacha.independent_checker import NINES, check


def _records(kinds: list[str]) -> bytes:
    """Records of these kinds that say nothing."""
    return "".join(kind.ljust(94) + "\n" for kind in kinds).encode("ascii")


@given(files())
def test_what_is_written_is_read_back_equal(contents: NachaFile) -> None:
    assert read_file(io.BytesIO(build_file(contents))) == contents


@given(files())
def test_what_is_written_satisfies_the_second_opinion(contents: NachaFile) -> None:
    assert check(build_file(contents)) == []


@given(files())
def test_a_file_is_whole_blocks_of_94_columns_and_the_same_bytes_again(contents: NachaFile) -> None:
    data = build_file(contents)
    lines = data.decode("ascii").splitlines()
    assert len(lines) % 10 == 0
    assert {len(line) for line in lines} == {94}
    assert data == build_file(contents)


@given(files(), st.sampled_from(["\r\n", "", "unpadded", "no last line end"]))
def test_other_line_ends_no_line_ends_and_no_padding_are_read_alike(contents: NachaFile, form: str) -> None:
    lines = build_file(contents).decode("ascii").splitlines()
    match form:
        case "unpadded":
            data = "".join(line + "\n" for line in lines if line != NINES)
        case "no last line end":
            data = "\n".join(lines)
        case _:
            data = "".join(line + form for line in lines)
    assert read_file(io.BytesIO(data.encode("ascii"))) == contents
    assert check(data.encode("ascii")) == []


@given(files(batches_max=2), st.data())
def test_a_changed_byte_is_refused_where_a_rule_covers_it_and_read_as_something_else_where_none_does(
    contents: NachaFile, data: st.DataObject
) -> None:
    lines = build_file(contents).decode("ascii").splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    column = data.draw(st.integers(1, 94))
    byte = data.draw(st.sampled_from("0123456789 AZz~\t\x00é").filter(lambda each: each != lines[at][column - 1]))
    lines[at] = lines[at][: column - 1] + byte + lines[at][column:]
    changed = ("\n".join(lines) + "\n").encode("latin-1")
    # Two readings that share no code agree on whether it is valid ...
    assert bool(faults_of(changed)) is bool(check(changed))
    # ... and what is accepted says something else than before.
    try:
        read = read_file(io.BytesIO(changed))
    except InvalidNachaFile:
        return
    assert read != contents or _is_only_in_a_control(lines[at], column)


def _is_only_in_a_control(line: str, column: int) -> bool:
    """The message authentication code is the one free field that contents do not hold: it is the control record's."""
    return line[0] == "8" and 55 <= column <= 73


def test_a_file_larger_than_a_chunk_is_read_across_its_edges() -> None:
    entries = tuple(entry(n) for n in range(1, 2 + 2 * CHUNK_BYTES // 94))
    contents = nacha_file(Batch(header=batch_header(), entries=entries))
    data = build_file(contents)
    assert len(data) > 2 * CHUNK_BYTES
    assert read_file(io.BytesIO(data)) == contents
    assert read_file(io.BytesIO(data.replace(b"\n", b""))) == contents
    assert read_file(io.BytesIO(data.replace(b"\n", b"\r\n"))) == contents


@given(files(batches_max=2), st.data())
def test_records_taken_away_put_twice_or_swapped_are_judged_alike(contents: NachaFile, data: st.DataObject) -> None:
    lines = build_file(contents).decode("ascii").splitlines()
    places = st.integers(0, len(lines) - 1)
    for _ in range(data.draw(st.integers(1, 3))):
        at, other = data.draw(places) % len(lines), data.draw(places) % len(lines)
        match data.draw(st.sampled_from(["take away", "put twice", "swap"])):
            case "take away" if len(lines) > 1:
                del lines[at]
            case "put twice":
                lines.insert(other, lines[at])
            case _:
                lines[at], lines[other] = lines[other], lines[at]
    changed = ("\n".join(lines) + "\n").encode("ascii")
    assert bool(faults_of(changed)) is bool(check(changed))


@given(st.binary(max_size=3000) | st.lists(st.sampled_from("15678"), max_size=12).map(_records))
def test_anything_is_judged_and_nothing_is_a_file_by_accident(anything: bytes) -> None:
    assert faults_of(anything)
