"""Which words of a text moved a prediction."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .explanation import Detail, Piece
from .permutations import Mask, shapley

MOST_ASKED = 400
"""Texts that a model without readable weights is asked about: 0.25 ms each to vectorise."""

MOST_PARTS = 60
"""Parts a text is cut into for such a model; of a longer text several words in a row are one part."""


def words_of(text: str) -> list[tuple[int, int]]:
    """(start, end) of every word, split at white space."""
    return [match.span() for match in re.finditer(r"\S+", text)]


def by_features(column: str, text: str, vectorizer: Any, amounts: npt.NDArray[np.float64]) -> Detail:
    """Share each present feature's amount among the words it is found in.

    amounts: (v,) what each feature of the vectorizer added. What no word holds, such as features that are absent, is
    the rest; so words and rest sum to the column's effect.
    """
    spans = words_of(text)
    known, terms = vectorizer.vocabulary_, vectorizer.build_analyzer()
    found = [Counter(known[term] for term in terms(text[start:end]) if term in known) for start, end in spans]
    total: Counter[int] = sum(found, Counter())
    shares = [sum(amounts[f] * n / total[f] for f, n in each.items()) for each in found]
    words = tuple(Piece(start, end, float(share)) for (start, end), share in zip(spans, shares, strict=True))
    return Detail(column, words, rest=float(amounts.sum() - sum(shares)))


def by_leaving_out(
    column: str, text: str, ask: Callable[[Sequence[str]], npt.NDArray[np.floating]], rng: np.random.Generator
) -> Detail:
    """Sampled Shapley values of the words, against the empty text.

    ask: texts -> outputs, everything but this text being as it is.
    """
    parts = _parts(words_of(text))
    if not parts:
        return Detail(column)

    def mixtures(own: Mask, _source: npt.NDArray[np.intp]) -> npt.NDArray[np.floating]:
        return ask([_joined(text, [span for span, kept in zip(parts, row, strict=True) if kept]) for row in own])

    shares = shapley(len(parts), mixtures, rng, most=MOST_ASKED, backgrounds=1)
    return Detail(column, tuple(Piece(*span, float(n)) for span, n in zip(parts, shares.values, strict=True)))


def _parts(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    size = -(-len(spans) // MOST_PARTS) or 1
    return [(spans[n][0], spans[min(n + size, len(spans)) - 1][1]) for n in range(0, len(spans), size)]


def _joined(text: str, spans: Sequence[tuple[int, int]]) -> str:
    return " ".join(text[start:end] for start, end in spans)
