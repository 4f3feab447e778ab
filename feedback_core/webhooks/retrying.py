"""What follows an attempt: delivered, tried again later, or given up."""

from __future__ import annotations

from ..types import Attempt
from .kinds import PING
from .sending import Answer

WAITS_S = (5.0, 30.0, 120.0, 600.0, 3_600.0, 21_600.0, 57_600.0)
"""After each failed attempt: eight attempts in about 23 hours, so that a receiver may be down for a night."""

JITTER = 0.2
"""Share of a wait by which it is lengthened at random, so that what failed together does not come back together."""

GONE = 410


def outcome(answer: Answer, kind: str, attempts: int, now: float, chance: float) -> Attempt:
    """What becomes of a delivery. attempts: before this one. chance: uniform in [0, 1)."""
    told = (answer.status, answer.error, answer.seconds, answer.response)
    if answer.status is not None and 200 <= answer.status < 300:
        return Attempt("delivered", now, *told)
    if kind == PING:
        return Attempt("failed", now, *told)
    if answer.status == GONE:
        return Attempt("failed", now, *told, pause="The receiver says that it is gone (410).")
    if attempts >= len(WAITS_S):
        return Attempt("failed", now, *told, pause=f"{attempts + 1} attempts have failed. The last one: {answer.error}")
    wait_s = max(WAITS_S[attempts] * (1 + JITTER * chance), answer.retry_after_s)
    return Attempt("waiting", now + wait_s, *told)
