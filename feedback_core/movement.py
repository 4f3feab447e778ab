"""What moved between two versions, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .wording import counted


def told(body: Mapping[str, Any]) -> list[str]:
    """What moved, in words: columns, answers, and the labels that pulled them."""
    return [*_moved(body), _changed(body), _pulled(body["pulled"])]


def notes(body: Mapping[str, Any]) -> list[str]:
    """How it was measured."""
    unit = "log-odds" if body["unit"] == "log-odds" else "points of probability"
    said = (
        f"How much a column counts: the mean size of what it adds to a prediction, in {unit}, on the same "
        f"{body['rows']:,} rows for both versions, locked and open ones; intervals are 95 %."
    )
    how = body["pulled"].get("how")
    return [said, *([f"Labels were found by {how}, and tried by training without them."] if how else [])]


def _moved(body: Mapping[str, Any]) -> list[str]:
    clear = [row for row in body["moved"] if row["clear"] and max(row["before"], row["after"]) > 0]
    if len(body["moved"]) < 2:
        return []
    if not clear:
        return [f"No column counts measurably more or less than in version {body['parent']}."]
    more = [f"{row['column']} ({_change(row)})" for row in clear if row["after"] > row["before"]][:3]
    less = [f"{row['column']} ({_change(row)})" for row in clear if row["after"] < row["before"]][:3]
    parts = [f"{side} by {', '.join(names)}" for names, side in ((more, "more"), (less, "less")) if names]
    return [f"Against version {body['parent']} it goes {'; '.join(parts)}."]


def _change(row: Mapping[str, Any]) -> str:
    if not row["before"]:
        return "new"
    ratio = row["after"] / row["before"]
    return f"{ratio:.1f} times as much" if ratio >= 2 else f"{100 * (ratio - 1):+.0f} %"


def _changed(body: Mapping[str, Any]) -> str:
    changed = body["changed"]
    if not changed["n"]:
        return f"It says the same as version {body['parent']} about all {body['looked_at']:,} rows looked at."
    flows = ", ".join(f"{flow['n']} from {flow['before']} to {flow['after']}" for flow in changed["flows"][:3])
    return f"It says something else about {changed['n']:,} of {counted(body['looked_at'], 'row')}: {flows}."


def _pulled(found: Mapping[str, Any]) -> str:
    if "why_not" in found:
        return str(found["why_not"])
    size, q = len(found["labels"]), found["items"]
    random = (
        f"without {size} other new labels, drawn at random, {found['back_at_random']:.1f} on average and "
        f"{found['most_at_random']} at most"
    )
    if not found["distinguishable"]:
        return (
            f"Not distinguishable: no small group of the {found['new_labels']:,} new labels can be told to have pulled "
            f"them. Trained without the {size} strongest, {found['back']} of {q} would be answered otherwise; {random}."
        )
    gap = found["gap"]
    return (
        f"{size} of the {found['new_labels']:,} new labels pulled these rows: trained without them, {found['back']} of "
        f"{q} would be answered otherwise; {random} (difference {100 * gap['value']:.0f} points, "
        f"{100 * gap['low']:.0f} to {100 * gap['high']:.0f})."
    )
