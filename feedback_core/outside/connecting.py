"""A model that lives elsewhere: where it is asked, which of its versions there are, and what it is to learn from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from .. import tasks
from ..errors import CannotTrain, InvalidInput, NotFound, Refused, Unreachable
from ..recorded import Ask
from ..store import Store
from ..types import Endpoint, Progress, Project, TrainingRequest, TrainingRows, Version
from ..webhooks import Reach, reach_here
from ..webhooks.signing import new_secret
from ..webhooks.targets import checked_url
from .asking import Line, exchange, predictions, row_of
from .bringing import NOTHING, described, takes_models
from .telling import checked_name, named

TIMEOUT_S, BATCH = 30.0, 500
"""Of one request, where nobody says otherwise."""

LONGEST_S, MOST_ROWS = 300.0, 5_000

INLINE_ROWS = 5_000
"""Training rows sent along; more are fetched."""

INLINE_BYTES = 4_000_000

CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to learn, and the version that it has led to at once; None while the model is still learning."""

    request: TrainingRequest
    version: Version | None


def connect(
    store: Store,
    project: Project,
    url: str,
    train_url: str,
    reach: Reach,
    *,
    by: str,
    now: float,
    timeout_s: float = TIMEOUT_S,
    batch: int = BATCH,
) -> tuple[Endpoint, str]:
    """Ask this address about rows from now on; gives it and its secret, which is never shown again.

    train_url: where it is asked to learn, empty where it is not. Raises InvalidInput or Refused.
    """
    takes_models(project)
    if not 1 <= timeout_s <= LONGEST_S or not 1 <= batch <= MOST_ROWS:
        raise InvalidInput(
            f"timeout_s={timeout_s:g}, batch={batch}: give 1 to {LONGEST_S:g} seconds, and 1 to {MOST_ROWS:,} rows."
        )
    url, secret = checked_url(url, reach), new_secret()
    train_url = checked_url(train_url, reach) if train_url.strip() else ""
    where = {"url": url, "train_url": train_url, "timeout_s": timeout_s, "batch": batch}
    return store.outside.connect(project.id, where, secret, by=by, now=now), secret


def asker(store: Store, project: Project, version: Version) -> Ask | None:
    """What asks the model of a project as one of its versions; None where it is not connected any more."""
    endpoint = store.outside.endpoint(project.id)
    if endpoint is None:
        return None
    return partial(predictions, _line(store, endpoint, endpoint.url), project, str(version.params["name"]))


def register(store: Store, project: Project, name: str, by: str, now: float, request_id: int | None = None) -> Version:
    """Make a version of what the connected model calls so; again, the same one is given.

    request_id: what it has learned from. Raises NotFound without a connected model or such a request, Refused where
    the name or the request is taken.
    """
    takes_models(project)
    name = checked_name(name)
    if store.outside.endpoint(project.id) is None:
        raise NotFound("No model elsewhere is connected to this project: connect one on Setup, Bring a model.")
    known = named(store, project, name)
    if known is not None and known.estimator != "http":
        raise Refused(f"{name!r} is version {known.number}, whose predictions are stored: choose another name.")
    request = None if request_id is None else store.outside.request(project.id, request_id)
    if request is not None and request.version_id is not None and (known is None or request.version_id != known.id):
        taken = store.versions.get(request.version_id).number
        raise Refused(f"Training request {request.id} has led to version {taken} already: wait for the next request.")
    version = known or _created(store, project, name, by, now, request)
    if request is not None and request.version_id is None:
        store.outside.answer(request.id, version_id=version.id)
    return version


def ask_to_train(
    store: Store, project: Project, by: str, job_id: int | None, now: float, progress: Progress
) -> Asked | None:
    """Have the connected model learn from base data and effective feedback; None where none learns.

    No locked row and no label of one is sent. Rows that it has been asked to learn from already, without an answer so
    far, are not sent again. Raises CannotTrain or Unreachable.
    """
    endpoint = store.outside.endpoint(project.id)
    if endpoint is None or not endpoint.train_url:
        return None
    rows = store.items.training_rows(project.id, dated=bool(project.settings.label_half_life_days))
    if len(set(rows.labels)) < 2:
        raise CannotTrain("A model needs two different labels to learn from: label other items first.")
    open_request = store.outside.unanswered(project.id)
    if open_request is not None and open_request.job_id != job_id and _same(store, project, open_request, rows):
        return Asked(open_request, None)
    weights = tasks.of(project).sample_weights(rows, project.settings.label_half_life_days).tolist()
    request = store.outside.ask(project, rows, weights, job_id, by=by, now=now)
    if request.version_id is not None:
        return Asked(request, store.versions.get(request.version_id))
    progress(0.1, f"asking the model elsewhere to learn from {len(rows.ids):,} rows")
    try:
        _, answer = exchange(_line(store, endpoint, endpoint.train_url), _message(project, request, rows, weights))
    except Unreachable as error:
        store.outside.answer(request.id, failed=str(error))
        raise
    name = answer.get("version") if isinstance(answer, dict) else None
    if name is None:
        return Asked(request, None)
    return Asked(request, register(store, project, str(name), by, now, request.id))


def requested_rows(store: Store, project: Project, request_id: int) -> Iterator[dict[str, Any]]:
    """The rows of a training request, as they are sent along where they are few."""
    known = store.outside.requested(project.id, request_id)
    for start in range(0, len(known["ids"]), CHUNK):
        piece = slice(start, start + CHUNK)
        inputs = store.items.inputs(known["ids"][piece])
        yield from _told(project, inputs, known["labels"][piece], known["weights"][piece])


def _told(
    project: Project, inputs: Sequence[str], labels: Sequence[str], weights: Sequence[float]
) -> Iterator[dict[str, Any]]:
    for body, label, weight in zip(inputs, labels, weights, strict=True):
        yield {**row_of(body, project), "label": label, "weight": round(weight, 6)}


def _message(project: Project, request: TrainingRequest, rows: TrainingRows, weights: list[float]) -> dict[str, Any]:
    inline = len(rows.ids) <= INLINE_ROWS and sum(map(len, rows.inputs)) <= INLINE_BYTES // 2
    return {
        "type": "train",
        "request": request.id,
        "project": {"id": project.id, "name": project.name},
        "labels": list(project.labels),
        "rows": list(_told(project, rows.inputs, rows.labels, weights)) if inline else None,
        "rows_at": f"/api/projects/{project.id}/training-requests/{request.id}/rows",
    }


def _same(store: Store, project: Project, request: TrainingRequest, rows: TrainingRows) -> bool:
    asked = store.outside.requested(project.id, request.id)
    return (asked["ids"], asked["labels"]) == (list(rows.ids), list(rows.labels))


def _created(
    store: Store, project: Project, name: str, by: str, now: float, request: TrainingRequest | None
) -> Version:
    fields = described(store, project, "http", {"name": name}, by, now)
    if request is None:
        return store.versions.create(project, fields, NOTHING, ())
    known = store.outside.requested(project.id, request.id)
    learned = TrainingRows(tuple(known["ids"]), (), tuple(known["labels"]), (), request.feedback_upto)
    about = {name: getattr(request, name) for name in ("n_base", "n_feedback", "feedback_upto", "job_id")}
    return store.versions.create(project, fields | about, learned, known["weights"])


def _line(store: Store, endpoint: Endpoint, url: str) -> Line:
    return Line(url, store.outside.secret(endpoint.project_id), endpoint.timeout_s, endpoint.batch, reach_here())
