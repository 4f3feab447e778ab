"""Weighted tests, the e-value, slices and corrections, and errors of numbers: by hand, by property, by simulation."""

from __future__ import annotations

import math

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln
from scipy.stats import beta, ttest_rel

from benchmarks import gate as simulated
from feedback_core.gate import guards, judge, judge_errors
from feedback_core.gate.evalue import labels_to_decide, log_e_value
from feedback_core.gate.losses import Loss, cost, loss_of
from feedback_core.gate.paired import (
    Paired,
    Weighted,
    mcnemar,
    p_better,
    provable_gain,
    sign_flip,
    smallest_provable_gain,
)
from feedback_core.gate.verdict import E_CLAIM
from tests.test_gate import cases, judged

relaxed = settings(deadline=None)
COUNTS = st.integers(0, 150)


def gains(gained: int, lost: int, ties: int = 0, size: float = 1.0) -> np.ndarray:
    return np.array([size] * gained + [-size] * lost + [0.0] * ties)


# -- the sign-flip test --------------------------------------------------------------------------------------------


@relaxed
@given(COUNTS, COUNTS, st.floats(0.001, 1000))
def test_with_equal_weights_the_sign_flip_test_is_mcnemar(gained, lost, size):
    assert sign_flip(gains(gained, lost, 7, size)) == pytest.approx(mcnemar(gained, lost), rel=1e-9)


def test_sign_flip_by_hand():
    # Sums of +-3, +-1, +-1 that reach 3 + 1 - 1 = 3: 5, 3, 3 of eight equally likely ones.
    assert sign_flip(np.array([3.0, 1.0, -1.0])) == pytest.approx(3 / 8)
    assert sign_flip(np.array([-3.0, 1.0, -1.0])) == pytest.approx(7 / 8)
    assert sign_flip(np.zeros(5)) == 1.0


def test_a_simulated_p_agrees_with_the_exact_one_and_is_the_same_every_time(monkeypatch):
    values = np.concatenate([gains(60, 30, size=1.0), gains(15, 10, size=2.5), gains(6, 2, size=4.0)])
    exact = sign_flip(values)
    monkeypatch.setattr("feedback_core.paired.EXACT", 1)
    assert sign_flip(values) == sign_flip(values)
    assert sign_flip(values) == pytest.approx(exact, rel=0.1)
    assert 0.00005 < exact < 0.005


def test_a_simulated_p_can_lie_far_below_the_budget_of_a_look():
    many = np.random.default_rng(0).normal(1, 1, 300)
    assert sign_flip(many) < 0.0001


def test_a_weighted_comparison_with_equal_weights_is_the_plain_one():
    pair, weighted = Paired(100, 8, 4), Weighted(gains(8, 4, 88))
    assert (weighted.n, weighted.gained, weighted.lost) == (100, 8, 4)
    assert weighted.difference == pytest.approx(pair.difference)
    assert weighted.se == pytest.approx(pair.se)
    assert (weighted.p, weighted.p_worse) == pytest.approx((pair.p, pair.p_worse))
    assert p_better(weighted) == pytest.approx(p_better(pair))
    assert provable_gain(weighted, 0.002) == pytest.approx(smallest_provable_gain(100, 0.12, 0.002), rel=0.25)


# -- losses --------------------------------------------------------------------------------------------------------


def test_a_mistake_on_a_rare_class_weighs_more_in_balanced_accuracy():
    truth, said = ["a"] * 8 + ["b"] * 2, ["a"] * 8 + ["a"] * 2
    loss = loss_of("balanced accuracy", {}, truth)
    assert loss.weights == {"a": 10 / 16, "b": 10 / 4}
    assert loss.of(truth, said).mean() == pytest.approx(0.5)  # one of two classes is always wrong
    assert loss.most("ab") == 2.5


def test_costs_are_those_given_and_one_for_any_other_mistake():
    costs = {"sick": {"well": 20.0}, "well": {"well": 0.5}}
    assert [cost(costs, a, b) for a, b in [("sick", "well"), ("well", "sick"), ("sick", "sick"), ("well", "well")]] == [
        20.0, 1.0, 0.0, 0.5,
    ]  # fmt: skip
    loss = Loss("cost", costs=costs)
    assert loss.of(["sick", "well"], ["well", "sick"]).tolist() == [20.0, 1.0]
    assert loss.most(["sick", "well"]) == 20.0


def test_the_metric_decides_who_wins():
    # The challenger mends 30 of 900 common rows and breaks 12 of 100 rare ones.
    truth = ["a"] * 900 + ["b"] * 100
    champion = ["b"] * 30 + ["a"] * 870 + ["b"] * 100
    challenger = ["a"] * 900 + ["a"] * 12 + ["b"] * 88
    plain = judge(truth, challenger, champion, looks=1)
    balanced = judge(truth, challenger, champion, looks=1, loss=loss_of("balanced accuracy", {}, truth))
    dear = judge(truth, challenger, champion, looks=1, loss=Loss("cost", costs={"b": {"a": 10.0}}))
    assert (plain.finding, balanced.finding, dear.finding) == ("not measurably different", "worse", "worse")
    assert plain.numbers["difference"]["value"] == pytest.approx(0.018)
    assert balanced.numbers["difference"]["value"] == pytest.approx((30 / 900 - 12 / 100) / 2)
    assert dear.numbers["difference"]["value"] == pytest.approx((30 - 120) / 1000)
    assert dear.reasons[0] == "It is measurably worse: 12 rows broken, 30 fixed, 0.09 of cost a row."


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.01, 100), st.sampled_from(["strict", "balanced", "manual"]))
def test_the_verdict_does_not_change_when_every_cost_is_multiplied(gained, lost, factor, policy):
    columns = cases(300, gained, lost)
    labels = "abc"
    costs = {a: {b: factor for b in labels if a != b} for a in labels}
    one = judge(*columns, looks=1, policy=policy, loss=Loss("cost"))
    other = judge(*columns, looks=1, policy=policy, loss=Loss("cost", costs=costs))
    assert (one.finding, one.action) == (other.finding, other.action)


# -- the e-value ---------------------------------------------------------------------------------------------------


@relaxed
@given(st.integers(0, 400), st.integers(0, 400))
def test_the_e_value_is_the_beta_mixture_where_every_row_counts_the_same(gained, lost):
    formula = (
        betaln(gained + 1, lost + 1)
        + beta.logsf(0.5, gained + 1, lost + 1)
        - math.log(0.5)
        + (gained + lost) * math.log(2)
    )
    assert log_e_value(gains(gained, lost, 5)) == pytest.approx(formula, abs=1e-6)


def test_the_e_value_by_hand():
    # One row gained: the mean of 1 + bet over bets from 0 to 1. One lost: of 1 - bet. With half the stake: 1 + bet / 2.
    assert math.exp(log_e_value(np.array([1.0]))) == pytest.approx(1.5)
    assert math.exp(log_e_value(np.array([-1.0]))) == pytest.approx(0.5)
    assert math.exp(log_e_value(np.array([1.0]), most=2.0)) == pytest.approx(1.25)
    assert log_e_value(np.zeros(9)) == 0.0


def test_without_a_gain_the_e_value_is_one_on_average_and_seldom_reaches_twenty():
    rng = np.random.default_rng(0)
    signs = rng.choice([1.0, -1.0], size=(2000, 60))
    assert np.mean([math.exp(log_e_value(row)) for row in signs[:, :5]]) == pytest.approx(1, abs=0.05)
    reached = [max(log_e_value(row[:n]) for n in (10, 20, 30, 40, 50, 60)) >= math.log(20) for row in signs[:400]]
    assert np.mean(reached) <= 0.05


def test_that_many_audit_labels_decide_four_times_in_five():
    rng = np.random.default_rng(1)
    pair = Paired(1000, 60, 30)
    n = labels_to_decide(pair, 0.0, E_CLAIM)
    steps = rng.choice([1.0, -1.0, 0.0], p=[0.06, 0.03, 0.91], size=(400, n))
    decided = np.mean([log_e_value(row) >= math.log(E_CLAIM) for row in steps])
    assert 0.65 <= decided <= 0.95
    assert labels_to_decide(pair, math.log(E_CLAIM), E_CLAIM) == 0
    assert labels_to_decide(Paired(1000, 30, 30), 0.0, E_CLAIM) is None


def test_audit_labels_prove_a_gain_that_the_look_could_not():
    truth, challenger, champion = cases(900, 60, 20)
    fresh = [False] * 900 + [True] * 80
    verdict = judge(truth, challenger, champion, looks=3, paid_p=0.4, fresh=fresh, policy="strict")
    assert verdict.numbers["p"] == 0.4
    assert verdict.numbers["e_value"] == pytest.approx(math.exp(log_e_value(gains(60, 20))))
    assert (verdict.finding, verdict.action) == ("better", "promote")
    assert verdict.reasons[0].startswith("The gain is proven by 80 audit labels that came in after it was trained: e-v")
    without = judge(truth, challenger, champion, looks=3, paid_p=0.4, policy="strict")
    assert (without.finding, without.action) == ("not measurably different", "hold")


def test_after_the_looks_are_used_up_audit_labels_can_still_prove_a_gain():
    truth, challenger, champion = cases(900, 60, 10)
    assert judge(truth, challenger, champion, looks=26).finding == "not measurably different"
    assert judge(truth, challenger, champion, looks=26, fresh=[True] * 970).finding == "better"


# -- slices and corrections ----------------------------------------------------------------------------------------


def test_holm_by_hand():
    assert guards.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert guards.holm([0.6, 0.9]) == [1.0, 1.0]
    assert guards.holm([]) == []


@relaxed
@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_never_lowers_a_p_and_keeps_their_order(p):
    adjusted = guards.holm(p)
    assert all(0 <= raw <= new <= 1 for raw, new in zip(p, adjusted, strict=True))
    order = sorted(range(len(p)), key=lambda n: p[n])
    assert [adjusted[n] for n in order] == sorted(adjusted)


def test_slices_are_classes_segment_values_and_the_least_sure_quarter():
    truth = ["a"] * 60 + ["b"] * 39 + ["c"]
    shops = ["north", "south"] * 50
    found = guards.slices(truth, np.linspace(0.5, 1, 100).tolist(), {"shop": shops})
    assert [(one.kind, one.title, int(one.rows.sum())) for one in found] == [
        ("class", "class 'a'", 60),
        ("class", "class 'b'", 39),
        ("segment", "shop 'north'", 50),
        ("segment", "shop 'south'", 50),
        ("confidence", "the rows the champion is least sure of", 25),
    ]
    assert guards.slices(["a"] * 19, None, {}) == []
    assert [one.title for one in guards.slices(["a"] * 40, None, {"shop": [None] * 20 + [2] * 20})] == [
        "class 'a'",
        "shop 2",
    ]


def test_a_harmed_slice_refuses_a_proven_gain_in_words_and_numbers():
    truth = ["a"] * 940 + ["c"] * 60
    champion = ["b"] * 50 + ["a"] * 890 + ["a"] + ["c"] * 59
    challenger = ["a"] * 940 + ["c"] + ["a"] * 14 + ["c"] * 45
    verdict = judge(truth, challenger, champion, looks=1, slices=guards.slices(truth, None, {}))
    assert (verdict.finding, verdict.action) == ("better", "refuse")
    assert verdict.reasons == (
        "It is worse on class 'c': 14 rows broken, 1 fixed of 60.",
        "Its gain over all locked rows does not make up for that: 51 rows fixed, 14 broken.",
    )
    harmed = next(one for one in verdict.numbers["slices"] if one["harmed"])
    assert harmed["p"] == pytest.approx(16 / 2**15)
    assert harmed["p_holm"] == pytest.approx(2 * harmed["p"])
    assert harmed["challenger_accuracy"]["value"] == pytest.approx(46 / 60)
    assert orjson.loads(orjson.dumps(verdict.numbers)) == verdict.numbers


def test_in_huge_slices_a_loss_that_is_measured_but_tiny_is_let_through():
    rows = np.ones(20_000, dtype=bool)
    lost = gains(10, 60, 19_930)
    right = rows, rows
    one = guards.Slice("class", "class 'a'", rows)
    tiny = guards.judge_slices([one], lost, right, plain_accuracy=True, max_loss=0.01)[0]
    assert (tiny["p_holm"] < 0.001, tiny["harmed"]) == (True, False)
    assert guards.judge_slices([one], lost, right, plain_accuracy=True, max_loss=0.001)[0]["harmed"]


def test_slices_of_versions_that_are_equal_are_seldom_called_harmed():
    rng = np.random.default_rng(3)
    chosen = [guards.Slice("class", str(n), np.arange(1000) % 10 == n) for n in range(10)]
    ones = np.ones(1000, dtype=bool)
    harmed = [
        any(one["harmed"] for one in guards.judge_slices(
            chosen, rng.choice([1.0, -1.0, 0.0], p=[0.05, 0.05, 0.9], size=1000), (ones, ones),
            plain_accuracy=True, max_loss=0.01))
        for _ in range(400)
    ]  # fmt: skip
    assert np.mean(harmed) <= 0.05


def test_broken_corrections_refuse_whatever_the_locked_rows_say():
    columns = cases(962, 30, 8)
    fine = judge(*columns, looks=1, corrections=Paired(300, 3, 5))
    broken = judge(*columns, looks=1, corrections=Paired(300, 1, 14))
    assert (fine.action, broken.action) == ("promote", "refuse")
    assert broken.reasons[0] == "It breaks earlier corrections: 14 of 300 are wrong again, 1 are mended."
    assert broken.numbers["corrections"] == {
        "n": 300,
        "gained": 1,
        "lost": 14,
        "difference": broken.numbers["corrections"]["difference"],
        "p": pytest.approx(16 / 2**15),
        "broken": True,
    }


def test_an_interval_of_few_rows_has_a_width_even_when_all_are_lost():
    # Half a row in each cell: n = 28, lost - gained = 26, discordant + 1 = 27.
    interval = Paired(26, 0, 26).small_interval
    assert (interval.value, interval.low) == (-1.0, -1.0)
    assert interval.high == pytest.approx(-26 / 28 + 1.959964 * math.sqrt(27 - 26**2 / 28) / 28, abs=1e-6)


# -- numbers -------------------------------------------------------------------------------------------------------


def test_errors_by_hand_are_a_paired_t_test_on_winsorised_errors():
    rng = np.random.default_rng(0)
    truth = np.zeros(400)
    champion, challenger = rng.normal(size=400), 0.8 * rng.normal(size=400)
    challenger[0] = 1e6  # one wild error, cut to the 95 % quantile of all
    cut = np.quantile(np.abs(np.concatenate([champion, challenger])), 0.95)
    old, new = (np.minimum(np.abs(said), cut) for said in (champion, challenger))
    verdict = judge_errors(truth, challenger, champion, looks=1, policy="strict")
    assert verdict.numbers["p"] == pytest.approx(ttest_rel(old, new, alternative="greater").pvalue)
    assert verdict.numbers["p_worse"] == pytest.approx(ttest_rel(old, new, alternative="less").pvalue)
    assert verdict.numbers["difference"]["value"] == pytest.approx(float((old - new).mean()))
    assert (verdict.finding, verdict.action) == ("better", "promote")
    assert judge_errors(truth, champion, challenger, looks=1).finding == "worse"
    assert judge_errors(truth, challenger, champion, looks=26).finding == "not measurably different"
    assert orjson.loads(orjson.dumps(verdict.numbers))["champion_error"]["n"] == 400


@pytest.mark.parametrize("factor", [0.01, 1.0, 1000.0])
def test_a_loss_of_one_hundredth_of_the_error_is_excluded_in_any_unit(factor):
    rng = np.random.default_rng(4)
    noise = rng.normal(size=40_000)
    champion, challenger = noise * factor, noise * 0.999 * factor
    verdict = judge_errors(np.zeros(40_000), challenger, champion, looks=1)
    worse = judge_errors(np.zeros(40_000), champion, challenger, looks=1)
    assert verdict.action == "promote"
    assert worse.action == "refuse"


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_any_numbers_are_a_hold_that_can_be_stored(n):
    verdict = judge_errors([1.0] * n, [1.0] * n, [2.0] * n, looks=1)
    assert verdict.action == "hold"
    orjson.dumps(verdict.numbers)


# -- simulations through the gate itself ---------------------------------------------------------------------------


def test_fifty_retrains_without_a_gain_are_rarely_promoted_by_the_gate():
    assert simulated.no_better(1000, 30, simulated.gated("strict"))["false_promotion_rate"] <= 0.1


def test_nor_when_each_is_streamed_over_a_thousand_audit_labels():
    assert simulated.streamed(200, 12, batch=500) <= 0.05


def test_the_naive_rule_promotes_nearly_always_and_believes_its_own_score():
    found = simulated.no_better(200, 40, simulated.naive)
    assert found["false_promotion_rate"] >= 0.95
    assert found["optimism_points"] > 5
    assert abs(found["reported_optimism_points"]) < 1


def test_true_gains_of_five_points_get_through_and_the_stream_finds_more():
    assert simulated.missed(1000, 0.05, "balanced", 100) <= 0.05
    looked, streamed = simulated.missed(200, 0.05, "strict", 60), simulated.missed_by_stream(200, 0.05, 30, batch=500)
    assert streamed < looked - 0.2


def test_retrains_of_numbers_without_a_gain_are_rarely_promoted():
    found = simulated.errors_no_better(200, 25)
    assert found["gate"] <= 0.08
    assert found["naive"] >= 0.9


def test_a_judgement_without_slices_and_corrections_is_what_it_was():
    assert judged(1000, 30, 8).reasons == ("The gain is proven: 30 rows fixed, 8 broken.",)
