"""Routes for the work itself: what to ask next, and what was answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Query, Response

from .. import exchange, people
from ..errors import InvalidFeedback, NotFound
from ..submissions import keyed, submit
from . import work_shapes as shapes
from .opening import MOST, Id, Models, OpenStore, of_project
from .people import Who, acting
from .permitting import may

router = APIRouter()

Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", max_length=200, description="Sent again with the same key, it is stored once."),
]
After = Annotated[int, Query(ge=0, le=MOST, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=1_000)]


@router.post("/projects/{project_id}/queue/draw", response_model=shapes.Hand, dependencies=[may("review")])
def draw(project_id: Id, wanted: shapes.Wanted, store: OpenStore, who: Who) -> Response:
    """Lend the next items to a reviewer, mostly by priority; an empty hand means that nothing is free."""
    loop = of_project(store, project_id)
    hand = loop.draw_batch(acting(wanted.by, who), wanted.n)
    items = {item.id: item for item in store.items.many([each.item_id for each in hand])}
    return quick({"draws": [exchange.card(each, items[each.item_id], loop.project.schema) for each in hand]})


@router.post("/projects/{project_id}/queue/release", response_model=shapes.Freed, dependencies=[may("review")])
def release(project_id: Id, given: shapes.Released, store: OpenStore, who: Who) -> dict[str, int]:
    """Put items back for others, undecided; draws that are decided or somebody else's are left as they are."""
    project = store.projects.get(project_id)
    return {"released": store.draws.release(project.id, acting(given.by, who), given.draws)}


@router.post(
    "/projects/{project_id}/feedback", response_model=shapes.Stored, status_code=201, dependencies=[may("submit")]
)
def give(
    project_id: Id, entry: shapes.Entry, store: OpenStore, models: Models, who: Who, idempotency_key: Key = None
) -> Any:
    """Store one entry, durably before this answers: {"item": ..., "target": ...} or {"input": ..., "target": ...}."""
    loop, by = of_project(store, project_id, models), acting(entry.by, who)
    (stored,) = submit(loop, by, [shapes.submission(entry, _key(by, idempotency_key))], via=people.via(who, by))
    return quick(exchange.entry(stored), 201)


@router.post(
    "/projects/{project_id}/feedback/batch",
    response_model=shapes.StoredList,
    status_code=201,
    dependencies=[may("submit")],
)
def give_many(
    project_id: Id, batch: shapes.Entries, store: OpenStore, models: Models, who: Who, idempotency_key: Key = None
) -> Any:
    """Store entries in one transaction, all or none. Keys: one an entry, or one header for all of them."""
    if others := sorted({entry.by for entry in batch.entries if entry.by not in (None, batch.by)} - {None}):
        raise InvalidFeedback(f"by={others[0]!r} within an entry: a batch has one reviewer, named beside `entries`.")
    loop, by = of_project(store, project_id, models), acting(batch.by, who)
    keys = [
        _key(by, entry.idempotency_key or (f"{idempotency_key}/{n}" if idempotency_key else None))
        for n, entry in enumerate(batch.entries)
    ]
    stored = submit(
        loop, by, [shapes.submission(*pair) for pair in zip(batch.entries, keys, strict=True)], via=people.via(who, by)
    )
    return {"entries": [exchange.entry(each) for each in stored]}


@router.get("/projects/{project_id}/feedback", response_model=shapes.StoredPage, dependencies=[may("see")])
def list_feedback(project_id: Id, store: OpenStore, after: After = 0, limit: Limit = 100) -> Any:
    """Every entry in the order it was given, a page at a time."""
    found = store.listings.feedback(store.projects.get(project_id).id, after, limit + 1)
    return page([exchange.entry(each) for each in found], limit)


@router.post("/feedback/{feedback_id}/undo", response_model=shapes.Stored, dependencies=[may("review")])
def undo(feedback_id: Id, act: shapes.Act, store: OpenStore, who: Who) -> dict[str, Any]:
    """Take one entry back; what the same reviewer had said before counts again."""
    project_id, by = store.listings.entry_project(feedback_id), acting(act.by, who)
    if project_id is None:
        raise NotFound(f"There is no feedback entry {feedback_id}.")
    via = people.via(who, by)
    reviewer, recorded_via = store.listings.entry_giver(feedback_id) or ("", "")
    # In somebody's name a program takes back what it has recorded in it, and nothing they said elsewhere.
    if reviewer != by or (via and recorded_via != via):
        people.require(store, who, project_id, "undo others")
    return exchange.entry(of_project(store, project_id).undo(feedback_id, by, via=via))


def quick(body: Any, status: int = 200) -> Response:
    """JSON as it is: what the core made is not checked against its description a second time."""
    return Response(orjson.dumps(body), status, media_type="application/json")


def page(rows: list[dict[str, Any]], limit: int) -> Mapping[str, Any]:
    """A page of at most limit rows. rows: one more than that where another page follows."""
    return {"items": rows[:limit], "next": rows[limit - 1]["id"] if len(rows) > limit else None}


def _key(by: str, given: str | None) -> str | None:
    return None if given is None else keyed(by, given)
