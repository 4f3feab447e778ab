"""The short interface on the durable store: the same project that the dashboard shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import brought, intake, outside, webhooks
from .errors import InvalidFeedback, InvalidInput, NotFound, Unreachable
from .feedback_loop import ImportReport, RetrainReport
from .loop import Loop, create_project
from .models.own_estimator import recipe
from .served_model import ServedModel
from .settings import Settings
from .store import Store, open_store
from .types import Column, Decision, Rows, Schema, Version

REVIEWER = "python"


def open_storage(url: str, *, project: str) -> ProjectStorage:
    """A durable feedback storage; the project is created with the first entry when it does not exist."""
    return ProjectStorage(open_store(url), project)


class ProjectStorage:
    """Entries as items and feedback of one project; retraining makes judged versions."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, name
        self._recipe: dict[str, Any] = {}
        self._base: tuple[Any, Any] | None = None
        self._loop: Loop | None = None
        self._threshold = Settings().retrain_threshold
        self._known: dict[str, Any] = {}
        self.model: Any = None

    def bind(
        self, model: Any, base: tuple[Any, Any] | None, holdout: tuple[Any, Any] | None, threshold: int
    ) -> ProjectStorage:
        """Tie the storage to the model a FeedbackLoop was given."""
        if holdout is not None:
            raise InvalidFeedback(
                "holdout is not used with a durable storage: it locks its own share of the base data."
            )
        self._recipe, self._base, self._threshold = recipe(model), base, threshold
        self._known = {str(label): label for label in _list(base[1])} if base else {}
        self.model = ServedModel(model, lambda: self._loop, self._known)
        try:
            self._attach(Loop(self._store, self._store.projects.named(self._name)))
        except NotFound:
            if base is not None:
                self._create(len(base[0][0]))
        self.model.learn_base()
        return self

    def check(self, values: list[float], field: str, label: Any) -> None:
        if self._loop is None:
            return
        project = self._loop.project
        if len(values) != len(project.schema.columns):
            raise InvalidFeedback(f"input has {len(values)} values: this project takes {len(project.schema.columns)}.")
        if str(label) not in project.labels and self._labels_are_fixed():
            raise InvalidFeedback(
                f"{field}={label!r} is not a label of this project: use one of {', '.join(project.labels)}."
            )

    def add(self, values: list[float], label: Any) -> None:
        loop = self._loop or self._create(len(values))
        self._known[str(label)] = label
        if str(label) not in loop.project.labels:
            loop.project = self._store.projects.update(
                loop.project, labels=(str(label),), now=loop.clock(), actor=REVIEWER
            )
        body = intake.encode_one(values, loop.project.schema)
        loop.add_items(Rows([body], [None], [None]), REVIEWER)
        item = self._store.items.by_key(loop.project.id, intake.input_hash(body))
        if item is None:
            raise NotFound("The item just stored is gone: another process may have replaced the database.")
        loop.record(Decision(item.id, REVIEWER, "correct", str(label), version_id=item.version_id))

    def collected(self) -> int:
        return 0 if self._loop is None else self._loop.due().entries

    def retrain(self, threshold: int) -> RetrainReport:
        if self._loop is None:
            raise NotFound(f"The project {self._name!r} has no feedback yet: call process_feedback first.")
        collected, version = self.collected(), self._loop.retrain(REVIEWER)
        rows = version.n_base + version.n_feedback
        judged = self._judged(version, f"trained on {rows} rows ({collected} new entries)")
        return RetrainReport(True, collected, threshold, judged.message, version.number)

    def import_model(self, model: Any, labels: Mapping[Any, str] | None, version: str | None) -> ImportReport:
        """Store a model from elsewhere as a version and have it judged; see FeedbackLoop.import_model."""
        loop = self._founded()
        if isinstance(model, str) and model.startswith(("http://", "https://")):
            return self._asked(loop, model, version)
        if version is not None:
            raise InvalidInput(f"version={version!r} names what a server serves: leave it out for a model of your own.")
        if isinstance(model, str | Path):
            path = Path(model)
            given = (loop.store, loop.project, path.read_bytes(), path.name, REVIEWER, loop.clock())
            found = outside.import_file(*given, labels=labels)
        else:
            found = loop.import_model(model, REVIEWER, labels=labels)
        return self._judged(found, "is imported")

    def _asked(self, loop: Loop, url: str, version: str | None) -> ImportReport:
        """Connect an address, unless it is connected, and judge what it serves once it answers."""
        if version is None:
            raise InvalidInput("version=None: say what the server calls the version that it serves.")
        known, secret = loop.store.outside.endpoint(loop.project.id), ""
        if known is None or known.url != url:
            at: dict[str, Any] = {"by": REVIEWER, "now": loop.clock()}
            _, secret = outside.connect(loop.store, loop.project, url, "", webhooks.reach_here(), **at)
        found = outside.register(loop.store, loop.project, version, REVIEWER, loop.clock())
        if serves := found.status == "champion":
            return ImportReport(found.number, serves, f"Version {found.number} is the champion already.", secret)
        if loop.store.versions.report_on(found.id) is not None:
            message = f"Version {found.number} has been judged already: decide about it on the Retrain page."
            return ImportReport(found.number, serves, message, secret)
        try:
            return replace(self._judged(found, "is imported"), secret=secret)
        except Unreachable as error:
            if not secret:
                raise
            # A server that checks who asks cannot know a secret that was made just now.
            message = (
                f"Connected; requests are signed with {secret}. Give it to the server, then call this again. {error}"
            )
            return ImportReport(found.number, False, message, secret)

    def import_predictions(self, predictions: Any, version: str) -> ImportReport:
        """Store predictions under a version's name and have it judged; see FeedbackLoop.import_predictions."""
        loop = self._founded()
        said, named = _said(predictions)
        taken = outside.import_predictions(loop.store, loop.project, version or named, said, REVIEWER, loop.clock())
        number, stored = taken.version.number, f"has {taken.stored:,} predictions more"
        if taken.version.status == "champion":
            loop.predict()
        elif brought.judgeable(taken) and loop.store.versions.report_on(taken.version.id) is None:
            return self._judged(taken.version, stored)
        message = f"Version {number} {stored}: {taken.locked.covered:,} of {taken.locked.all:,} locked rows have one."
        return ImportReport(number, taken.version.status == "champion", message)

    def _judged(self, version: Version, what: str) -> ImportReport:
        """Judge a version, and promote it where the gate advises to."""
        loop = self._founded()
        report = loop.judge(version)
        promoted = report.action == "promote"
        if promoted:
            loop.promote(version, REVIEWER)
            loop.predict()
        outcome = "it is the champion now" if promoted else f"the champion stays: {' '.join(report.reasons)}"
        return ImportReport(version.number, promoted, f"Version {version.number} {what}; {outcome.rstrip('.')}.")

    def _founded(self) -> Loop:
        if self._loop is None:
            raise NotFound(
                f"The project {self._name!r} has no rows yet: pass base_data, or call process_feedback first."
            )
        return self._loop

    def _create(self, width: int) -> Loop:
        schema = Schema(tuple(Column(f"x{n}", "number") for n in range(width)))
        project = create_project(self._store, self._name, schema, (), actor=REVIEWER)
        return self._attach(Loop(self._store, project))

    def _attach(self, loop: Loop) -> Loop:
        self._loop = loop
        settings = loop.project.settings.to_dict() | {
            "estimator": "own_estimator",
            "params": self._recipe,
            "retrain_threshold": self._threshold,
        }
        wanted = Settings.from_dict(settings)
        labels = tuple(str(label) for label in dict.fromkeys(_list(self._base[1]))) if self._base else ()
        if wanted != loop.project.settings or set(labels) - set(loop.project.labels):
            loop.project = self._store.projects.update(
                loop.project, settings=wanted, labels=labels, now=loop.clock(), actor=REVIEWER
            )
        if self._base is not None:
            inputs = [intake.encode_one(list(map(float, row)), loop.project.schema) for row in _list(self._base[0])]
            loop.add_items(Rows(inputs, [None] * len(inputs), [str(label) for label in _list(self._base[1])]), REVIEWER)
        return loop

    def _labels_are_fixed(self) -> bool:
        if self._loop is None:
            return False
        trained = self._store.versions.all(self._loop.project.id)
        base = self._store.tallies.of(self._loop.project.id, "items").get("train/base", 0)
        return bool(trained or base)


def _said(predictions: Any) -> tuple[Sequence[outside.Said], str]:
    """Predictions and the version they name, from rows, a frame or a file."""
    if isinstance(predictions, str | Path):
        path = Path(predictions)
        return outside.from_file(path.read_bytes(), path.name)
    if hasattr(predictions, "columns"):
        return outside.from_table(predictions)
    return [outside.of_row(row, f"row {n:,}: ") for n, row in enumerate(predictions, 1)], ""


def _list(values: Any) -> list[Any]:
    return list(values.tolist() if hasattr(values, "tolist") else values)
