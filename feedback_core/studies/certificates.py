"""The certificate of a champion: from which confidence on its predictions need no review, proved on the audit sample.

It counts random draws since the promotion alone: nobody can have chosen the version by them, and they are a sample of
what is still to be reviewed, which is what goes without review.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import automation, label_sets
from ..errors import Refused
from ..store import Store
from ..types import Progress, Project, Study, Version

WINDOW = 50_000
"""Newest entries among which the random draws are looked for, in about 0.5 s."""

VALID_S = 30 * 86_400.0
"""Seconds a certificate holds at most: what comes in changes, and the draws that proved it grow old."""

LEAST_CALIBRATED = 50
"""Random draws below which no label sets are shown: their coverage would be uncertain by more than 5 points."""


@dataclass(frozen=True, slots=True)
class CertificateView:
    """sentence: the finding. notes: method and limits. threshold: in force, else None; `why_not` then says why.

    table: columns threshold, share (of the open items at or above it), rows, right, accuracy, bound, target (0-1) and
    held.
    """

    sentence: str = ""
    notes: tuple[str, ...] = ()
    threshold: float | None = None
    why_not: str = ""
    table: dict[str, list[Any]] = field(default_factory=dict)
    version: int | None = None
    created_at: float | None = None


def certificate(store: Store, project: Project, version: Version, now: float, progress: Progress) -> Study:
    """Look for the threshold and keep what came of it, with the cut of the label sets.

    Raises Refused for a version that is not the champion.
    """
    if version.status != "champion" or version.promoted_at is None:
        raise Refused(f"Version {version.number} is not the champion: only what serves can go without review.")
    progress(0.1, "reading the random draws since the promotion")
    draws = _draws(store, project, version, now)
    waiting = store.answers.open_confidences(project.id)
    attempt = 1 + sum(bool(each.body["steps"]) for each in store.studies.of_version(version.id, "certificate"))
    found = automation.certify(
        draws.confidence,
        draws.right,
        automation.percentiles(waiting),
        project.settings.certified_target,
        automation.share_of_error(attempt),
    )
    steps = [asdict(step) | {"share": float((waiting >= step.threshold).mean())} for step in found.steps]
    body = {
        "version": version.number,
        "attempt": attempt,
        "rows": len(draws.right),
        "unanswered": draws.unanswered,
        "open": len(waiting),
        "label_cut": label_sets.cut(draws.own) if len(draws.own) >= LEAST_CALIBRATED else None,
    }
    body |= {"threshold": found.threshold, "target": found.target, "error": found.error, "needed": found.needed}
    return store.studies.save(project.id, "certificate", body | {"steps": steps}, version_id=version.id, now=now)


def certificate_view(store: Store, project: Project, now: float) -> CertificateView:
    """The newest certificate of the champion."""
    champion = store.versions.champion(project.id)
    if champion is None:
        return CertificateView(why_not="Train the first version on Retrain; its random draws can then prove a promise.")
    study = store.studies.newest(project.id, "certificate", champion.id)
    if study is None:
        return CertificateView(why_not=f"Nothing is proved about version {champion.number} yet.")
    body = study.body
    held = next((step for step in body["steps"] if step["threshold"] == body["threshold"]), None)
    columns = ("threshold", "share", "rows", "right", "bound")
    table = {name: [step[name] for step in body["steps"]] for name in columns}
    table["accuracy"] = [step["right"] / step["rows"] for step in body["steps"]]
    table["target"] = [body["target"]] * len(body["steps"])
    table["held"] = [step["bound"] >= body["target"] for step in body["steps"]]
    threshold = body["threshold"] if now < study.created_at + VALID_S else None
    outdated = "" if threshold == body["threshold"] else "The proof is more than 30 days old: find the threshold again."
    return CertificateView(
        sentence=_sentence(body, held),
        notes=_notes(body),
        threshold=threshold,
        why_not=outdated or ("" if held else _why_not(body)),
        table=table if body["steps"] else {},
        version=body["version"],
        created_at=study.created_at,
    )


def in_force(store: Store, project: Project, now: float) -> float | None:
    """The confidence from which on nothing is asked for by priority; None where everything is."""
    if not project.settings.skip_certified:
        return None
    study = _of_champion(store, project)
    return None if study is None or now >= study.created_at + VALID_S else study.body["threshold"]


def label_cut(store: Store, project: Project) -> float | None:
    """The least probability of a label in the champion's label sets; None where nothing is proved."""
    study = _of_champion(store, project)
    return None if study is None else study.body["label_cut"]


@dataclass(frozen=True, slots=True)
class _Draws:
    """Labelled random draws: confidence, right (n,), and the probability of the right label `own` (m,)."""

    confidence: npt.NDArray[np.float64]
    right: npt.NDArray[np.bool_]
    own: npt.NDArray[np.float64]
    unanswered: int


def _of_champion(store: Store, project: Project) -> Study | None:
    champion = store.versions.champion(project.id)
    return None if champion is None else store.studies.newest(project.id, "certificate", champion.id)


def _draws(store: Store, project: Project, version: Version, now: float) -> _Draws:
    assert version.promoted_at is not None
    known = store.answers.known(project.id, version.promoted_at, version.feedback_upto, now, WINDOW)
    drawn = [
        (item, label) for item, uniform, label in zip(known.ids, known.uniform, known.labels, strict=True) if uniform
    ]
    labels = {item: label for item, label in drawn if label is not None}
    said = store.answers.said(version.id, list(labels))
    rows = [(confidence, label == labels[item]) for item, (label, confidence) in said.items()]
    confidence, right = zip(*rows, strict=True) if rows else ((), ())
    ids, proba = store.predictions.proba_of(version.id, list(said))
    places = {label: n for n, label in enumerate(project.labels)}
    own = [float(row[places[str(labels[item])]]) for item, row in zip(ids, proba, strict=True)]
    return _Draws(
        np.asarray(confidence, float), np.asarray(right, bool), np.asarray(own, float), len(drawn) - len(rows)
    )


def _sentence(body: Mapping[str, Any], held: Mapping[str, Any] | None) -> str:
    if held is None:
        return f"No prediction may go without review yet: nothing proves {body['target']:.0%} right answers"
    return (
        f"{held['share']:.0%} of the open items could go without review: at least {body['target']:.0%} of these "
        "predictions are right"
    )


def _why_not(body: Mapping[str, Any]) -> str:
    if not body["steps"]:
        return (
            f"{body['rows']:,} random draws have been answered since the promotion. To prove {body['target']:.0%}, "
            f"{body['needed']:,} are needed above a threshold, without a mistake among them: go on reviewing, or raise "
            "the audit share on Setup."
        )
    first = body["steps"][0]
    return (
        f"Among the {first['rows']:,} random draws the model is surest about, {first['right']:,} are right: "
        f"{first['bound']:.1%} at least, which is less than {body['target']:.0%}."
    )


def _notes(body: Mapping[str, Any]) -> tuple[str, ...]:
    left_out = f" {body['unanswered']:,} without a label are left out." if body["unanswered"] else ""
    attempt = f"Attempt {body['attempt']} for this version: the probability that the promise does not hold is "
    return (
        f"Proved on {body['rows']:,} random draws answered since the promotion, by exact tests from the strictest "
        f"threshold on.{left_out}",
        f"{attempt}{body['error']:.1%} here, and 5% over all attempts together. It is about items like those that "
        "come in now, and holds for 30 days.",
    )
