"""The adaptive trigger against fixed ones, on streams small enough for a test."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import trigger
from feedback_core.triggers import regret


def test_a_shadow_answers_before_it_learns():
    world = trigger.stream("sudden", 0)
    learner = trigger.Learner(world.base_x, world.base_y)
    first, known = learner.fit(), np.flatnonzero(world.reported)
    shadow = trigger.Shadow(world)
    early = known[: regret.REFIT_EVERY]
    assert shadow.said[early].tolist() == (world.x[early] @ first).argmax(axis=1).tolist()
    for n in early:
        learner.learn(world.x[n], world.y[n])
    late = known[regret.REFIT_EVERY : 2 * regret.REFIT_EVERY]
    assert shadow.said[late].tolist() == (world.x[late] @ learner.fit()).argmax(axis=1).tolist()
    assert shadow.fits == len(known) // regret.REFIT_EVERY


@pytest.mark.parametrize("price", trigger.PRICES)
def test_no_drift_and_no_price_makes_auto_regret_much_while_every_fixed_rule_has_one_that_does(price):
    found = trigger.outcomes(price, range(2))
    regrets = trigger.worst_regret(found, price)
    # 20 seeds give 0 to 2 %; two leave about 3 points of chance.
    assert regrets["auto"] < 0.05
    assert regrets["every 10 entries"] > 0.3


def test_auto_retrains_less_where_nothing_moves_and_less_when_it_is_dear():
    cheap, dear = (trigger.outcomes(price, range(1))["auto"] for price in (5, 60))
    retrains = {regime: (cheap[regime][0].retrains, dear[regime][0].retrains) for regime in trigger.REGIMES}
    assert all(often > seldom for often, seldom in retrains.values())
    assert retrains["stationary"][0] < retrains["sudden"][0]


def test_regret_is_the_share_above_the_best_rule_in_the_worst_regime():
    def runs(*wrong):
        return {regime: [trigger.Outcome(n)] for regime, n in zip(trigger.REGIMES, wrong, strict=True)}

    found = {"one": runs(100, 100, 100, 100), "two": runs(110, 90, 100, 150)}
    assert trigger.worst_regret(found, 5) == pytest.approx({"one": 100 / 90 - 1, "two": 0.5})
