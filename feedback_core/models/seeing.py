"""How a model sees texts and images: parameters that every builder takes beside its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from ..errors import InvalidSetting, NotInstalled
from ..types import Kind, Schema

WAYS: Mapping[str, tuple[Kind, tuple[str, ...]]] = {
    "text_embedding": ("text", ("tfidf", "wordllama")),
    "image_features": ("image", ("pixels", "hog")),
}
"""Parameter -> the kind of column it is about, and its values, the default first."""

WAY_OUT = "run `pip install '.[wordllama]'` in the project's folder and start again"


def seen(schema: Schema, params: Mapping[str, Any]) -> tuple[Schema, dict[str, Any]]:
    """The schema with `seen_as` set from parameters of WAYS, and the other parameters, which are the estimator's.

    Raises InvalidSetting for a value there is not, NotInstalled where it needs a package that is missing.
    """
    rest = dict(params)
    chosen = {kind: _way(name, rest.pop(name)) for name, (kind, _) in WAYS.items() if name in rest}
    columns = [replace(each, seen_as=chosen.get(each.kind, each.seen_as)) for each in schema.columns]
    return (replace(schema, columns=tuple(columns)) if any(chosen.values()) else schema), rest


def _way(name: str, value: Any) -> str:
    """The value, empty for the default."""
    known = WAYS[name][1]
    if value not in known:
        raise InvalidSetting(f"{name}={value!r:.80} is not known: choose one of {', '.join(known)}.")
    if value == "wordllama" and not all(map(find_spec, ("wordllama", "tokenizers", "safetensors"))):
        raise NotInstalled(
            f"{name}={value!r} needs word vectors that are not installed here: {WAY_OUT}, or choose tfidf."
        )
    return "" if value == known[0] else str(value)
