"""Times of a cron expression in a time zone, daylight saving included."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError


def check(expression: str) -> None:
    """Raise ValueError, saying what is wrong, for what is no cron expression of five fields."""
    try:
        CronSim(expression, datetime(2024, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ValueError(
            f"no cron expression ({str(error).lower()}): give minute, hour, day of month, month and "
            "day of week, such as 0 3 * * 1 for Mondays at three"
        ) from error


def check_zone(name: str) -> None:
    """Raise ValueError for a time zone that nobody knows."""
    try:
        ZoneInfo(name)
    # IsADirectoryError: "Europe" is a folder of zones.
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("not a time zone: give a name such as UTC or Europe/Berlin") from error


def following(expression: str, zone: str, then: float) -> float:
    """The first time of an expression after a moment; both in seconds since the epoch.

    A time that a change of the clock leaves out comes right after the change, one that occurs twice comes once, as in
    Debian's cron.
    """
    return next(CronSim(expression, datetime.fromtimestamp(then, ZoneInfo(zone)))).timestamp()


def written(then: float, zone: str) -> str:
    """A moment as a clock on the wall shows it: Mon 23 Nov 2026, 03:00."""
    return f"{datetime.fromtimestamp(then, ZoneInfo(zone)):%a %d %b %Y, %H:%M}"
