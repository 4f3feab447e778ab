"""Points in time: every common form read one way, what has two readings blocked, and the same second back out."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import orjson
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback_core.errors import InvalidFeedback
from feedback_core.intake import check, decode, encode_one, propose
from feedback_core.intake.moments import BARE_DAY, NO_MOMENT, NO_ZONE, TWO_WAYS, moment_column, parse_moment
from feedback_core.models.timestamps import PARTS, Calendar
from feedback_core.triggers import looking
from feedback_core.types import Column, Schema
from feedback_core.unusual import Mark, mark, usual
from feedback_core.wording import instant

WHEN = Schema((Column("at", "timestamp"),))
NOON = 1_769_860_800.0  # 2026-01-31 12:00 UTC


@pytest.mark.parametrize(
    "cell",
    [
        "2026-01-31T12:00:00Z",
        "2026-01-31 12:00",
        "2026-01-31 13:00 +0100",
        "2026-01-31T12:00:00.000+00:00",
        "2026/01/31 12:00 UTC",
        "20260131T120000",
        "31.01.2026 12:00",
        "31/01/2026 12:00 PM",
        "01/31/2026, 12:00",
        "Sat, 31 Jan 2026 14:00:00 +0200",
        "31 January 2026 12:00",
        "Jan 31, 2026 12:00:00",
        "1769860800",
        "1769860800000",
        1769860800,
        1769860800.0,
        1769860800000000,
        1769860800000000000,
        datetime(2026, 1, 31, 12),
        pd.Timestamp("2026-01-31 13:00", tz="Europe/Berlin"),
        np.datetime64("2026-01-31T12:00").astype(datetime),
    ],
)
def test_common_forms_are_one_second(cell) -> None:
    assert parse_moment(cell) == NOON


@pytest.mark.parametrize("cell", ["", None, "n/a", "NaT", pd.NaT, float("nan")])
def test_missing_moments_are_missing(cell) -> None:
    assert math.isnan(parse_moment(cell))


@pytest.mark.parametrize(
    "cell",
    ["soon", "01/02/2026", "2026-13-01", "31.02.2026", "12:30", "2026-01-31 25:00", "2026-01-31 12:00 CET", "999-01-01",
     "3000-01-01", True, [1], 1e30, "1e400", "31/01/26", date.max],
)  # fmt: skip
def test_what_is_no_moment_or_may_be_two_is_refused(cell) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the message is for the row's problem, which the tests below read
        parse_moment(cell)


def test_one_cell_beyond_twelve_tells_the_order_of_the_whole_column() -> None:
    days = [instant(at) for at in moment_column(pd.Series(["01/02/2026", "13/02/2026"]))[0].tolist()]
    months = [instant(at) for at in moment_column(pd.Series(["01/02/2026", "02/13/2026"]))[0].tolist()]
    assert (days, months) == (["2026-02-01", "2026-02-13"], ["2026-01-02", "2026-02-13"])


@pytest.mark.parametrize(
    ("cells", "what", "rows"),
    [
        (["01/02/2026", "03/04/2026", "05/05/2026"], TWO_WAYS, [0, 1]),
        (["01/02/2026", "13/02/2026", "02/14/2026"], TWO_WAYS, [0]),
        (["2026-01-31 12:00Z", "2026-01-31 12:00"], NO_ZONE, [1]),
        ([20260131, 20260201], BARE_DAY, [0, 1]),
        (["2026-01-31", "later"], NO_MOMENT, [1]),
    ],
)
def test_a_file_says_row_by_row_which_cells_have_two_readings(cells, what, rows) -> None:
    taken, problems = check(pd.DataFrame({"at": cells}), WHEN)
    assert [(problem.row, problem.what) for problem in problems if problem.blocking] == [(n + 1, what) for n in rows]
    assert len(taken.inputs) == len(cells) - len(rows)


def test_a_program_is_told_what_to_send() -> None:
    with pytest.raises(InvalidFeedback, match="'at' holds '01/02/2026': send a time such as 2026-01-31T14:30"):
        encode_one({"at": "01/02/2026"}, WHEN)


moments = st.datetimes(datetime(1700, 1, 1), datetime(2242, 1, 1)).flatmap(
    lambda at: st.integers(-14 * 60, 14 * 60).map(lambda m: at.replace(tzinfo=timezone(timedelta(minutes=m))))
)


@given(moments)
def test_a_moment_comes_back_to_the_microsecond_from_text_file_and_program(at: datetime) -> None:
    body = encode_one({"at": at.isoformat()}, WHEN)
    seconds = orjson.loads(body)[0]
    assert datetime.fromtimestamp(seconds, UTC) == at
    assert encode_one([seconds], WHEN) == body, "what is stored is read back as itself"
    exported = datetime.fromtimestamp(seconds, UTC).isoformat()
    assert check(pd.DataFrame({"at": [exported]}), WHEN)[0].inputs == [body]
    assert decode([body], WHEN).iloc[0, 0] == seconds


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("when", ["2026-01-31 12:00", "2026-02-01 12:00", ""], "timestamp"),
        ("seen_at", ["1769860800", "1769860900", "1769861000"], "timestamp"),
        ("amount", ["1769860800", "1769860900", "1769861000"], "number"),
        ("time", ["12", "13", "14"], "number"),
        ("version", ["1.5.2", "1.6.0", "2.0.1"], "category"),
        ("when", pd.to_datetime(["2026-01-31", "2026-02-01", None]), "timestamp"),
    ],
)
def test_a_column_is_proposed_as_time_by_its_cells_or_by_its_name(name, cells, kind) -> None:
    (column,) = propose(pd.DataFrame({name: cells})).columns
    assert (column.name, column.kind) == (name, kind)


def test_the_zone_that_is_taken_is_told() -> None:
    notes = propose(pd.DataFrame({"at": ["2026-01-31 12:00", "2026-02-01 12:00"]})).notes
    assert notes == ("'at' is a point in time without a time zone and is read as UTC.",)


def test_midnight_lies_beside_the_minute_before_it_and_monday_beside_sunday() -> None:
    midnight = datetime(2026, 2, 2, tzinfo=UTC).timestamp()  # a Monday
    X = pd.DataFrame({"at": [midnight - 60, midnight, midnight + 43_200, np.nan]})
    calendar = Calendar().fit(X)
    rows = calendar.transform(X)
    assert list(calendar.get_feature_names_out()) == [f"at_{part}" for part in PARTS]
    assert rows[1, :4] == pytest.approx([0, 1, 0, 1])
    assert np.abs(rows[0, :4] - rows[1, :4]).max() < 0.005
    assert rows[2, :2] == pytest.approx([0, -1], abs=1e-9)
    assert rows[3].tolist() == [0, 0, 0, 0, 0, 0, 0, 1]


def test_drift_looks_at_the_hour_and_the_weekday_not_at_time_itself() -> None:
    inputs = [orjson.dumps([NOON]).decode(), "[null]"]
    assert looking.columns(inputs, WHEN) == {"at: hour": [12.0, None], "at: weekday": ["5.0", None]}


def test_a_late_moment_is_marked_with_the_end_of_what_was_learned() -> None:
    (known,) = usual(WHEN, [(NOON + 60 * n,) for n in range(200)])
    assert mark(known, NOON + 60) is None
    late = mark(known, NOON + 1e6)
    assert late == Mark("▲ late", "Later than in 99% of the learned rows, where it ends on 2026-01-31 15:17 UTC.")


@pytest.mark.parametrize(
    ("at", "text"),
    [(NOON, "2026-01-31 12:00 UTC"), (NOON + 5, "2026-01-31 12:00:05 UTC"), (NOON - 43_200, "2026-01-31")],
)
def test_a_moment_is_shown_as_exactly_as_it_is_known(at, text) -> None:
    assert instant(at) == text
