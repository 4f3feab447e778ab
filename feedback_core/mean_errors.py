"""How far off is the champion? Its mean absolute error by sample, what it may be off by in a single case, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import accuracies, conformal, estimates
from .conformal import Calibration
from .intervals import mean_error, plain
from .store import Store
from .types import Interval, Project, Version

Floats = npt.NDArray[np.float64]

NOTHING = Interval(float("nan"), 0.0, float("inf"), 0)

PARTS = 4
"""Groups of equal size into which the rows are put by their true number."""


@dataclass(frozen=True, slots=True)
class MeanErrors:
    """Mean absolute errors of a version in the unit of its numbers; n = 0 where nothing was measured.

    holdout, audit: when it was judged. reported: on everything it has faced since its promotion, of the champion alone.
    """

    version: int | None
    holdout: Interval
    audit: Interval
    reported: Interval


def mean_errors(store: Store, project: Project, version: Version | None, now: float) -> MeanErrors:
    """Every estimate of how far off a version is; the champion's include what came in after its promotion."""
    if version is None:
        return MeanErrors(None, NOTHING, NOTHING, NOTHING)
    holdout, audit = (_stored(version.metrics.get(sample, {}).get("error")) for sample in ("holdout", "audit"))
    return MeanErrors(version.number, holdout, audit, _reported(store, project, version, now))


def _reported(store: Store, project: Project, version: Version, now: float) -> Interval:
    if version.status != "champion":
        return NOTHING
    rows = accuracies.rows_since(store, project, now, lambda truth, said: abs(float(truth) - float(said)))
    return NOTHING if rows is None else estimates.mean(rows.right, rows.by)


def _stored(score: Mapping[str, Any] | None) -> Interval:
    if not score or score["value"] is None:
        return NOTHING
    return Interval(score["value"], score["low"], score["high"], score["n"])


def calibration(store: Store, project: Project, version_id: int) -> Calibration | None:
    """What turns a version's predictions into intervals: its errors on the audit sample, or while these are too few on
    the holdout; None where neither has rows enough."""
    return conformal.chosen(
        *(_calibrated(store.residuals.of(project.id, version_id, sample), sample) for sample in ("audit", "holdout"))
    )


def _calibrated(rows: Mapping[str, Any], sample: str) -> Calibration | None:
    truth = np.asarray([float(text) for text in rows["truth"]])
    said = np.asarray(rows["numbers"], dtype=float)
    return conformal.calibrated(np.abs(truth - said[:, 0]), said[:, 1], sample)


def known_rows(store: Store, project: Project, version: Version, sample: str) -> dict[str, list[Any]]:
    """Columns item, truth, predicted and error of the newest rows of a sample, for a chart."""
    rows = store.residuals.of(project.id, version.id, sample)
    truth = [float(text) for text in rows["truth"]]
    predicted = [float(text) for text in rows["said"]]
    errors = [said - right for said, right in zip(predicted, truth, strict=True)]
    return {"item": list(rows["ids"]), "truth": truth, "predicted": predicted, "error": errors}


def by_size(rows: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """One row for each quarter by true number: from, to, mean absolute error with interval, bias and n."""
    truth, error = (np.asarray(rows[name], dtype=float) for name in ("truth", "error"))
    if not len(truth):
        return {}
    groups = [group for group in np.array_split(np.argsort(truth, kind="stable"), PARTS) if len(group)]
    table: list[dict[str, Any]] = []
    for group in groups:
        score = plain(mean_error(np.abs(error[group])))
        ends = {"from": float(truth[group].min()), "to": float(truth[group].max())}
        table.append(ends | {"error": score["value"], "low": score["low"], "high": score["high"],
                             "bias": float(error[group].mean()), "n": len(group)})  # fmt: skip
    return {name: [row[name] for row in table] for name in table[0]}
