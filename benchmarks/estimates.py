"""Is the accuracy that the project reports true? Each estimate beside the naive ones, many times over, truth known.

`real ...`: the review queue itself, through `Loop` on a store of its own each time. Three reviewers hold up to twelve
cards, answer most of them, skip some, leave some until the lease runs out; users report errors unasked; a fifth of the
items comes in half-way. `science ...`: 400 of 5,000 items reviewed, without a store, and two versions compared.
Bias, root mean square error and width are in points; coverage is the share of intervals that hold the truth.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from benchmarks._report import arguments, cpu, report
from feedback_core import accuracies, estimates, scoring
from feedback_core.intake import encode_one
from feedback_core.intervals import wilson
from feedback_core.loop import Loop, create_project
from feedback_core.prioritize import Pool, blend
from feedback_core.settings import Settings
from feedback_core.store import Store, open_store
from feedback_core.types import Column, Decision, Interval, Rows, Schema

SCHEMA, LABELS = Schema((Column("x", "number"),)), ("a", "b")
FIRST, LATER, ROUNDS, HAND = 1_200, 300, 60, 12
REVIEWERS = ("ana", "ben", "chi")
REPEATS, QUICK_REPEATS = 400, 12
SERVED, ASKED, AUDIT_SHARE = 5_000, 400, 0.25
SCIENCE_REPEATS, QUICK_SCIENCE_REPEATS = 4_000, 400

Found = dict[str, list[Interval]]


class Clock:
    """Time that moves when somebody works."""

    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class World:
    """A champion that is too sure of itself, its predictions of every item, and the truth about each.

    right: item id -> whether the champion is. Built once; every repetition works on a copy of its files.
    """

    def __init__(self, folder: Path, first: int = FIRST, later: int = LATER, **settings: float) -> None:
        self.folder, self.later = folder, later
        rng, clock = np.random.default_rng(7), Clock()
        store = open_store(f"sqlite:///{folder / 'world.db'}")
        given = {"weights": {"margin": 1.0}} | settings
        self.project = create_project(
            store, "world", SCHEMA, LABELS, Settings(**given), actor="bench", now=clock(), salt=1
        )
        loop = Loop(store, self.project, clock=clock, rng=rng)
        loop.add_items(rows(np.arange(80.0), ["a", "b"] * 40), "bench")
        version = loop.retrain("bench")
        loop.judge(version)
        loop.promote(version, "bench")
        clock.now += 60
        self.start = clock.now
        self.proba, self.truth = answers(rng, first + later)
        self.right: dict[int, bool] = {}
        self.add(loop, range(first))

    def add(self, loop: Loop, places: range) -> None:
        """Put items into the pool, predicted and ranked."""
        known = set(loop.store.items.open_ids(self.project.id))
        loop.add_items(rows(1_000.0 + np.asarray(places), [None] * len(places)), "bench")
        # A file of fewer rows than a batch keeps its order.
        ids = [n for n in loop.store.items.open_ids(self.project.id) if n not in known]
        proba = self.proba[places.start : places.stop]
        _, parts = blend(Pool(proba, np.full(2, 0.5), np.random.default_rng(0)), self.project.settings.weights)
        champion = loop.store.versions.champion(self.project.id)
        loop.store.predictions.save_current(champion.id, scoring.ranked(ids, proba, LABELS, parts))
        truth = self.truth[places.start : places.stop]
        self.right |= dict(zip(ids, (proba.argmax(axis=1) == truth).tolist(), strict=True))

    def copy(self, seed: int) -> tuple[Loop, Clock]:
        """A loop over a fresh copy of the files."""
        shutil.rmtree(self.folder / "copy", ignore_errors=True)
        (self.folder / "copy").mkdir()
        for file in self.folder.glob("world.db*"):
            shutil.copy(file, self.folder / "copy" / file.name)
        clock = Clock()
        clock.now = self.start
        store = open_store(f"sqlite:///{self.folder / 'copy' / 'world.db'}")
        return Loop(store, self.project, clock=clock, rng=np.random.default_rng(seed)), clock


def answers(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (n, 2) that claim more than they hold, and the truth as columns (n,)."""
    sure = 0.5 + 0.5 * rng.beta(2.0, 0.7, n)
    held = 0.5 + 0.92 * (sure - 0.5)
    said = rng.integers(2, size=n)
    proba = np.stack([np.where(said == 0, sure, 1 - sure), np.where(said == 1, sure, 1 - sure)], axis=1)
    return proba, np.where(rng.random(n) < held, said, 1 - said)


def rows(values: Iterable[float], labels: list[str] | list[None]) -> Rows:
    """Checked rows of one number."""
    inputs = [encode_one([float(value)], SCHEMA) for value in values]
    return Rows(inputs, [f"k{value}" for value in values], list(labels))


def review(world: World, seed: int, rounds: int = ROUNDS) -> tuple[Store, Loop, float]:
    """Let the reviewers work; gives the store, the loop, and the true accuracy over all items there are now."""
    loop, clock = world.copy(seed)
    rng = np.random.default_rng([seed, 1])
    right = dict(world.right)
    for turn in range(rounds):
        if turn == rounds // 2:
            before = dict(world.right)
            world.add(loop, range(len(before), len(before) + world.later))
            right, world.right = world.right, before
        # Now and then somebody closes the tab, and the cards go back.
        clock.now += 700 if rng.random() < 0.05 else 60
        sitting(loop, REVIEWERS[rng.integers(len(REVIEWERS))], right, rng)
        if rng.random() < 0.3:
            reported(loop, right, rng)
    return loop.store, loop, float(np.mean(list(right.values())))


def sitting(loop: Loop, reviewer: str, right: dict[int, bool], rng: np.random.Generator) -> None:
    """Answer the first of the cards in hand; one in thirty is skipped."""
    hand = loop.draw_batch(reviewer, HAND)[: int(rng.integers(4, HAND + 1))]
    shown = {item.id: item for item in loop.store.items.many([draw.item_id for draw in hand])}
    loop.record(
        *(
            decision(shown[draw.item_id], reviewer, right[draw.item_id], draw.id, skip=rng.random() < 1 / 30)
            for draw in hand
        )
    )


def decision(item, reviewer: str, right: bool, draw_id: int | None, *, skip: bool = False) -> Decision:
    """The true label, or a skip."""
    if skip:
        return Decision(item.id, reviewer, "skip", version_id=item.version_id, draw_id=draw_id)
    target = item.predicted if right else LABELS[1 - LABELS.index(item.predicted)]
    return Decision(item.id, reviewer, "correct", target, version_id=item.version_id, draw_id=draw_id)


def reported(loop: Loop, right: dict[int, bool], rng: np.random.Generator) -> None:
    """A user reports one of the errors that are still open."""
    wrong = [n for n in loop.store.items.open_ids(loop.project.id) if not right[n]]
    if wrong:
        item = loop.store.items.get(int(rng.choice(wrong)))
        if item.id not in loop.store.draws.in_other_hands("user", [item.id], loop.clock()):
            loop.record(decision(item, "user", False, None))


def real(world: World, repeats: int) -> tuple[Found, list[float]]:
    """Every estimate of the read-model, and the naive mean of everything that was answered, in each repetition."""
    found: Found = {}
    truths = []
    for seed in range(repeats):
        store, loop, truth = review(world, seed)
        given = accuracies.accuracies(store, loop.project, loop.clock())
        told = {estimate.name: estimate.interval for estimate in given.estimates if estimate.name not in JUDGED}
        entries = [e for e in store.feedback.latest(loop.project.id, 10_000) if e.verdict in ("confirm", "correct")]
        for name, some in (("naive queue", [e for e in entries if e.draw_id]), ("naive all answers", entries)):
            told[name] = wilson(sum(e.verdict == "confirm" for e in some), len(some))
        for name, interval in told.items():
            found.setdefault(name, []).append(interval)
        truths.append(truth)
    return found, truths


JUDGED = ("holdout", "audit")


def science(repeats: int) -> tuple[Found, Found, float, float]:
    """400 of 5,000 items reviewed: estimates of the accuracy and of the gain of a second version, and both truths.

    The queue asks for the least sure item, every fourth time for any.
    """
    rng = np.random.default_rng(3)
    proba, truth = answers(rng, SERVED)
    sure, old = proba.max(axis=1), (proba.argmax(axis=1) == truth).astype(float)
    # The second version mends a fifth of the errors and breaks a fiftieth of the rest, and is surer where it mended.
    new = np.where(old == 1, rng.random(SERVED) > 0.02, rng.random(SERVED) < 0.2).astype(float)
    lead = 0.3 * (new - old) + 0.1 * rng.normal(size=SERVED)
    order = np.argsort(sure, kind="stable")
    accuracy: Found = {}
    gain: Found = {}
    for seed in range(repeats):
        asked, uniform = queue(order, np.random.default_rng(seed))
        by = estimates.weights(uniform, SERVED)
        plain = rng.choice(SERVED, ASKED, replace=False)
        drawn = estimates.plain_weights(ASKED, SERVED)
        for name, interval in (
            ("naive queue", wilson(old[asked].sum(), ASKED)),
            ("naive audit draws", wilson(old[asked][uniform].sum(), uniform.sum())),
            ("all items", estimates.accuracy(old[asked], by)),
            ("sharpened", estimates.sharpened(old[asked], sure[asked], sure.mean(), by)),
            ("audit of 400", estimates.accuracy(old[plain], drawn)),
            ("audit of 400, sharpened", estimates.sharpened(old[plain], sure[plain], sure.mean(), drawn)),
        ):
            accuracy.setdefault(name, []).append(interval)
        for name, interval in (
            ("naive queue", estimates.difference((new - old)[asked], estimates.plain_weights(ASKED))),
            ("all items", estimates.difference((new - old)[asked], by)),
            ("sharpened", estimates.sharpened_difference((new - old)[asked], lead[asked], lead.mean(), by)),
            ("audit of 400", estimates.difference((new - old)[plain], drawn)),
        ):
            gain.setdefault(name, []).append(interval)
    return accuracy, gain, float(old.mean()), float((new - old).mean())


def queue(order: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows in the order they are asked, and whether each was drawn uniformly."""
    out, place, asked = np.ones(len(order), dtype=bool), 0, np.zeros(ASKED, dtype=int)
    uniform = rng.random(ASKED) < AUDIT_SHARE
    uniform[0] |= not uniform.any()
    for m, chance in enumerate(uniform):
        row = rng.integers(len(order))
        while chance and not out[row]:
            row = rng.integers(len(order))
        while not chance and not out[order[place]]:
            place += 1
        asked[m] = row if chance else order[place]
        out[asked[m]] = False
    return asked, uniform


def summary(found: list[Interval], truths: list[float]) -> dict[str, float]:
    """Bias, error, width in points, and coverage, over the repetitions."""
    error = 100 * np.asarray([i.value - t for i, t in zip(found, truths, strict=True)])
    return {
        "bias_points": float(error.mean()),
        "bias_se": float(error.std(ddof=1) / len(error) ** 0.5),
        "coverage": float(np.mean([i.low <= t <= i.high for i, t in zip(found, truths, strict=True)])),
        "rmse_points": float(np.sqrt((error**2).mean())),
        "width_points": float(100 * np.mean([i.high - i.low for i in found])),
        "n": float(np.mean([i.n for i in found])),
    }


def main() -> None:
    """Print a row an estimate: ours under metrics, the naive ones under baselines."""
    options = arguments(__doc__ or "")
    repeats = QUICK_REPEATS if options.quick else REPEATS
    with tempfile.TemporaryDirectory() as folder, cpu() as spent:
        found, truths = real(World(Path(folder)), repeats)
    table = {f"real {name}": summary(some, truths) for name, some in found.items()}
    accuracy, gain, level, true_gain = science(QUICK_SCIENCE_REPEATS if options.quick else SCIENCE_REPEATS)
    for title, some, truth in (("science", accuracy, level), ("science gain", gain, true_gain)):
        table |= {f"{title} {name}": summary(one, [truth] * len(one)) for name, one in some.items()}
    naive = {name: row for name, row in table.items() if "naive" in name or "audit since" in name}
    ours = {name: row for name, row in table.items() if name not in naive}
    facts = {"repeats": repeats, "accuracy": float(np.mean(truths)), "cpu_s_a_repeat": spent.seconds / repeats}
    report("estimates", facts | ours, naive, as_json=options.json)


if __name__ == "__main__":
    main()
