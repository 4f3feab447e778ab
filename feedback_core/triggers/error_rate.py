"""Does the champion err more often than when it was promoted?"""

from __future__ import annotations

from ..intervals import wilson
from .condition import Condition
from .drift import look_level

BLOCK = 25
"""Audit rows between two looks: a look at every row would test a champion to death."""

LEAST_THEN = 20
"""Audit rows at promotion below which nothing can be compared."""


def p_worse(wrong_now: int, n_now: int, wrong_then: int, n_then: int) -> float:
    """Probability of so many errors now if nothing has changed: Fisher's exact test, one-sided."""
    from scipy.stats import fisher_exact

    table = [[wrong_now, n_now - wrong_now], [wrong_then, n_then - wrong_then]]
    return float(fisher_exact(table, alternative="greater").pvalue)


def condition(wrong_now: int, n_now: int, wrong_then: int, n_then: int, look: int, significance: float) -> Condition:
    """Met when the newest audit rows, decided after the promotion, are wrong more often than those at the promotion.

    look: full blocks of audit rows since then, 0 before the first; the error budget is spent over the looks.
    """
    if n_then < LEAST_THEN:
        text = f"{n_then} of {LEAST_THEN} audit rows at the promotion: too few to compare with"
        return Condition("error drift", "trigger", False, n_then, LEAST_THEN, text)
    if look == 0:
        text = f"{n_now} of {BLOCK} audit rows since the promotion for a first look"
        return Condition("error drift", "trigger", False, n_now, BLOCK, text)
    level, p = look_level(look, significance), p_worse(wrong_now, n_now, wrong_then, n_then)
    text = (
        f"errors on the audit sample: {_share(wrong_now, n_now)} now, {_share(wrong_then, n_then)} at the promotion; "
        f"p = {p:.2g}, look {look} fires at {level:.2g}"
    )
    return Condition("error drift", "trigger", p <= level, p, level, text, "error rate on the audit sample")


def _share(wrong: int, n: int) -> str:
    share = wilson(wrong, n)
    return f"{share.value:.0%} ({100 * share.low:.0f} to {100 * share.high:.0f}, n = {n:,})"
