"""Figures for a monitoring system, in the text format of Prometheus.

Source: Prometheus, "Exposition formats", version 0.0.4. Written by hand: it is one line a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from .. import people
from ..store import Store
from ..types import Project
from .opening import OpenStore
from .people import Who
from .permitting import may

router = APIRouter()

KIND = "text/plain; version=0.0.4"
Sample = tuple[Mapping[str, str], float]

_HELP = {
    "items": "Items by split and state.",
    "feedback_entries": "Feedback entries given, by verdict.",
    "feedback_pending": "Feedback entries that no version has learned from, by verdict.",
    "champion_version": "Number of the version that serves.",
    "accuracy": "Accuracy of the champion by sample, with the ends of its 95 % interval.",
    "accuracy_rows": "Rows behind each accuracy.",
    "jobs": "Jobs by state that are not over.",
}


@router.get("/metrics", response_class=PlainTextResponse, dependencies=[may("see", somewhere=True)])
def get_metrics(store: OpenStore, who: Who) -> PlainTextResponse:
    """Items, feedback, champion, accuracy and jobs of every project you may see, in the text format of Prometheus."""
    found = _samples(store, people.visible(who, store.projects.all()))
    return PlainTextResponse("".join(written(name, _HELP[name], found[name]) for name in _HELP), media_type=KIND)


def written(name: str, text: str, samples: Iterable[Sample]) -> str:
    """One metric with all its samples, each a gauge."""
    full = f"feedback_loop_{name}"
    lines = [f"# HELP {full} {text}", f"# TYPE {full} gauge"]
    for labels, value in samples:
        shown = ",".join(f'{key}="{_escaped(word)}"' for key, word in labels.items())
        lines.append(f"{full}{{{shown}}} {value:g}" if value != int(value) else f"{full}{{{shown}}} {int(value)}")
    return "\n".join(lines) + "\n"


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _samples(store: Store, projects: Iterable[Project]) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = {name: [] for name in _HELP}
    for project in projects:
        own = {"project": project.name}
        for name, n in store.tallies.of(project.id, "items").items():
            split, _, state = name.partition("/")
            found["items"].append((own | {"split": split, "state": state}, n))
        for metric, kind in (("feedback_entries", "total"), ("feedback_pending", "pending")):
            counts = store.tallies.of(project.id, kind).items()
            found[metric] += [(own | {"verdict": name}, n) for name, n in counts]
        live = [job.state for job in store.jobs.live(project.id)]
        found["jobs"] += [(own | {"state": state}, live.count(state)) for state in ("waiting", "running")]
        champion = store.versions.champion(project.id)
        if champion is None:
            continue
        found["champion_version"].append((own, champion.number))
        for sample in ("holdout", "audit"):
            score = champion.metrics.get(sample, {}).get("accuracy") or {}
            if score.get("value") is None:
                continue
            ends = [(own | {"sample": sample, "of": end}, score[end]) for end in ("value", "low", "high")]
            found["accuracy"] += ends
            found["accuracy_rows"].append((own | {"sample": sample}, score["n"]))
    return found
