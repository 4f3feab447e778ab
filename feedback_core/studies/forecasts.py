"""The forecast of a version: refits on nested subsets of its rows, or the versions before it where refits are dear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import forecast as rule
from ..intervals import paired, plain, wilson
from ..refits import Refits, affordable
from ..store import Store
from ..types import Project, Study, Version
from . import sources

LEAST_VERSIONS = 3
"""A line through two versions always fits."""

REMEMBERED = 50
"""Newest forecasts that are held against what came."""

Progress = Callable[[float, str], None]


def forecast(store: Store, project: Project, version: Version, now: float, progress: Progress) -> Study:
    """Forecast what more labels than this version learned from are worth, and keep it with how earlier ones came out.

    Rows are taken at random, corrections by the queue: these should bring more, so the forecast is a cautious one.
    Raises Refused for a version not judged yet.
    """
    sources.must_be_judged(store, version)
    rng = np.random.default_rng(version.seed)
    locked = sources.judged(store, project, rng)
    body: dict[str, Any] = {"version": version.number, "judged": len(locked.ids)}
    if len(locked.ids) < sources.LEAST_JUDGED:
        body["why_not"] = sources.too_few(locked)
    else:
        runs, method = _runs(store, project, version, locked, rng, progress)
        body |= {"method": method} | (_told(runs, rng) if runs is not None else {"why_not": method})
    body["outcomes"] = _outcomes(store, project, locked)
    return store.studies.save(project.id, "forecast", body, version_id=version.id, now=now)


def _told(runs: rule.Runs, rng: np.random.Generator) -> dict[str, Any]:
    errors = runs.wrong.mean(axis=2).mean(axis=0)
    n = runs.wrong.shape[2]
    curve = [
        {"rows": int(size), "accuracy": plain(wilson((1 - error) * n, n))}
        for size, error in zip(runs.sizes, errors, strict=True)
    ]
    return rule.plain(rule.forecast(runs, rng)) | {"curve": curve}


def _runs(
    store: Store,
    project: Project,
    version: Version,
    locked: sources.Judged,
    rng: np.random.Generator,
    progress: Progress,
) -> tuple[rule.Runs | None, str]:
    """Runs with the method in words, or None with the reason."""
    if not affordable(took_s := sources.retrain_s(store, project, version), 1):
        return _over_versions(store, project, version, locked, took_s)
    progress(0.02, "fitting once, to see how long it takes")
    refits = sources.refits(store, project, version)
    n, classes = len(refits.labels), len(set(refits.labels))
    everything = np.arange(n)
    first = refits.said(refits.fit(everything, version.seed), locked.X)
    repeats = next(
        (r for r in (rule.REPEATS, rule.LEAST_REPEATS) if affordable(refits.fit_s, rule.fits(n, classes, r, False))), 0
    )
    if not repeats:
        return _over_versions(store, project, version, locked, refits.fit_s)
    is_random = bool((first != refits.said(refits.fit(everything, version.seed + 1), locked.X)).any())
    judge = _judge(refits, locked, rule.fits(n, classes, repeats, is_random), progress)
    runs = rule.refit(refits.labels.tolist(), judge, rng, repeats=repeats, is_random=is_random)
    if len(runs.sizes) < LEAST_VERSIONS:
        return None, f"Not measurable yet: {n} training rows are too few for a learning curve."
    return runs, (
        f"Version {version.number} trained again on parts of its {n:,} rows, {len(runs.sizes)} sizes with {repeats} "
        "repeats each."
    )


def _judge(refits: Refits, locked: sources.Judged, total: int, progress: Progress) -> rule.Judge:
    done = 0

    def judge(rows: npt.NDArray[np.intp], seed: int) -> npt.NDArray[np.bool_]:
        nonlocal done
        progress(0.05 + 0.9 * min(done / total, 1), f"refit {done + 1} of {total}, on {len(rows):,} rows")
        done += 1
        return np.asarray(refits.said(refits.fit(rows, seed), locked.X) != locked.truth)

    return judge


def _over_versions(
    store: Store, project: Project, version: Version, locked: sources.Judged, fit_s: float
) -> tuple[rule.Runs | None, str]:
    past = [
        known
        for known in store.versions.all(project.id)
        if sources.same_recipe(known, version) and known.number <= version.number and _size(known) <= _size(version)
    ]
    by_size = {_size(known): sources.right(store, known.id, locked) for known in past}
    by_size = {size: right for size, right in sorted(by_size.items()) if not np.isnan(right).all()}
    why = f"A refit takes {fit_s:,.0f} s, too long to train this model again many times"
    if len(by_size) < LEAST_VERSIONS or max(by_size) != _size(version):
        return None, f"Not measurable yet. {why}, and three judged versions of growing size are needed instead."
    right = np.stack(list(by_size.values()))
    common = ~np.isnan(right).any(axis=0)
    if common.sum() < sources.LEAST_JUDGED:
        return None, f"Not measurable yet. {why}, and too few locked rows were judged by all versions."
    return rule.Runs(np.asarray(list(by_size)), (right[:, common] == 0)[None]), (
        f"{why}: the curve goes through {len(by_size)} stored versions instead."
    )


def _outcomes(store: Store, project: Project, locked: sources.Judged) -> list[dict[str, Any]]:
    """The first forecast made for each version beside the gain of the first larger version trained after it."""
    versions = store.versions.all(project.id)
    known = {version.id: version for version in versions}
    first = {study.version_id: study for study in store.studies.latest(project.id, "forecast", REMEMBERED)}
    found = []
    for version_id, study in sorted(first.items(), key=lambda pair: pair[1].id):
        if version_id not in known or "gains" not in study.body:
            continue
        before = known[version_id]
        for after in versions:
            if (
                _size(after) > _size(before)
                and after.created_at >= study.created_at
                and sources.same_recipe(after, before)
            ):
                change = sources.right(store, after.id, locked) - sources.right(store, before.id, locked)
                gain = paired(change[~np.isnan(change)])
                if gain.n < sources.LEAST_JUDGED:
                    continue  # not judged
                held = rule.held(study.body, _size(after) - _size(before), (gain.value, gain.low, gain.high))
                found.append(held | {"version": before.number, "later": after.number, "n": gain.n})
                break
    return found


def _size(version: Version) -> int:
    return version.n_base + version.n_feedback
