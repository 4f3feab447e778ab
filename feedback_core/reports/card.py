"""The model card: what serves now, how good it is, and what it cannot be trusted with."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..errors import NotFound
from ..gate.wear import LOOKS, looks_so_far
from ..store import Store
from ..types import GateReport, Project, Version
from . import summaries
from .limits import limits
from .refinement import slice_rows
from .rendering import render


@dataclass(frozen=True, slots=True)
class Ancestor:
    """One version on the way to the champion, with the verdict it was promoted on."""

    version: Version
    report: GateReport | None


def card(store: Store, project: Project, now: float) -> str:
    """The champion's card as one page of HTML. now: when it is written. Raises NotFound before the first version."""
    return render("card.html.j2", _facts(store, project) | {"now": now})


def card_facts(store: Store, project: Project) -> dict[str, Any]:
    """The same card as plain JSON values. Raises NotFound before the first version."""
    facts = _facts(store, project)
    version: Version = facts["version"]
    return {
        "project": project.name,
        "task": project.task,
        "labels": list(project.labels),
        "columns": [{"name": column.name, "kind": column.kind} for column in project.schema.columns],
        "version": version.number,
        "estimator": version.estimator,
        "params": dict(version.params),
        "seed": version.seed,
        "sha256": version.sha256,
        "environment": dict(version.environment),
        "metrics": dict(version.metrics),
        "slices": list(facts["slices"]),
        "limits": facts["limits"],
        "looks": facts["looks"],
        "training": [asdict(each) for each in facts["training"]],
        "reviewers": [asdict(each) for each in facts["people"]],
        "lineage": [_line(each) for each in facts["ancestors"]],
        "provenance": facts["provenance"],
    }


def _facts(store: Store, project: Project) -> dict[str, Any]:
    champion = store.versions.champion(project.id)
    if champion is None:
        raise NotFound(f"{project.name} has no champion yet: train the first version on the Retrain page.")
    reports, training = store.versions.reports(project.id), _training(store, project, champion)
    looks = looks_so_far(reports, store.projects.get(project.id).refreshed_after)
    promotion = _promotion(champion, reports)
    return {
        "project": project,
        "version": champion,
        "report": promotion,
        "slices": slice_rows(promotion.numbers) if promotion else (),
        "training": training,
        "items": store.tallies.of(project.id, "items"),
        "people": summaries.people(
            store.contributions.between(project.id, 0, champion.feedback_upto if champion.lineage_known else 0)
        ),
        "limits": limits(champion, project, promotion, [each.label for each in training], looks),
        "looks": looks,
        "looks_budget": LOOKS,
        "ancestors": _ancestors(champion, store.versions.all(project.id), reports),
        "provenance": promotion.numbers.get("provenance", {}) if promotion else {},
    }


def _training(store: Store, project: Project, champion: Version) -> list[summaries.Weights]:
    """Training rows by label; none where numbers are predicted, of which hardly two are equal."""
    if not project.labels:
        return []
    return summaries.weights(store.versions.lineage(champion.id), sets=project.task == "multilabel")


def _line(each: Ancestor) -> dict[str, Any]:
    report = each.report
    return {
        "version": each.version.number,
        "sha256": each.version.sha256,
        "finding": report.finding if report else None,
        "difference": report.numbers.get("difference") if report else None,
        "decided_by": report.decided_by if report else None,
        "reason": report.decision_reason if report else None,
    }


def _promotion(version: Version, reports: list[GateReport]) -> GateReport | None:
    """The newest report a version was promoted on; reports come newest first."""
    mine = (each for each in reports if each.challenger_id == version.id and each.decision == "promote")
    return next(mine, None)


def _ancestors(champion: Version, versions: list[Version], reports: list[GateReport]) -> list[Ancestor]:
    by_id = {version.id: version for version in versions}
    line = [champion]
    while (parent := by_id.get(line[-1].parent_id or 0)) is not None:
        line.append(parent)
    return [Ancestor(version, _promotion(version, reports)) for version in line]
