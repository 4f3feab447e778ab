"""What pairs that belong together add up to: every chain of them is one group, and some pairs contradict that."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A pair said to be apart that other pairs hold together. chain: from one to the other, each step a pair."""

    apart: Pair
    chain: tuple[int, ...]


def roots(together: Iterable[Pair]) -> dict[int, int]:
    """Each item of the pairs -> the smallest item it is held together with: the classes of the closure.

    Union-find with path halving.
    """
    parent: dict[int, int] = {}
    for one, other in together:
        first, second = sorted((_find(parent, one), _find(parent, other)))
        parent[second] = first  # the smallest stays on top
    return {item: _find(parent, item) for item in parent}


def chunklets(together: Iterable[Pair]) -> list[tuple[int, ...]]:
    """Groups of at least two items that are held together, each sorted, in the order of their smallest item."""
    members: dict[int, list[int]] = {}
    for item, root in sorted(roots(together).items()):
        members.setdefault(root, []).append(item)
    return [tuple(group) for _, group in sorted(members.items()) if len(group) > 1]


def contradictions(together: Sequence[Pair], apart: Iterable[Pair]) -> list[Contradiction]:
    """Pairs apart within one class of the closure, each with a shortest chain of pairs that holds them together."""
    root = roots(together)
    found = [pair for pair in apart if root.get(pair[0], pair[0]) == root.get(pair[1], pair[1])]
    near = _neighbours(together) if found else {}
    return [Contradiction(pair, _chain(near, *pair)) for pair in found]


def _find(parent: dict[int, int], item: int) -> int:
    parent.setdefault(item, item)
    while parent[item] != item:
        parent[item] = parent[parent[item]]
        item = parent[item]
    return item


def _neighbours(together: Iterable[Pair]) -> dict[int, list[int]]:
    near: dict[int, list[int]] = {}
    for one, other in together:
        near.setdefault(one, []).append(other)
        near.setdefault(other, []).append(one)
    return near


def _chain(near: Mapping[int, Sequence[int]], start: int, end: int) -> tuple[int, ...]:
    """A shortest way between two items; the two alone when they are one and the same."""
    came: dict[int, int] = {start: start}
    waiting = deque([start])
    while waiting and end not in came:
        here = waiting.popleft()
        for item in near.get(here, ()):
            if item not in came:
                came[item] = here
                waiting.append(item)
    chain = [end]
    while chain[-1] != start:
        chain.append(came[chain[-1]])
    return tuple(reversed(chain))
