"""What became of a reviewer's corrections: similar items fixed with them, and a line and a sum for one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import inspection
from .errors import ArtifactError
from .loop import Loop
from .similar import similar_to
from .types import Feedback, Outline, RankedEntry, Version

LIKE_IT = 20
"""Similar items looked at for each correction."""

OWN = 1_000
"""Newest corrections of a reviewer that are summed up: 1,000 take a tenth of a second, whatever the project holds."""

LESSONS_READ = 6
"""Newest versions whose lessons are read for them: half a second each the first time, where each learned a million."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """The pool items most like a corrected one. looked: those that both versions have predicted, the one its reviewer
    saw and the champion. alike: of them, those that had the same wrong label. turned: of those, the ones that have the
    corrected label now."""

    turned: int
    alike: int
    looked: int


@dataclass(frozen=True, slots=True)
class OwnReceipt:
    """One of a reviewer's own corrections. now: what the champion says, None without it or while it is hidden."""

    entry: Feedback
    item: Outline
    entered: int | None
    """Number of the first version known to have learned from it."""
    exactly: bool
    """Whether it entered that one, and not perhaps one before."""
    now: str | None

    @property
    def turned(self) -> bool:
        """Whether the model, wrong in the reviewer's eyes then, gives the reviewer's label now."""
        return self.entry.predicted not in (None, self.entry.target) and self.now == self.entry.target

    @property
    def is_right(self) -> bool | None:
        """Whether the champion's answer is the item's label of today; None while one of the two is missing."""
        return None if self.now is None or self.item.label is None else self.now == self.item.label


@dataclass(frozen=True, slots=True)
class Own:
    """A reviewer's newest corrections, newest first. more: whether there are older ones that were not looked at."""

    receipts: tuple[OwnReceipt, ...]
    champion: int | None
    more: bool


def receipt(loop: Loop, ranked: RankedEntry) -> tuple[inspection.Receipt, Fixed | None]:
    """One entry with everything that happened because of it; similar items where it corrected an earlier model."""
    return inspection.receipt(loop.store, loop.project, ranked), fixed_with(loop, [ranked.entry]).get(ranked.entry.id)


def fixed_with(loop: Loop, entries: Sequence[Feedback]) -> dict[int, Fixed]:
    """Entry id -> similar items fixed with it, for corrections of a model that is not the champion any more.

    Neighbours are looked for in the champion's feature space, among at most 20,000 pool items (see similar.py). That
    they turned after the correction does not prove that they turned because of it.
    """
    champion = loop.store.versions.champion(loop.project.id)
    asked = [
        entry
        for entry in entries
        if champion and entry.verdict == "correct" and entry.predicted and entry.version_id not in (None, champion.id)
    ]
    if champion is None or not asked:
        return {}
    try:
        alike = similar_to(loop, [entry.item_id for entry in asked], LIKE_IT)
    except ArtifactError:  # told on Overview
        return {}
    return {
        entry.id: _fixed(loop, entry, champion, alike[entry.item_id].ids) for entry in asked if entry.item_id in alike
    }


def fixed_sentence(found: Fixed) -> str:
    """Similar items in words, always with how many were looked at."""
    if not found.looked:
        return "Both models have answered for no similar item, so nothing can be said about those."
    like = f"Of the {found.looked} items most like it"
    if not found.alike:
        return f"{like} the model gave none the same wrong label at the time."
    then = f"the model gave {found.alike} the same wrong label at the time"
    return f"{like} {then}; {found.turned} of them have the right one now."


def own(loop: Loop, reviewer: str) -> Own:
    """A reviewer's newest corrections that were not taken back or answered again, at most OWN of them."""
    entries, more = loop.store.feedback.corrections(loop.project.id, reviewer, OWN)
    versions = loop.store.versions.all(loop.project.id)
    champion = next((version for version in versions if version.status == "champion"), None)
    ids = [entry.item_id for entry in entries]
    said = loop.store.predictions.labels_of(champion.id, ids) if champion else {}
    items = loop.store.items.outlines(ids)
    entered = _entered(loop, versions, entries)
    now = {item_id: label for item_id, (label, _) in said.items() if not items[item_id].blind}
    receipts = []
    for entry in entries:
        number, exactly = entered.get(entry.id, (None, True))
        receipts.append(OwnReceipt(entry, items[entry.item_id], number, exactly, now.get(entry.item_id)))
    return Own(tuple(receipts), champion.number if champion else None, more)


def summary(found: Own) -> str:
    """One's own corrections summed up in words; every count beside the number it is out of."""
    n = len(found.receipts)
    learned = [each for each in found.receipts if each.entered is not None]
    numbers = sorted({each.entered for each in learned if each.entered is not None})
    newest = f"Of your {n:,} newest corrections" if found.more else f"Of your {n:,} correction{'' if n == 1 else 's'}"
    if not learned:
        return f"{newest} none has entered a version yet."
    judged = [each for each in learned if each.is_right is not None]
    which = f"version {numbers[0]}" if len(numbers) == 1 else f"versions {numbers[0]} to {numbers[-1]}"
    first = f"{newest} {len(learned):,} entered {which}"
    if not judged:
        return f"{first}."
    right = sum(bool(each.is_right) for each in judged)
    turned, then = sum(each.turned for each in judged), sum(each.entry.predicted is not None for each in judged)
    return (
        f"{first}; the champion, version {found.champion}, is right today on {right:,} of the {len(judged):,} of them "
        f"that have a label, and was turned to your answer on {turned:,} of {then:,}."
    )


def line(found: OwnReceipt) -> str:
    """One receipt in one line: whether it counts, what learned from it, and what the model says by now."""
    return " · ".join(part for part in (_standing(found), _teaching(found), _answer(found)) if part)


def _standing(found: OwnReceipt) -> str:
    entry, item = found.entry, found.item
    if entry.state == "quarantined":
        return f"rejected by {entry.ruled_by}"
    if item.state == "conflict":
        return "waits for a second opinion" if entry.ruling == "ask" else "reviewers differ"
    return "it counts" if item.label == entry.target else f"outvoted: the label is {item.label}"


def _teaching(found: OwnReceipt) -> str:
    if found.entered is None:
        return "in no version yet"
    return f"entered version {found.entered}{'' if found.exactly else ' or one before'}"


def _answer(found: OwnReceipt) -> str:
    if found.now is None:
        return ""
    verdict = {True: "right", False: "wrong", None: "undecided"}[found.is_right]
    return f"the model {'was turned: it ' if found.turned else ''}says {found.now} now, {verdict} by today's label"


def _entered(loop: Loop, versions: Sequence[Version], entries: Sequence[Feedback]) -> dict[int, tuple[int, bool]]:
    """Entry id -> number of the first version found to have learned from it, and whether none before can have."""
    found: dict[int, tuple[int, bool]] = {}
    for version in versions[-LESSONS_READ:]:
        asked = [entry for entry in entries if entry.id not in found and entry.id <= version.feedback_upto]
        taught = loop.store.versions.learned_of(version.id, [entry.item_id for entry in asked])
        for entry in asked:
            if taught.get(entry.item_id) == entry.target:
                found[entry.id] = (version.number, not _older(versions, entry))
    return found


def _older(versions: Sequence[Version], entry: Feedback) -> bool:
    """Whether a version whose lessons are not read could have learned from an entry before those that are."""
    return any(version.feedback_upto >= entry.id for version in versions[:-LESSONS_READ])


def _fixed(loop: Loop, entry: Feedback, champion: Version, similar: Sequence[int]) -> Fixed:
    assert entry.version_id is not None
    before = loop.store.predictions.labels_of(entry.version_id, similar)
    now = loop.store.predictions.labels_of(champion.id, similar)
    both = [item for item in similar if item in before and item in now]
    alike = [item for item in both if before[item][0] == entry.predicted]
    return Fixed(sum(now[item][0] == entry.target for item in alike), len(alike), len(both))
