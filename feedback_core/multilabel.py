"""The labels of a row that may bear several of them: one text inside the core, in one spelling for each set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import InvalidInput

NONE = "(none)"
"""The text of a row that is known to bear no label."""

BETWEEN = "; "
SEPARATORS = (";", "|")
"""What parts labels in files; no label of such a project may hold one."""


def joined(labels: Iterable[str], known: Sequence[str]) -> str:
    """The text of a set of labels: each once, in the order of the project's. Raises InvalidInput for others."""
    held = set(labels)
    if unknown := sorted(held.difference(known)):
        raise InvalidInput(f"{unknown[0]!r} is not a label of this project: choose among {', '.join(known[:20])}.")
    return BETWEEN.join(label for label in known if label in held) or NONE


def parts(text: str) -> tuple[str, ...]:
    """The labels that a text from `joined` stands for."""
    return () if text == NONE else tuple(text.split(BETWEEN))


def indicator(texts: Sequence[str], known: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which of the known labels each of n texts holds, (n, k). Labels that are not among them are left out."""
    place = {label: k for k, label in enumerate(known)}
    rows: dict[str, list[int]] = {text: [place[each] for each in parts(text) if each in place] for text in set(texts)}
    found = np.zeros((len(texts), len(known)), dtype=bool)
    for n, text in enumerate(texts):
        found[n, rows[text]] = True
    return found


def flags(text: str | None, known: Sequence[str]) -> list[int | None]:
    """1 or 0 for each known label, as a table has them in columns; None where the set is not known."""
    held = None if text is None else parts(text)
    return [None if held is None else int(label in held) for label in known]


def texts_of(found: npt.NDArray[Any], known: Sequence[str]) -> list[str]:
    """The text of each row of an indicator (n, k), columns as `known`."""
    return [BETWEEN.join(known[k] for k in np.flatnonzero(row).tolist()) or NONE for row in found]


def majority(texts: Sequence[str], known: Sequence[str]) -> str | None:
    """The set of the labels that more than half of these sets hold; None where exactly half hold one."""
    votes = Counter(label for text in texts for label in parts(text))
    if any(2 * n == len(texts) for n in votes.values()):
        return None
    return joined((label for label, n in votes.items() if 2 * n > len(texts)), known)


def unfit_names(labels: Collection[str]) -> str:
    """Why these cannot be the labels of a project whose rows bear several, with the way out; empty when they can."""
    if NONE in labels:
        return f"{NONE!r} cannot be a label: it says that a row bears none. Name the label otherwise."
    for label in labels:
        if any(mark in label for mark in SEPARATORS):
            return f"The label {label!r} holds {' or '.join(SEPARATORS)}, which parts labels: name it without."
    return ""
