"""Numbers written with commas: a comma is the decimal sign, or groups thousands, or nobody can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

Commas = Literal["decimal", "thousands", "unclear"]

_GROUP = r"[.\u00a0\u202f ']"
_DECIMAL = rf"[+-]?(?:\d+|\d{{1,3}}(?:{_GROUP}\d{{3}})+),\d+(?:[eE][+-]?\d+)?"
_THOUSANDS = r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?"
_POINT = r"[+-]?\d*\.\d+"

_MOST = 0.9
"""Share of the cells with a comma that must be numbers: the others are listed as problems, row by row."""


def commas_in(cells: pd.Series[Any]) -> Commas | None:
    """What commas mean in a column of text cells; None where they are no part of numbers.

    1,5 and 1.234,5 have decimal commas; 1,234,567 and 1,234.5 group thousands; 1,234 alone may be either, as may a
    column that holds both 1,5 and 1.5.
    """
    texts = cells[cells.str.contains(",", regex=False, na=False)].str.strip()
    decimal, thousands = texts.str.fullmatch(_DECIMAL), texts.str.fullmatch(_THOUSANDS)
    if not len(texts) or (decimal | thousands).mean() < _MOST:
        return None
    points = cells.str.strip().str.fullmatch(_POINT, na=False).any()
    if (thousands & ~decimal).any():
        return "unclear" if (decimal & ~thousands).any() else "thousands"
    return "decimal" if (decimal & ~thousands).any() and not points else "unclear"


def with_points(cells: pd.Series[Any], commas: Commas) -> pd.Series[Any]:
    """The cells as a program writes numbers, 1234.5; cells that do not fit the column's style are left as they are."""
    if commas == "unclear":
        return cells
    texts = cells.str.strip()
    fits = texts.str.fullmatch(_DECIMAL if commas == "decimal" else _THOUSANDS, na=False)
    plain = texts[fits].str.replace(_GROUP if commas == "decimal" else ",", "", regex=True)
    texts[fits] = plain.str.replace(",", ".", regex=False)
    return texts
