"""What models say in a file of another program becomes versions that are known by their predictions alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from .. import brought, outside
from ..errors import FeedbackError
from ..formats import Guess
from ..loop import Loop
from ..outside.telling import MOST_NAME
from ..store import Store
from ..types import Project
from .placing import Spot
from .understanding import Report, Understood

MOST_VERSIONS = 20
"""Of one file: some programs name a version anew for every task."""

CHUNK = 5_000
"""Inputs that are looked up together."""

Theirs = tuple[str, Guess]
"""The label as the project writes it, and what the model said besides."""


def taken_for(project: Project) -> bool:
    """Whether what models say elsewhere can become versions of a project."""
    return project.task in ("classification", "regression")


def own_names(store: Store, project: Project) -> frozenset[str]:
    """What versions of this project are called in files that went out from here."""
    return frozenset(f"v{version.number}" for version in store.versions.all(project.id))


def theirs(each: Understood, spot: Spot, own: frozenset[str]) -> list[Theirs]:
    """What models elsewhere say about a record; what went out from here, about an item that is here, is none of it."""
    if spot.clash:
        return []
    return [(label, guess) for label, guess in each.guesses if spot.placed is None or guess.version not in own]


class Guesses:
    """What models say in one file, kept until its items are stored. Of equal inputs the last counts."""

    def __init__(self, store: Store, project: Project) -> None:
        self._own = own_names(store, project)
        self._by_version: dict[str, dict[str, tuple[str, float | None]]] = {}

    def add(self, batch: Sequence[Understood], spots: Sequence[Spot]) -> None:
        """Keep what a batch of records says. spots: where they belonged before any of them was stored."""
        for each, spot in zip(batch, spots, strict=True):
            for label, guess in theirs(each, spot, self._own):
                named = guess.version.strip()[:MOST_NAME].strip() or "unnamed"
                self._by_version.setdefault(named, {})[each.digest] = (label, guess.score)

    def store(self, loop: Loop, by: str, report: Report) -> tuple[list[brought.Heard], int]:
        """Make versions of them, or add to those of these names; gives what became of each, and how many there are."""
        sizes = Counter({name: len(said) for name, said in self._by_version.items()})
        heard = []
        for name, _ in sizes.most_common(MOST_VERSIONS):
            said = [_said(item_id, *self._by_version[name][digest], loop.project) for digest, item_id in
                    _placed(loop, list(self._by_version[name]))]  # fmt: skip
            try:
                heard.append(brought.predictions(loop, said, name, by))
            except FeedbackError as error:
                report.left_out(f"predictions of {name}", str(error), blocking=False)
        for name, n in sizes.most_common()[MOST_VERSIONS:]:
            what = f"{n:,} predictions are left out: the {MOST_VERSIONS} versions with the most are taken in"
            report.left_out(f"predictions of {name}", what, blocking=False)
        return heard, sum(each.taken.stored for each in heard)


def _placed(loop: Loop, digests: Sequence[str]) -> Iterator[tuple[str, int]]:
    left = iter(digests)
    while chunk := list(islice(left, CHUNK)):
        for digest, item in loop.store.listings.placed_by_input(loop.project.id, chunk).items():
            yield digest, item.id


def _said(item_id: int, label: str, score: float | None, project: Project) -> outside.Said:
    """A number as it is. A score that leaves its label the most probable one is taken for its probability; the others
    share the rest."""
    if project.task == "regression":
        return outside.Said(item_id, label, None)
    others = [name for name in project.labels if name != label]
    if score is None or not others or not 1 / len(project.labels) < score <= 1:
        return outside.Said(item_id, label, None)
    rest = (1 - score) / len(others)
    return outside.Said(item_id, label, {label: score, **dict.fromkeys(others, rest)})
