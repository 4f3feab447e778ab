"""What holds a retrain back: people at work, one a moment ago, nothing to learn, one under way."""

from __future__ import annotations

from .condition import Condition, lasting

AFTER_FAILURE_S = 600.0
"""Least wait after a retrain that failed: what made it fail is probably still there."""


def quiet(last_label_at: float | None, quiet_s: float, now: float) -> Condition:
    """Met when nobody has labelled for a while, so that a batch is not cut in two."""
    if last_label_at is None:
        return Condition("quiet time", "brake", True, None, quiet_s, "nobody has labelled yet")
    passed = max(0.0, now - last_label_at)
    met = passed >= quiet_s
    text = f"the last label came {lasting(passed)} ago"
    if not met:
        text += f"; waits for {lasting(quiet_s)} without one, {lasting(quiet_s - passed)} to go"
    return Condition("quiet time", "brake", met, passed, quiet_s, text)


def cool_down(last_retrain_at: float | None, cool_down_s: float, now: float, *, failed: bool = False) -> Condition:
    """Met when the last retrain is long enough ago, so that nobody can make the worker retrain all day.

    failed: whether that retrain failed; then at least AFTER_FAILURE_S are waited.
    """
    wait = max(cool_down_s, AFTER_FAILURE_S) if failed else cool_down_s
    if last_retrain_at is None:
        return Condition("cool-down", "brake", True, None, wait, "there was no retrain yet")
    passed = max(0.0, now - last_retrain_at)
    met = passed >= wait
    text = f"the last retrain {'failed' if failed else 'began'} {lasting(passed)} ago"
    if not met:
        text += f"; at most one every {lasting(wait).removeprefix('1 ')}, {lasting(wait - passed)} to go"
    return Condition("cool-down", "brake", met, passed, wait, text)


def something_new(obstacle: str) -> Condition:
    """Met when a retrain would learn something. obstacle: why it would not, empty when it would."""
    text = obstacle or "there is something new to learn"
    return Condition("something new", "brake", not obstacle, None, None, text.rstrip("."))


def worker_free(busy_with: str) -> Condition:
    """Met when no retrain or import is waiting or running. busy_with: the kind of the job that is."""
    text = f"a job is live: {busy_with}" if busy_with else "no retrain is waiting or running"
    return Condition("no job live", "brake", not busy_with, None, None, text)
