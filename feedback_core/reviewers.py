"""Simulated reviewers: people of known skill who answer from the hidden truth, through the loop's own methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .loop import Loop
from .types import Decision, Draw, Item, Verdict


@dataclass(frozen=True, slots=True)
class Reviewer:
    """skill: probability of giving the true label; a wrong answer is uniform over the other labels."""

    name: str
    skill: float
    seconds: float = 6.0
    skips: float = 0.02


@dataclass(frozen=True, slots=True)
class Session:
    """What a sitting produced. corrections: decisions that contradicted the model; entries: their feedback ids."""

    reviewed: int
    corrections: int
    entries: tuple[int, ...]


def sit(
    loop: Loop,
    reviewer: Reviewer,
    truth: Mapping[str, str],
    decisions: int,
    rng: np.random.Generator,
    tick: Callable[[float], None] = lambda _seconds: None,
) -> Session:
    """Let one reviewer draw and decide until done or the queue is empty.

    truth: label by item key. tick: told how long each decision took, in seconds.
    """
    entries: list[int] = []
    corrections = 0
    for _ in range(decisions):
        draw = loop.draw(reviewer.name)
        if draw is None:
            break
        item = loop.store.items.get(draw.item_id)
        took = float(rng.lognormal(np.log(reviewer.seconds), 0.5))
        tick(took)
        said = loop.record(_decide(loop, reviewer, item, draw, truth[item.key], took, rng))[0]
        entries.append(said.id)
        corrections += said.verdict == "correct"
    return Session(len(entries), corrections, tuple(entries))


def _decide(
    loop: Loop, reviewer: Reviewer, item: Item, draw: Draw, true_label: str, took: float, rng: np.random.Generator
) -> Decision:
    verdict: Verdict = "correct"
    target: str | None = true_label
    if rng.random() < reviewer.skips:
        verdict, target = "skip", None
    elif rng.random() >= reviewer.skill:
        target = str(rng.choice([label for label in loop.project.labels if label != true_label]))
    return Decision(
        item.id,
        reviewer.name,
        verdict,
        target,
        version_id=item.version_id,
        seconds=round(took, 1),
        draw_id=draw.id,
        idempotency_key=f"draw-{draw.id}",
    )
