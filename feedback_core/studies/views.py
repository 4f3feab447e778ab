"""Studies as a page shows them: a sentence, tidy columns, and whether they are still about what is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .. import tasks
from ..store import Store
from ..types import Project, Study, StudyKind, Version

Table = dict[str, list[Any]]
"""Tidy columns of equal length."""

DIVISIONS = {"batch": "Round", "reviewer": "Reviewer", "strategy": "Drawn by", "class": "Label"}
AUTOMATIC: tuple[Literal["forecast"], Literal["credit"]] = ("forecast", "credit")
"""Studies the worker makes of every new champion by itself."""


@dataclass(frozen=True, slots=True)
class ForecastView:
    """sentence: the finding. advice: whether to go on labelling. notes: method, sample, and how earlier ones came out.

    table: the curve and its fan, columns rows, accuracy, low_80, high_80, low_95, high_95 (0-1), n and kind (`measured`
    or `forecast`). gains: columns more, points, low_80, high_80, low_95, high_95. outcomes: columns version, later,
    more, forecast, low_80, high_80, actual, low_95, high_95 (in points), n, held. outdated: why it is about the past,
    or empty. empty: what to press when there is nothing to show, else empty.
    """

    sentence: str = ""
    advice: str = ""
    stop: bool = False
    notes: tuple[str, ...] = ()
    table: Table = field(default_factory=dict)
    gains: Table = field(default_factory=dict)
    outcomes: Table = field(default_factory=dict)
    version: int | None = None
    created_at: float | None = None
    outdated: str = ""
    empty: str = ""


@dataclass(frozen=True, slots=True)
class CreditView:
    """sentence: the gain as a whole. findings: the groups that can be told from zero, or that none can.

    table: columns by, group, labels, points, low, high, clear (told from zero), misleads (whether a reviewer's
    labels contradict the rows around them), n and text. outdated, empty: as for
    forecasts.
    """

    sentence: str = ""
    findings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    table: Table = field(default_factory=dict)
    version: int | None = None
    created_at: float | None = None
    outdated: str = ""
    empty: str = ""


@dataclass(frozen=True, slots=True)
class DryRunView:
    """What a retrain would bring; empty: what to press."""

    sentences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    created_at: float | None = None
    outdated: str = ""
    empty: str = ""


def forecast_view(store: Store, project: Project) -> ForecastView:
    """The newest forecast."""
    study, champion = store.studies.newest(project.id, "forecast"), store.versions.champion(project.id)
    if study is None:
        return ForecastView(empty=_nothing(champion, "forecast what more labels are worth"))
    body, outdated = study.body, _outdated(study, champion)
    about: dict[str, Any] = {"version": body["version"], "created_at": study.created_at, "outdated": outdated}
    outcomes = _columns(_outcome(row) for row in body["outcomes"])
    if "gains" not in body:
        return ForecastView(sentence=body["why_not"], outcomes=outcomes, **about)
    return ForecastView(
        sentence=body["sentence"],
        advice=body["advice"],
        stop=body["stop"],
        notes=_forecast_notes(body),
        table=_columns(_curve(body)),
        gains=_columns(_gain(gain) for gain in body["gains"]),
        outcomes=outcomes,
        **about,
    )


def credit_view(store: Store, project: Project) -> CreditView:
    """The newest credit of a version."""
    study, champion = store.studies.newest(project.id, "credit"), store.versions.champion(project.id)
    if study is None:
        return CreditView(empty=_nothing(champion, "trace the gain back to the feedback it came from"))
    body, outdated = study.body, _outdated(study, champion)
    about: dict[str, Any] = {"version": body["version"], "created_at": study.created_at, "outdated": outdated}
    if "why_not" in body:
        return CreditView(sentence=body["why_not"], **about)
    notes = (
        body["method"],
        "Intervals are 95 %; a group is told from zero by Holm's correction over all groups. Groups overlap: their "
        "points need not add up.",
        "Credit reads the locked rows: after rulings that follow from it, treat the next gain on them with care.",
    )
    return CreditView(
        sentence=body["headline"],
        findings=tuple(body["sentences"]),
        notes=notes,
        table=_columns(_credit(row) for row in body["credits"]),
        **about,
    )


def dry_run_view(store: Store, project: Project) -> DryRunView:
    """The newest dry run."""
    study, champion = store.studies.newest(project.id, "dry run"), store.versions.champion(project.id)
    if study is None:
        return DryRunView(empty="" if champion is None else "A dry run says what a retrain would bring.")
    newest = store.feedback.latest(project.id, 1)
    outdated = _outdated(study, champion)
    tried = [each for each in store.versions.all(project.id) if each.created_at > study.created_at]
    if tried:
        # Its outlook has become a version with a verdict of its own, which is what counts now.
        return DryRunView(empty=f"The last one was before version {tried[0].number}, whose verdict stands below.")
    if not outdated and newest and newest[0].id > study.body["upto"]:
        outdated = "More feedback has come in since."
    folds = study.body.get("folds")
    notes = (
        f"By {folds} folds over the training rows, paired; intervals are 95 %. The locked rows were not looked at, so "
        "this costs nothing of the gate's budget and proves nothing: the gate decides.",
    )
    return DryRunView(tuple(study.body["sentences"]), notes if folds else (), study.created_at, outdated)


def missing(store: Store, project: Project) -> tuple[StudyKind, ...]:
    """Studies of the champion that nobody has made yet."""
    champion = store.versions.champion(project.id)
    if champion is None or champion.elsewhere or "studies" not in tasks.of(project).offers:
        return ()
    return tuple(kind for kind in AUTOMATIC if store.studies.newest(project.id, kind, champion.id) is None)


def hit_rate(outcomes: Sequence[Mapping[str, Any]]) -> str:
    """How many forecasts came true, in words; empty while none can be told."""
    if not outcomes:
        return ""
    held = sum(row["held"] for row in outcomes)
    return f"{held} of {len(outcomes)} earlier forecast{'s' * (len(outcomes) > 1)} held (about 4 of 5 should)."


def _forecast_notes(body: Mapping[str, Any]) -> tuple[str, ...]:
    hits = hit_rate(body["outcomes"])
    return (
        f"{body['method']} Judged on {body['judged']:,} locked rows, holdout and audit sample together.",
        "A label is a correction or a confirmation. For rows taken at random; what the queue asks should bring more.",
        *([hits] if hits else []),
    )


def _outdated(study: Study, champion: Version | None) -> str:
    if champion is None or study.version_id == champion.id:
        return ""
    return f"Version {champion.number} has become champion since."


def _nothing(champion: Version | None, what: str) -> str:
    if champion is None:
        return "Train the first version on Retrain; the worker can then " + what + "."
    return f"Let the worker {what}: it takes about a minute, and never holds up a retrain."


def _curve(body: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    measured = [
        {
            "rows": point["rows"],
            "accuracy": point["accuracy"]["value"],
            "low_80": None,
            "high_80": None,
            "low_95": point["accuracy"]["low"],
            "high_95": point["accuracy"]["high"],
            "n": point["accuracy"]["n"],
            "kind": "measured",
        }
        for point in body["curve"]
    ]
    now = measured[-1]["accuracy"]
    start = dict.fromkeys(("value", "low80", "high80", "low95", "high95"), 0.0) | {"more": 0}
    ahead = [
        {
            "rows": body["size"] + gain["more"],
            "accuracy": min(1.0, now + gain["value"]),
            **{
                f"{end}_{share}": min(1.0, now + gain[f"{end}{share}"]) for end in ("low", "high") for share in (80, 95)
            },
            "n": body["judged"],
            "kind": "forecast",
        }
        for gain in (start, *body["gains"])
    ]
    return [*measured, *ahead]


def _gain(gain: Mapping[str, Any]) -> dict[str, Any]:
    ends = {f"{end}_{share}": 100 * gain[f"{end}{share}"] for share in (80, 95) for end in ("low", "high")}
    return {"more": gain["more"], "points": 100 * gain["value"], **ends}


def _outcome(row: Mapping[str, Any]) -> dict[str, Any]:
    names = {"forecast": "forecast", "low80": "low_80", "high80": "high_80", "actual": "actual"}
    ends = {"actual_low": "low_95", "actual_high": "high_95"}
    points = {new: 100 * row[old] for old, new in (names | ends).items()}
    return {"version": row["version"], "later": row["later"], "more": row["more"], **points} | {
        "n": row["n"],
        "held": row["held"],
    }


def _credit(row: Mapping[str, Any]) -> dict[str, Any]:
    gain = row["gain"]
    return {
        "by": DIVISIONS[row["by"]],
        "group": row["name"],
        "labels": row["rows"],
        "points": 100 * gain["value"],
        "low": 100 * gain["low"],
        "high": 100 * gain["high"],
        "clear": row["distinguishable"],
        "misleads": row["misleads"],
        "n": gain["n"],
        "text": row["text"],
    }


def _columns(rows: Any) -> Table:
    listed = list(rows)
    return {name: [row[name] for row in listed] for name in listed[0]} if listed else {}
