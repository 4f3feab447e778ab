"""The refinement report: what was corrected, what it changed, and what was decided, for one verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import movement
from ..store import Store
from ..types import Flip, FlipKind, GateReport, Project, Version
from ..wording import ADVICE
from . import summaries
from .rendering import render

NAMED = 50
"""Rows of each kind of flip that are named one by one."""

KINDS: dict[FlipKind, str] = {
    "fixed": "Fixed: only the new version is right",
    "broken": "Broken: only the champion is right",
    "moved": "Moved: both are wrong, in different ways",
}


NEARER: dict[FlipKind, str] = {
    "fixed": "Improved: nearer to the truth by more than the tolerance",
    "broken": "Worsened: farther off by more than the tolerance",
}


@dataclass(frozen=True, slots=True)
class Changed:
    """One row about which the two versions say different things."""

    key: str
    flip: Flip


def refinement(store: Store, project: Project, report: GateReport, now: float) -> str:
    """The whole report as one page of HTML. now: when it is written."""
    version, champion = store.versions.compared(report)
    since = champion.feedback_upto if champion else 0
    # Of a version from elsewhere nobody knows what it has learned.
    learned = store.contributions.between(project.id, since, version.feedback_upto if version.lineage_known else 0)
    sets = project.task == "multilabel"
    facts = {
        "project": project,
        "report": report,
        "numbers": report.numbers,
        "unit": report.numbers.get("unit", "points"),
        "version": version,
        "champion": champion,
        "verdict": verdict(report, version),
        "advice": ADVICE[report.action],
        "is_number": "challenger_error" in report.numbers,
        "pairs": summaries.pairs(learned) if project.labels else [],
        "switched": summaries.switched(learned, project.labels) if sets else [],
        "most_pairs": summaries.MOST_PAIRS,
        "people": summaries.people(learned),
        "strategies": summaries.strategies(learned),
        "training": summaries.weights(store.versions.lineage(version.id), sets=sets) if project.labels else [],
        "samples": sample_rows(report.numbers),
        "slices": slice_rows(report.numbers),
        "flip_counts": store.flips.counts(report.id),
        "flips": _flips(store, report, project),
        "kinds": KINDS if project.labels else NEARER,
        "named": NAMED,
        **_moved(store, version),
        "provenance": report.numbers.get("provenance", {}),
        "settings": report.numbers.get("provenance", {}).get("settings") or project.settings.to_dict(),
        "now": now,
    }
    return render("refinement.html.j2", facts)


def verdict(report: GateReport, version: Version) -> str:
    """The finding as a sentence."""
    says = {
        "first": "is the first version: there was no champion to compare it with",
        "better": "is better than the champion",
        "not measurably different": "is not measurably different from the champion",
        "worse within noise": "scored lower than the champion, within noise",
        "worse": "is worse than the champion",
    }
    return f"Version {version.number} {says[report.finding]}."


def sample_rows(numbers: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """(sample, comparison) for each locked sample that has rows."""
    samples: Mapping[str, Mapping[str, Any]] = numbers.get("samples", {})
    return [(name, body) for name, body in samples.items() if body.get("n")]


def slice_rows(numbers: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The comparison on each slice of the locked rows; none in reports from before slices were looked at."""
    found: Sequence[Mapping[str, Any]] = numbers.get("slices", ())
    return found


def _moved(store: Store, version: Version) -> Mapping[str, Any]:
    """What moved since its parent, where somebody has asked for it."""
    study = store.studies.newest(store.versions.project_of(version.id), "effects", version.id)
    if study is None:
        return {"moved": None}
    body = study.body
    told = {"moved_words": movement.told(body), "moved_notes": movement.notes(body)}
    return {"moved": body, "moved_unit": movement.unit_of(body), "times": movement.scale_of(body)} | told


def _flips(store: Store, report: GateReport, project: Project) -> dict[FlipKind, list[Changed]]:
    read = store.flips.page if project.labels else store.flips.most
    pages = {kind: read(report.id, kind, limit=NAMED) for kind in KINDS}
    keys = store.items.keys([flip.item_id for page in pages.values() for flip in page])
    return {kind: [Changed(keys.get(flip.item_id, "?"), flip) for flip in page] for kind, page in pages.items()}
