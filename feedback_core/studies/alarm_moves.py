"""What moved between two versions that raise alarms: places in the ranking, and the answers that pulled them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..intake import ANOMALY
from .pairs import Looked, Pair, columns_moved, named, numbers
from .pulling import GROUP

MOVERS = 20
"""Rows that are named in each direction."""

Places = npt.NDArray[np.intp]


def body(pair: Pair, seen: Looked, _rng: np.random.Generator) -> dict[str, Any]:
    """The comparison as plain JSON values."""
    before, after = (said[:, 1] for said in numbers(pair, seen.rows))
    places = _places(before), _places(after)
    rise = places[0] - places[1]
    order = np.argsort(-rise, kind="stable")
    up, down = order[:MOVERS][rise[order[:MOVERS]] > 0], order[::-1][:MOVERS][rise[order[::-1][:MOVERS]] < 0]
    moved, unit = columns_moved(pair, seen.rows.iloc[seen.chosen], [ANOMALY] * len(seen.chosen))
    return {
        "unit": unit,
        "moved": moved,
        "label": ANOMALY,
        "curves": [],
        "changed": {
            "n": int((rise != 0).sum()),
            "raised": int(((before < 0.5) & (after >= 0.5)).sum()),
            "calmed": int(((before >= 0.5) & (after < 0.5)).sum()),
            "up": _named(pair, seen, up, places),
            "down": _named(pair, seen, down, places),
        },
        "pulled": _pulled(pair, seen, up, down),
    }


def _places(score: npt.NDArray[np.floating[Any]]) -> Places:
    """Place of each row, 1 for the strangest, those of equal score sharing theirs, (n,)."""
    return np.asarray(1 + np.searchsorted(np.sort(-score), -score, side="left"), dtype=np.intp)


def _named(pair: Pair, seen: Looked, rows: Places, places: Sequence[Places]) -> list[dict[str, Any]]:
    keys = named(pair, [seen.ids[at] for at in rows])
    return [
        {"key": keys[seen.ids[at]], "before": int(places[0][at]), "after": int(places[1][at])}
        for at in rows.tolist()
        if seen.ids[at] in keys
    ]


def _pulled(pair: Pair, seen: Looked, up: Places, down: Places) -> dict[str, Any]:
    """The new answers that moved those rows most, by the detector's own sums; `why_not` alone where none are known."""
    step = pair.models[1].named_steps["model"] if hasattr(pair.models[1], "named_steps") else None
    ids, labels = pair.store.versions.taught(pair.version.id)
    known = dict(zip(*(each.tolist() for each in pair.store.versions.taught(pair.parent.id)), strict=True))
    new = np.flatnonzero([known.get(item) != label for item, label in zip(ids.tolist(), labels, strict=True)])
    movers = np.concatenate([up, down])
    if not len(new) or not len(movers):
        return {"why_not": "No new answer has moved the ranking."}
    if step is None or not hasattr(step, "breakdown"):
        return {"why_not": "This detector does not say what each answer adds."}
    prepared = pair.models[1].named_steps["prepare"].transform(seen.rows.iloc[movers])
    pulls = step.breakdown(prepared)[1]
    if pulls.shape[1] != len(ids):
        return {"why_not": "It is not on record which answers this version has learned."}
    direction = np.repeat([1.0, -1.0], [len(up), len(down)])
    strength = (direction[:, None] * pulls[:, new]).mean(axis=0)
    strongest = new[np.argsort(-strength, kind="stable")[:GROUP]]
    adds = dict(zip(new.tolist(), strength.tolist(), strict=True))
    told = [at for at in strongest.tolist() if adds[at] > 0]
    return {
        "labels": _answers(pair, ids, labels, told, known, adds),
        "new_labels": len(new),
        "items": len(movers),
        "adds": sum(adds[at] for at in told),
        "how": "the detector's own sums, which are exact",
    }


def _answers(
    pair: Pair, ids: Any, labels: Any, told: Sequence[int], known: Mapping[int, str], adds: Mapping[int, float]
) -> list[dict[str, Any]]:
    keys = pair.store.items.keys([int(ids[at]) for at in told])
    given = pair.store.drawn.given([int(ids[at]) for at in told], pair.version.feedback_upto)
    return [
        {
            "key": keys[int(ids[at])],
            "label": str(labels[at]),
            "before": known.get(int(ids[at])),
            "by": ", ".join(
                sorted({each.reviewer for each in given.get(int(ids[at]), []) if each.label == labels[at]})
            ),
            "adds": adds[at],
        }
        for at in told
    ]
