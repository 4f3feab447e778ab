"""Stored scores as tidy columns: accuracy of all versions, mistakes, recall by class and calibration of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from .calibration import LEAST_TEMPERED
from .scope import SAMPLES, Sample
from .types import GateReport, Version

Table = dict[str, list[Any]]
Changes = Mapping[tuple[str, str], int]
"""(truth, prediction) -> how many more rows are there than before."""


def accuracy(versions: Sequence[Version], reports: Sequence[GateReport]) -> Table:
    """One row per judged version and sample: accuracy with interval, status, and what led to it.

    reports: newest first; the newest about a version says how it was found.
    """
    found = {report.challenger_id: report.finding for report in reversed(reports)}
    rows = [
        {
            "version": version.number,
            "sample": sample,
            "accuracy": score["value"],
            "low": score["low"],
            "high": score["high"],
            "n": score["n"],
            "status": version.status,
            "finding": found.get(version.id, "not judged"),
            "feedback": version.n_feedback,
            "base": version.n_base,
            "estimator": version.estimator,
            "created_at": version.created_at,
            "holdout since": version.metrics.get("holdout_since"),
        }
        for version in versions
        for sample in SAMPLES
        if (score := version.metrics.get(sample, {}).get("accuracy", {})).get("value") is not None
    ]
    return table(rows)


def errors(versions: Sequence[Version], reports: Sequence[GateReport]) -> Table:
    """The same of versions that predict numbers: mean absolute error with interval, in the unit of the numbers."""
    found = {report.challenger_id: report.finding for report in reversed(reports)}
    rows = [
        {
            "version": version.number,
            "sample": sample,
            "error": score["value"],
            "low": score["low"],
            "high": score["high"],
            "n": score["n"],
            "status": version.status,
            "finding": found.get(version.id, "not judged"),
            "holdout since": version.metrics.get("holdout_since"),
        }
        for version in versions
        for sample in SAMPLES
        if (score := version.metrics.get(sample, {}).get("error", {})).get("value") is not None
    ]
    return table(rows)


def looked_at(versions: Sequence[Version], wanted: int | None = None) -> Version | None:
    """The version a view is about: the wanted one, else the champion, else the newest that was one, else the newest."""
    groups = (
        [version for version in versions if version.number == wanted],
        [version for version in versions if version.status == "champion"],
        [version for version in versions if version.promoted_at is not None],
        versions,
    )
    return next((group[-1] for group in groups if group), None)


def matrix(version: Version, sample: Sample, labels: Sequence[str], changes: Changes | None, most: int) -> Table:
    """Every cell of the confusion matrix of at most `most` classes, those with the most mistakes, in label order.

    changes: None where it is not known what the version before said; then column `change` is None.
    """
    counts = _counts(version, sample, labels)
    wrong: Counter[str] = Counter()
    for (truth, said), n in counts.items():
        if truth != said:
            wrong[truth] += n
            wrong[said] += n
    shown = set(sorted(labels, key=lambda label: (-wrong[label], labels.index(label)))[:most])
    chosen = [label for label in labels if label in shown and counts]
    return table([_cell(counts, truth, said, changes) for truth in chosen for said in chosen])


def mistakes(version: Version, sample: Sample, labels: Sequence[str], changes: Changes | None) -> Table:
    """Pairs of labels that are confused, or were before; the most frequent first."""
    counts = _counts(version, sample, labels)
    pairs = {pair for pair, n in counts.items() if n} | {pair for pair, n in (changes or {}).items() if n}
    rows = [_cell(counts, truth, said, changes) for truth, said in pairs if truth != said]
    return table(sorted(rows, key=lambda row: (-row["rows"], row["change"] or 0, row["truth"], row["said"])))


def recall(version: Version, sample: Sample, before: Version | None) -> Table:
    """One row per class that occurs in the sample: the share of its rows that is found, with interval.

    before: the same of the version before, where it was judged on as many rows of the class.
    """
    own, other = (one.metrics.get(sample, {}).get("per_class", {}) if one else {} for one in (version, before))
    return table(
        [
            {
                "label": label,
                "found": score["value"],
                "low": score["low"],
                "high": score["high"],
                "n": score["n"],
                "before": was["value"] if (was := other.get(label, {})).get("n") == score["n"] else None,
            }
            for label, score in own.items()
            if score["value"] is not None
        ]
    )


def by_label(version: Version, sample: Sample, before: Version | None) -> Table:
    """One row per label of a version that predicts sets of them: recall, precision and F1 on the rows of the sample.

    rows: those that bear the label. before: the F1 of the version before, where as many rows bore the label.
    """
    own, other = (one.metrics.get(sample, {}).get("per_label", {}) if one else {} for one in (version, before))
    return table(
        [
            {"label": label, "rows": scores["n"], "f1": scores["f1"]}
            | {
                f"{name}{column}": scores[name][end]
                for name in ("recall", "precision")
                for column, end in (("", "value"), (" low", "low"), (" high", "high"), (" n", "n"))
            }
            | {"before": was["f1"] if (was := other.get(label, {})).get("n") == scores["n"] else None}
            for label, scores in own.items()
        ]
    )


def temperature(version: Version) -> float:
    """What the version's log probabilities are divided by before they are shown: 1 while too few audit rows tell.

    From the audit rows it was judged on, which came in before its promotion: the random draws that come after can then
    prove something about what is shown.
    """
    if not version.artifact:
        return 1.0  # what it says is stored as it was sent, and would be divided again with every scoring
    stored = version.metrics.get("audit", {}).get("calibration", {})
    return float(stored["temperature"]) if stored.get("n", 0) >= LEAST_TEMPERED else 1.0


def calibration(version: Version, sample: Sample) -> Table:
    """One row per bin of confidence; empty for versions that were judged before calibration was measured."""
    bins = version.metrics.get(sample, {}).get("calibration", {}).get("bins", [])
    return table(
        [
            {
                "from": each["low"],
                "to": each["high"],
                "confidence": each["confidence"],
                "accuracy": each["accuracy"]["value"],
                "low": each["accuracy"]["low"],
                "high": each["accuracy"]["high"],
                "n": each["accuracy"]["n"],
            }
            for each in bins
        ]
    )


def table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Rows as columns; no rows, no columns."""
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def _counts(version: Version, sample: Sample, labels: Sequence[str]) -> dict[tuple[str, str], int]:
    stored = version.metrics.get(sample, {}).get("confusion", [])
    # A version judged before a label was added has a smaller matrix.
    return {(labels[i], labels[j]): n for i, row in enumerate(stored) for j, n in enumerate(row)}


def _cell(counts: Mapping[tuple[str, str], int], truth: str, said: str, changes: Changes | None) -> dict[str, Any]:
    rows = sum(n for (label, _), n in counts.items() if label == truth)
    n = counts.get((truth, said), 0)
    return {
        "truth": truth,
        "said": said,
        "rows": n,
        "share": n / rows if rows else 0.0,
        "change": None if changes is None else changes.get((truth, said), 0),
    }
