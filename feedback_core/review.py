"""What a reviewer's decisions mean: verdicts, effective labels, draw probabilities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from .errors import InvalidFeedback
from .types import VERDICTS, Decision, Feedback, ItemState

MAX_NOTE = 2_000
"""Characters of a note; more belongs into a document."""


def effective(entries: Sequence[Feedback]) -> tuple[str | None, ItemState]:
    """The label an item's entries add up to, and the state they leave it in.

    Each reviewer's last standing word counts once and the majority wins. A tie is a conflict, without a label until
    somebody else decides. A skip says nothing; a flag sets the item aside when nobody has given a label.
    """
    standing = [entry for entry in entries if entry.state == "accepted" and entry.verdict != "undo"]
    votes = Counter(entry.target for entry in standing if entry.verdict in ("confirm", "correct"))
    if not votes:
        return None, "flagged" if any(entry.verdict == "flag" for entry in standing) else "open"
    (label, most), *others = votes.most_common(2)
    if others and others[0][1] == most:
        return None, "conflict"
    return label, "labelled"


def checked(decision: Decision, labels: Sequence[str], predicted: str | None) -> Decision:
    """The decision with its verdict and target made consistent with the prediction.

    A label equal to the prediction is a confirmation, any other a correction; so is a first label where no model has
    spoken. Raises InvalidFeedback naming the field.
    """
    if not decision.reviewer.strip():
        raise InvalidFeedback("reviewer='' is empty: say who decided.")
    if decision.verdict not in VERDICTS:
        raise InvalidFeedback(f"verdict={decision.verdict!r} is not known: use one of {', '.join(VERDICTS)}.")
    if len(decision.note) > MAX_NOTE:
        raise InvalidFeedback(f"note has {len(decision.note)} characters: keep it within {MAX_NOTE}.")
    if decision.verdict in ("skip", "flag"):
        return replace(decision, target=None)
    target = decision.target if decision.verdict == "correct" else predicted
    if target is None:
        raise InvalidFeedback("target is missing: there is no prediction to confirm, so choose a label.")
    if target not in labels:
        raise InvalidFeedback(f"target={target!r} is not a label of this project: choose one of {', '.join(labels)}.")
    return replace(decision, target=target, verdict="confirm" if target == predicted else "correct")


def propensity(strategy: str, open_items: int, audit_share: float) -> float:
    """Probability with which one draw chooses this item, in (0, 1].

    The uniform share reaches every open item alike; the rest goes to the top of the queue alone. A slice has 1, because
    a person chose its items: it says nothing about the others, and no estimate may weigh it as if chance had decided.
    """
    if strategy == "slice":
        return 1.0
    uniform = 1 / max(open_items, 1)
    if strategy == "random":
        return uniform
    by_chance = audit_share * uniform
    return by_chance if strategy == "audit" else min(1.0, by_chance + 1 - audit_share)
