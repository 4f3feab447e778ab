"""What each model can do, as a table for documents: by the facts in the registry, so it cannot fall behind them."""

from __future__ import annotations

from typing import get_args

from ..types import Task
from .registry import BUILDERS, Builder

HEAD = ("framework", "model", "tasks", "train", "increment", "weights", "explain", "safe artifact", "install")

_EXPLAINED = {
    "linear": "exact (linear)",
    "tree": "exact (trees)",
    "distance": "exact (distances)",
    "sampled": "sampled",
}


def markdown() -> str:
    """One row for each registered model, in the order of frameworks and titles."""
    found = sorted((BUILDERS[name] for name in BUILDERS), key=_place)
    lines = [HEAD, ("---",) * len(HEAD), *(_row(each) for each in found)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _place(each: Builder) -> tuple[bool, str, bool, str]:
    return each.framework != "scikit-learn", each.framework.lower(), not each.offered, each.title.lower()


def _row(each: Builder) -> tuple[str, ...]:
    return (
        each.framework,
        f"`{each.name}`",
        ", ".join(task for task in get_args(Task) if task in each.tasks or (each.trains and each.learns(task)))
        + (f" ({each.needs}s)" if each.needs else ""),
        "yes" if each.trains else "no, scores only",
        _yes(each.increments),
        _yes(each.weights),
        _EXPLAINED[each.explain],
        each.artifact,
        f"`.[{each.extra}]`" if each.extra else "–",
    )


def _yes(fact: bool | None) -> str:
    return "depends on the estimator" if fact is None else "yes" if fact else "no"


if __name__ == "__main__":
    print(markdown())
