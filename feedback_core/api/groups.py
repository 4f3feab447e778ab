"""Routes about groups: what they are, what people say about them, and which are in use."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import StreamingResponse

from .. import exchange, exports, people
from ..clustering import deciding, feedback, pairs, views
from ..clustering.feedback import ClusterSaid
from ..errors import NotFound
from ..loop import Loop
from ..store import Store
from ..types import Clustering
from . import group_shapes as shapes
from . import work_shapes
from .opening import MOST, Id, OpenStore, of_project
from .people import Who, acting
from .permitting import may
from .reviewing import After, Limit, page

router = APIRouter(prefix="/projects/{project_id}/groups")

Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)]
Number = Annotated[int, Path(ge=1, le=MOST)]
_FILE: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}, "application/x-ndjson": {}}}}


@router.get("", response_model=shapes.Standing, dependencies=[may("see")])
def get_groups(project_id: Id, store: OpenStore) -> dict[str, Any]:
    """The groups in use, how good they are, and the newest clustering that waits for a decision."""
    return views.told_standing(views.standing(of_project(store, project_id)))


@router.post("", response_model=work_shapes.Job, status_code=202, dependencies=[may("recluster")])
def recluster(
    project_id: Id, wish: shapes.Wish, store: OpenStore, who: Who, request: Request, response: Response
) -> dict[str, Any]:
    """Ask for new groups; while a request waits, the same job is given again."""
    job = deciding.request(of_project(store, project_id), acting(wish.by, who), wish.k, "api")
    response.headers["Location"] = request.scope.get("root_path", "") + f"/jobs/{job.id}"
    return exchange.job(job)


@router.get("/versions", response_model=list[shapes.Clustering], dependencies=[may("see")])
def list_clusterings(project_id: Id, store: OpenStore, limit: Limit = 20) -> list[dict[str, Any]]:
    """The newest clusterings first."""
    return [views.told(each) for each in store.clusterings.latest(store.projects.get(project_id).id, limit)]


@router.get("/export", response_class=StreamingResponse, responses=_FILE, dependencies=[may("export")])
def export_groups(project_id: Id, store: OpenStore, format: Literal["csv", "jsonl"] = "csv") -> StreamingResponse:
    """Every item with its group in use, sent as it is read."""
    loop, chosen = of_project(store, project_id), exports.FORMATS[format]
    champion = store.clusterings.champion(loop.project.id)
    if champion is None:
        raise NotFound("There are no groups yet: ask for the first ones.")
    name = f"project{loop.project.id}-groups{chosen.extension}"
    return StreamingResponse(
        chosen.write(views.members(loop, champion), views.COLUMNS),
        media_type=chosen.mime,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"},
    )


@router.post("/pairs", response_model=shapes.Pairs, dependencies=[may("group")])
def draw_pairs(project_id: Id, wanted: shapes.Wanted, store: OpenStore, who: Who) -> dict[str, Any]:
    """Hand out pairs to ask about: mostly between two groups, one in ten by chance, which only measures.

    Which are which is not told: whoever knew would take other care.
    """
    drawn = pairs.hand(of_project(store, project_id), acting(wanted.by, who), wanted.n)
    return {"pairs": [{"draw": each.id, "items": [each.item_a, each.item_b]} for each in drawn]}


@router.get("/feedback", response_model=shapes.Entries, dependencies=[may("see")])
def list_words(project_id: Id, store: OpenStore, after: After = 0, limit: Limit = 100) -> Any:
    """Every entry in the order it was given, undos included, a page at a time."""
    found = store.cluster_feedback.page(store.projects.get(project_id).id, after, limit + 1)
    return page([views.told_row(each) for each in found], limit)


@router.post("/feedback", response_model=shapes.Said, status_code=201, dependencies=[may("group")])
def say(project_id: Id, words: shapes.Words, store: OpenStore, who: Who, idempotency_key: Key = None) -> dict[str, Any]:
    """Store one entry, durably before this answers. New groups heed it; names count at once."""
    by = acting(words.by, who)
    said = ClusterSaid(
        words.kind,
        by,
        tuple(words.items),
        tuple(words.groups),
        words.name,
        words.note,
        words.draw,
        words.seconds,
        None if idempotency_key is None else f"api-{by}-{idempotency_key}",
    )
    return views.told_entry(feedback.record(of_project(store, project_id), said))


@router.post("/feedback/{entry}/undo", response_model=shapes.Said, dependencies=[may("group")])
def take_back(project_id: Id, entry: Number, act: work_shapes.Act, store: OpenStore, who: Who) -> dict[str, Any]:
    """Take one entry back; somebody else's takes the role for that."""
    loop, by = of_project(store, project_id), acting(act.by, who)
    if store.cluster_feedback.get(loop.project.id, entry).reviewer != by:
        people.require(store, who, project_id, "undo others")
    return views.told_entry(feedback.undo(loop, entry, by))


@router.post("/versions/{number}/compare", response_model=shapes.Report, dependencies=[may("judge")])
def compare(project_id: Id, number: Number, act: work_shapes.Act, store: OpenStore, who: Who) -> dict[str, Any]:
    """Compare a clustering with the one in use on today's answers; every call is one look."""
    acting(act.by, who)
    return views.told_report(deciding.compare(*_meant(store, project_id, number)))


@router.post("/versions/{number}/promote", response_model=shapes.Clustering, dependencies=[may("promote")])
def promote(project_id: Id, number: Number, given: shapes.Decided, store: OpenStore, who: Who) -> dict[str, Any]:
    """Put a compared clustering into use; against the advice a reason is needed."""
    by, (loop, made) = acting(given.by, who), _meant(store, project_id, number)
    deciding.promote(loop, made, by, given.reason)
    return views.told(store.clusterings.get(made.id))


@router.post("/versions/{number}/refuse", response_model=shapes.Clustering, dependencies=[may("refuse")])
def refuse(project_id: Id, number: Number, given: shapes.Decided, store: OpenStore, who: Who) -> dict[str, Any]:
    """Keep the clustering in use and close the case of this one."""
    by, (loop, made) = acting(given.by, who), _meant(store, project_id, number)
    deciding.refuse(loop, made, by, given.reason)
    return views.told(store.clusterings.get(made.id))


@router.post("/versions/{number}/rollback", response_model=shapes.Clustering, dependencies=[may("rollback")])
def roll_back(project_id: Id, number: Number, given: shapes.Decided, store: OpenStore, who: Who) -> dict[str, Any]:
    """Bring an earlier clustering back into use; a reason is needed."""
    by, (loop, made) = acting(given.by, who), _meant(store, project_id, number)
    deciding.rollback(loop, made, by, given.reason)
    return views.told(store.clusterings.get(made.id))


def _meant(store: Store, project_id: int, number: int) -> tuple[Loop, Clustering]:
    loop = of_project(store, project_id)
    return loop, store.clusterings.numbered(loop.project.id, number)
