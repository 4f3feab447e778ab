"""What the Feedback page shows: how fresh the ranking is, one entry with its receipt, items in conflict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import trust
from .store import Store
from .types import Cursor, Feedback, Item, ItemFilter, Job, Prediction, Project, RankedEntry, RankRun, Version

RANKING = "rank feedback"
"""Kind of the worker's job."""

VERSIONS_SHOWN = 5
"""Newest versions that are searched for an entry; at a million rows each takes half a second the first time."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """run: the last ranking, None before the first. newer: standing entries since. job: a ranking under way.

    error: why the newest ranking failed; then none is due until somebody asks for it.
    """

    run: RankRun | None
    newer: int
    is_due: bool
    job: Job | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one entry."""

    ranked: RankedEntry
    item: Item
    entries: tuple[Feedback, ...]
    """Everything said about the item, oldest first, without undos."""
    shown: Prediction | None
    """What the reviewer's version said; None when there was no model, or its answer is not stored."""
    champion: Version | None
    now: Prediction | None
    """What the champion says."""
    learned: tuple[int, ...]
    """Numbers of the versions, of the newest VERSIONS_SHOWN, that were taught this entry's label for its item."""
    more: bool
    """Whether older versions may have learned from it too."""

    @property
    def changed(self) -> bool | None:
        """Whether the champion answers otherwise than the version the reviewer saw."""
        return (
            None
            if self.now is None or self.ranked.entry.predicted is None
            else (self.now.label != self.ranked.entry.predicted)
        )

    @property
    def is_right(self) -> bool | None:
        """Whether the champion's answer is the item's label of today; None while there is none."""
        return None if self.now is None or self.item.label is None else self.now.label == self.item.label


@dataclass(frozen=True, slots=True)
class Side:
    """One label of a conflict, and who gives it."""

    label: str
    entries: tuple[Feedback, ...]


@dataclass(frozen=True, slots=True)
class Conflict:
    """An item without a label until somebody decides. asked: a maintainer wants a second opinion on it."""

    item: Item
    sides: tuple[Side, ...]
    asked: bool
    shown: Prediction | None


def freshness(store: Store, project: Project) -> Freshness:
    """When the entries were ranked, and whether it is time to do it again."""
    run = store.ranks.run(project.id)
    newer = store.ranks.newer(project.id, run.feedback_upto if run else 0)
    live = next((job for job in store.jobs.live(project.id) if job.kind == RANKING), None)
    last = next((job for job in store.jobs.latest(project.id) if job.kind == RANKING), None)
    error = last.error if last is not None and last.state == "failed" else None
    due = error is None and trust.is_due(run.entries if run else None, newer)
    return Freshness(run, newer, due, live, error)


def receipt(store: Store, project: Project, ranked: RankedEntry) -> Receipt:
    """One entry with everything that happened because of it."""
    entry = ranked.entry
    history = {prediction.version_id: prediction for prediction in store.predictions.history(entry.item_id)}
    versions = store.versions.all(project.id)
    champion = next((version for version in versions if version.status == "champion"), None)
    could = [version for version in versions if version.feedback_upto >= entry.id]
    learned = tuple(
        version.number
        for version in could[-VERSIONS_SHOWN:]
        if entry.target is not None and store.versions.learned(version.id, entry.item_id) == entry.target
    )
    return Receipt(
        ranked=ranked,
        item=store.items.get(entry.item_id),
        entries=tuple(said for said in store.feedback.of_item(entry.item_id) if said.verdict != "undo"),
        shown=history.get(entry.version_id) if entry.version_id else None,
        champion=champion,
        now=history.get(champion.id) if champion else None,
        learned=learned,
        more=len(could) > VERSIONS_SHOWN,
    )


def sentences(found: Receipt) -> tuple[str, ...]:
    """The receipt in words: where the entry stands, what learned from it, and what the model says by now."""
    return (_standing(found), _teaching(found), _answer(found))


def conflicts(store: Store, project: Project, after: Cursor | None = None, limit: int = 10) -> list[Conflict]:
    """Items without a label because their reviewers differ or a second opinion is wanted, newest first."""
    items = store.items.page(project.id, ItemFilter(states=("conflict",)), sort="newest", after=after, limit=limit)
    entries = store.feedback.of_items([item.id for item in items])
    shown = store.predictions.shown([item.id for item in items])
    return [
        Conflict(
            item,
            _sides(entries[item.id]),
            any(entry.ruling == "ask" for entry in entries[item.id]),
            shown.get(item.id),
        )
        for item in items
    ]


def _sides(entries: Sequence[Feedback]) -> tuple[Side, ...]:
    votes = [entry for entry in entries if entry.state == "accepted" and entry.target is not None]
    labels = dict.fromkeys(entry.target for entry in votes if entry.target is not None)
    sides = [Side(label, tuple(entry for entry in votes if entry.target == label)) for label in labels]
    return tuple(sorted(sides, key=lambda side: -len(side.entries)))


def _standing(found: Receipt) -> str:
    entry, item = found.ranked.entry, found.item
    if entry.state == "withdrawn":
        return f"{entry.reviewer} took it back: it does not count."
    if entry.state == "superseded":
        return f"{entry.reviewer} has answered this item again: the later answer counts."
    if entry.state == "quarantined":
        return f"Rejected by {entry.ruled_by}: it does not count, and nothing learns from it any more."
    accepted = f"Accepted by {entry.ruled_by}. " if entry.ruling == "accept" else ""
    if item.state == "conflict" and any(said.ruling == "ask" for said in found.entries):
        return f"{accepted}A second opinion is wanted: the item has no label until another reviewer has answered."
    if item.state == "conflict":
        return f"{accepted}Reviewers differ: the item has no label until one side is accepted or somebody decides."
    if entry.target is None:
        return f"{accepted}The item was flagged{', and is set aside' if item.state == 'flagged' else ''}."
    if item.label != entry.target:
        return f"Outvoted or overruled: the item's label is {item.label}."
    return f"{accepted}It counts: the item's label is {item.label}."


def _teaching(found: Receipt) -> str:
    if found.item.audit:
        return "The item measures accuracy, so no version ever learns from it."
    if not found.learned:
        nobody = f"None of the last {VERSIONS_SHOWN} versions has" if found.more else "No version has"
        return f"{nobody} learned from it."
    told = f"Version{'s' if len(found.learned) > 1 else ''} {_listed(found.learned)}"
    told += f", of the last {VERSIONS_SHOWN}, learned from it" if found.more else " learned from it"
    if found.champion is None or found.learned == (found.champion.number,):
        return f"{told}{', the champion' if found.champion else ''}."
    among = "among them" if found.champion.number in found.learned else "not among them"
    return f"{told}; the champion is {among}."


def _answer(found: Receipt) -> str:
    if found.now is None or found.champion is None:
        return "There is no prediction of the champion for this item yet."
    verdict = {
        True: "right by today's label",
        False: "wrong by today's label",
        None: "right or wrong is open while the item has no label",
    }
    before = found.ranked.entry.predicted
    then = f"The model said {before} when it was given" if before is not None else "No model had answered before"
    said = f"{found.now.label} ({found.now.confidence:.0%})"
    turn = f"; version {found.champion.number} {'now says' if found.changed else 'says'} {said}"
    return f"{then}{turn}: {verdict[found.is_right]}."


def _listed(numbers: Sequence[int]) -> str:
    *others, last = (str(number) for number in numbers)
    return f"{', '.join(others)} and {last}" if others else last
