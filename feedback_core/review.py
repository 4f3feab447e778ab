"""What a reviewer's decisions mean: verdicts, effective labels, draw probabilities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from .errors import InvalidFeedback
from .settings import Settings
from .types import VERDICTS, Decision, Feedback, ItemState, Ruling, Wish

MAX_NOTE = 2_000
"""Characters of a note; more belongs into a document."""


def effective(entries: Sequence[Feedback], alone_until: int = 0) -> tuple[str | None, ItemState]:
    """The label an item's entries add up to, and the state they leave it in.

    Each reviewer's last standing word counts once and the majority wins. A tie is a conflict, without a label until
    somebody else decides; so is an item for which a maintainer wants a second opinion that has not been given yet. As
    soon as a maintainer accepts entries, only those are heard. A skip says nothing; a flag sets the item aside when
    nobody has given a label.

    alone_until: the first label in the project by a second person; entries before it were given by its only reviewer.
    """
    return settled(entries, alone_until, _majority)


def settled(
    entries: Sequence[Feedback], alone_until: int, decide: Callable[[Sequence[str]], str | None]
) -> tuple[str | None, ItemState]:
    """The same for any kind of target. decide: what the targets that are heard add up to, None where they clash."""
    standing = [entry for entry in entries if entry.state == "accepted" and entry.verdict != "undo"]
    if any(unanswered(entry, standing, alone_until) for entry in entries):
        return None, "conflict"
    heard = [entry for entry in standing if entry.ruling == "accept"] or standing
    votes = [str(entry.target) for entry in heard if entry.verdict in ("confirm", "correct")]
    if not votes:
        return None, "flagged" if any(entry.verdict == "flag" for entry in heard) else "open"
    label = decide(votes)
    return label, "conflict" if label is None else "labelled"


def _majority(votes: Sequence[str]) -> str | None:
    (label, most), *others = Counter(votes).most_common(2)
    return None if others and others[0][1] == most else label


def unanswered(asked: Feedback, standing: Sequence[Feedback], alone_until: int) -> bool:
    """Whether a second opinion on this entry is wanted and nobody else has given a label since.

    Its reviewer's own change of mind is no second opinion, unless nobody else was there to give one: then looking
    again is all that can be had, and it goes on counting when others come. Taking the entry back leaves nothing to
    ask about.
    """
    return (
        asked.ruling == "ask"
        and asked.state in ("accepted", "superseded")
        and not any(
            entry.target is not None
            and entry.id > (asked.ruled_after or 0)
            and (entry.reviewer != asked.reviewer or entry.id < alone_until)
            for entry in standing
        )
    )


def settlement(entries: Sequence[Feedback], label: str) -> dict[int, Ruling | None]:
    """Rulings by entry that leave a label as an item's only one: its votes accepted, what stands against it lifted."""
    rulings: dict[int, Ruling | None] = {}
    for entry in entries:
        if entry.state == "accepted" and entry.target == label:
            rulings[entry.id] = "accept"
        elif entry.ruling in ("accept", "ask"):
            rulings[entry.id] = None
    return rulings


def change_of_world(
    entries: Sequence[Feedback], earlier: Feedback, later: Feedback
) -> tuple[dict[int, Ruling | None], dict[str, Any]]:
    """Rulings by entry that leave the newer of two labels as an item's only one, and the answer to be logged.

    Nobody was wrong, so nothing is rejected: what gave the older label stands, and only is not heard.
    """
    assert later.target is not None
    answer = {"item": later.item_id, "entry": later.id, "before": earlier.target, "now": later.target}
    return settlement(entries, later.target), answer


def checked_reason(reason: str) -> str:
    """A ruling's reason without blanks around it. Raises InvalidFeedback when it is a document."""
    if len(reason) > MAX_NOTE:
        raise InvalidFeedback(f"reason has {len(reason)} characters: keep it within {MAX_NOTE}.")
    return reason.strip()


def checked(decision: Decision, labels: Sequence[str], predicted: str | None) -> Decision:
    """The decision with its verdict and target made consistent with the prediction.

    A label equal to the prediction is a confirmation, any other a correction; so is a first label where no model has
    spoken. Raises InvalidFeedback naming the field.
    """

    def known(target: str) -> str:
        if target not in labels:
            listed = ", ".join(labels)
            raise InvalidFeedback(f"target={target!r} is not a label of this project: choose one of {listed}.")
        return target

    return consistent(decision, predicted, known, str.__eq__, "choose a label")


def consistent(
    decision: Decision,
    predicted: str | None,
    known: Callable[[str], str],
    confirms: Callable[[str, str], bool],
    way_out: str,
) -> Decision:
    """The same for any kind of target. known: the target as the project writes it; raises InvalidFeedback.

    confirms: whether a target (first) lets a prediction stand. way_out: what to do without a target.
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
        raise InvalidFeedback(f"target is missing: there is no prediction to confirm, so {way_out}.")
    target = known(target)
    stands = predicted is not None and confirms(target, predicted)
    return replace(decision, target=target, verdict="confirm" if stands else "correct")


def wishes(chances: Sequence[float], hidden: Sequence[float], settings: Settings) -> list[Wish]:
    """What each of n draws should be. chances, hidden: (n,) uniform in [0, 1), two numbers for each draw."""
    audit, gold = settings.audit_share, settings.audit_share + settings.gold_share
    return [
        Wish("audit") if chance < audit else Wish("gold") if chance < gold else Wish(blind=hide < settings.blind_share)
        for chance, hide in zip(chances, hidden, strict=True)
    ]


def propensity(strategy: str, among: int, settings: Settings) -> float:
    """Probability with which one draw chooses this item by this strategy, in (0, 1].

    among: items a uniform choice could fall on.

    The uniform share reaches every open item alike, the questions with a known answer every base item; the rest goes
    to the top of the queue alone. A slice has 1, because a person chose its items: it says nothing about the others,
    and no estimate may weigh it as if chance had decided.
    """
    if strategy == "slice":
        return 1.0
    uniform = 1 / max(among, 1)
    if strategy == "random":
        return uniform
    if strategy == "gold":
        return settings.gold_share * uniform
    by_chance = settings.audit_share * uniform
    return by_chance if strategy == "audit" else min(1.0, by_chance + 1 - settings.audit_share - settings.gold_share)
