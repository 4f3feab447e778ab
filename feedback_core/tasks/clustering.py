"""Groups of items that are alike: nothing is predicted, and nobody gives labels; see `clustering/`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import CannotTrain, InvalidFeedback
from ..settings import Settings
from ..types import Project
from .classification import CLASSIFICATION
from .registry import TASKS, TakeIn

if TYPE_CHECKING:
    import pandas as pd

NO_LABELS = "This project groups its items and has no labels: say which items belong together, on Groups."


def _refused(*_given: Any) -> NoReturn:
    raise InvalidFeedback(NO_LABELS)


def _cannot_train(*_given: Any) -> NoReturn:
    raise CannotTrain(NO_LABELS)


def _no_reader(_settings: Settings, _labels: Sequence[str]) -> None:
    return None


def _none(_frame: pd.DataFrame, _column: str) -> tuple[str, ...]:
    return ()


def _unfit(_frame: pd.DataFrame, column: str) -> str:
    return f"Groups are found without labels: choose no label column, and leave {column!r} out or keep it as an input."


def _no_match(_frame: pd.DataFrame, _project: Project) -> None:
    return None


# What a model would say is never asked, because none can be trained.
CLUSTERING = TASKS.register("clustering")(
    replace(
        CLASSIFICATION,
        name="clustering",
        title="Groups",
        help="Items that are alike are grouped, without any label; people say which belong together.",
        take_in=TakeIn(_no_reader, _none, _unfit, _no_match, least_labels=0),
        learns=False,
        target=_refused,
        checked=_refused,
        fit=_cannot_train,
        offers=frozenset(),
    )
)
