"""Settings and names as they are typed: name=value."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

SWITCH = {"on": True, "off": False}


def assigned(pairs: Iterable[str]) -> dict[str, Any]:
    """Values by name, as JSON; a truth value also as on or off. Raises InvalidSetting for what is no name=value."""
    from ..errors import InvalidSetting
    from ..settings import Settings

    found: dict[str, Any] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise InvalidSetting(f"{pair!r} is no setting: write name=value, such as retrain_threshold=100.")
        found[name] = _value(value, getattr(Settings(), name, None))
    return found


def named(pairs: Iterable[str]) -> dict[str, str]:
    """Texts by name. Raises InvalidInput for what is no name=text."""
    from ..errors import InvalidInput

    found: dict[str, str] = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator or not name or not text:
            raise InvalidInput(f"{pair!r} says nothing: write name=name, such as text=body.")
        found[name] = text
    return found


def _value(text: str, example: Any) -> Any:
    """Text as the kind of value that a setting holds; what cannot be read so is left to its check."""
    if isinstance(example, str):
        return text
    if isinstance(example, bool) and text in SWITCH:
        return SWITCH[text]
    try:
        return json.loads(text)
    except ValueError:
        return text
