"""Which column of the project each number that a model sees was made from."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..intake import feature_names
from ..types import Schema

Owners = npt.NDArray[np.intp]


def owners(prepare: Any, schema: Schema, width: int) -> Owners | None:
    """Position of the schema's column behind each prepared number, (width,); None where that cannot be told.

    prepare: a fitted ColumnTransformer over the frame that `intake.decode` gives.
    """
    if not (hasattr(prepare, "output_indices_") and hasattr(prepare, "transformers_")):
        return None
    place = {name: n for n, column in enumerate(schema.columns) for name in feature_names(Schema((column,)))}
    found = np.full(width, -1, dtype=np.intp)
    for name, step, columns in prepare.transformers_:
        part = prepare.output_indices_.get(name, slice(0, 0))
        if part.stop <= part.start:
            continue
        of = [place[columns]] if isinstance(columns, str) else [place[column] for column in columns]
        # An image is many columns of the frame, and what its edges are made into is one column's all the same.
        columns_of = 1 if len(set(of)) == 1 else len(of)
        widths = _widths(step, columns_of, part.stop - part.start)
        if widths is None:
            return None
        found[part] = np.repeat(np.asarray(of)[widths[0]], widths[1])
    return None if (found < 0).any() else found


def _widths(step: Any, columns: int, width: int) -> tuple[list[int], list[int]] | None:
    """(columns in the order of the output, numbers each is made into) of one step; None for a step unknown here."""
    if columns == 1:
        return [0], [width]
    first = step.steps[0][1] if hasattr(step, "steps") else step
    order, sizes = list(range(columns)), [1] * columns
    if hasattr(first, "infrequent_categories_"):
        rare = first.infrequent_categories_
        sizes = [
            len(known) - (len(few) - 1 if few is not None else 0)
            for known, few in zip(first.categories_, rare, strict=True)
        ]
    elif getattr(first, "indicator_", None) is not None:
        marks = first.indicator_.features_.tolist()  # columns that were missing somewhere get a second number
        order, sizes = order + marks, sizes + [1] * len(marks)
    return (order, sizes) if sum(sizes) == width else None
