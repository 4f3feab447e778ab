"""Decisions about versions as page, command line and REST make them: the loop's method and what has to follow it."""

from __future__ import annotations

from collections.abc import Sequence

from . import review, suspects
from .errors import InvalidInput
from .loop import Loop
from .types import GateReport, RolledBack, Version


def judge(loop: Loop, version: Version, by: str) -> GateReport:
    """Compare a version with the champion once more, which is one more look. Refused for the champion itself."""
    return loop.judge(version, by=_person(by))


def promote(loop: Loop, version: Version, by: str, reason: str = "") -> Version:
    """Make a judged version the champion and have the queue scored again. Refused against the gate without a reason."""
    return loop.promote(version, _person(by), review.checked_reason(reason), rescore=True)


def refuse(loop: Loop, version: Version, by: str, reason: str = "") -> Version:
    """Keep the champion and close the case of a judged version."""
    return loop.refuse(version, _person(by), review.checked_reason(reason))


def rollback(loop: Loop, version: Version, by: str, reason: str, suspect: bool | None = None) -> RolledBack:
    """Bring an earlier champion back and have the queue scored again. Refused without a reason.

    suspect: ask for second opinions on what entered the version that is left; None asks where somebody is there to
    answer, because with one reviewer all feedback would be out of training for good.
    """
    who = _person(by)
    ask = suspects.anybody_to_ask(loop.store, loop.project, who) if suspect is None else suspect
    return loop.rollback(version, who, review.checked_reason(reason), ask, rescore=True)


def undo_rulings(loop: Loop, ruling_ids: Sequence[int], by: str) -> tuple[int, ...]:
    """Take rulings back, the second opinions of a roll-back among them; gives the entries that changed.

    Raises NotFound for an id that is no ruling of the project, and Stale when nothing is left to undo.
    """
    if not ruling_ids:
        raise InvalidInput("presses=[] is empty: name the rulings to take back.")
    return loop.undo_rulings(ruling_ids, _person(by))


def _person(by: str) -> str:
    if not by.strip():
        raise InvalidInput("by='' is empty: say who decides.")
    return by.strip()
