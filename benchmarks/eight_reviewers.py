"""Eight reviewers at once on one project, through the server's half of the deck: who gets what, and how long it takes.

Each types four decisions a second, sent as the browser sends them: the outbox of half a second, then the hand is
filled up again. One process and one thread a reviewer, as in the running app.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks._report import Metrics, arguments, report
from benchmarks.review_deck import LABELS, project
from feedback_core import deck
from feedback_core.loop import Loop
from feedback_core.store import open_store
from feedback_core.types import Draw

REVIEWERS = 8
PAUSE_S = 0.5
AT_ONCE = 2  # decisions in an outbox: four a second
HAND, REFILL_BELOW = 40, 32  # as the deck of the pages has it


@dataclass
class Desk:
    """One reviewer's sitting."""

    name: str
    seen: list[int] = field(default_factory=list)
    told: list[tuple[int, str]] = field(default_factory=list)
    refused: int = 0
    batch_ms: list[float] = field(default_factory=list)


def sit(url: str, desk: Desk, until: float) -> None:
    """Decide until the time is over, at a steady pace, and time every round trip."""
    rng = np.random.default_rng(sum(desk.name.encode()))
    loop = Loop(open_store(url), open_store(url).projects.all()[0])
    hand: list[Draw] = []
    seq = 0
    due = time.monotonic() + rng.random() * PAUSE_S
    while time.monotonic() < until:
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due + PAUSE_S, time.monotonic())
        now, hand = hand[:AT_ONCE], hand[AT_ONCE:]
        entries = []
        for draw in now:
            seq += 1
            entries.append(entry(loop, draw, seq, LABELS[int(rng.integers(len(LABELS)))]))
        began = time.perf_counter()
        acks = deck.apply(loop, desk.name, desk.name, entries)
        if len(hand) < REFILL_BELOW:
            new = [draw for draw in loop.draw_batch(desk.name, HAND) if draw.item_id not in set(desk.seen)]
            hand += new
            desk.seen += [draw.item_id for draw in new]
        desk.batch_ms.append(1000 * (time.perf_counter() - began))
        desk.refused += sum(not ack.saved for ack in acks)
        desk.told += [(sent["item"], sent["target"]) for sent, ack in zip(entries, acks, strict=True) if ack.saved]


def entry(loop: Loop, draw: Draw, seq: int, label: str) -> dict[str, object]:
    """A decision as a browser sends it."""
    version = loop.store.items.get(draw.item_id).version_id
    return {"seq": seq, "draw": draw.id, "item": draw.item_id, "version": version, "verdict": "correct",
            "target": label, "note": "", "seconds": 0.25}  # fmt: skip


def together(url: str, names: list[str], seconds: float) -> list[Desk]:
    """The desks of some reviewers after a sitting."""
    desks = [Desk(name) for name in names]
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=sit, args=(url, desk, until)) for desk in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return desks


def times(desks: list[Desk]) -> dict[str, float]:
    """Round trips in ms: the median, the 95th percentile and the longest."""
    ordered = sorted(ms for desk in desks for ms in desk.batch_ms)
    at = {"median": ordered[len(ordered) // 2], "p95": ordered[int(0.95 * (len(ordered) - 1))], "max": ordered[-1]}
    return {f"batch_{name}_ms": round(ms, 1) for name, ms in at.items()}


def run(rows: int, seconds: float) -> tuple[Metrics, Metrics]:
    """All metrics of one sitting, and the times of one reviewer alone."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        loop = project(url, rows)
        sys.stderr.write(f"{rows:,} items predicted\n")
        alone = together(url, ["alone"], seconds / 4)
        desks = together(url, [f"reviewer{n}" for n in range(REVIEWERS)], seconds)
        stored = Counter(
            (entry.item_id, entry.reviewer, entry.target)
            for chunk in loop.store.feedback.export(loop.project.id)
            for entry in chunk
        )
    told = Counter((item, desk.name, target) for desk in desks for item, target in desk.told)
    handed = Counter(item for desk in desks for item in desk.seen)
    metrics = {
        "reviewers": REVIEWERS,
        "seconds": seconds,
        "decisions": sum(told.values()),
        "lost": sum((told - stored).values()),
        "refused": sum(desk.refused for desk in desks),
        "handed_out_twice": sum(n > 1 for n in handed.values()),
        **times(desks),
        "open_items": rows,
    }
    return metrics, {"one reviewer alone": times(alone)}


def main() -> None:
    """Run and report."""
    options = arguments(__doc__ or "")
    rows, seconds = (20_000, 15.0) if options.quick else (1_000_000, 60.0)
    metrics, baselines = run(rows, seconds)
    report("eight_reviewers", metrics, baselines, as_json=options.json)


if __name__ == "__main__":
    main()
