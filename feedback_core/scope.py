"""What a view is about: which days, which versions, which locked sample. Read from an address anybody may write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

PERIODS = (7, 30, 90)
"""Days offered for choice; any other stretch is said by its two ends."""

Sample = Literal["holdout", "audit"]
SAMPLES: tuple[Sample, ...] = ("holdout", "audit")


@dataclass(frozen=True, slots=True)
class Period:
    """Days in UTC, both ends included; None = no end on this side. last_days: set where it moves with today."""

    first: date | None = None
    last: date | None = None
    last_days: int | None = None

    @property
    def words(self) -> str:
        """As a person says it: all time, last 30 days, 1 Jan 2026 to 5 Feb 2026."""
        if self.last_days is not None:
            return f"last {self.last_days} days"
        if self.first is None and self.last is None:
            return "all time"
        if self.first == self.last and self.first is not None:
            return _day(self.first)
        start = "" if self.first is None else f"{_day(self.first)} "
        return f"{start}to {_day(self.last)}" if self.last is not None else f"since {start}".strip()


@dataclass(frozen=True, slots=True)
class Scope:
    """versions: numbers of the first and last one, None = all. version: the one looked at, None = the champion."""

    period: Period = Period()
    versions: tuple[int, int] | None = None
    version: int | None = None
    sample: Sample = "holdout"


def read(address: Mapping[str, str], known: Sequence[int], today: date) -> tuple[Scope, tuple[str, ...]]:
    """The scope an address asks for, and a sentence about each value in it that means nothing, which is left aside.

    address: `period` (days up to today) or `from` and `to` (days, 2026-01-31), `versions` (3-12), `version` (7) and
    `sample`. known: numbers of the project's versions. Never raises: addresses are typed, cut and grow old.
    """
    complaints: list[str] = []
    period = _period(address, today, complaints)
    versions = _versions(address.get("versions"), known, complaints)
    version = _version(address.get("version"), known, complaints)
    return Scope(period, versions, version, _sample(address.get("sample"), complaints)), tuple(complaints)


def written(scope: Scope) -> dict[str, str]:
    """The part of an address that says this scope; what is usual is left out."""
    period, values = scope.period, {}
    if period.last_days is not None:
        values["period"] = str(period.last_days)
    else:
        ends = (("from", period.first), ("to", period.last))
        values |= {name: day.isoformat() for name, day in ends if day is not None}
    if scope.versions is not None:
        values["versions"] = f"{scope.versions[0]}-{scope.versions[1]}"
    if scope.version is not None:
        values["version"] = str(scope.version)
    return values if scope.sample == "holdout" else values | {"sample": scope.sample}


def last_days(days: int, today: date) -> Period:
    """The days up to and including today."""
    return Period(today - timedelta(days=days - 1), today, days)


KEYS = ("period", "from", "to", "versions", "version", "sample")
"""Every name in an address that `read` understands."""


def _period(address: Mapping[str, str], today: date, complaints: list[str]) -> Period:
    if wanted := address.get("period"):
        if wanted.isdecimal() and int(wanted) in PERIODS:
            return last_days(int(wanted), today)
        complaints.append(f"period={wanted} is not one of {', '.join(map(str, PERIODS))} days: all time is shown.")
    first, last = (_date(name, address.get(name), complaints) for name in ("from", "to"))
    if first is not None and last is not None and first > last:
        complaints.append(f"from={first} is after to={last}: all time is shown.")
        return Period()
    return Period(first, last)


def _date(name: str, wanted: str | None, complaints: list[str]) -> date | None:
    if not wanted:
        return None
    try:
        return date.fromisoformat(wanted)
    except ValueError:
        complaints.append(f"{name}={wanted} is not a day like 2026-01-31: it is left aside.")
        return None


def _versions(wanted: str | None, known: Sequence[int], complaints: list[str]) -> tuple[int, int] | None:
    if not wanted:
        return None
    first, _, last = wanted.partition("-")
    if first.isdecimal() and last.isdecimal() and int(first) <= int(last):
        inside = [number for number in known if int(first) <= number <= int(last)]
        if inside:
            return inside[0], inside[-1]
    complaints.append(f"versions={wanted} names no versions of this project: all are shown.")
    return None


def _version(wanted: str | None, known: Sequence[int], complaints: list[str]) -> int | None:
    if not wanted:
        return None
    if wanted.isdecimal() and int(wanted) in known:
        return int(wanted)
    complaints.append(f"version={wanted} is no version of this project: the champion is shown.")
    return None


def _sample(wanted: str | None, complaints: list[str]) -> Sample:
    for sample in SAMPLES:
        if wanted == sample:
            return sample
    if wanted:
        complaints.append(f"sample={wanted} is neither {' nor '.join(SAMPLES)}: the holdout is shown.")
    return "holdout"


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
