"""The loop, one method per stage: take in, predict, draw, correct, trigger, retrain, judge, promote."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from . import (
    comparison,
    fitting,
    outside,
    reports,
    rescoring,
    review,
    second_look,
    studies,
    suspects,
    taking_in,
    tasks,
    threshold,
)
from .cache import Cache
from .errors import ArtifactError, FeedbackError, InvalidFeedback, InvalidInput, NotFound, Refused
from .gate import wear
from .settings import Settings
from .store import Store, open_store
from .store.sessions import MOST
from .types import (
    RULINGS,
    STUDIES,
    Decision,
    Draw,
    Feedback,
    GateReport,
    Item,
    ItemFilter,
    ItemState,
    Job,
    Progress,
    Project,
    ReviewSession,
    RolledBack,
    Rows,
    Ruled,
    Ruling,
    Schema,
    Split,
    StudyKind,
    Suspects,
    Task,
    Version,
    Wish,
)

log = logging.getLogger(__name__)

LEAST_BATCH, MOST_BATCH = 10, 100
"""Bounds of the rows that one version's queue makes different from each other."""


@dataclass(frozen=True, slots=True)
class Serving:
    """The model that answers now. `warning` says why it is not the champion, empty when it is."""

    version: Version
    model: Any
    warning: str


def silent(_share: float, _message: str) -> None:
    """Progress for nobody."""


def create_project(
    store: Store,
    name: str,
    schema: Schema,
    labels: Sequence[str],
    settings: Settings | None = None,
    *,
    actor: str,
    now: float | None = None,
    salt: int | None = None,
    simulated: bool = False,
    task: Task = "classification",
) -> Project:
    """Add a project to a store. salt decides which inputs are held out; drawn at random when not given.

    Raises NotFound for a task there is not.
    """
    own = tasks.TASKS[task]
    return store.projects.create(
        name,
        schema,
        own.take_in.labels_always or tuple(labels),
        settings or own.defaults(),
        salt=int(np.random.default_rng().integers(2**31)) if salt is None else salt,
        now=time.time() if now is None else now,
        actor=actor,
        simulated=simulated,
        task=task,
    )


class Loop:
    """One project's loop over a store. Clock and randomness come from outside."""

    def __init__(
        self,
        store: Store,
        project: Project,
        *,
        clock: Callable[[], float] = time.time,
        rng: np.random.Generator | None = None,
        cache: Cache | None = None,
        models: dict[str, Any] | None = None,
    ) -> None:
        """cache: shared by the loops of one process, so that a page does not compute again what the last one has.

        models: fitted models by hash that were loaded before, shared in the same way.
        """
        self.store = store
        self.project = project
        self.clock = clock
        self._given_rng = rng
        self._models: dict[str, Any] = {} if models is None else models
        self.cache = cache or Cache()

    @classmethod
    def open(cls, url: str, project: str) -> Loop:
        """The loop of a named project. Raises NotFound when there is no such project."""
        store = open_store(url)
        return cls(store, store.projects.named(project))

    @cached_property
    def _rng(self) -> np.random.Generator:
        # Made when it is needed: most requests of the API never are in need of one.
        return self._given_rng or np.random.default_rng()

    # -- take in -----------------------------------------------------------------------------------------------------

    def add_items(self, rows: Rows, by: str, progress: Progress = silent) -> int:
        """Store checked rows; a labelled row becomes base data (some of it locked away), the rest the pool.

        Rows whose key is known are left as they are. Gives the number added. Rows without a key of their own that take
        more than one transaction get their ids in the order of their hashes, all others in the order given.
        """
        return taking_in.add(self.store, self.project, rows, by, self.clock, progress)

    def destinations(self, rows: Rows) -> dict[Split, int]:
        """Where `add_items` would put checked rows, in rows a split; it leaves out those whose key is known already."""
        return dict(Counter(taking_in.splits(self.store, self.project, rows)[1]))

    # -- predict and prioritize --------------------------------------------------------------------------------------

    def predict(self, progress: Progress = silent) -> int:
        """Score every pool item with the serving model and rank the queue. Gives the number of items scored."""
        serving, batch = self.serving(), self.queue_batch()
        given = (self.store, self.project, serving.version, serving.model, batch)
        return rescoring.rescore(*given, rng=self._rng, clock=self.clock, progress=progress)

    def queue_batch(self) -> int:
        """Rows at the top of the queue that differ from each other: as many as are answered between two versions."""
        return min(max(self.project.settings.retrain_threshold, LEAST_BATCH), MOST_BATCH)

    def serving(self) -> Serving:
        """The champion, or while its file is damaged the newest earlier champion that loads.

        Raises NotFound before the first version.
        """
        versions = self.store.versions.all(self.project.id)
        champions = sorted(
            (v for v in versions if v.promoted_at is not None), key=lambda v: (v.status == "champion", v.promoted_at)
        )
        if not champions:
            raise NotFound(f"{self.project.name} has no model yet: train the first version on the Retrain page.")
        problems: list[str] = []
        for version in reversed(champions):
            try:
                return Serving(version, self.model(version), " ".join(problems))
            except ArtifactError as error:
                problems.append(f"Version {version.number} cannot serve. {error}")
        raise ArtifactError(" ".join(problems))

    # -- draw and correct --------------------------------------------------------------------------------------------

    def draw(self, reviewer: str) -> Draw | None:
        """The reviewer's next item, or the one still in hand; None when nothing is free."""
        settings, now = self.project.settings, self.clock()
        if (current := self.store.draws.current(self.project.id, reviewer, now)) is not None:
            return current
        return self.store.draws.take(
            self.project.id,
            reviewer,
            wish=self._wishes(1)[0],
            below=self._below,
            now=now,
            lease_s=settings.lease_s,
            propensity=partial(review.propensity, settings=settings),
            sure=studies.in_force(self.store, self.project, now),
        )

    def draw_batch(self, reviewer: str, n: int, session_id: int | None = None) -> list[Draw]:
        """The reviewer's hand, filled up to n items that nobody else has; what is in hand already comes first.

        session_id: cards come from this review session alone, in its order; their draws have the strategy 'slice' and
        propensity 1.0, because a person chose them. An item decided before the session was opened is shown all the
        same, whoever decided it, and a new decision counts beside or in place of the old; a closed session has no new
        cards. An item of the audit sample stays blind there too.
        """
        settings = self.project.settings
        return self.store.draws.fill(
            self.project.id,
            reviewer,
            wishes=self._wishes(n),
            below=self._below,
            now=self.clock(),
            lease_s=settings.lease_s,
            propensity=partial(review.propensity, settings=settings),
            session_id=session_id,
            sure=studies.in_force(self.store, self.project, self.clock()),
        )

    def open_session(
        self, items: Sequence[int] | ItemFilter, name: str, by: str, sort: str = "priority"
    ) -> ReviewSession:
        """Put the items of a filter, in a sort order, or those of a list up for review: at most 2,000 of the pool."""
        wanted = items
        if isinstance(wanted, ItemFilter):
            found = self.store.items.page(self.project.id, wanted, sort=sort, limit=MOST)
            wanted = [item.id for item in found]
        return self.store.sessions.open(self.project.id, wanted, name=name, by=by, now=self.clock())

    def draw_item(self, reviewer: str, item_id: int) -> Draw:
        """Put a chosen item into a reviewer's hands. Raises Stale when somebody else has it."""
        return self.store.draws.lend(
            self.project.id, reviewer, item_id, now=self.clock(), lease_s=self.project.settings.lease_s
        )

    def record(self, *decisions: Decision, items: Sequence[Item] | None = None) -> list[Feedback]:
        """Store decisions durably, all or none. Raises InvalidFeedback, or Stale when an item has moved on.

        items: those that are decided, where they have just been read.
        """
        seen = self._own_items([d.item_id for d in decisions]) if items is None else items
        shown = {item.id: item for item in seen}
        checked = [self._checked(decision, shown.get(decision.item_id)) for decision in decisions]
        return self.store.feedback.record(self.project, checked, self._effective, self.clock())

    def undo(self, feedback_id: int, reviewer: str, *, hold: bool = False, via: str = "") -> Feedback:
        """Take one entry back; the item returns to where it was, with `hold` into the reviewer's hand.

        via: the token that does so in the reviewer's name.
        """
        hold_s, now = self.project.settings.lease_s if hold else None, self.clock()
        return self.store.feedback.undo(self.project, feedback_id, reviewer, self._effective, now, hold_s, via)

    def undo_many(self, feedback_ids: Sequence[int], reviewer: str) -> list[Feedback]:
        """Take entries back together, all in one transaction; those that no longer count are left as they are."""
        return self.store.feedback.undo_many(self.project, feedback_ids, reviewer, self._effective, self.clock())

    # -- second look -------------------------------------------------------------------------------------------------

    def rule(self, entry_ids: Sequence[int], ruling: Ruling, by: str, reason: str = "") -> Ruled:
        """Decide about entries as a maintainer, durably, all in one press that `undo_ruling` takes back.

        `reject`: the entry no longer counts, and nothing learns from it; it is kept. `accept`: of its item's entries
        only accepted ones count, which settles a conflict. `ask`: the item goes to another reviewer, and nothing
        learns from it until one more label has come in. Skips and undos cannot be ruled on (InvalidFeedback). An
        entry that its reviewer has replaced meanwhile is left out; Stale is raised when that leaves none.
        """
        if ruling not in RULINGS:
            raise InvalidFeedback(f"ruling={ruling!r} is not known: use one of {', '.join(RULINGS)}.")
        return self._rule(dict.fromkeys(entry_ids, ruling), by, reason)

    def settle(self, item_id: int, label: str, by: str, reason: str = "") -> Ruled:
        """Decide a conflict: accept every entry that gives this label, and lift rulings that stand against it.

        Raises NotFound when no standing entry of the item gives the label.
        """
        entries = [entry for entry in self.store.feedback.of_item(item_id) if entry.verdict != "undo"]
        rulings = review.settlement(entries, label)
        if "accept" not in rulings.values():
            raise NotFound(f"No standing entry says {label!r} any more: look at the item again.")
        return self._rule(rulings, by, reason)

    def decide(self, item_id: int, label: str, by: str, reason: str = "") -> Ruled:
        """Settle a conflict with a label that nobody gives yet: it becomes `by`'s own entry, and that one is accepted.

        Undoing the ruling leaves the entry as one voice among the others. Raises as `record` does.
        """
        version_id = self.store.items.get(item_id).version_id
        self.record(Decision(item_id, by, "correct", label, version_id=version_id, note=reason))
        return self.settle(item_id, label, by, reason)

    def world_changed(self, item_id: int, by: str) -> Ruled:
        """Answer why an item bears two labels: both were right, each at its time. The newer one counts from now on.

        Raises NotFound when no label of the item was turned round, or somebody has said why.
        """
        entries = [entry for entry in self.store.feedback.of_item(item_id) if entry.verdict != "undo"]
        turned = self.store.reversals.of_items([item_id]).get(item_id)
        if turned is None:
            raise NotFound("No label of this item was turned round, or somebody has said why: look at it again.")
        earlier, later = turned
        rulings, answer = review.change_of_world(entries, earlier, later)
        return self._rule(rulings, by, f"the world changed: {earlier.target} then, {later.target} now", answer)

    def undo_ruling(self, ruling_id: int, by: str) -> Ruled:
        """Bring back what was ruled before on every entry of one press; `ruling_id` is `Ruled.id`.

        Entries ruled on again since stay as they are; raises Stale when that leaves none.
        """
        return self.store.rulings.undo(self.project, ruling_id, self._effective, by=by, now=self.clock())

    def undo_rulings(self, ruling_ids: Sequence[int], by: str) -> tuple[int, ...]:
        """`undo_ruling` of several presses that belong together, the newest first; gives the entries that changed.

        Presses with nothing left to undo are passed over; raises Stale when that leaves none.
        """
        return suspects.undo(self.store, self.project, ruling_ids, by=by, now=self.clock())

    def rank_feedback(self, progress: Progress = silent) -> int:
        """Rank the entries by how much they need a second look (see trust.py); gives how many there are.

        Reads every entry, in chunks; the worker does it after each scoring of the pool. Rejected entries are ranked
        too, so that they can be found again.
        """
        try:
            serving: Serving | None = self.serving()
        except (NotFound, ArtifactError):
            serving = None
        model = serving.model if serving else None
        lineage = self.store.versions.lineage(serving.version.id) if serving else {}
        return second_look.rank(self.store, self.project, model, lineage, self.clock(), progress)

    def request_ranking(self, by: str) -> Job:
        """Ask the worker to rank the entries; while a request waits, the same job is returned."""
        return self.store.jobs.request(self.project.id, "rank feedback", trigger="new entries", by=by, now=self.clock())

    # -- trigger and retrain -----------------------------------------------------------------------------------------

    def due(self) -> threshold.Due:
        """How far the collected feedback is from the retrain threshold."""
        return threshold.due(self.store.feedback.pending(self.project.id), self.project.settings.retrain_threshold)

    def request_retrain(self, by: str, trigger: str = "manual") -> Job:
        """Ask the worker for a new version; while a request waits, the same job is returned.

        Raises Refused when neither the rows nor the recipe have changed since the last version.
        """
        # Rows may also have been added or taken back, which no count of pending entries shows.
        trained = self.store.versions.champion(self.project.id) is not None
        if trained and not self.due().entries and fitting.would_repeat(self.store, self.project):
            raise Refused("Nothing has come in since the last version: a retrain would give the same model again.")
        return self.store.jobs.request(self.project.id, "retrain", trigger=trigger, by=by, now=self.clock())

    def request_rescore(self, by: str, trigger: str = "new champion") -> Job:
        """Ask the worker to score the pool again with the champion; due after every change of champion or weights."""
        return self.store.jobs.request(self.project.id, "predict", trigger=trigger, by=by, now=self.clock())

    def request_study(self, kind: StudyKind, by: str, version: Version | None = None, trigger: str = "manual") -> Job:
        """Ask the worker for a study: a forecast, credit or certificate is of a version, the champion unless given.

        Raises InvalidInput for another kind, and NotFound before the first version.
        """
        if kind not in STUDIES:
            raise InvalidInput(f"kind={kind!r} is not a study: use one of {', '.join(STUDIES)}.")
        self._require("what moved" if kind == "effects" else "studies", f"A {kind}")
        about = version or self.store.versions.champion(self.project.id)
        if about is None:
            raise NotFound(f"{self.project.name} has no model yet: train the first version on the Retrain page.")
        if about.elsewhere and kind != "backtest":
            raise Refused(
                f"Version {about.number} was trained elsewhere and cannot be fitted again here, which a {kind} rests "
                "on: ask for one of a version that this project has trained."
            )
        payload = None if kind in ("dry run", "backtest") else {"version": about.id}
        return self.store.jobs.request(self.project.id, kind, trigger=trigger, by=by, now=self.clock(), payload=payload)

    def cancel(self, job_id: int, by: str) -> Job:
        """End a job of this project: at once when it waits; a running one stops within seconds.

        Raises NotFound when the project has no such job, and Refused when it is over.
        """
        job = self.store.jobs.get(job_id)
        if job.project_id != self.project.id:
            raise NotFound(f"There is no job {job_id} in {self.project.name}.")
        cancelled = self.store.jobs.cancel(self.project.id, job_id, by, self.clock())
        if cancelled is None:
            state = self.store.jobs.get(job_id).state
            raise Refused(f"Job {job_id} ({job.kind}) is over already ({state}): there is nothing to cancel.")
        return cancelled

    def change(self, settings: Settings, by: str, labels: Sequence[str] = ()) -> None:
        """Save settings and further labels; other weights of the priority bring the queue in their order.

        Raises InvalidSetting, and for another model NotFound and NotInstalled: at the next retrain would be too late.
        """
        before = self.project.settings
        if (settings.estimator, settings.params) != (before.estimator, before.params):
            own = self.project
            tasks.unfitted(own.task, own.schema, settings.estimator, settings.params, settings.seed)
        weights = before.weights
        self.project = self.store.projects.update(
            self.project, settings=settings, labels=tuple(labels), now=self.clock(), actor=by
        )
        if settings.weights != weights and self.store.versions.champion(self.project.id) is not None:
            self.request_rescore(by, "new weights")

    def reweigh(self, weights: Mapping[str, float], by: str) -> Job:
        """Save new weights of the priority and ask for the queue in their order. Raises InvalidSetting."""
        settings = replace(self.project.settings, weights=dict(weights))
        self.project = self.store.projects.update(self.project, settings=settings, now=self.clock(), actor=by)
        return self.request_rescore(by, "new weights")

    def retrain(
        self,
        by: str,
        job_id: int | None = None,
        progress: Progress = silent,
        recipe: tuple[str, Mapping[str, Any]] | None = None,
    ) -> Version:
        """Fit a new version on base data plus effective feedback, save it, and store it as a candidate.

        recipe: estimator and params in place of the project's.
        """
        if job_id is not None and (known := self.store.versions.of_job(job_id)) is not None:
            return known
        version, model = fitting.new_version(self.store, self.project, by, job_id, self.clock(), progress, recipe)
        self._models[version.sha256] = model
        return version

    def import_model(
        self, model: Any, by: str, *, labels: Mapping[Any, str] | None = None, source: str = "Python"
    ) -> Version:
        """Store a fitted model of scikit-learn, LightGBM or XGBoost as a candidate, judged and promoted like any other.

        model: over a frame with the project's columns by name, over a matrix of them in their order, or over texts.
        labels: what it says -> label of the project, where these differ. source: where it came from, in words.
        """
        return outside.import_model(self.store, self.project, model, by, self.clock(), labels=labels, source=source)

    def request_judgement(self, version: Version, by: str) -> Job:
        """Ask the worker to judge a version that was trained elsewhere; while a request waits, the same job is given.

        Raises Refused for one that has been judged: another look at the locked rows is a decision of its own.
        """
        if self.store.versions.report_on(version.id) is not None:
            raise Refused(f"Version {version.number} has been judged already: judge it again, which is one more look.")
        given: dict[str, Any] = {"by": by, "now": self.clock(), "payload": {"version": version.id}}
        return self.store.jobs.request(self.project.id, "judge", trigger="import", **given)

    # -- judge and promote -------------------------------------------------------------------------------------------

    def judge(self, version: Version, progress: Progress = silent, *, by: str = "gate") -> GateReport:
        """Compare a version with the champion on the locked rows and store the report, with the rows that flip.

        Every call is one look, but for one that only repeats a look because audit labels have come in since. by: who
        asked for it, for the audit trail. Raises Refused for the champion itself.
        """
        progress(0.8, "judging on the locked rows")
        model, now = self.model(version), self.clock()
        return self.publish(comparison.judged(self.store, self.project.id, version, model, self._said, now, by))

    def promote(self, version: Version, by: str, reason: str = "", *, rescore: bool = False) -> Version:
        """Make a judged version the champion. Unless its report advises that as things are, a reason is required.

        rescore: ask the worker in the same transaction to score the pool with it.
        """
        return self._decide(self._judged(version), "promote", by, reason, rescore)

    def refuse(self, version: Version, by: str, reason: str = "") -> Version:
        """Keep the champion and close the case of a judged version. Raises Refused without a report."""
        return self._decide(self._judged(version), "refuse", by, reason)

    def rollback(
        self, version: Version, by: str, reason: str, suspect: bool = True, *, rescore: bool = False
    ) -> RolledBack:
        """Bring an earlier champion back, judged against the present one first. A reason is required.

        suspect: ask for second opinions on the entries that entered the version left; nothing learns from them till
        they are answered, and `undo_rulings` takes it back. They are asked for first: whoever is cut off in between
        has asked for opinions too many, and left no bad feedback unasked. rescore: as for `promote`.
        """
        if version.promoted_at is None or version.status == "champion":
            raise Refused(f"Version {version.number} is not an earlier champion: choose a retired version.")
        if not reason.strip():
            raise Refused("A roll-back needs a reason: say what went wrong.")
        doubted, now = self.suspects(version), self.clock()
        report = self.judge(version, by=by)
        wanted = doubted.entries if suspect else ()
        left = doubted.total - len(wanted) if suspect else 0
        ruled = suspects.ask(self.store, self.project, wanted, doubted.number, left, by=by, now=now)
        presses = tuple(press.id for press in ruled if press.id is not None)
        entries = tuple(entry for press in ruled for entry in press.entries)
        try:
            back = self._decide(report, "promote", by, reason, rescore)
        except FeedbackError:
            if presses:
                self.undo_rulings(presses, by)
            raise
        return RolledBack(back, doubted.number, presses, entries, left)

    def suspects(self, version: Version) -> Suspects:
        """Entries that entered the champion and not this earlier version: what a roll-back to it puts in doubt."""
        champion = self.store.versions.champion(self.project.id)
        if champion is None:
            raise Refused(f"{self.project.name} has no champion to go back from.")
        # Until somebody decides or rules again: 500,000 entries take three seconds, and a page asks at every run.
        newest = [each.id for each in self.store.feedback.latest(self.project.id, 1)]
        newest += [each.id for each in self.store.events.latest(self.project.id, 1)]
        key = ("suspects", self.store.url, self.project.id, champion.id, version.id, *newest)
        return self.cache.get(key, lambda: suspects.suspects(self.store, self.project, champion, version))

    def report_html(self, report: GateReport) -> str:
        """The refinement report of one verdict as a file of HTML that needs nothing else."""
        return reports.refinement(self.store, self.project, report, self.clock())

    def publish(self, report: GateReport) -> GateReport:
        """Write the file of a stored report. What goes wrong is logged: verdict and decision stand, whatever it is."""
        try:
            reports.write(self.store, report, self.report_html(report))
        except reports.FAILURES:  # it is written again when somebody asks for it
            log.exception("the file of report %s could not be written", report.id)
        return report

    def card_html(self) -> str:
        """The model card of the champion, likewise. Raises NotFound before the first version."""
        return reports.card(self.store, self.project, self.clock())

    def wear(self, looked: Sequence[GateReport] | None = None) -> wear.Wear:
        """How worn the locked rows are, and whether fresh ones are there. looked: all reports, where they are read."""
        project = self.store.projects.get(self.project.id)
        found = self.store.versions.reports(project.id) if looked is None else looked
        return wear.wear(found, project.refreshed_after, lambda: self.store.holdout.fresh(project.id))

    def refresh_holdout(self, by: str, reason: str) -> dict[str, int]:
        """Let the locked rows that were looked at graduate to training; those that came in since judge from now on.

        The champion becomes the anchor. Gives the rows by what became of them: holdout, audit, fresh. Raises Refused
        without a reason, or when fewer than wear.FRESH_ROWS fresh ones are there.
        """
        if not reason.strip():
            raise Refused("A refresh of the holdout needs a reason: say why now.")
        moved = self.store.holdout.refresh(
            self.project, least=wear.FRESH_ROWS, by=by, reason=reason.strip(), now=self.clock()
        )
        self.project = self.store.projects.get(self.project.id)
        return moved

    # -- shared by the stages ----------------------------------------------------------------------------------------

    def model(self, version: Version) -> Any:
        """A version's fitted model, loaded once per loop. Raises ArtifactError."""
        if not version.artifact:
            # Where it lives is looked up each time: whoever disconnects it means every process of this server.
            return outside.model_of(self.store, self.project, version)
        if version.sha256 not in self._models:
            self._models[version.sha256] = outside.model_of(self.store, self.project, version)
        return self._models[version.sha256]

    @property
    def _task(self) -> tasks.Task:
        return tasks.of(self.project)

    def _effective(self, entries: Sequence[Feedback], alone_until: int) -> tuple[str | None, ItemState]:
        return self._task.effective(self.project, entries, alone_until)

    def _require(self, offer: tasks.Offer, what: str) -> None:
        if offer not in self._task.offers:
            raise Refused(f"{what} needs classes: {self.project.name} predicts something else.")

    def _checked(self, decision: Decision, item: Item | None) -> Decision:
        predicted = self._shown(decision, item)
        checked = self._task.checked(decision, self.project, predicted)
        if self._task.doubt is None or checked.verdict != "correct" or checked.version_id is None or predicted is None:
            return checked
        metrics = self.store.versions.get(checked.version_id).metrics
        return replace(checked, doubt=self._task.doubt(str(checked.target), predicted, metrics))

    def _judged(self, version: Version) -> GateReport:
        report = self.store.versions.report_on(version.id)
        if report is None:
            raise Refused(f"Version {version.number} has no stored gate report: judge it first.")
        return report

    def _decide(self, report: GateReport, decision: str, by: str, reason: str, rescore: bool = False) -> Version:
        asked: dict[str, Any] = {"by": by, "reason": reason, "now": self.clock(), "rescore": rescore}
        version = self.store.versions.decide(self.project, report, decision, **asked)
        self.publish(self.store.versions.report(report.id))
        return version

    def _own_items(self, ids: Sequence[int]) -> list[Item]:
        # Of other projects not even the key or the prediction may show, in a refusal as little as elsewhere.
        return self.store.items.many(ids, self.project.id)

    def _wishes(self, n: int) -> list[Wish]:
        return review.wishes(self._rng.random(n).tolist(), self._rng.random(n).tolist(), self.project.settings)

    def _rule(
        self, rulings: Mapping[int, Ruling | None], by: str, reason: str, answer: Mapping[str, Any] | None = None
    ) -> Ruled:
        if not by.strip():
            raise InvalidFeedback("by='' is empty: say who decides.")
        reason, now = review.checked_reason(reason), self.clock()
        return self.store.rulings.give(
            self.project, rulings, self._effective, by=by, reason=reason, now=now, answer=answer
        )

    def _shown(self, decision: Decision, item: Item | None) -> str | None:
        """The prediction a reviewer saw; a repeated decision may arrive after the item was scored again."""
        if item is None or decision.version_id == item.version_id:
            return item.predicted if item else None
        said = self.store.predictions.labels_of(decision.version_id, [item.id]) if decision.version_id else {}
        if decision.verdict == "confirm" and not said:
            return item.predicted
        return said[item.id][0] if said else None

    def _below(self, n: int) -> int:
        return int(self._rng.integers(n))

    def _said(self, version: Version, ids: Sequence[int], inputs: Sequence[str]) -> comparison.Said:
        try:
            numbers = fitting.proba(self.model(version), inputs, self.project, ids)
            return comparison.said_of(ids, numbers, self.project)
        except ArtifactError:
            # What it said when it was judged is stored: a damaged file must not block the way back.
            stored = self.store.predictions.labels_of(version.id, ids)
            if len(stored) < len(ids):
                raise
            return comparison.Said([stored[item_id][0] for item_id in ids], [stored[item_id][1] for item_id in ids])
