"""The review deck: a component whose next cards are in the browser already, and the server's half of it."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import streamlit as st

from feedback_core import deck, number_views, studies, tasks
from feedback_core.errors import FeedbackError
from feedback_core.explaining import reasons
from feedback_core.learned import labelled_neighbours, usual_values
from feedback_core.loop import Loop
from feedback_core.types import Draw, Item, Prediction
from pages._deck.cards import card, number_field, set_field

HAND = 40  # cards leased ahead: two seconds of the fastest typing, while a run of the page takes a tenth of one
REFILL_BELOW = 32

FOLDER = Path(__file__).parent
_component = st.components.v2.component(
    "review_deck",
    html='<div class="deck"></div>',
    css=(FOLDER / "deck.css").read_text(),
    js="\n".join((FOLDER / name).read_text() for name in ("deck.js", "sets.js", "keys.js", "view.js")),
)


def show(loop: Loop, reviewer: str, session_id: int | None = None) -> None:
    """Store what the browser has sent, and hand it the answers and the cards it lacks."""
    # Streamlit refuses two underscores in a key, and an address may have them; one session has one reviewer.
    key = f"deck-{loop.project.id}-{reviewer.replace('__', '_-')}"
    sent = (st.session_state.get(key) or {}).get("outbox") or {}
    acks = _answers(loop, reviewer, sent.get("batches", []), f"{key}-answers")
    hand = loop.store.draws.hand(loop.project.id, reviewer, loop.clock(), session_id)
    if len(hand) < REFILL_BELOW:
        hand = loop.draw_batch(reviewer, HAND, session_id)
    left = loop.store.tallies.of(loop.project.id, "items")
    _component(
        key=key,
        data={
            # Another database behind the same address must not be sent what was meant for this one.
            "scope": f"{loop.project.id}-{int(loop.project.created_at * 1000)}-{quote(reviewer, safe='')}",
            "at": time.time(),
            "client": sent.get("client"),
            "beat": sent.get("beat"),
            "labels": list(loop.project.labels),
            "titles": dict(tasks.of(loop.project).titles),
            "number": number_field(loop.project),
            "sets": set_field(loop.project),
            "order": [draw.id for draw in hand],
            "cards": _cards(loop, hand, frozenset(sent.get("have", []))),
            "acks": acks,
            # Known answers are counted among the audit: a lone one in hand would be told from the others.
            "hand": Counter("audit" if draw.strategy == "gold" else draw.strategy for draw in hand),
            "left": {"word": "open", "n": left.get("pool/open", 0), "conflict": left.get("pool/conflict", 0)}
            if session_id is None
            else {"word": "to go", "n": loop.store.sessions.get(loop.project.id, session_id).left, "conflict": 0},
            "empty": None if hand else _why_empty(loop, reviewer, left, session_id),
        },
        on_outbox_change=lambda: None,
    )


def _answers(loop: Loop, reviewer: str, batches: Sequence[Mapping[str, Any]], key: str) -> list[tuple[Any, ...]]:
    known: dict[tuple[str, int], deck.Ack] = st.session_state.get(key, {})
    given: dict[tuple[str, int], deck.Ack] = {}
    for batch in batches:
        client = batch["client"]
        # The page runs again with the outbox it was sent last: what was answered is not asked of the store twice.
        given |= {(client, e["seq"]): known[client, e["seq"]] for e in batch["entries"] if (client, e["seq"]) in known}
        fresh = [entry for entry in batch["entries"] if (client, entry["seq"]) not in known]
        if fresh:
            given |= {(client, ack.seq): ack for ack in _applied(loop, reviewer, client, fresh)}
    st.session_state[key] = given
    return [(client, seq, ack.saved, ack.message) for (client, seq), ack in given.items()]


def _applied(loop: Loop, reviewer: str, client: str, entries: Sequence[Mapping[str, Any]]) -> Sequence[deck.Ack]:
    try:
        return deck.apply(loop, reviewer, client, entries)
    except FeedbackError as error:
        # Without an answer the browser would send the same for ever.
        return [deck.Ack(entry["seq"], False, str(error)) for entry in entries if isinstance(entry.get("seq"), int)]


def _cards(loop: Loop, hand: Sequence[Draw], have: frozenset[str]) -> list[dict[str, Any]]:
    items = {item.id: item for item in loop.store.items.many([draw.item_id for draw in hand])}
    wanted = [draw for draw in hand if f"{draw.id}.{_js(items[draw.item_id].version_id)}" not in have]
    said = loop.store.predictions.shown([draw.item_id for draw in wanted])
    known = usual_values(loop) if wanted else ()
    seen = [draw.item_id for draw in wanted if not draw.blind]
    # A blind card gets no reasons either: they would name the prediction.
    alike, because = _alike(loop, seen), reasons(loop, [items[item_id] for item_id in seen])
    cut = studies.label_cut(loop.store, loop.project) if wanted and loop.project.labels else None
    return [
        card(loop.project, draw, items[draw.item_id], said.get(draw.item_id), known, alike.get(draw.item_id, []), cut)
        | {"interval": _interval(loop, None if draw.blind else said.get(draw.item_id))}
        | {"because": "" if draw.blind else because.get(draw.item_id, "")}
        | {"asks": "" if draw.blind else _asks(loop, items[draw.item_id])}
        for draw in wanted
    ]


def _asks(loop: Loop, item: Item) -> str:
    """What the reason of a card answers."""
    if loop.project.task == "anomaly":
        return "What stands out?"
    return f"Why {number_views.told(loop.project, item.predicted)}?"


def _interval(loop: Loop, shown: Prediction | None) -> str:
    """Where the true number is expected; empty on a blind card, and where no number is predicted."""
    is_number = shown is not None and loop.project.task == "regression"
    return number_views.interval_text(loop, shown) if is_number else ""


def _alike(loop: Loop, item_ids: Sequence[int]) -> dict[int, list[tuple[Item, str]]]:
    """The labelled items most like each one. A blind card gets none: their labels would be a prediction too."""
    found = labelled_neighbours(loop, item_ids)
    ids = {neighbour.item_id for neighbours in found.values() for neighbour in neighbours}
    items = {item.id: item for item in loop.store.items.many(sorted(ids))}
    return {
        item_id: [(items[neighbour.item_id], neighbour.label) for neighbour in neighbours]
        for item_id, neighbours in found.items()
    }


def _js(version_id: int | None) -> str:
    return "null" if version_id is None else str(version_id)


def _why_empty(loop: Loop, reviewer: str, left: Mapping[str, int], session_id: int | None) -> tuple[str, str]:
    if session_id is not None and not loop.store.sessions.get(loop.project.id, session_id).left:
        return "Session done", "Every item of this session is decided. Close it, or choose another queue above."
    if session_id is not None:
        return "Nothing for you now", "What is left of this session is in other hands, or you have skipped it."
    if not sum(n for name, n in left.items() if name.startswith("pool/")):
        return "Nothing to review", "No item without a label has been added yet: add rows on Setup."
    if not left.get("pool/open") and not left.get("pool/conflict"):
        return "All done", "Every item has been reviewed. Add more data on Setup, or retrain."
    if (sure := studies.in_force(loop.store, loop.project, loop.clock())) is not None:
        return "Nothing left to ask", (
            f"What is still open is predicted with a confidence of {sure:.1%} or more, which is certified: it needs no "
            "review. Random draws go on among it. Setup lets you review it all the same."
        )
    others = loop.store.draws.held_by(loop.project.id, loop.clock())
    held = ", ".join(f"{name} has {n}" for name, n in sorted(others.items()) if name != reviewer)
    if held:
        return "Nothing for you now", f"The open items are in other hands ({held}), or you have spoken on them already."
    return "Nothing for you now", "You have skipped every item that is still open: somebody else has to decide."
