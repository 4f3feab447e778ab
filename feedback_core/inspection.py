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
    """Numbers of the versions that were taught this entry's label for its item: of the first that could have been,
    of the champion, and of the newest VERSIONS_SHOWN."""
    more: bool
    """Whether versions between them may have learned from it too."""
    exactly: bool
    """Whether the first of `learned` is the version it entered; else it may have entered one before."""

    @property
    def entered(self) -> int | None:
        """Number of the first version known to have learned from it."""
        return self.learned[0] if self.learned else None

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


@dataclass(frozen=True, slots=True)
class Reversal:
    """An item whose label was turned round after a while. shown: what the model says, None while it is hidden.

    learned_earlier, learned_later: numbers of the versions, of those looked at, that were taught the one label and the
    other.
    """

    item: Item
    earlier: Feedback
    later: Feedback
    learned_earlier: tuple[int, ...]
    learned_later: tuple[int, ...]
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
    could, searched = _searched(versions, entry)
    learned = _learned(store, searched, entry)
    return Receipt(
        ranked=ranked,
        item=store.items.get(entry.item_id),
        entries=tuple(said for said in store.feedback.of_item(entry.item_id) if said.verdict != "undo"),
        shown=history.get(entry.version_id) if entry.version_id else None,
        champion=champion,
        now=history.get(champion.id) if champion else None,
        learned=learned,
        more=len(could) > len(searched),
        exactly=bool(learned and (learned[0] == could[0].number or len(could) == len(searched))),
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


def reversals(
    store: Store, project: Project, before: int | None = None, limit: int = 5
) -> tuple[list[Reversal], int | None]:
    """Items whose label was turned round, the newest first, and where the next page starts: did the world change?"""
    found, following = store.reversals.page(project.id, before=before, limit=limit)
    items = {item.id: item for item in store.items.many([later.item_id for _, later in found])}
    shown = store.predictions.shown(list(items))
    versions = store.versions.all(project.id)
    return [
        Reversal(
            items[later.item_id],
            earlier,
            later,
            _learned(store, _searched(versions, earlier)[1], earlier),
            _learned(store, _searched(versions, later)[1], later),
            None if items[later.item_id].hidden else shown.get(later.item_id),
        )
        for earlier, later in found
    ], following


def _searched(versions: Sequence[Version], entry: Feedback) -> tuple[list[Version], list[Version]]:
    """Versions that could have learned from an entry, and those of them that are asked: the first, the champion, and
    the newest VERSIONS_SHOWN."""
    could = [version for version in versions if version.feedback_upto >= entry.id]
    newest = max(0, len(could) - VERSIONS_SHOWN)
    return could, [
        version
        for n, version in enumerate(could)
        if n in (0, *range(newest, len(could))) or version.status == "champion"
    ]


def _learned(store: Store, versions: Sequence[Version], entry: Feedback) -> tuple[int, ...]:
    return tuple(
        version.number
        for version in versions
        if entry.target is not None and store.versions.learned(version.id, entry.item_id) == entry.target
    )


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
    if found.entered is None:
        looked = f" (the first that could, the champion, and the last {VERSIONS_SHOWN})" if found.more else ""
        return f"No version{' of those looked at' if looked else ''} has learned from it{looked}."
    champion = found.champion.number if found.champion else None
    told = f"It entered version {found.entered}{'' if found.exactly else ' or one before'}"
    told += ", the champion" if champion == found.entered else ""
    if later := found.learned[1:]:
        told += f", and version{'s' if len(later) > 1 else ''} {_listed(later)} learned from it too"
        told += f" (of the last {VERSIONS_SHOWN})" if found.more else ""
    if champion in (None, found.entered):
        return f"{told}."
    return f"{told}; the champion, version {champion}, is{'' if champion in found.learned else ' not'} among them."


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
