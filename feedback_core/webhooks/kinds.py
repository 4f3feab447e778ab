"""What can be told, and the events of the audit trail that tell it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import InvalidInput


@dataclass(frozen=True, slots=True)
class NewsKind:
    """title, says: for people. event: of the audit trail; empty for what does not come from there."""

    title: str
    says: str
    event: str = ""


FEEDBACK, PING = "feedback.recorded", "ping"

KINDS: Mapping[str, NewsKind] = {
    FEEDBACK: NewsKind("Feedback", "Entries as reviewers give them or take them back, up to 50 in a message."),
    "version.judged": NewsKind("Verdict", "The gate has compared a version with the champion.", "version judged"),
    "version.live": NewsKind(
        "New champion", "Another version is live: promoted, or rolled back to.", "version promoted"
    ),
    "version.refused": NewsKind("Refusal", "A version was refused; the champion stays.", "version refused"),
    "retrain.requested": NewsKind(
        "Retrain", "A person, a program or a trigger has asked for one.", "retrain requested"
    ),
    "job.failed": NewsKind("Failure", "A job of the worker has failed for good, with the reason.", "job failed"),
}

OF_EVENT: Mapping[str, str] = {known.event: name for name, known in KINDS.items() if known.event}


def checked_kinds(given: Sequence[str]) -> tuple[str, ...]:
    """Kinds in the order of KINDS, each once. Raises InvalidInput for none, and for one that is not known."""
    if unknown := [name for name in given if name not in KINDS]:
        raise InvalidInput(f"kinds={unknown[0]!r:.80} is not known: choose among {', '.join(KINDS)}.")
    if not given:
        raise InvalidInput(f"kinds=[] would send nothing: choose among {', '.join(KINDS)}.")
    return tuple(name for name in KINDS if name in given)
