"""The route by which picture files come out again."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from ..errors import InvalidInput, NotFound
from ..pictures.shelf import CARD_SIDE, ROW_SIDE
from .opening import Id, OpenStore
from .permitting import may

router = APIRouter()

_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {}, "image/jpeg": {}}, "description": "The file, or a copy in JPEG."}
}


@router.get(
    "/projects/{project_id}/pictures/{digest}",
    response_class=Response,
    responses=_PICTURE,
    dependencies=[may("see")],
)
def get_picture(
    project_id: Id,
    digest: Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="Of its reference, after sha256:")],
    store: OpenStore,
    side: Annotated[int | None, Query(description="Longest side of a small copy.")] = None,
) -> Response:
    """A picture that an item of the project refers to, as it came in, or a copy of 96 or 480 pixels."""
    if not store.pictures.knows(store.projects.get(project_id).id, digest):
        raise NotFound(f"No item of project {project_id} refers to the picture {digest[:12]}….")
    if side not in (None, ROW_SIDE, CARD_SIDE):
        raise InvalidInput(f"side={side} is not kept: leave it out, or ask for {ROW_SIDE} or {CARD_SIDE}.")
    reference = f"sha256:{digest}"
    if side is None:
        data, kind = store.shelf.read(reference), store.shelf.media_type(reference)
    else:
        data, kind = store.shelf.small(reference, side)
    # What a reference stands for never changes.
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(data, media_type=kind, headers=headers)
