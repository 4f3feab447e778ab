"""What a model cannot be trusted with, in words that follow from stored facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..gate.verdict import MIN_CASES
from ..gate.wear import LOOKS
from ..types import GateReport, Project, Version
from ..wording import counted, off, share

WIDE = 0.05
"""Half an interval beyond which an accuracy is called imprecise: 5 points, what 200 rows give at 85 %."""

FEW_OF_CLASS = 20
"""Below this a recall is known to within about 20 points only."""


def limits(
    champion: Version, project: Project, report: GateReport | None, learned: Sequence[str], looks: int
) -> list[str]:
    """One sentence a limit. learned: labels among the training rows. looks: at the present locked rows, so far."""
    holdout, audit = (champion.metrics.get(sample, {}) for sample in ("holdout", "audit"))
    return [
        *(_unseen(project, learned) if champion.lineage_known else _elsewhere()),
        *(_errors(holdout, audit) if "error" in holdout else _shares(holdout, audit)),
        *_looked_at(looks),
        *_against_advice(report),
        *(["The reviewers of this sample project are simulated."] if project.simulated else []),
    ]


def _shares(holdout: Mapping[str, Any], audit: Mapping[str, Any]) -> Iterator[str]:
    yield from _precision(holdout.get("accuracy"))
    yield from _classes(holdout)
    yield from _incoming(holdout.get("accuracy"), audit.get("accuracy"))


def _errors(holdout: Mapping[str, Any], audit: Mapping[str, Any]) -> Iterator[str]:
    """The same of a version that predicts numbers."""
    known, unit = holdout["error"]["n"], holdout.get("unit", "")
    if not known:
        yield "There is no holdout: nothing is known about how far off it is on the data the project began with."
    elif known < MIN_CASES:
        yield f"Only {counted(known, 'locked row')} to measure it on: its mean error is a rough guess."
    coming = audit.get("error", {})
    if not coming.get("n"):
        yield "There is no audit sample: nothing is known about how far off it is on the items that come in."
    elif known and coming["low"] > (holdout["error"]["high"] or 0):
        yield (
            f"On incoming items it is further off than on the holdout: audit sample {off(coming, unit)}, holdout "
            f"{off(holdout['error'], unit)}."
        )


def _unseen(project: Project, learned: Sequence[str]) -> Iterator[str]:
    missing = [label for label in project.labels if label not in set(learned)]
    if missing:
        yield f"It has never seen {_quoted(missing)} and cannot predict {'them' if len(missing) > 1 else 'it'}."


def _elsewhere() -> Iterator[str]:
    yield (
        "It was trained elsewhere; on which rows is not known. The holdout may have been among them: its accuracy "
        "there may be too good."
    )


def _precision(accuracy: Mapping[str, Any] | None) -> Iterator[str]:
    if not accuracy or accuracy["value"] is None:
        yield "There is no holdout: nothing is known about its accuracy on the data the project began with."
        return
    half = (accuracy["high"] - accuracy["low"]) / 2
    if accuracy["n"] < MIN_CASES:
        yield f"Only {counted(accuracy['n'], 'locked row')} to measure it on: its accuracy is a rough guess."
    elif half > WIDE:
        yield f"Its accuracy on the holdout is known to within {100 * half:.0f} points only."


def _classes(holdout: Mapping[str, Any]) -> Iterator[str]:
    recalls: Mapping[str, Mapping[str, Any]] = holdout.get("per_class", {})
    without = [label for label, recall in recalls.items() if recall["value"] is None]
    if without:
        yield f"No locked row is labelled {_quoted(without)}: how often it gets such rows right is unknown."
    few = [label for label, recall in recalls.items() if recall["value"] is not None and recall["n"] < FEW_OF_CLASS]
    if few:
        yield f"Fewer than {FEW_OF_CLASS} locked rows are labelled {_quoted(few)}: recall there is a rough guess."
    # The share of whole sets that are right is no measure for one label of them: that is the recall of all labels.
    usual, over = (holdout["recall"], "labels") if "recall" in holdout else (holdout.get("accuracy", {}), "rows")
    for label, recall in recalls.items():
        if recall["value"] is not None and recall["high"] < usual["low"]:
            yield f"It is weak on {label!r}: recall {share(recall)}, against {share(usual)} over all {over}."


def _incoming(holdout: Mapping[str, Any] | None, audit: Mapping[str, Any] | None) -> Iterator[str]:
    if not audit or audit["value"] is None:
        yield "There is no audit sample: nothing is known about its accuracy on the items that come in."
    elif holdout and holdout["value"] is not None and audit["high"] < holdout["low"]:
        yield (
            f"On incoming items it is worse than on the holdout: audit sample {share(audit)}, holdout {share(holdout)}."
        )


def _looked_at(looks: int) -> Iterator[str]:
    if looks >= LOOKS:
        yield f"The locked rows have been looked at {looks} times, {LOOKS} were budgeted: fresh labels are due."
    elif looks:
        yield (
            f"Versions have been chosen by {counted(looks, 'look')} at the locked rows, so its score there is somewhat "
            "optimistic; audit items labelled after its promotion give the fair number."
        )


def _against_advice(report: GateReport | None) -> Iterator[str]:
    if report is not None and report.action != "promote":
        advised = {"hold": "wait", "refuse": "keep the champion before it"}[report.action]
        yield f"{report.decided_by} promoted it although the gate advised to {advised}: {report.decision_reason}"


def _quoted(labels: Sequence[str]) -> str:
    shown = ", ".join(repr(label) for label in labels[:10])
    return shown if len(labels) <= 10 else f"{shown} and {len(labels) - 10} more labels"
