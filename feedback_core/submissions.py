"""Feedback from other programs: by item, by key, or by the input itself; sent twice it is stored once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from . import arrivals, intake, people
from .errors import InvalidFeedback, NotFound, Stale
from .loop import Loop
from .types import Decision, Feedback, Item, Verdict


@dataclass(frozen=True, slots=True)
class Submission:
    """One entry as a program sends it. item: an id or a key; else input: values by column, or in schema order.

    version_id: the version whose prediction was seen; None = whatever the item bears now. key: idempotency key.
    """

    item: int | str | None = None
    input: Any = None
    verdict: Verdict = "correct"
    target: Any = None
    version_id: int | None = None
    draw_id: int | None = None
    note: str = ""
    seconds: float | None = None
    revises: bool = False
    key: str | None = None


def keyed(by: str, given: str) -> str:
    """A caller's idempotency key as it is stored: two people's programs may count from 1 both.

    The length says where the name ends, whatever characters name and key have.
    """
    return f"rest:{len(by)}:{by}:{given}"


def _formerly(by: str, key: str) -> str | None:
    """How `keyed` wrote the same before: ("a-b", "c") and ("a", "b-c") alike."""
    start = keyed(by, "")
    return f"rest-{by}-{key.removeprefix(start)}" if key.startswith(start) else None


def submit(
    loop: Loop, by: str, entries: Sequence[Submission], places: Sequence[str] = (), via: str = ""
) -> list[Feedback]:
    """Store entries durably, all or none, and give them as stored; inputs that are new become items of the pool.

    What was stored under an idempotency key before is given back as it was. Raises InvalidFeedback, Stale or NotFound,
    naming the entry by its place where there are several. places: how each is called, such as "line 3: ".
    via: the token that sends them in the name of `by`.
    """
    places = places or [f"entries.{n}: " if len(entries) > 1 else "" for n in range(len(entries))]
    targets = [_target(loop, entry, place) for entry, place in zip(entries, places, strict=True)]
    known = _known(loop, by, [entry.key for entry in entries if entry.key])
    items = _items(loop, people.signature(by, via), entries, places)
    found: dict[int, Feedback] = {}
    new: dict[int, Decision] = {}
    for n, (entry, item) in enumerate(zip(entries, items, strict=True)):
        if item.hidden and entry.draw_id is None:
            raise Stale(f"{places[n]}{_undrawn(loop, by, item)}")
        decision = replace(_decision(by, entry, item, targets[n]), via=via)
        key, earlier = known.get(entry.key or "", (entry.key, None))
        if earlier is not None and _is_same(earlier, decision):
            found[n] = earlier
        else:
            new[n] = replace(decision, idempotency_key=key)
    stored = loop.record(*new.values(), items=items) if new else []
    found |= dict(zip(new, stored, strict=True))
    return [found[n] for n in range(len(entries))]


def _known(loop: Loop, by: str, keys: Sequence[str]) -> dict[str, tuple[str, Feedback]]:
    """What was stored under keys before, by key: the key it was stored under then, and the entry."""
    formerly = {key: old for key in keys if (old := _formerly(by, key)) is not None}
    found = loop.store.listings.entries_by_key(loop.project.id, [*keys, *formerly.values()])
    # Under an old key may stand what somebody else has said under theirs.
    earlier = {key: (old, found[old]) for key, old in formerly.items() if old in found and found[old].reviewer == by}
    return earlier | {key: (key, found[key]) for key in keys if key in found}


def _target(loop: Loop, entry: Submission, place: str) -> str | None:
    """The label an entry gives. Asked before a new input becomes an item, so that what is refused leaves nothing."""
    if entry.verdict == "confirm" and entry.version_id is None:
        raise InvalidFeedback(f"{place}version is missing: say whose prediction is confirmed, or send a target.")
    if entry.verdict != "correct":
        return None
    if entry.target is None:
        raise InvalidFeedback(f"{place}target is missing: there is no prediction to confirm, so choose a label.")
    return arrivals.target_of(entry.target, loop.project, place)


def _is_same(earlier: Feedback, decision: Decision) -> bool:
    # Not by verdict: a later version may say what was a correction then, and a label is what the sender repeats.
    said = (earlier.item_id, earlier.reviewer) == (decision.item_id, decision.reviewer)
    if decision.verdict in ("skip", "flag"):
        return said and earlier.verdict == decision.verdict
    return said and earlier.target is not None and decision.target in (None, earlier.target)


def _items(loop: Loop, by: str, entries: Sequence[Submission], places: Sequence[str]) -> list[Item]:
    """The item each entry is about, in their order."""
    keys = {n: entry.item for n, entry in enumerate(entries) if isinstance(entry.item, str)}
    placed = loop.store.listings.placed(loop.project.id, list(keys.values())) if keys else {}
    lost = next((n for n, key in keys.items() if key not in placed), None)
    if lost is not None:
        raise NotFound(f"{places[lost]}there is no item with the key {keys[lost]!r}: send its input instead.")
    ids = {n: placed[key].id for n, key in keys.items() if key in placed}
    ids |= {n: entry.item for n, entry in enumerate(entries) if isinstance(entry.item, int)}
    bodies = {
        n: arrivals.encoded(entry.input, loop.project.schema, places[n])
        for n, entry in enumerate(entries)
        if entry.item is None
    }
    by_id = {item.id: item for item in loop.store.items.many(list(set(ids.values())), loop.project.id)}
    absent = next((n for n, item_id in ids.items() if item_id not in by_id), None)
    if absent is not None:
        raise NotFound(f"{places[absent]}there is no item {entries[absent].item!r} in this project.")
    if bodies:  # last, so that what is refused leaves no new item
        arrived = arrivals.of_inputs(loop, by, list(bodies.values()))
        ids |= {n: arrived[intake.input_hash(body)] for n, body in bodies.items()}
        by_id |= {
            item.id: item for item in loop.store.items.many(list(set(ids.values()) - by_id.keys()), loop.project.id)
        }
    return [by_id[ids[n]] for n in range(len(entries))]


def _undrawn(loop: Loop, by: str, item: Item) -> str:
    """Why an item of the audit sample takes no answer without its draw, and the way out."""
    hand = loop.store.draws.hand(loop.project.id, by, loop.clock())
    held = next((draw.id for draw in hand if draw.item_id == item.id), None)
    way_out = "draw instead" if held is None else f"send the number of your draw along (draw={held})"
    return f"item {item.key} belongs to the audit sample, which only chance may draw: {way_out}."


def _decision(by: str, entry: Submission, item: Item, target: str | None) -> Decision:
    return Decision(
        item.id,
        by,
        entry.verdict,
        target,
        version_id=item.version_id if entry.version_id is None else entry.version_id,
        note=entry.note,
        seconds=entry.seconds,
        draw_id=entry.draw_id,
        idempotency_key=entry.key,
        revises=entry.revises,
    )
