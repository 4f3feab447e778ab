"""What entered a version that is rolled back: those entries are suspect, and somebody else is asked about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from . import tasks
from .errors import Stale
from .store import Store
from .store.rulings import MOST
from .types import Project, Ruled, Suspects, Version

ASKED = 10_000
"""Entries asked about in one roll-back, the newest: ten presses of 0.4 s, between which reviewers get their turn."""

LATEST = 50
"""Presses, the newest, among which those of a roll-back are looked for."""


@dataclass(frozen=True, slots=True)
class Doubted:
    """A roll-back's questions that stand. number: of the version left. presses: their rulings, the newest first.

    entries: how many they are about. left: further ones that entered the version and were not asked about.
    """

    number: int
    presses: tuple[int, ...]
    entries: int
    left: int


Taught = tuple[npt.NDArray[np.int64], npt.NDArray[np.object_]]
"""Item ids in order, and the label of each, both (n,)."""


def newly_taught(bad: Taught, good: Taught) -> dict[int, str]:
    """Item id -> label, for what the bad version was taught and the good one was not, or otherwise."""
    ids, labels = bad
    known, said = good
    if not len(known):
        return dict(zip(ids.tolist(), labels.tolist(), strict=True))
    at = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    new = (known[at] != ids) | (said[at] != labels)
    return dict(zip(ids[new].tolist(), labels[new].tolist(), strict=True))


def suspects(store: Store, project: Project, bad: Version, good: Version) -> Suspects:
    """Standing entries that gave a label which the bad version learned and the good one did not, the newest ASKED.

    Both lineages are read, the first time half a second for a million rows each. Entries on which a second opinion is
    asked already, and still missing, are left out.
    """
    taught = newly_taught(store.versions.taught(bad.id), store.versions.taught(good.id))
    entered = store.rulings.giving(project.id, taught, bad.feedback_upto)
    return Suspects(bad.number, tuple(entered[-ASKED:]), len(entered))


def anybody_to_ask(store: Store, project: Project, by: str) -> bool:
    """Whether there are two people, those who have labelled and `by`: with one, nobody could answer the other."""
    names = {name.rpartition("/")[0] for name in store.tallies.of(project.id, "reviewer")}
    return len(names | {by}) > 1


def ask(
    store: Store, project: Project, entries: Sequence[int], number: int, left: int, *, by: str, now: float
) -> tuple[Ruled, ...]:
    """Ask for second opinions on entries that entered version `number`; a press for each MOST of them.

    left: entries of it that are not asked about.
    """
    presses = (
        store.rulings.give(
            project,
            dict.fromkeys(entries[start : start + MOST], "ask"),
            partial(tasks.of(project).effective, project),
            by=by,
            reason=f"entered version {number}, which was rolled back",
            now=now,
            rolled_back={"version": number, "left": left},
        )
        for start in range(0, len(entries), MOST)
    )
    return tuple(press for press in presses if press.id is not None)


def asked(store: Store, project: Project) -> Doubted | None:
    """What the newest roll-back that asked for second opinions has put in doubt, while any of it stands."""
    presses = [press for press in store.rulings.latest(project.id, LATEST) if "rolled_back" in press.event.details]
    # The presses of one roll-back bear one time.
    mine = [press for press in presses if press.event.at == presses[0].event.at and press.standing]
    if not mine:
        return None
    said = mine[0].event.details["rolled_back"]
    ids = tuple(press.event.id for press in mine)
    return Doubted(said["version"], ids, sum(press.standing for press in mine), said["left"])


def undo(store: Store, project: Project, ruling_ids: Sequence[int], *, by: str, now: float) -> tuple[int, ...]:
    """Take presses back, the newest first; gives the entries that changed. Raises Stale when there are none."""
    entries: list[int] = []
    for ruling_id in sorted(ruling_ids, reverse=True):
        try:
            resolve = partial(tasks.of(project).effective, project)
            entries += store.rulings.undo(project, ruling_id, resolve, by=by, now=now).entries
        except Stale:  # ruled on again or undone by somebody else since; the other presses may still stand
            continue
    if not entries:
        raise Stale("These rulings have been undone or replaced already, so there is nothing left to undo.")
    return tuple(entries)
