"""The deck of pairs: "same group?", one key a decision; the next pairs are in the browser already."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import streamlit as st

from feedback_core.clustering import deck, pairs
from feedback_core.loop import Loop
from feedback_core.types import Column, Item, PairDraw, Project
from pages._shared import cell_text, image_of, title_of

FOLDER = Path(__file__).parent
_component = st.components.v2.component(
    "pair_deck",
    html='<div class="pairs"></div>',
    css=(FOLDER / "pairs.css").read_text(),
    js=(FOLDER / "pairs.js").read_text(),
)
NOTHING = (
    "Every pair at the borders of these groups is answered, by you. Make new groups from the answers: they have new "
    "borders."
)


def show(loop: Loop, reviewer: str) -> None:
    """Store what the browser has sent, and hand it the answers and the pairs it lacks."""
    # Streamlit refuses two underscores in a key, and an address may have them; one session has one reviewer.
    key = f"pairs-{loop.project.id}-{reviewer.replace('__', '_-')}"
    sent = (st.session_state.get(key) or {}).get("outbox") or {}
    acks = _answers(loop, reviewer, sent.get("entries", []), f"{key}-answers")
    hand = pairs.hand(loop, reviewer)
    have = frozenset(sent.get("have", []))
    wanted = [draw for draw in hand if draw.id not in have]
    ids = [item_id for draw in wanted for item_id in (draw.item_a, draw.item_b)]
    items = {item.id: item for item in loop.store.items.many(ids)}
    _component(
        key=key,
        data={
            "scope": f"{loop.project.id}-{int(loop.project.created_at * 1000)}-{quote(reviewer, safe='')}",
            "at": time.time(),
            "beat": sent.get("beat"),
            "client": sent.get("client"),
            "order": [draw.id for draw in hand],
            "cards": [card(loop.project, draw, items) for draw in wanted],
            "acks": acks,
            "empty": NOTHING,
        },
        on_outbox_change=lambda: None,
    )


def card(project: Project, draw: PairDraw, items: Mapping[int, Item]) -> dict[str, Any]:
    """A pair as plain text and numbers; never in which group either is, which would sway whoever answers."""
    sides = [items[draw.item_a], items[draw.item_b]]
    return {
        "draw": draw.id,
        "items": [draw.item_a, draw.item_b],
        "titles": [title_of(side) for side in sides],
        "fields": [
            {
                "name": column.name,
                "kind": column.kind,
                "values": [_value(column, side.values[n]) for side in sides],
            }
            for n, column in enumerate(project.schema.columns)
        ],
    }


def _value(column: Column, value: Any) -> str:
    """A value as text, an image as a data address."""
    if column.kind != "image" or value is None:
        return cell_text(value, column)
    return image_of(column, value, 0) or "missing"


def _answers(loop: Loop, reviewer: str, entries: Sequence[Mapping[str, Any]], key: str) -> list[tuple[Any, ...]]:
    # The page runs again with the outbox it was sent last: what was answered is not asked of the store twice.
    known: dict[tuple[str, int], deck.PairAck] = st.session_state.get(key, {})
    names = [deck.name_of(entry) for entry in entries]
    fresh = [entry for entry, name in zip(entries, names, strict=True) if name not in known]
    given = {name: known[name] for name in names if name in known}
    given |= {(ack.client, ack.seq): ack for ack in deck.apply(loop, reviewer, fresh)}
    st.session_state[key] = given
    return [(ack.client, ack.seq, ack.saved, ack.message) for ack in given.values()]
