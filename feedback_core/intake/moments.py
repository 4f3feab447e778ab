"""Points in time as files and programs write them become seconds since the epoch (UTC)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .cells import MISSING_WORDS, Array, Mask, parse_number, parsed_column

if TYPE_CHECKING:
    import pandas as pd

Order = Literal["day", "month"]
"""Which of the first two numbers of 01/02/2026 is the day."""

FIRST = datetime(1600, 1, 1, tzinfo=UTC).timestamp()
LAST = datetime(3000, 1, 1, tzinfo=UTC).timestamp()
"""Earliest moment, and the first one too late: with them no second can be taken for a millisecond, nor the reverse."""

NO_MOMENT = "is no point in time: write 2026-01-31 14:30+01:00, or seconds since 1970"
TWO_WAYS = "may be day or month first, and no other cell tells which: write the year first, as in 2026-01-31"
BARE_DAY = "may be a day written without signs, or seconds since 1970: write it as 2026-01-31"
NO_ZONE = "has no time zone, and other cells of the column have one: add it, as in 14:30+01:00 or 14:30Z"

_UNITS = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9))
"""Epoch numbers below the first figure are divided by the second: seconds, milliseconds, micro- and nanoseconds."""

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE]\+?\d+)?")
_DATED = re.compile(r"\d[-/.:, ]+\w")
_ZONE = re.compile(r"(Z|UTC|GMT|[+-]\d{2}:?\d{2})$", re.IGNORECASE)
_SIGNED = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?:(?:[ T]|, )\s*(.+))?")
_YEAR_FIRST = re.compile(r"\d{4}[-/.]?\d{2}[-/.]?\d{2}|\d{4}-?W\d{2}")
_WORDED = ("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%d-%b-%Y")
_HALF_DAYS = ("%I:%M %p", "%I:%M:%S %p", "%I:%M%p", "%I %p")


def parse_moment(value: Any, order: Order | None = None) -> float:
    """A cell as seconds since the epoch, NaN for a missing one; without a zone it is taken as UTC.

    Text as in ISO 8601, RFC 2822, 31.01.2026 14:30, 31 Jan 2026; numbers are seconds, milli-, micro- or nanoseconds
    since the epoch by their size. Exact to the microsecond from 1698 to 2242. order: how 01/02/2026 is read.
    Raises ValueError, also for that without an order.
    """
    if hasattr(value, "isoformat"):
        value = str(value.isoformat())
        if value == "NaT":
            return float("nan")
    if not isinstance(value, str):
        return _from_epoch(parse_number(value))
    text = value.strip()
    if text[4:5] == "-" and text[10:11] in ("", "T", " ") and text[11:12] != " ":  # most cells: 2 us instead of 10
        return _seconds(_iso(text) if text[-1:].isalpha() or " " in text[11:] else datetime.fromisoformat(text))
    if text.lower() in MISSING_WORDS or text == "NaT":
        return float("nan")
    if _NUMBER.fullmatch(text) and not re.fullmatch(r"\d{8}", text):
        return _from_epoch(float(text))
    return _seconds(_from_text(text, order))


def moment_column(cells: pd.Series[Any]) -> tuple[Array, Mapping[str, Mask]]:
    """The cells as seconds (n,), NaN where missing, and masks (n,) of those that cannot be read, by what is wrong.

    One order of day and month holds for the whole column, taken from the cells that allow only one.
    """
    listed = cells.tolist()
    order, torn = _order_of(listed)
    values, bad = parsed_column(cells, lambda value: parse_moment(value, order), np.nan)
    bare = np.array([_is_bare_day(value) for value in listed], bool)
    zoned = [has_zone(value) for value in listed]
    lacks = np.array([zone is False for zone in zoned], bool) & (True in zoned)
    found = {TWO_WAYS: bad & torn, NO_MOMENT: bad & ~torn, BARE_DAY: bare & ~bad, NO_ZONE: lacks & ~bad & ~bare}
    return values, {what: mask for what, mask in found.items() if mask.any()}


def has_zone(value: Any) -> bool | None:
    """Whether a cell says where its clock stands; None for numbers and missing ones, which need not."""
    if hasattr(value, "tzinfo"):
        return value.tzinfo is not None
    if not isinstance(value, str) or value.strip().lower() in MISSING_WORDS:
        return None
    text = value.strip()
    if ":" not in text:
        return None if len(text) != 8 and _NUMBER.fullmatch(text) else False
    return _ZONE.search(text) is not None


def looks_like_moment(value: Any) -> bool:
    """Whether a text or date cell is a point in time, in whatever order; a bare number is not."""
    if isinstance(value, str) and (not _DATED.search(value) or _NUMBER.fullmatch(value.strip())):
        return False
    return not isinstance(value, (int, float)) and any(_reads(value, order) for order in ("day", "month"))


def _reads(value: Any, order: Any) -> bool:
    try:
        return not isnan(parse_moment(value, order))
    except ValueError:
        return False


def _seconds(moment: datetime) -> float:
    return _within(round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), 6))


def _from_epoch(number: float) -> float:
    if isnan(number):
        return number
    if not isfinite(number):
        raise ValueError(number)
    for limit, unit in _UNITS:
        if abs(number) < limit:
            return _within(round(number / unit, 6))
    raise ValueError(number)


def _within(seconds: float) -> float:
    if not FIRST <= seconds < LAST:
        raise ValueError(seconds)
    return seconds


def _from_text(text: str, order: Order | None) -> datetime:
    """The first reading that fits. Raises ValueError."""
    if _YEAR_FIRST.match(text):
        return _iso(re.sub(r"^(\d{4})[/.](\d{2})[/.](\d{2})", r"\1-\2-\3", text))
    if signed := _SIGNED.fullmatch(text):
        first, sign, second, year, clock = signed.groups()
        day, month = (second, first) if _month_first(int(first), int(second), sign, order) else (first, second)
        return _with_clock(datetime(int(year), int(month), int(day)), clock)
    if "," in text[:4]:  # as in mails: Sat, 31 Jan 2026 14:30:00 +0100
        return parsedate_to_datetime(text)
    return _worded(text)


def _iso(text: str) -> datetime:
    # fromisoformat takes no blank before the offset, and no names of zones.
    text = re.sub(r"\s*(UTC|GMT|Z)$", "+00:00", text, flags=re.IGNORECASE)
    text = re.sub(r"\s+([+-]\d{2}:?\d{2})$", r"\1", text)
    return datetime.fromisoformat(re.sub(r"^(\S+)\s+", r"\1 ", text))


def _with_clock(day: datetime, clock: str | None) -> datetime:
    if clock is None:
        return day
    for form in _HALF_DAYS:
        if found := _strptime(clock.strip(), form):
            return day.replace(hour=found.hour, minute=found.minute, second=found.second)
    return _iso(f"{day:%Y-%m-%d} {clock.strip()}")


def _worded(text: str) -> datetime:
    if clock := re.search(r"[ ,]+(\d{1,2}:.+)$", text):
        return _with_clock(_worded(text[: clock.start()]), clock[1])
    for form in _WORDED:
        if found := _strptime(text, form):
            return found
    raise ValueError(text)


def _strptime(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None


def _month_first(first: int, second: int, sign: str, order: Order | None) -> bool:
    """Whether 01/02/2026 names the month first. Raises ValueError where nobody can tell."""
    if sign == "." or first > 12 or first == second:
        return False
    if second > 12:
        return True
    if order is None:
        raise ValueError(f"{first}{sign}{second}")
    return order == "month"


def _order_of(cells: Sequence[Any]) -> tuple[Order | None, Mask]:
    """The order that the column's cells with a number beyond 12 have in common, and where (n,) it is asked for."""
    pairs = [_pair(value) if isinstance(value, str) else None for value in cells]
    asked = np.array([pair is not None for pair in pairs], bool)
    told: set[Order] = {
        "day" if first > 12 else "month" for first, second in filter(None, pairs) if max(first, second) > 12
    }
    return (told.pop() if len(told) == 1 else None), asked


def _pair(text: str) -> tuple[int, int] | None:
    if "/" not in text and text[4:5] == "-":
        return None
    found = _SIGNED.fullmatch(text.strip())
    if found is None or found[2] == "." or int(found[1]) == int(found[3]) <= 12:
        return None
    pair = int(found[1]), int(found[3])
    return pair if min(pair) <= 12 and max(pair) <= 31 else None


def _is_bare_day(value: Any) -> bool:
    """Whether a number, not a text, reads like 20260131."""
    if isinstance(value, (str, bool)) or not isinstance(value, (int, float, np.integer, np.floating)):
        return False
    text = f"{value:.0f}"
    return len(text) == 8 and float(value).is_integer() and _strptime(text, "%Y%m%d") is not None
