"""The short interface on the durable store: the same project that the dashboard shows."""

from __future__ import annotations

from typing import Any

from . import intake
from .errors import InvalidFeedback, NotFound
from .feedback_loop import RetrainReport
from .loop import Loop, create_project
from .models.own_estimator import recipe
from .served_model import ServedModel
from .settings import Settings
from .store import Store, open_store
from .types import Column, Decision, Rows, Schema

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
        loop, collected = self._loop, self.collected()
        version = loop.retrain(REVIEWER)
        report = loop.judge(version)
        promoted = report.action == "promote"
        if promoted:
            loop.promote(version, REVIEWER)
            loop.predict()
        outcome = "it is the champion now" if promoted else f"the champion stays: {' '.join(report.reasons)}"
        rows = version.n_base + version.n_feedback
        message = f"Version {version.number} trained on {rows} rows ({collected} new entries); {outcome}"
        return RetrainReport(True, collected, threshold, message.rstrip(".") + ".", version.number)

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


def _list(values: Any) -> list[Any]:
    return list(values.tolist() if hasattr(values, "tolist") else values)
