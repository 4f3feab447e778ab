"""One decision about many items: who may take part in it, and the entries it makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from .types import Decision, Item, Verdict

MOST = 2_000
"""Items of one bulk decision, which is one transaction: 1 s of CPU time for which other writers wait."""

PREFIX = "bulk-"
"""What the idempotency key of such an entry begins with. It has no draw and no seconds, so that no figure about human
time or about the queue counts it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a bulk decision would store. left_out: reason -> number of items that take no part."""

    decisions: tuple[Decision, ...]
    left_out: Mapping[str, int]


def plan(
    items: Sequence[Item], verdict: Verdict, target: str | None, by: str, *, name: str, held: Collection[int]
) -> Plan:
    """The decisions of one person about these items. name: unique to this action. held: ids in other people's hands."""
    left_out: Counter[str] = Counter()
    decisions: list[Decision] = []
    for item in items:
        reason = _reason_against(item, verdict, held) or ("over the most at once" if len(decisions) >= MOST else "")
        if reason:
            left_out[reason] += 1
        else:
            key = f"{PREFIX}{name}-{item.id}"
            decisions.append(Decision(item.id, by, verdict, target, version_id=item.version_id, idempotency_key=key))
    return Plan(tuple(decisions), dict(left_out))


def _reason_against(item: Item, verdict: Verdict, held: Collection[int]) -> str:
    if item.split != "pool":
        return "labelled base data"
    if item.audit:
        # Decided as one of many, beside its neighbours' predictions, it would not be blind.
        return "in the audit sample, which is reviewed one by one"
    if item.id in held:
        return "in somebody else's hands now"
    if verdict == "confirm" and item.predicted is None:
        return "without a prediction"
    return ""
