"""What an explanation is: a prediction's output, taken apart into what each column of the project added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Way = Literal["linear", "tree", "distance", "sampled"]
"""How a model can be explained: its coefficients, its trees, distances to rows, or by asking it about mixtures of rows.
"""

Unit = Literal["log-odds", "probability", "number", "score"]
"""number: that of the target. score: of an alarm, 0 at the edge and about 1 for a true one."""


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
    """Why a model gave a label its score, or said a number: base + the sum of the effects + answers = output.

    label: what it said; of a number, its text. base: what the model says on average about rows it has learned from.
    effects: one a column, in the order of the schema. exact: computed from the model itself; otherwise estimated from
    `samples` mixtures of rows. measure: what the target's numbers are measured in, such as mg/dl. answers: what
    people's answers about rows like this one add to an alarm.
    """

    label: str
    way: Way
    unit: Unit
    base: float
    output: float
    effects: tuple[Effect, ...]
    details: tuple[Detail, ...] = ()
    samples: int = 0
    measure: str = ""
    answers: float = 0.0

    @property
    def exact(self) -> bool:
        return not self.samples

    @property
    def strongest(self) -> tuple[Effect, ...]:
        """The effects, largest first."""
        return tuple(sorted(self.effects, key=lambda effect: -abs(effect.amount)))
