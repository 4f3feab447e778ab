"""Routes about projects, and whether the server is there."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from .. import __version__, exchange
from ..accuracies import accuracies
from ..reports import card_facts
from ..store import Store
from ..types import Project
from . import shapes
from .opening import Id, OpenStore, of_project

router = APIRouter()

PAGE_HEADERS = {
    # The page holds users' text: were it ever not escaped, it could still run nothing and reach nothing.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


@router.get("/health", response_model=shapes.Health)
def health(store: OpenStore) -> dict[str, str]:
    """Whether the server answers and can read its database."""
    store.projects.all()
    return {"status": "ok", "version": __version__}


@router.get("/projects", response_model=list[shapes.Project])
def list_projects(store: OpenStore) -> list[dict[str, Any]]:
    """Every project that is not archived, oldest first."""
    return [_told(store, project) for project in store.projects.all()]


@router.get("/projects/{project_id}", response_model=shapes.Project)
def get_project(project_id: Id, store: OpenStore) -> dict[str, Any]:
    """One project with its champion's accuracy by sample."""
    return _told(store, store.projects.get(project_id))


@router.get("/projects/{project_id}/versions", response_model=list[shapes.Version])
def list_versions(project_id: Id, store: OpenStore) -> list[dict[str, Any]]:
    """Every version of a project, oldest first."""
    return [exchange.version(each) for each in store.versions.all(store.projects.get(project_id).id)]


@router.get("/projects/{project_id}/accuracy", response_model=shapes.Estimates)
def get_accuracy(project_id: Id, store: OpenStore) -> dict[str, Any]:
    """Every estimate of the champion's accuracy, each with its interval, n, and the sample it is from."""
    loop = of_project(store, project_id)
    return exchange.estimates(accuracies(store, loop.project, loop.clock()))


@router.get("/projects/{project_id}/card")
def get_card(project_id: Id, store: OpenStore) -> dict[str, Any]:
    """The champion's model card as JSON."""
    return card_facts(store, store.projects.get(project_id))


@router.get("/projects/{project_id}/card.html", response_class=HTMLResponse)
def get_card_page(project_id: Id, store: OpenStore) -> HTMLResponse:
    """The champion's model card as one page that needs nothing else."""
    return HTMLResponse(of_project(store, project_id).card_html(), headers=PAGE_HEADERS)


def _told(store: Store, project: Project) -> dict[str, Any]:
    return exchange.project(project, store.versions.champion(project.id), len(store.versions.all(project.id)))
