"""Routes about projects, and whether the server is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from .. import __version__, briefing, exchange, people
from ..errors import InvalidInput, InvalidSetting
from ..loop import create_project
from ..models import BUILDERS
from ..pictures.limits import MAX_SIDE, is_seen_shape
from ..prioritize import STRATEGIES
from ..prioritize.diversity import DIVERSITY
from ..registry import Registry
from ..reports import card_facts
from ..settings import Settings, changed
from ..store import Store
from ..tasks import TASKS
from ..types import Column, Project, Schema
from . import shapes, work_shapes
from .conditional import ETAGGED, answer
from .opening import Id, OpenStore, of_project
from .people import Who, acting
from .permitting import ANYONE, may

router = APIRouter()

PAGE_HEADERS = {
    # The page holds users' text: were it ever not escaped, it could still run nothing and reach nothing.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


@router.get("/health", response_model=shapes.Health, dependencies=[ANYONE])
def health(store: OpenStore) -> dict[str, str]:
    """Whether the server answers and can read its database."""
    store.projects.all()
    return {"status": "ok", "version": __version__}


@router.get("/projects", response_model=list[shapes.Project], dependencies=[may("see", somewhere=True)])
def list_projects(store: OpenStore, who: Who) -> list[dict[str, Any]]:
    """Every project that is not archived and that you may see, oldest first."""
    return [_told(store, project) for project in people.visible(who, store.projects.all())]


@router.post("/projects", response_model=shapes.Project, status_code=201, dependencies=[may("create project")])
def create(given: work_shapes.NewProject, store: OpenStore, who: Who) -> dict[str, Any]:
    """Add a project: its columns, its labels, and the settings that are not the default."""
    schema = Schema(tuple(_column(each) for each in given.columns), str(store.shelf.root))
    settings = _wanted(TASKS[given.task].defaults(), given.settings)
    by = acting(given.by, who)
    return _told(store, create_project(store, given.name, schema, given.labels, settings, actor=by, task=given.task))


@router.patch("/projects/{project_id}", response_model=shapes.Project, dependencies=[may("settings")])
def update(project_id: Id, given: work_shapes.Changed, store: OpenStore, who: Who) -> dict[str, Any]:
    """Change settings, or add labels; what is not named stays as it is."""
    loop = of_project(store, project_id)
    loop.change(_wanted(loop.project.settings, given.settings), acting(given.by, who), given.labels)
    return _told(store, loop.project)


@router.get("/projects/{project_id}", response_model=shapes.Project, dependencies=[may("see")])
def get_project(project_id: Id, store: OpenStore) -> dict[str, Any]:
    """One project with its champion's accuracy by sample."""
    return _told(store, store.projects.get(project_id))


@router.get(
    "/projects/{project_id}/versions", response_model=list[shapes.Version], responses=ETAGGED, dependencies=[may("see")]
)
def list_versions(project_id: Id, store: OpenStore, request: Request) -> Response:
    """Every version of a project, oldest first."""
    found = [exchange.version(each) for each in store.versions.all(store.projects.get(project_id).id)]
    return answer(request, found)


@router.get(
    "/projects/{project_id}/accuracy", response_model=shapes.Estimates, responses=ETAGGED, dependencies=[may("see")]
)
def get_accuracy(project_id: Id, store: OpenStore, request: Request) -> Response:
    """Every estimate of the champion's accuracy, or of how far off its numbers are, with interval, n and sample."""
    loop = of_project(store, project_id)
    return answer(request, briefing.accuracy(store, loop.project, loop.clock()))


@router.get("/projects/{project_id}/card", dependencies=[may("see")])
def get_card(project_id: Id, store: OpenStore) -> dict[str, Any]:
    """The champion's model card as JSON."""
    return card_facts(store, store.projects.get(project_id))


@router.get("/projects/{project_id}/card.html", response_class=HTMLResponse, dependencies=[may("see")])
def get_card_page(project_id: Id, store: OpenStore) -> HTMLResponse:
    """The champion's model card as one page that needs nothing else."""
    return HTMLResponse(of_project(store, project_id).card_html(), headers=PAGE_HEADERS)


def _column(given: work_shapes.NewColumn) -> Column:
    """Raises InvalidInput for a picture in a shape that no model should see."""
    shape = tuple(given.shape)
    if given.files and not (given.kind == "image" and is_seen_shape(shape)):
        raise InvalidInput(
            f"column {given.name!r}: files=true needs kind image and a shape such as [32, 32] or [32, 32, 3], up to "
            f"{MAX_SIDE} a side."
        )
    return Column(given.name, given.kind, shape, files=given.files)


def _wanted(before: Settings, values: Mapping[str, Any]) -> Settings:
    """Settings with other values for some names. Raises InvalidSetting also for a model or strategy there is not."""
    settings = changed(before, values)
    named: list[tuple[Registry[Any], str, str]] = []
    named += [(BUILDERS, "estimator", settings.estimator)] if "estimator" in values else []
    named += (
        [(STRATEGIES, "weights", name) for name in settings.weights if name != DIVERSITY] if "weights" in values else []
    )
    for known, field, name in named:
        if name not in known:
            raise InvalidSetting(f"{field}={name!r:.80} is not known: choose among {', '.join(known)}.")
    return settings


def _told(store: Store, project: Project) -> dict[str, Any]:
    return exchange.project(project, store.versions.champion(project.id), len(store.versions.all(project.id)))
