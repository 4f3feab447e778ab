"""Read-models: from the store to what a page shows, in counts kept ready, never by scanning a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from . import multilabel, queue_audit, threshold, version_scores
from .accuracies import Accuracies, accuracies
from .cache import Cache
from .intervals import wilson
from .models import artifacts
from .scope import Period, Sample
from .store import Store
from .triggers.gather import obstacle
from .types import STUDIES, Feedback, GateReport, Item, Job, Prediction, Project, Version
from .wording import iso

Table = dict[str, list[Any]]
"""Tidy columns of equal length."""

ALL_TIME = Period()
KEPT_S = 300.0
"""Estimates are made anew after this long whatever has happened: an item in somebody's hand counts otherwise then."""
MOST_DAYS = 120
"""Days a chart can show as bars of their own."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One station of the loop. since: when it last moved, None when never."""

    name: str
    count: int
    unit: str
    since: float | None
    page: str
    help: str


@dataclass(frozen=True, slots=True)
class NextStep:
    """The one thing worth doing now."""

    text: str
    button: str
    page: str


@dataclass(frozen=True, slots=True)
class Overview:
    stages: tuple[Stage, ...]
    champion: Version | None
    champion_intact: bool
    """False when the champion's model file is missing or was changed: an earlier champion answers meanwhile."""
    due: threshold.Due
    live: tuple[Job, ...]
    undecided: GateReport | None
    next_step: NextStep
    versions: Sequence[Version]
    reports: Sequence[GateReport]
    """Of all versions, newest first."""
    obstacle: str
    """Why no version can be trained now, empty when one can. When in doubt empty: `request_retrain` looks closer."""


@dataclass(frozen=True, slots=True)
class ItemStory:
    """Everything known about one item."""

    item: Item
    predictions: tuple[Prediction, ...]
    entries: tuple[Feedback, ...]


@dataclass(frozen=True, slots=True)
class QueueStory:
    """What the queue found, over its newest decisions."""

    decisions: int
    strategies: Sequence[queue_audit.Finding]
    parts: Sequence[queue_audit.Finding]
    pull: queue_audit.Pull | None


AUDITED = 5_000
"""Newest decisions by which the queue is judged: enough for a few points of width, read in 20 ms."""


def overview(store: Store, project: Project) -> Overview:
    """The state of the loop at a glance."""
    items = store.tallies.of(project.id, "items")
    versions = store.versions.all(project.id)
    reports = store.versions.reports(project.id)
    champion = next((version for version in versions if version.status == "champion"), None)
    due = threshold.due(store.feedback.pending(project.id), project.settings.retrain_threshold)
    live = tuple(store.jobs.live(project.id))
    undecided = _undecided(reports, versions)
    return Overview(
        stages=_stages(store, project, items, versions, reports),
        champion=champion,
        champion_intact=champion is None or artifacts.looks_intact(store.artifacts, champion.artifact, champion.size),
        due=due,
        live=live,
        undecided=undecided,
        next_step=_next_step(items, champion, due, _work(live), undecided, versions),
        versions=versions,
        reports=reports,
        obstacle=obstacle(store, project, versions, store.feedback.pending(project.id)),
    )


def accuracy_history(store: Store, project: Project) -> Table:
    """One row per judged version and sample: accuracy with interval, status, and what led to it."""
    return version_scores.accuracy(store.versions.all(project.id), store.versions.reports(project.id))


def feedback_volume(store: Store, project: Project, period: Period = ALL_TIME) -> Table:
    """Entries per day (UTC) and verdict."""
    rows = [
        {"day": day, "verdict": verdict, "entries": n}
        for name, n in _daily(store, project, "day", period)
        for day, _, verdict in [name.partition("/")]
        if n
    ]
    return _table(rows)


def by_week(volume: Table, longest: int = MOST_DAYS) -> Table:
    """The same per week, each under its Monday, where the days reach over more than `longest`. Column `per` says which.

    Bars of single days over a year are thinner than a pixel.
    """
    if not volume:
        return volume
    days = [date.fromisoformat(day) for day in volume["day"]]
    if (max(days) - min(days)).days < longest:
        return volume | {"per": ["day"] * len(days)}
    counts: dict[tuple[str, str], int] = {}
    for day, verdict, n in zip(days, volume["verdict"], volume["entries"], strict=True):
        monday = (day - timedelta(days=day.weekday())).isoformat()
        counts[monday, verdict] = counts.get((monday, verdict), 0) + n
    return _table([{"day": day, "verdict": v, "entries": n, "per": "week"} for (day, v), n in counts.items()])


def reviewers(store: Store, project: Project, period: Period = ALL_TIME) -> Table:
    """Standing entries per reviewer, the percentage that contradicted the model, and the share of known answers right.

    `known`: an Interval, None where no question with a known answer has been put. period: when the entries were given.
    """
    rows = []
    counts, asked = _by_reviewer(store, project, "reviewer", period), _by_reviewer(store, project, "gold", period)
    for reviewer in sorted(counts | asked, key=lambda name: (-sum(counts.get(name, {}).values()), name)):
        by, gold = counts.get(reviewer, {}), asked.get(reviewer, {})
        if not sum(by.values()) + sum(gold.values()):
            continue
        decided = by.get("confirm", 0) + by.get("correct", 0)
        rate = 100 * by.get("correct", 0) / decided if decided else None
        known = wilson(gold.get("right", 0), n) if (n := sum(gold.values())) else None
        rows.append(
            {"reviewer": reviewer, "decided": decided, "skipped": by.get("skip", 0), "corrected": rate, "known": known}
        )
    return _table(rows)


def _by_reviewer(store: Store, project: Project, kind: str, period: Period) -> dict[str, dict[str, int]]:
    """Reviewer -> what they said -> how often."""
    counts: dict[str, dict[str, int]] = {}
    if period == ALL_TIME:
        names: Iterable[tuple[str, int]] = store.tallies.of(project.id, kind).items()
    else:
        names = ((name.partition("/")[2], n) for name, n in _daily(store, project, f"{kind} day", period))
    for name, n in names:
        reviewer, _, what = name.rpartition("/")
        own = counts.setdefault(reviewer, {})
        own[what] = own.get(what, 0) + n
    return counts


def _daily(store: Store, project: Project, kind: str, period: Period) -> list[tuple[str, int]]:
    """Counts whose names begin with a day of the period, in the order of the days."""
    first, last = (day.isoformat() if day else None for day in (period.first, period.last))
    return sorted(store.tallies.between(project.id, kind, first, last).items())


def priorities(store: Store, project: Project) -> Mapping[str, list[float]]:
    """Histogram of the queue's priorities as the champion scored it: `count` and the mean part per bin."""
    champion = store.versions.champion(project.id)
    return {} if champion is None else store.predictions.run(champion.id)


def queue(store: Store, project: Project, period: Period = ALL_TIME) -> QueueStory:
    """The queue's account of itself: corrections by strategy and by part, and the pull of a shown prediction."""
    since, until = _seconds(period)
    rows = store.drawn.newest(project.id, AUDITED, since=since, until=until)
    return QueueStory(len(rows), queue_audit.strategies(rows), queue_audit.parts(rows), queue_audit.pull(rows))


def estimates(store: Store, project: Project, cache: Cache, now: float) -> Accuracies:
    """Every estimate of the champion's accuracy, kept until it may look different.

    At a million entries it takes 0.7 s of CPU. A thousandth more entries cannot be seen in it, so of many it is kept
    over as many, and five minutes at most; with few it is made anew after each.
    """
    key = ("accuracies", *standing(store, project), now // KEPT_S)
    return cache.get(key, lambda: accuracies(store, project, now))


def standing(store: Store, project: Project) -> tuple[Any, ...]:
    """What changes when something is decided, judged or scored; of many entries only with every thousandth."""
    newest = next((entry.id for entry in store.feedback.latest(project.id, 1)), 0)
    event = next((event.id for event in store.events.latest(project.id, 1)), 0)
    champion = store.versions.champion(project.id)
    scored = store.predictions.run_facts(champion.id) if champion else None
    return store.url, project.id, event, scored, newest // max(1, newest // 1_000)


def changes(store: Store, report: GateReport | None, sample: Sample) -> version_scores.Changes | None:
    """Per (truth, prediction) how many more locked rows there are than with the champion before, from the stored flips.

    None where there was no comparison, or where it was made before flips were kept.
    """
    if report is None or report.champion_id is None:
        return None
    cells = store.flips.cells(report.id, sample)
    counted = report.numbers.get("samples", {}).get(sample, {})
    if not cells and counted.get("gained", 0) + counted.get("lost", 0):
        return None
    return cells


def _seconds(period: Period) -> tuple[float | None, float | None]:
    """Where a period begins and ends, in seconds; the end is the first moment after it."""
    first, after = period.first, period.last + timedelta(days=1) if period.last else None
    since, until = (datetime(d.year, d.month, d.day, tzinfo=UTC).timestamp() if d else None for d in (first, after))
    return since, until


def findings_table(found: QueueStory) -> Table:
    """One row a strategy, then one a part: corrections per 100 decisions, each with the ends of its 95 % interval."""
    rows = [_finding_row(finding, finding.name) for finding in found.strategies]
    return _table(rows + [_finding_row(finding, f"priority: {finding.name}") for finding in found.parts])


def story(store: Store, item_id: int) -> ItemStory:
    """One item with its predictions by version and everything said about it."""
    return ItemStory(
        store.items.get(item_id),
        tuple(store.predictions.history(item_id)),
        tuple(store.feedback.of_item(item_id)),
    )


def export_rows(store: Store, project: Project, what: str, *, hidden: bool = False) -> Iterator[dict[str, Any]]:
    """Rows of `items`, `predictions`, `feedback` or `inputs` for export, chunk by chunk from the store.

    inputs: of every item, with nothing that tells its label or whether it is locked away.

    hidden: predictions too that must not be shown before their item is decided.
    """
    if what == "feedback":
        for entries in store.feedback.export(project.id):
            keys = store.items.keys([entry.item_id for entry in entries])
            yield from (_feedback_row(entry, keys[entry.item_id]) for entry in entries)
        return
    columns = export_columns(project, what)
    for items in store.items.export(project.id):
        for item in items:
            if what == "inputs":
                yield dict(zip(columns, (item.key, *_values(project, item)), strict=True))
            elif what == "items":
                label = item.label or item.base_label
                each = multilabel.flags(label, project.labels) if project.task == "multilabel" else ()
                own = (item.key, item.split, item.state, *_values(project, item), label, *each)
                yield dict(zip(columns, own, strict=True))
            elif item.predicted is not None and (hidden or not item.hidden):
                yield _prediction_row(item)


def _values(project: Project, item: Item) -> list[Any]:
    """The values of an item as a file holds them: times in ISO 8601, which are read back as the same."""
    return [
        datetime.fromtimestamp(value, UTC).isoformat() if column.kind == "timestamp" and value is not None else value
        for column, value in zip(project.schema.columns, item.values, strict=True)
    ]


EXPORT_COLUMNS = {
    "predictions": ("key", "predicted", "confidence", "priority", "state", "label"),
    "feedback": (
        *("id", "key", "reviewer", "verdict", "target", "predicted", "note", "state", "created_at"),
        *("ruling", "ruled_by", "ruled_at"),
    ),
}


def export_columns(project: Project, what: str) -> tuple[str, ...]:
    """Column names of an export, in order."""
    names = project.schema.names
    # A feature keeps its name; an own column of the same name steps aside.
    key, split, state, label = (
        f"item_{name}" if name in names else name for name in ("key", "split", "state", "label")
    )
    if what == "inputs":
        return (key, *names)
    each = (f"{label}: {one}" for one in project.labels) if project.task == "multilabel" else ()
    return EXPORT_COLUMNS.get(what) or (key, split, state, *names, label, *each)


def _prediction_row(item: Item) -> dict[str, Any]:
    return {
        "key": item.key,
        "predicted": item.predicted,
        "confidence": item.confidence,
        "priority": item.priority,
        "state": item.state,
        "label": item.label,
    }


def _feedback_row(entry: Feedback, key: str) -> dict[str, Any]:
    return {
        "id": entry.id,
        "key": key,
        "reviewer": entry.reviewer,
        "verdict": entry.verdict,
        "target": entry.target,
        "predicted": entry.predicted,
        "note": entry.note,
        "state": entry.state,
        "created_at": iso(entry.created_at),
        "ruling": entry.ruling,
        "ruled_by": entry.ruled_by,
        "ruled_at": iso(entry.ruled_at),
    }


def _finding_row(finding: queue_audit.Finding, name: str) -> dict[str, Any]:
    row: dict[str, Any] = {"drawn by": name, "decisions": finding.share.n}
    for measure, interval, scale in (
        ("per 100", finding.share, 100),
        ("ahead of random", finding.ahead, 100),
        ("per minute", finding.per_minute, 1),
    ):
        ends = ("", " low", " high")
        numbers = (None,) * 3 if interval is None else (interval.value, interval.low, interval.high)
        row |= {measure + end: None if x is None else scale * x for end, x in zip(ends, numbers, strict=True)}
    return row


def _stages(
    store: Store, project: Project, items: Mapping[str, int], versions: list[Version], reports: list[GateReport]
) -> tuple[Stage, ...]:
    champion = next((version for version in versions if version.status == "champion"), None)
    added = next((event.at for event in store.events.latest(project.id, 200) if event.kind == "items added"), None)
    entries = store.feedback.latest(project.id, 1)
    run = store.predictions.run_facts(champion.id) if champion else None
    said = sum(n for verdict, n in store.tallies.of(project.id, "total").items() if verdict != "undo")
    return (
        Stage("Take in", sum(items.values()), _unit(sum(items.values()), "item"), added, "setup",
              "Rows stored, base data and pool together."),
        Stage("Predict", run[0] if run else 0, _unit(run[0] if run else 0, "prediction"), run[1] if run else None,
              "predictions", "Pool items scored by the champion."),
        Stage("Queue", items.get("pool/open", 0), "open", None, "review", "Items nobody has decided on yet."),
        Stage("Correct", said, _unit(said, "entry", "entries"), entries[0].created_at if entries else None, "review",
              "Standing feedback entries: confirmed, corrected, skipped, flagged."),
        Stage("Retrain", len(versions), _unit(len(versions), "version"), versions[-1].created_at if versions else None,
              "retrain", "Models trained, whatever became of them."),
        Stage("Judge", len(reports), _unit(len(reports), "report"), reports[0].created_at if reports else None,
              "retrain", "Comparisons on locked rows; every look counts."),
        Stage("Promote", champion.number if champion else 0, "champion" if champion else "no champion",
              champion.promoted_at if champion else None, "insights", "Number of the version that serves now."),
    )  # fmt: skip


def _unit(n: int, one: str, many: str = "") -> str:
    return one if n == 1 else many or f"{one}s"


def _work(live: Sequence[Job]) -> tuple[Job, ...]:
    """Jobs that somebody has to wait for; studies give way to everything."""
    return tuple(job for job in live if job.kind not in STUDIES)


def _undecided(reports: list[GateReport], versions: list[Version]) -> GateReport | None:
    candidates = {version.id for version in versions if version.status == "candidate"}
    return next((r for r in reports if r.decision is None and r.challenger_id in candidates), None)


def _next_step(
    items: Mapping[str, int],
    champion: Version | None,
    due: threshold.Due,
    live: tuple[Job, ...],
    undecided: GateReport | None,
    versions: list[Version],
) -> NextStep:
    if live:
        return NextStep(f"The worker is busy: {live[0].kind}, {live[0].progress:.0%}.", "Watch it", "retrain")
    if not items:
        return NextStep("This project has no data yet.", "Add data", "setup")
    if undecided is not None:
        number = next(v.number for v in versions if v.id == undecided.challenger_id)
        return NextStep(f"Version {number} is judged and waits for a decision.", "Decide", "retrain")
    if champion is None and (items.get("train/base") or items.get("pool/labelled")):
        return NextStep("There are labels but no model yet.", "Train the first version", "retrain")
    if champion is None:
        return NextStep(
            "Nothing is labelled yet: a first model needs examples of two classes.", "Label items", "review"
        )
    if due.ready:
        return NextStep(f"{due.text}.", "Retrain", "retrain")
    if items.get("pool/open") or items.get("pool/conflict"):
        return NextStep(f"{due.text}.", "Review items", "review")
    return NextStep("Every item has been reviewed.", "Add data", "setup")


def _table(rows: list[dict[str, Any]]) -> Table:
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
