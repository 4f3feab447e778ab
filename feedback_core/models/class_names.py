"""What a model from elsewhere calls its classes, and what a project does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InvalidInput


def called(name: Any, renamed: Mapping[Any, str] | None) -> str:
    """A class as the project calls it: as declared, by value or by text, else its own text."""
    text = str(int(name)) if isinstance(name, float) and name.is_integer() else str(name)
    known = renamed or {}
    return str(known.get(name, known.get(text, text)))


def check_labels(said: Sequence[str], labels: Sequence[str]) -> None:
    """Raise InvalidInput where the classes of a model are not labels of the project."""
    if unknown := [name for name in said if name not in labels]:
        raise InvalidInput(
            f"The model says {', '.join(map(repr, unknown[:5]))}, and this project's labels are "
            f"{', '.join(map(repr, labels[:10]))}: say which is which, such as {unknown[0]}={(*labels, '')[0]}."
        )
    if len(set(said)) < len(said):
        raise InvalidInput(f"Two classes of the model become one label ({', '.join(said[:10])}): name each once.")
