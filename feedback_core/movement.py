"""What moved between two versions, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .wording import amount, are, counted, rounded

UNITS = {"log-odds": "log-odds", "probability": "points of probability", "score": "points of the alarm score"}


def told(body: Mapping[str, Any]) -> list[str]:
    """What moved, in words: columns, answers, and the labels that pulled them."""
    changed, pulled = _BY_TASK.get(body.get("task", ""), (_changed, _pulled))
    return [*_moved(body), changed(body), pulled(body)]


def unit_of(body: Mapping[str, Any]) -> str:
    """What the amounts of a stored comparison are measured in, in words."""
    return UNITS.get(body["unit"]) or body.get("measure") or "the unit of the target"


def scale_of(body: Mapping[str, Any]) -> int:
    """What its amounts are shown times: probabilities are shown in points."""
    return 100 if body["unit"] == "probability" else 1


def notes(body: Mapping[str, Any]) -> list[str]:
    """How it was measured."""
    said = (
        f"How much a column counts: the mean size of what it adds to a prediction, in {unit_of(body)}, on the same "
        f"{body['rows']:,} rows for both versions, locked and open ones; intervals are 95 %."
    )
    how = body["pulled"].get("how")
    if how and body.get("task") == "anomaly":
        return [said, f"What each answer adds is known from {how}."]
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


def _numbers_changed(body: Mapping[str, Any]) -> str:
    changed, unit = body["changed"], body["measure"]
    apart = amount(rounded(changed["apart"]), unit)
    if not changed["n"]:
        return f"It says about the same as version {body['parent']}: no number moved by more than {apart}."
    less = changed["n"] - changed["more"]
    return (
        f"{changed['n']:,} of {counted(body['looked_at'], 'number')} moved by more than {apart}: {changed['more']:,} "
        f"up, {less:,} down, by {amount(rounded(changed['mean']), unit)} on average."
    )


def _places_changed(body: Mapping[str, Any]) -> str:
    changed = body["changed"]
    if not changed["n"]:
        return f"It ranks all {body['looked_at']:,} rows looked at as version {body['parent']} does."
    raised, calmed = changed["raised"], changed["calmed"]
    said = (
        f"Of {counted(body['looked_at'], 'row')} looked at, {raised:,} {are(raised)} an alarm now that "
        f"{'was' if raised == 1 else 'were'} none, and {calmed:,} no longer {are(calmed)}."
    )
    for side in ("up", "down"):
        if changed[side]:
            moves = ", ".join(f"{row['key']} ({row['before']} to {row['after']})" for row in changed[side][:3])
            said += f" Furthest {side} the ranking: {moves}."
    return said


def _answers_pulled(body: Mapping[str, Any]) -> str:
    found = body["pulled"]
    if "why_not" in found:
        return str(found["why_not"])
    return (
        f"{counted(len(found['labels']), 'answer')} of {found['new_labels']:,} new ones pulled these rows most: "
        f"together they add {found['adds']:.2f} to the alarm score of such a row, the way it moved, on average."
    )


def _pulled(body: Mapping[str, Any]) -> str:
    found, other = body["pulled"], "be answered otherwise"
    if body.get("task") == "regression":
        other = "go back at least half the way"
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
            f"them. Trained without the {size} strongest, {found['back']} of {q} would {other}; {random}."
        )
    gap = found["gap"]
    return (
        f"{size} of the {found['new_labels']:,} new labels pulled these rows: trained without them, {found['back']} of "
        f"{q} would {other}; {random} (difference {100 * gap['value']:.0f} points, "
        f"{100 * gap['low']:.0f} to {100 * gap['high']:.0f})."
    )


_BY_TASK = {"regression": (_numbers_changed, _pulled), "anomaly": (_places_changed, _answers_pulled)}
