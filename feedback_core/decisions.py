"""Decisions about versions as page, command line and REST make them: the loop's method and what has to follow it."""

from __future__ import annotations

from . import review
from .errors import InvalidInput, Refused
from .loop import Loop
from .types import GateReport, RolledBack, Version


def judge(loop: Loop, version: Version) -> GateReport:
    """Compare a version with the champion once more, which is one more look. Refused for the champion itself."""
    if version.status == "champion":
        raise Refused(f"Version {version.number} is the champion: there is nothing to compare it with.")
    return loop.judge(version)


def promote(loop: Loop, version: Version, by: str, reason: str = "") -> Version:
    """Make a judged version the champion and have the queue scored again. Refused against the gate without a reason."""
    return loop.promote(version, _person(by), review.checked_reason(reason), rescore=True)


def refuse(loop: Loop, version: Version, by: str, reason: str = "") -> Version:
    """Keep the champion and close the case of a judged version."""
    return loop.refuse(version, _person(by), review.checked_reason(reason))


def rollback(loop: Loop, version: Version, by: str, reason: str, suspect: bool = True) -> RolledBack:
    """Bring an earlier champion back and have the queue scored again. Refused without a reason.

    suspect: ask for second opinions on what entered the version that is left.
    """
    return loop.rollback(version, _person(by), review.checked_reason(reason), suspect, rescore=True)


def _person(by: str) -> str:
    if not by.strip():
        raise InvalidInput("by='' is empty: say who decides.")
    return by.strip()
