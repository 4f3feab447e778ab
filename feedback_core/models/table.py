"""What each model can do, as a table for documents: by the facts in the registry, so it cannot fall behind them."""

from __future__ import annotations

from .registry import BUILDERS, Builder

HEAD = ("framework", "model", "tasks", "train", "increment", "weights", "explain", "safe artifact", "install")

_EXPLAINED = {"linear": "exact (linear)", "tree": "exact (trees)", "sampled": "sampled"}


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
        ", ".join(each.tasks) + (f" ({each.needs}s)" if each.needs else ""),
        "yes" if each.trains else "no, scores only",
        _yes(each.increments),
        _yes(each.weights),
        _explained(each),
        each.artifact,
        f"`.[{each.extra}]`" if each.extra else "–",
    )


def _explained(each: Builder) -> str:
    # Of classes alone: what moved a number or an alarm is not told yet.
    return _EXPLAINED[each.explain] if "classification" in each.tasks else "no"


def _yes(fact: bool | None) -> str:
    return "depends on the estimator" if fact is None else "yes" if fact else "no"


if __name__ == "__main__":
    print(markdown())
