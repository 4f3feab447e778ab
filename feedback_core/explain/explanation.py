"""What an explanation is: a prediction's output, taken apart into what each column of the project added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Way = Literal["linear", "tree", "sampled"]
"""How a model can be explained: its coefficients, its trees, or by asking it about mixtures of rows."""

Unit = Literal["log-odds", "probability"]


@dataclass(frozen=True, slots=True)
class Effect:
    """What one column added to the output, in the explanation's unit; above zero speaks for the label."""

    column: str
    amount: float


@dataclass(frozen=True, slots=True)
class Piece:
    """One word of a text, from character `start` to `end`, and what it added."""

    start: int
    end: int
    amount: float


@dataclass(frozen=True, slots=True)
class Detail:
    """What moved the output within one column: words of a text, or a grid of patches over an image, row by row.

    rest: what belongs to the column and to no part that is there, such as usual words that this text lacks.
    """

    column: str
    words: tuple[Piece, ...] = ()
    heat: tuple[tuple[float, ...], ...] = ()
    rest: float = 0.0


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a model gave a label its score: base + the sum of the effects = output.

    base: what the model says on average about rows it has learned from. effects: one a column, in the order of the
    schema. exact: computed from the model itself; otherwise estimated from `samples` mixtures of rows.
    """

    label: str
    way: Way
    unit: Unit
    base: float
    output: float
    effects: tuple[Effect, ...]
    details: tuple[Detail, ...] = ()
    samples: int = 0

    @property
    def exact(self) -> bool:
        return not self.samples

    @property
    def strongest(self) -> tuple[Effect, ...]:
        """The effects, largest first."""
        return tuple(sorted(self.effects, key=lambda effect: -abs(effect.amount)))
