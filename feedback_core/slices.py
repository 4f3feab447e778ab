"""A choice of items in words."""

from __future__ import annotations

from collections.abc import Sequence

from .types import FeatureFilter, ItemFilter

_STATES = {
    "open": "open",
    "labelled": "reviewed",
    "conflict": "in conflict",
    "flagged": "flagged",
    "base": "base data",
}


def described(wanted: ItemFilter, columns: Sequence[str]) -> str:
    """A filter as a person would say it: 'predicted 3, confidence at most 50 %'. columns: names in schema order."""
    words = [_STATES[state] for state in wanted.states if state != "open"]
    if wanted.predicted is not None:
        words.append(f"predicted {wanted.predicted}")
    if wanted.holds is not None:
        words.append(f"predicted with {wanted.holds}")
    if wanted.max_confidence is not None:
        words.append(f"confidence at most {wanted.max_confidence:.0%}".replace("%", " %"))
    if wanted.search.strip():
        words.append(f"“{wanted.search.strip()}” in text or key")
    words += [_feature(feature, columns[feature.place]) for feature in wanted.features]
    if wanted.wrong:
        words.append("the model is wrong")
    if wanted.flipped:
        words.append("flipped since the last version")
    return ", ".join(words) or "all open items"


def _feature(feature: FeatureFilter, name: str) -> str:
    if feature.equals is not None:
        return f"{name} is {feature.equals}"
    if feature.low is None:
        return f"{name} at most {feature.high:g}"
    if feature.high is None:
        return f"{name} at least {feature.low:g}"
    return f"{name} from {feature.low:g} to {feature.high:g}"
