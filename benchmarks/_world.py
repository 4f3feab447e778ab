"""A project of any size with predictions, feedback and five versions, built through the loop's own methods."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from feedback_core import intake, scoring
from feedback_core.loop import Loop, create_project
from feedback_core.prioritize import Pool, blend, histogram
from feedback_core.settings import Settings
from feedback_core.store import open_store
from feedback_core.types import Column, Decision, Rows, Schema

NUMBERS = 5
LABELS = ("north", "east", "south", "west")
SCHEMA = Schema((*(Column(f"x{i}", "number") for i in range(NUMBERS)), Column("comment", "text")))
WORDS = tuple(
    f"{a}{b}" for a in ("re", "de", "un", "pro", "in", "per") for b in ("port", "form", "pay", "sort", "sist")
)
RARE = "xylophone"
"""A word that stands in ten comments, whatever the size; every other word stands in a tenth of them."""

WEIGHTS = {"margin": 0.875, "rarity": 0.125}
BASE_ROWS = 1_000
VERSIONS = 5
REVIEWERS = ("ana", "ben", "chi")
DAY_S = 86_400.0
START = 1_700_000_000.0


@dataclass
class Clock:
    """Time that moves when somebody works."""

    now: float = START

    def __call__(self) -> float:
        return self.now


def arguments(description: str) -> argparse.Namespace:
    """Parse --quick and --json, and --rows, a size of its own for the tests."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="smaller data, for a smoke run")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def build(folder: Path, items: int, entries: int = 3_000, versions: int = VERSIONS) -> tuple[str, int]:
    """A database with one project of `items` open items and `entries` decided ones; gives its address and project id.

    The base rows train and judge real versions. The predictions of the pool are made up, at a thousandth of the cost,
    and then ranked and stored as `Loop.predict` does it.
    """
    url, rng, clock = f"sqlite:///{folder / f'world{items}.db'}", np.random.default_rng(items), Clock()
    store = open_store(url)
    project = create_project(store, f"{items:,} items", SCHEMA, LABELS, Settings(), actor="bench", now=clock(), salt=1)
    loop = Loop(store, project, clock=clock, rng=rng)
    base = frame(BASE_ROWS, rng)
    labels = [LABELS[int(x > 0) + 2 * int(y > 0)] for x, y in zip(base["x0"], base["x1"], strict=True)]
    loop.add_items(checked(base.assign(label=labels)), "bench")
    for part in parts(items + entries, rng):
        loop.add_items(checked(part), "bench")
    for _ in range(versions):
        clock.now += DAY_S
        version = loop.retrain("bench")
        loop.judge(version)
        loop.promote(version, "bench", "for the benchmark")
    predict(loop, rng)
    if entries:
        review(loop, entries, rng, clock)
    return url, project.id


def parts(n: int, rng: np.random.Generator, size: int = 100_000) -> Iterator[pd.DataFrame]:
    """Frames of at most `size` rows, n rows in all; the first has the rare word in ten comments."""
    for start in range(0, n, size):
        part = frame(min(size, n - start), rng)
        if start == 0:
            part.loc[part.index[-10:], "comment"] = f"{RARE} " + part["comment"].iloc[-10:]
        yield part


def frame(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """n rows of numbers with four digits and a comment of three words."""
    words = np.array(WORDS, dtype=object)[rng.integers(len(WORDS), size=(3, n))]
    numbers = rng.standard_normal((n, NUMBERS)).round(4)
    table = pd.DataFrame(numbers, columns=[f"x{i}" for i in range(NUMBERS)])
    return table.assign(comment=words[0] + " " + words[1] + " " + words[2])


def checked(table: pd.DataFrame) -> Rows:
    """What an upload makes of a table."""
    return intake.check(table, SCHEMA, label_column="label" if "label" in table else None, labels=LABELS)[0]


def predict(loop: Loop, rng: np.random.Generator) -> None:
    """Store made-up probabilities as the champion's, half of them confident."""
    champion = loop.store.versions.champion(loop.project.id)
    ids = [item_id for some, _, _ in loop.store.items.pool_chunks(loop.project.id) for item_id in some]
    proba = rng.dirichlet(np.full(len(LABELS), 0.4), size=len(ids)).astype(np.float32)
    share = np.full(len(LABELS), 1 / len(LABELS))
    names, contributions = blend(Pool(proba, share, rng), WEIGHTS)
    store = loop.store.predictions
    store.save_current(champion.id, scoring.ranked(ids, proba, LABELS, contributions))
    counts = histogram(names, contributions)
    store.save_run(champion.id, len(ids), names, counts, project_id=loop.project.id, now=loop.clock())


def review(loop: Loop, entries: int, rng: np.random.Generator, clock: Clock) -> None:
    """Decide on the first pool items, a hundred at a time, over two weeks."""
    first = next(loop.store.items.pool_chunks(loop.project.id, entries))[0]
    version = loop.store.versions.champion(loop.project.id)
    targets = rng.choice(LABELS, len(first)).tolist()
    for start in range(0, len(first), 100):
        clock.now += 14 * DAY_S / max(1, len(first) // 100)
        who = REVIEWERS[start // 100 % len(REVIEWERS)]
        batch = zip(first[start : start + 100], targets[start : start + 100], strict=True)
        loop.record(*(Decision(item, who, "correct", label, version_id=version.id) for item, label in batch))
