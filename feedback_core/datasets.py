"""The sample data sets: what each is about, and its rows from the repository's data/ folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import NotFound
from .types import Column, Schema, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

FOLDER = Path(__file__).resolve().parent.parent / "data"


@dataclass(frozen=True, slots=True)
class Dataset:
    """A labelled table with its reading instructions.

    estimator: the builder that starts well on 150-300 rows and gains most from more; measured in data/README.md.
    frame: the schema's file columns and the label column; labels are strings, nothing is missing.
    """

    name: str
    title: str
    question: str
    label_column: str
    labels: tuple[str, ...]
    schema: Schema
    estimator: str
    licence: str
    # A data frame has no truth value, so comparing two would raise.
    frame: pd.DataFrame = field(repr=False, compare=False)
    task: Task = "classification"


def names() -> tuple[str, ...]:
    """Every name that load() takes, the easiest to try first."""
    return tuple(_SETS)


def load(name: str) -> Dataset:
    """Read one data set. Raises NotFound for an unknown name or a missing file."""
    if name not in _SETS:
        raise NotFound(f"No data set {name!r}: choose one of {', '.join(_SETS)}.")
    return _SETS[name](_read(FOLDER / f"{name}.csv.gz"))


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    if not path.exists():
        raise NotFound(f"No file {path}: run from a checkout of the repository, or restore it with git.")
    # Without keep_default_na=False a text or category spelled "NA" or "None" would turn into a missing value.
    return pd.read_csv(path, keep_default_na=False)


def _digits(frame: pd.DataFrame) -> Dataset:
    pixels = tuple(f"pixel_{i}" for i in range(64))
    return Dataset(
        name="digits",
        title="Handwritten digits",
        question="Which digit is this?",
        label_column="label",
        labels=tuple("0123456789"),
        schema=Schema((Column("image", "image", shape=(8, 8), sources=pixels),)),
        estimator="logistic_regression",
        licence="CC BY 4.0",
        frame=frame.astype({"label": "str"}),
    )


def _churn(frame: pd.DataFrame) -> Dataset:
    categories = {"state", "area_code", "international_plan", "voice_mail_plan"}
    features = [name for name in frame.columns if name != "churned"]
    return Dataset(
        name="churn",
        title="Customer churn",
        question="Did this customer leave?",
        label_column="churned",
        labels=("no", "yes"),
        schema=Schema(tuple(Column(name, "category" if name in categories else "number") for name in features)),
        estimator="hist_gradient_boosting",
        licence="MIT",
        frame=frame,
    )


def _definitions(frame: pd.DataFrame) -> Dataset:
    return Dataset(
        name="definitions",
        title="Word definitions",
        question="What kind of thing is defined?",
        label_column="kind",
        labels=("animal", "body part", "food", "object", "person", "plant"),
        schema=Schema((Column("definition", "text"),)),
        estimator="logistic_regression",
        licence="WordNet 3.0 licence",
        frame=frame,
    )


def _senses(frame: pd.DataFrame) -> Dataset:
    return Dataset(
        name="senses",
        title="Word meanings",
        question="Which kinds of thing can this word name?",
        label_column="kinds",
        labels=("animal", "body part", "food", "object", "person", "plant"),
        schema=Schema((Column("meanings", "text"),)),
        estimator="random_forest",
        licence="WordNet 3.0 licence",
        frame=frame,
        task="multilabel",
    )


_SETS: dict[str, Callable[[pd.DataFrame], Dataset]] = {
    "digits": _digits,
    "churn": _churn,
    "definitions": _definitions,
    "senses": _senses,
}
