"""Values out of objects that anybody may have written: of the right type, or not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from .. import multilabel
from ..types import Project

MOST_NAME = 200
"""Characters of a person's or a version's name, and of a key."""

LONGEST_S = 86_400.0


def text(value: Any) -> str:
    """A text or a whole number as text, "" for anything else; shortened where it is no name."""
    if isinstance(value, str):
        return value.strip()[:MOST_NAME]
    return str(value)[:MOST_NAME] if isinstance(value, int) and not isinstance(value, bool) else ""


def share(value: Any) -> float | None:
    """A number from 0 to 1, else None."""
    number = _number(value)
    return number if number is not None and 0 <= number <= 1 else None


def seconds(value: Any) -> float | None:
    """Seconds of work up to a day, else None."""
    number = _number(value)
    return number if number is not None and 0 <= number <= LONGEST_S else None


def listed(value: Any) -> Sequence[Mapping[str, Any]]:
    """The objects of a list; anything else in it is passed over."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def mapping(value: Any) -> Mapping[str, Any]:
    """An object, empty where it is none."""
    return value if isinstance(value, dict) else {}


def entry_id(value: Any) -> int | None:
    """A whole number that can be an id of ours."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63 else None


def pictures(project: Project) -> str:
    """The first column that holds pictures, "" without."""
    return next((column.name for column in project.schema.of_kind("image")), "")


def only_labels(project: Project, title: str) -> str:
    """Why a format of labels does not fit, "" where it does. title: of the format."""
    fits = project.task == "classification" or takes_several(project)
    return "" if fits else f"{title} holds labels, and this project is about {project.task}"


def takes_several(project: Project) -> bool:
    """Whether an item bears any number of labels: a file then has a list of them, of none too."""
    return project.task == "multilabel"


def written(label: str | None, project: Project) -> str | list[str] | None:
    """A label as files hold it: a list where an item bears several."""
    return list(multilabel.parts(label)) if label is not None and takes_several(project) else label


def text_column(project: Project) -> str:
    """The column that text formats are about: the first of kind text, else the only column; "" without."""
    texts = project.schema.of_kind("text")
    if texts:
        return texts[0].name
    return project.schema.names[0] if len(project.schema.names) == 1 and not pictures(project) else ""


def _number(value: Any) -> float | None:
    # An integer of a thousand digits is no float.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 1e300:
        return None
    return float(value) if isfinite(value) else None
