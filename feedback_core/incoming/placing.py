"""Which items of a project the records of a file are about, and which of their answers are news."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..store import Store
from ..store.listings import Placed
from ..types import Feedback, Item, Project
from .understanding import Report, Said, Understood

CLASH = "has the key of an item with another input: the item that is here stays as it is"
HERE = "is here already, and no base data: take the labels in as entries instead"
HIDDEN = "belongs to the audit sample, which only chance may draw: the answers about it are not taken in"
BASE = "is labelled base data already: the answers about it are not taken in"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a record belongs: an item that is there, or with None one to be added. clash: its key has another input."""

    placed: Placed | None
    clash: bool = False


def placed(store: Store, project: Project, batch: Sequence[Understood]) -> list[Spot]:
    """A spot for each record: by its key, else by its input, of which there is to be one item only."""
    keys = [each.key for each in batch if each.key]
    by_key = store.listings.placed(project.id, keys) if keys else {}
    hashes = store.items.input_hashes([item.id for item in by_key.values()])
    by_input = store.listings.placed_by_input(project.id, [each.digest for each in batch])
    spots = []
    for each in batch:
        found = by_key.get(each.key or "")
        if found is not None:
            spots.append(Spot(found, clash=hashes[found.id] != each.digest))
        else:
            spots.append(Spot(by_input.get(each.digest)))
    return spots


def told(spots: Sequence[Spot], batch: Sequence[Understood], report: Report) -> None:
    """Note what cannot be done with records whose items are there."""
    for each, spot in zip(batch, spots, strict=True):
        if spot.clash:
            report.left_out(each.place, CLASH, each.key)
        elif spot.placed is not None and spot.placed.split == "pool" and each.votes:
            report.left_out(each.place, HERE, spot.placed.key, blocking=False)


@dataclass(frozen=True, slots=True)
class News:
    """Answers about one item that are not there yet. back: how many are."""

    record: Understood
    item: Item
    said: tuple[Said, ...]
    back: int


def news(
    store: Store, project: Project, batch: Sequence[Understood], spots: Sequence[Spot], report: Report
) -> list[News]:
    """Of records about items that are there, what has to be stored; the rest is noted."""
    about = [(each, spot.placed) for each, spot in zip(batch, spots, strict=True) if spot.placed and not spot.clash]
    about = [(each, item) for each, item in about if each.said]
    if not about:
        return []
    items = {item.id: item for item in store.items.many(list({item.id for _, item in about}), project.id)}
    known = store.listings.entries_by_key(project.id, [said.key for each, _ in about for said in each.said])
    here = store.feedback.of_items(list(items))
    times = Counter((item.id, said.by) for each, item in about for said in each.said)
    found = []
    for each, spot in about:
        fresh = tuple(
            said
            for said in each.said
            if said.key not in known and not _is_here(said, here[spot.id], once=times[spot.id, said.by] == 1)
        )
        back, why = len(each.said) - len(fresh), _closed(items[spot.id])
        if fresh and why:
            report.left_out(each.place, why, spot.key, blocking=False)
            fresh = ()
        found.append(News(each, items[spot.id], fresh, back))
    return found


def _closed(item: Item) -> str:
    """Why an item takes no answer from a file, "" where it does."""
    if item.split != "pool":
        return BASE
    return HIDDEN if item.hidden else ""


def _is_here(said: Said, entries: Sequence[Feedback], *, once: bool) -> bool:
    """Whether an answer went out from here and came back as it was, under whatever name, or is what its giver says
    here already. once: the file has no other answer of theirs, between which this one would stand."""
    for entry in entries:
        same = entry.target == said.target and (said.target is not None or entry.verdict == said.verdict)
        if same and (entry.id == said.entry or (once and entry.reviewer == said.by and entry.state == "accepted")):
            return True
    return False
