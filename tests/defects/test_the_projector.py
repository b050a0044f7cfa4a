"""Views that fall behind their positions, go back, or leave something out are found."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from projections.migrate import migrate
from tests.defects import of_the_projector
from tests.defects.case import Case, cases
from tests.integration import test_projections_rows

CASES = [
    Case(
        defect=of_the_projector.positions_are_committed_before_their_rows,
        found_by=test_projections_rows.test_a_batch_that_fails_at_its_last_row_leaves_neither_rows_nor_positions,
    ),
    Case(
        defect=of_the_projector.a_batch_is_written_wherever_the_positions_are,
        found_by=test_projections_rows.test_a_batch_that_begins_where_nobody_is_writes_nothing,
    ),
    Case(
        defect=of_the_projector.only_the_newest_event_of_a_payment_is_written,
        found_by=test_projections_rows.test_the_views_show_dollars_utc_and_the_terms_as_they_were,
    ),
]


@pytest.fixture(scope="module")
def connection(database: str) -> Iterator[psycopg.Connection]:
    migrate(database, analyst_password="analyst")
    with psycopg.connect(database, autocommit=True, prepare_threshold=0) as opened:
        yield opened


@cases(CASES)
def test_wrong_views_are_found(connection: psycopg.Connection, case: Case) -> None:
    case.check(connection)
