"""The dry run of a retrain: folds over the training rows, and open items that would change; no look at locked rows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import dry_run as rule
from .. import intake, training
from ..errors import CannotTrain, NotFound
from ..refits import Recipe, Refits, affordable
from ..store import Store
from ..types import Project, Study, TrainingRows, Version
from . import sources

SAMPLE = 2_000
"""Open items that are scored with the new model: a share is then good to 2 points."""

FEWEST_FOLDS = 2

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Union:
    """Rows that the champion learned from, or that a retrain would, by item id. Labels are None where one does not.

    fresh: whether a retrain would learn something about the row that the champion did not know. All (n,).
    """

    inputs: list[str]
    before: npt.NDArray[np.object_]
    after: npt.NDArray[np.object_]
    weight_before: npt.NDArray[np.float64]
    weight_after: npt.NDArray[np.float64]
    is_base: npt.NDArray[np.bool_]
    fresh: npt.NDArray[np.bool_]


def dry_run(
    store: Store,
    project: Project,
    now: float,
    progress: Progress,
    timer: Callable[[], float] = time.process_time,
) -> Study:
    """Estimate what a retrain would bring now, and keep it. Raises NotFound before the first version."""
    champion = store.versions.champion(project.id)
    if champion is None:
        raise NotFound(f"{project.name} has no model yet: train the first version on the Retrain page.")
    half_life = project.settings.label_half_life_days
    rows = store.items.training_rows(project.id, dated=bool(half_life))
    union = joined(store, champion, rows, half_life)
    old, new = Recipe(champion.estimator, champion.params), Recipe(project.settings.estimator, project.settings.params)
    body: dict[str, Any] = {
        "champion": champion.number,
        "upto": rows.feedback_upto,
        "new_rows": int(union.fresh.sum()),
        "dropped_rows": int((union.after == None).sum()),  # noqa: E711  # elementwise
        "nothing_new": old == new
        and champion.half_life_days == half_life
        and bool((union.before == union.after).all()),
    }
    if body["nothing_new"]:
        body["sentences"] = ["Nothing has come in since the last version: a retrain would give the same model again."]
    else:
        body |= _estimated(store, project, champion, union, (old, new), progress, timer)
    return store.studies.save(project.id, "dry run", body, version_id=champion.id, now=now)


def joined(store: Store, champion: Version, rows: TrainingRows, half_life_days: float = 0.0) -> Union:
    """What the champion was taught beside what a retrain would be taught."""
    lineage = store.versions.lineage(champion.id) or {"ids": [], "labels": [], "weights": []}
    taught = {item: at for at, item in enumerate(lineage["ids"])}
    now = {item: at for at, item in enumerate(rows.ids)}
    gone = [item for item in lineage["ids"] if item not in now]
    ids = [*rows.ids, *gone]
    weights = training.sample_weights(rows, half_life_days)
    before = np.asarray([lineage["labels"][taught[item]] if item in taught else None for item in ids], dtype=object)
    after = np.asarray([*rows.labels, *(None for _ in gone)], dtype=object)
    fed = np.asarray([*rows.from_feedback, *(True for _ in gone)], dtype=bool)
    return Union(
        inputs=[*rows.inputs, *sources.inputs(store, gone)],
        before=before,
        after=after,
        weight_before=np.asarray([lineage["weights"][taught[item]] if item in taught else 0.0 for item in ids]),
        weight_after=np.asarray([*weights.tolist(), *(0.0 for _ in gone)]),
        is_base=~fed,
        fresh=(after != before) & (after != None),  # noqa: E711  # elementwise
    )


def _estimated(
    store: Store,
    project: Project,
    champion: Version,
    union: Union,
    recipes: tuple[Recipe, Recipe],
    progress: Progress,
    timer: Callable[[], float],
) -> dict[str, Any]:
    rng = np.random.default_rng(champion.seed)
    progress(0.02, "fitting once on everything")
    with_new = Refits(project, recipes[1], union.inputs, _text(union.after), union.weight_after, timer=timer)
    without = with_new.like(recipes[0], _text(union.before), union.weight_before)
    known = np.flatnonzero(union.after != None)  # noqa: E711  # elementwise
    model = with_new.fit(known, champion.seed + 1)
    fit_s = with_new.fit_s
    changed, per_row_s = _changed(store, project, champion, with_new, model, rng, timer)
    folds = next((k for k in (rule.FOLDS, FEWEST_FOLDS) if affordable(fit_s, 2 * k)), 0)
    differences = _differences(union, with_new, without, folds, champion.seed + 1, rng, progress)
    counts = store.tallies.of(project.id, "items")
    scored = sum(n for name, n in counts.items() if name.startswith(("pool/", "holdout/")))
    found = rule.outlook(
        differences,
        union.is_base,
        union.fresh & ~union.is_base,
        changed,
        counts.get("pool/open", 0),
        fit_s + scored * per_row_s,
    )
    too_dear = [] if folds else [f"A fit takes {fit_s:,.0f} s: the gain is not estimated, because it takes several."]
    told = rule.body(found)
    return told | {"folds": folds, "sentences": [*too_dear, *told["sentences"][0 if folds else 2 :]]}


def _changed(
    store: Store,
    project: Project,
    champion: Version,
    refits: Refits,
    model: Any,
    rng: np.random.Generator,
    timer: Callable[[], float],
) -> tuple[tuple[int, int], float]:
    """(open items the new model would call something else, items looked at), and seconds an item."""
    ids = np.asarray(store.items.open_ids(project.id), dtype=np.int64)
    chosen = np.sort(rng.choice(ids, size=min(len(ids), SAMPLE), replace=False)).tolist()
    said = store.predictions.labels_of(champion.id, chosen)
    chosen = [item for item in chosen if item in said]
    if not chosen:
        return (0, 0), 0.0
    start = timer()
    new = refits.said(model, intake.decode(store.items.inputs(chosen), project.schema))
    per_row_s = (timer() - start) / len(chosen)
    return (sum(said[item][0] != label for item, label in zip(chosen, new, strict=True)), len(chosen)), per_row_s


def _differences(
    union: Union,
    with_new: Refits,
    without: Refits,
    k: int,
    seed: int,
    rng: np.random.Generator,
    progress: Progress,
) -> npt.NDArray[np.float64]:
    """Right with everything new minus right without, (n,), each row judged by models that know neither it nor its
    equals; NaN for rows that are neither base nor new."""
    found = np.full(len(union.inputs), np.nan)
    judged = (union.after != None) & (union.is_base | union.fresh)  # noqa: E711  # elementwise
    _, first, same = np.unique(np.asarray(union.inputs, dtype=object), return_index=True, return_inverse=True)
    fold = rule.folds(_text(union.after).tolist(), max(k, 1), rng)[first][same]
    for number in range(k):
        progress(0.2 + 0.7 * number / k, f"fold {number + 1} of {k}")
        rows = np.flatnonzero((fold == number) & judged)
        rest = fold != number
        try:
            new = with_new.fit(np.flatnonzero(rest & (union.after != None)), seed)  # noqa: E711
            old = without.fit(np.flatnonzero(rest & (union.before != None)), seed)  # noqa: E711
        except CannotTrain:
            continue
        if len(rows):
            truth, X = union.after[rows], with_new.own(rows)
            gained = (with_new.said(new, X) == truth).astype(float) - (without.said(old, X) == truth)
            found[rows] = gained
    return found


def _text(labels: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Labels with "" for None, which no model is ever taught: rows without a label are left out of every fit."""
    return np.asarray(["" if label is None else label for label in labels], dtype=object)
