"""How worn the locked rows are: looks so far, which judgements are one, and when fresh labels are due."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..types import GateReport

LOOKS = 25
"""Looks at one set of locked rows that the error budget is spread over."""

SOON = 20
"""Looks after which the page begins to ask for fresh labels."""

FRESH_ROWS = 100
"""Fewer fresh locked rows are no holdout: a hundred prove a gain of about ten points at the most generous."""


@dataclass(frozen=True, slots=True)
class Wear:
    """looks: at the present locked rows so far. fresh: locked rows newer than the last look; None until one is due."""

    looks: int
    fresh: int | None
    due: bool
    ready: bool
    """Whether there are fresh rows enough to refresh the holdout."""
    text: str


def looks_of(reports: Sequence[GateReport], after: int) -> list[GateReport]:
    """Reports on the present locked rows that compared two versions, newest first. after: see refreshed_after."""
    found = [report for report in reports if report.id > after and report.finding != "first"]
    return sorted(found, key=lambda report: -report.id)


def looks_so_far(reports: Sequence[GateReport], after: int) -> int:
    """How often the present locked rows have been looked at; judging one pair again may be the same look."""
    return max((int(report.numbers.get("looks", 0)) for report in looks_of(reports, after)), default=0)


def same_look(
    reports: Sequence[GateReport], after: int, challenger_id: int, champion_id: int, terms: Mapping[str, Any]
) -> GateReport | None:
    """The report whose look this judgement only repeats: same pair, same terms. None when this is a look of its own.

    terms: number -> value that has to be the same, such as the metric and the rows of the holdout.
    """
    # The first such report holds the p that was paid for; those after it carry it on.
    for report in reversed(looks_of(reports, after)):
        if (report.challenger_id, report.champion_id) == (challenger_id, champion_id) and all(
            report.numbers.get(name) == value for name, value in terms.items()
        ):
            return report
    return None


def wear(reports: Sequence[GateReport], after: int, count_fresh: Callable[[], int]) -> Wear:
    """Where the present locked rows stand, in numbers and words. count_fresh: asked only once a refresh is due."""
    looks = looks_so_far(reports, after)
    if looks < SOON:
        used = f"{looks} of {LOOKS} looks at these locked rows are used"
        return Wear(looks, None, False, False, f"{used}; fresh labels are due after {SOON - looks} more.")
    fresh = count_fresh()
    have = f"{fresh:,} of the {FRESH_ROWS} fresh locked rows that a refresh takes are there"
    if looks >= LOOKS:
        text = f"These locked rows have been looked at {looks} times and can prove nothing more: refresh them; {have}."
    else:
        text = f"{looks} of {LOOKS} looks at these locked rows are used: fresh labels are due soon; {have}."
    return Wear(looks, fresh, True, fresh >= FRESH_ROWS, text)
