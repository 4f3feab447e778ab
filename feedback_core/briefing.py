"""What the Insights page shows, as plain JSON values: the same on the command line and over REST."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from . import exchange, insights, mean_errors, studies
from .accuracies import accuracies
from .store import Store
from .types import Project


def accuracy(store: Store, project: Project, now: float) -> dict[str, Any]:
    """Every estimate of how right the champion is; of one that predicts numbers, how far off it is."""
    found = exchange.estimates(accuracies(store, project, now))
    if project.task != "regression":
        return found
    champion = store.versions.champion(project.id)
    errors = mean_errors.mean_errors(store, project, champion, now)
    return found | {"unit": project.settings.unit, "errors": exchange.mean_errors(errors)}


def briefing(store: Store, project: Project, now: float) -> dict[str, Any]:
    """Accuracies, volume, forecast, certificate, credit, what the queue found. Tables are columns of equal length."""
    return {
        "accuracy": accuracy(store, project, now),
        "accuracy_by_version": insights.accuracy_history(store, project),
        "volume": insights.feedback_volume(store, project),
        "forecast": asdict(studies.forecast_view(store, project)),
        "certificate": asdict(studies.certificate_view(store, project, now)),
        "credit": asdict(studies.credit_view(store, project)),
        "queue": asdict(insights.queue(store, project)),
    }
