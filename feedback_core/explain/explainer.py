"""One version, ready to explain any row: exactly where its model can be read, else by asking it about mixtures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..intake import feature_names
from ..types import Schema
from . import images, texts
from .explanation import Detail, Effect, Explanation, Unit, Way
from .mixtures import of_frames, of_numbers
from .outputs import Classes, Outputs
from .owners import owners
from .permutations import PAIRS, Mask, Shares, shapley
from .readers import Reader, reader_of

BACKGROUND = 200
"""Rows a version has learned from that stand for all of them."""


class Explainer:
    """A version's model with the rows it is explained against. Safe to share between threads: it keeps no row."""

    def __init__(
        self, model: Any, schema: Schema, outputs: tuple[str, ...] | Outputs, learned: Any, seed: int, way: Way
    ) -> None:
        """model: a fitted pipeline. outputs: labels, of whose probabilities it is, or something else that it says.

        learned: (m, ...) decoded rows, uniformly drawn from those it was fitted on. way: how the registry of models
        says that it can be explained.
        """
        self._model, self._schema, self._learned, self._seed = model, schema, learned, seed
        self._outputs = Classes(outputs) if isinstance(outputs, tuple) else outputs
        steps = getattr(model, "named_steps", {})
        self._prepare, self._step = steps.get("prepare"), steps.get("model")
        self._owners = None
        self._reader: Reader | None = None
        # A model from elsewhere may be asked about whole rows alone: its scaling is for distances, not for itself.
        if (
            self._prepare is not None
            and hasattr(self._prepare, "transform")
            and hasattr(self._step, self._outputs.method)
        ):
            self._background = self._prepare.transform(learned)
            self._owners = owners(self._prepare, schema, self._background.shape[1])
        if self._owners is not None:
            self._reader = reader_of(way, self._step, self._background, self._owners, len(schema.columns))

    def explain(self, row: Any, label: str, *, details: bool = True) -> Explanation:
        """Why the model gives a label its score. row: (1, ...) as `intake.decode` gives it.

        details: the words of texts and patches of images, too. A label the model has not learned has the
        score that such labels get, and no effects.
        """
        k = self._outputs.position(self._model, label)
        if k is None:
            likely = getattr(self._step, "unseen_", 0.0)
            nothing = self._effects(np.zeros(self._width))
            return Explanation(label, "sampled", self._outputs.unit, likely, likely, nothing)
        reader = self._reader if self._reader is not None and self._reader.reads(k) else None
        found = self._asked(row, label) if reader is None else self._read(reader, self._prepared(row), label, k)
        return replace(found, details=self._details(row, found, reader, k)) if details else found

    def briefly(self, rows: Any, labels: Sequence[str]) -> list[Explanation | None]:
        """The same for several rows at once, without patches of images; None where the model would have to be asked.

        rows: (n, ...). Preparing them together takes less than a tenth of the time: it is most of what is to do.
        """
        reader = self._reader
        if reader is None:
            return [None] * len(labels)
        prepared = self._prepared(rows)
        found: list[Explanation | None] = []
        for n, label in enumerate(labels):
            k = self._outputs.position(self._model, label)
            if k is None or not reader.quick(k):
                found.append(None)
                continue
            told = self._read(reader, prepared[n : n + 1], label, k)
            found.append(replace(told, details=self._texts(rows.iloc[[n]], prepared[n : n + 1], told, reader, k)))
        return found

    def _texts(self, row: Any, prepared: Any, told: Explanation, reader: Reader, k: int) -> tuple[Detail, ...]:
        """The words of a project that has nothing but a text: columns name themselves."""
        if self._width > 1 or self._schema.columns[0].kind != "text" or self._vectorizer(self._schema.names[0]) is None:
            return ()
        return (self._detail(row, told, 0, reader.features(prepared, k)),)

    def unit(self, label: str) -> Unit:
        """What the amounts of a label are measured in."""
        k = self._outputs.position(self._model, label)
        readable = self._reader is not None and k is not None and self._reader.reads(k)
        return self._reader.unit if readable and self._reader is not None else self._outputs.unit

    @property
    def _width(self) -> int:
        return len(self._schema.columns)

    def _prepared(self, rows: Any) -> Any:
        return self._prepare.transform(rows)  # type: ignore[union-attr]

    def _read(self, reader: Reader, prepared: Any, label: str, k: int) -> Explanation:
        amounts, base, answers = reader.columns(prepared, k), reader.base(k), reader.answers(prepared)
        output = base + float(amounts.sum()) + answers
        told = Explanation(label, reader.way, reader.unit, base, output, self._effects(amounts), answers=answers)
        return replace(told, measure=self._outputs.measure)

    def _asked(self, row: Any, label: str) -> Explanation:
        shares = self._shares(row, label)
        effects = self._effects(shares.values)
        told = Explanation(label, "sampled", self._outputs.unit, shares.base, shares.output, effects)
        return replace(told, samples=shares.samples, measure=self._outputs.measure)

    def _shares(self, row: Any, label: str) -> Shares:
        """Sampled over columns, on prepared rows where they are known to be made of columns one by one."""
        some = self._some
        if self._owners is not None:
            prepared = self._prepared(row)
            mix = of_numbers(prepared, self._background[: len(some)], self._owners)
            ask = self._asking(self._step, mix, label)
        else:
            sizes = [len(feature_names(Schema((column,)))) for column in self._schema.columns]
            ask = self._asking(self._model, of_frames(row, some, np.repeat(np.arange(self._width), sizes)), label)
        return shapley(self._width, ask, self._rng, backgrounds=len(some))

    @property
    def _some(self) -> Any:
        return self._learned.iloc[:PAIRS]

    @property
    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(self._seed)  # the same row is explained alike whenever it is asked for

    def _asking(self, model: Any, mix: Any, label: str) -> Any:
        return lambda own, source: self._outputs.of(model, mix(own, source), label)

    def _effects(self, amounts: npt.NDArray[np.float64]) -> tuple[Effect, ...]:
        return tuple(Effect(name, float(each)) for name, each in zip(self._schema.names, amounts, strict=True))

    def _details(self, row: Any, found: Explanation, reader: Reader | None, k: int) -> tuple[Detail, ...]:
        wanted = [n for n, column in enumerate(self._schema.columns) if column.kind in ("text", "image")]
        if not wanted:
            return ()
        amounts = None if reader is None else reader.features(self._prepared(row), k)
        return tuple(self._detail(row, found, n, amounts) for n in wanted)

    def _detail(self, row: Any, found: Explanation, n: int, amounts: npt.NDArray[np.float64] | None) -> Detail:
        column = self._schema.columns[n]
        own = None if amounts is None or self._owners is None else amounts[self._owners == n]
        if column.kind == "image":
            if own is not None and self._sees_pixels(n):
                return images.by_features(column.name, column.shape, own)
            return self._by_patches(row, found.label, n)
        step = self._vectorizer(column.name)
        text = str(row[column.name].iloc[0])
        if own is not None and step is not None:
            return texts.by_features(column.name, text, step, own)

        def ask(some: Sequence[str]) -> Any:
            return self._said(row, column.name, found.label, some)

        return texts.by_leaving_out(column.name, text, ask, self._rng)

    def _sees_pixels(self, n: int) -> bool:
        """Whether the model gets one number for each pixel of an image; as many features may be something else."""
        first = feature_names(Schema((self._schema.columns[n],)))[0]
        steps = [step for _, step, of in getattr(self._prepare, "transformers_", ()) if first in set(of)]
        return bool(steps) and not hasattr(steps[0], "shape")

    def _vectorizer(self, column: str) -> Any:
        """The step that counts a text column's words, None where something else reads them."""
        steps = [step for _, step, of in getattr(self._prepare, "transformers_", ()) if of == column]
        return steps[0] if steps and hasattr(steps[0], "vocabulary_") else None

    def _said(self, row: Any, column: str, label: str, some: Sequence[str]) -> Any:
        rows = row.iloc[np.zeros(len(some), int)].assign(**{column: list(some)})
        return self._outputs.of(self._model, rows, label)

    def _by_patches(self, row: Any, label: str, n: int) -> Detail:
        column, some = self._schema.columns[n], self._some
        place = [name in set(feature_names(Schema((column,)))) for name in row.columns]
        mix = of_frames(row, some, np.arange(len(place)))

        def ask(own: Mask, source: npt.NDArray[np.intp]) -> Any:
            kept = np.ones((len(own), len(place)), bool)
            kept[:, place] = own
            return self._outputs.of(self._model, mix(kept, source), label)

        return images.by_exchange(column.name, column.shape, ask, self._rng, len(some))
