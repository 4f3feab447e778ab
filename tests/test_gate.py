"""The gate: what is claimed, what is done, and how rarely a version that is no better gets through."""

import functools
import math

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binomtest, norm

from feedback_core import gate
from feedback_core.gate import judge
from feedback_core.gate.paired import (
    PRIOR_SD,
    Paired,
    labels_to_decide,
    mcnemar,
    p_better,
    paired,
    rows_to_decide,
    smallest_provable_gain,
)
from feedback_core.gate.verdict import ALPHA, MIN_CASES
from feedback_core.gate.wear import LOOKS
from feedback_core.types import Interval

relaxed = settings(deadline=None)
LABELS = st.sampled_from("abc")
ROWS = st.lists(st.tuples(LABELS, LABELS, LABELS), max_size=120)
POLICIES = ("strict", "balanced", "manual")


def cases(both=0, gained=0, lost=0, neither=0):
    """Truth, challenger and champion with these many rows of each kind."""
    rows = (
        [("a", "a", "a")] * both + [("a", "a", "b")] * gained + [("a", "b", "a")] * lost + [("a", "b", "c")] * neither
    )
    return [list(column) for column in zip(*rows, strict=True)]


def judged(n, gained, lost, *, looks=1, **options):
    return judge(*cases(n - gained - lost, gained, lost), looks=looks, **options)


# -- counting and testing ------------------------------------------------------------------------------------------


def test_paired_counts_the_rows_on_which_exactly_one_is_right():
    truth, challenger, champion = "aaaaabb", "aaabcba", "aabaaab"
    assert paired(truth, challenger, champion) == Paired(n=7, gained=2, lost=3)


def test_two_different_wrong_answers_count_for_nobody():
    assert paired("a", "b", "c") == Paired(1, 0, 0)


def test_paired_refuses_lists_of_different_lengths():
    with pytest.raises(ValueError, match="shorter"):
        paired("aab", "aab", "aa")


def test_difference_and_its_standard_error_by_hand():
    pair = Paired(n=100, gained=8, lost=4)
    assert pair.difference == 0.04
    assert pair.se == pytest.approx(math.sqrt(12 - 16 / 100) / 100)
    assert pair.interval.low == pytest.approx(0.04 - 1.959964 * 0.0344093, abs=1e-6)
    assert pair.interval.high == pytest.approx(0.04 + 1.959964 * 0.0344093, abs=1e-6)
    assert pair.interval.n == 100


def test_standard_error_is_that_of_the_mean_of_plus_one_minus_one_and_zero():
    steps = np.array([1] * 8 + [-1] * 4 + [0] * 88)
    assert Paired(100, 8, 4).se == pytest.approx(steps.std() / math.sqrt(100))


def test_without_rows_every_difference_is_possible():
    pair = Paired(0, 0, 0)
    assert (pair.difference, pair.interval.low, pair.interval.high) == (0.0, -1.0, 1.0)


@pytest.mark.parametrize(
    ("gained", "lost", "p"), [(0, 0, 1.0), (0, 5, 1.0), (1, 0, 0.5), (5, 0, 1 / 32), (8, 2, 56 / 1024)]
)
def test_mcnemar_by_hand(gained, lost, p):
    assert mcnemar(gained, lost) == pytest.approx(p)


@relaxed
@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_is_the_one_sided_binomial_test_on_the_discordant_rows(gained, lost):
    if gained + lost:
        expected = binomtest(gained, gained + lost, 0.5, alternative="greater").pvalue
        assert mcnemar(gained, lost) == pytest.approx(expected, rel=1e-9)


def test_p_better_is_the_posterior_of_a_normal_prior():
    pair = Paired(n=1000, gained=40, lost=20)

    def joint(gain):
        return norm.pdf(gain, 0, PRIOR_SD) * norm.pdf(pair.difference, gain, pair.se)

    above, below = quad(joint, 0, 0.05)[0], quad(joint, -0.05, 0)[0]
    assert p_better(pair) == pytest.approx(above / (above + below), abs=1e-6)
    assert p_better(pair) == pytest.approx(0.9205, abs=1e-4)


@pytest.mark.parametrize(
    ("pair", "probability"),
    [(Paired(0, 0, 0), 0.5), (Paired(50, 0, 0), 0.5), (Paired(50, 50, 0), 1.0), (Paired(50, 0, 50), 0.0)],
)
def test_p_better_where_there_is_no_spread(pair, probability):
    assert p_better(pair) == probability


@pytest.mark.parametrize(("n", "points"), [(200, 4.75), (1000, 2.0), (5000, 1.0)])
def test_smallest_provable_gain_reproduces_the_simulated_table(n, points):
    # Simulated with 6 % disagreement, alpha 0.05 and 80 % power; the closed form fixes the discordant rows.
    assert 100 * smallest_provable_gain(n, 0.06, 0.05) == pytest.approx(points, abs=0.8)


def test_smallest_provable_gain_is_everything_when_no_row_could_prove_it():
    assert smallest_provable_gain(20, 0.05, 0.002) == 1.0
    assert smallest_provable_gain(0, 0.0, 0.002) == 1.0


def test_a_gain_of_that_size_is_proven_four_times_out_of_five():
    rng = np.random.default_rng(0)
    n, discordant = 1000, 60
    gain = smallest_provable_gain(n, discordant / n, 0.05)
    gained = rng.binomial(discordant, (1 + gain * n / discordant) / 2, size=4000)
    proven = np.mean([mcnemar(k, discordant - k) <= 0.05 for k in gained.tolist()])
    assert 0.79 <= proven <= 0.85


def test_rows_to_decide_by_hand():
    # (z(0.05) + z(0.8))^2 * 0.06 / 0.02^2 = 927.3 rows in all, 500 are there.
    assert rows_to_decide(Paired(500, 20, 10), 0.05) == math.ceil((1.644854 + 0.841621) ** 2 * 0.06 / 0.02**2) - 500
    assert rows_to_decide(Paired(500, 100, 10), 0.05) == 0
    assert rows_to_decide(Paired(500, 10, 10), 0.05) is None
    assert rows_to_decide(Paired(0, 0, 0), 0.05) is None


# -- findings and actions ------------------------------------------------------------------------------------------

# Of 1000 rows: 30:8 is proven at 0.002 (p = 0.0002), 8:30 is a proven loss, 20:15 and 15:20 are neither.
BETTER, UNPROVEN, NOISE, WORSE = (30, 8), (20, 15), (15, 20), (8, 30)


@pytest.mark.parametrize(
    ("counts", "finding"),
    [
        (BETTER, "better"),
        (UNPROVEN, "not measurably different"),
        ((15, 15), "not measurably different"),
        (NOISE, "worse within noise"),
        (WORSE, "worse"),
    ],
)
@pytest.mark.parametrize("policy", POLICIES)
def test_the_finding_does_not_depend_on_the_policy(counts, finding, policy):
    assert judged(1000, *counts, policy=policy).finding == finding


@pytest.mark.parametrize(
    ("policy", "counts", "action", "reason"),
    [
        ("strict", BETTER, "promote", "The gain is proven: 30 rows fixed, 8 broken."),
        ("strict", UNPROVEN, "hold", "The policy is strict and the gain is not proven."),
        ("strict", NOISE, "hold", "The policy is strict and the gain is not proven."),
        ("strict", WORSE, "refuse", "It is measurably worse: 30 rows broken, 8 fixed."),
        ("balanced", BETTER, "promote", "The gain is proven: 30 rows fixed, 8 broken."),
        ("balanced", UNPROVEN, "hold", "It is better with probability 71%; 80% is asked for."),
        (
            "balanced",
            (25, 12),
            "promote",
            "Not proven, but probably better and a loss above 1.0 points is excluded.",
        ),
        ("balanced", NOISE, "refuse", "It is 0.5 points lower on the locked rows."),
        ("balanced", WORSE, "refuse", "It is measurably worse: 30 rows broken, 8 fixed."),
        ("manual", BETTER, "hold", "The policy is manual: a person decides with these numbers."),
        ("manual", UNPROVEN, "hold", "The policy is manual: a person decides with these numbers."),
        ("manual", NOISE, "hold", "The policy is manual: a person decides with these numbers."),
        ("manual", WORSE, "refuse", "It is measurably worse: 30 rows broken, 8 fixed."),
    ],
)
def test_the_action_of_each_policy(policy, counts, action, reason):
    verdict = judged(1000, *counts, policy=policy)
    assert (verdict.action, verdict.reasons[0]) == (action, reason)


def test_balanced_asks_that_a_loss_is_excluded():
    # 20 of 1000 fixed and 12 broken: better with probability 0.83, but the 95 % interval reaches down to -0.3 points.
    assert judged(1000, 20, 12, max_loss=0.004).action == "promote"
    verdict = judged(1000, 20, 12, max_loss=0.002)
    assert verdict.action == "hold"
    assert verdict.reasons[0] == "A loss of 0.3 points against the champion is not excluded."


def test_the_first_version_is_promoted_because_nothing_serves_yet():
    verdict = gate.first(40)
    assert (verdict.finding, verdict.action, verdict.numbers) == ("first", "promote", {"n": 40})


def test_too_few_rows_never_promote_by_themselves():
    assert judged(49, 20, 0).finding == "better"
    assert judged(49, 20, 0).action == "hold"
    assert judged(49, 20, 0).reasons == (
        "Only 49 locked rows: at least 50 are needed before a version can promote itself.",
    )
    assert judged(50, 20, 0).action == "promote"
    assert judged(50, 20, 0, min_cases=51).action == "hold"


@pytest.mark.parametrize(("n", "start"), [(1, "Only 1 locked row: so few"), (29, "Only 29 locked rows: so few")])
def test_below_thirty_rows_the_reason_says_that_nothing_can_be_proven(n, start):
    (reason,) = judged(n, 0, 0).reasons
    assert reason == (
        f"{start} can prove nothing, neither a gain nor a loss. About 30 are needed for any proof, "
        "and at least 50 before a version can promote itself."
    )
    assert "at least 50 are needed" in judged(30, 0, 0).reasons[0]


def test_too_few_rows_still_refuse_what_is_measurably_worse():
    assert judged(20, 0, 15).action == "refuse"


def test_no_rows_at_all_is_a_hold_that_can_be_stored():
    verdict = judge([], [], [], looks=1)
    assert verdict.action == "hold"
    assert orjson.loads(orjson.dumps(verdict.numbers))["champion_accuracy"]["value"] is None


def test_the_anchor_blocks_a_slow_decline():
    # The challenger fixes 8 rows of its champion and breaks none, but 6 of those the anchor knew, and 20 more.
    rows = [("a", "a", "b", "b")] * 2
    rows += [("a", "a", "b", "a")] * 6
    rows += [("a", "b", "b", "a")] * 20
    rows += [("a", "a", "a", "a")] * 972
    truth, challenger, champion, anchor = (list(column) for column in zip(*rows, strict=True))
    alone = judge(truth, challenger, champion, looks=2)
    anchored = judge(truth, challenger, champion, anchor, looks=2)
    assert (alone.finding, alone.action) == ("not measurably different", "promote")
    assert (anchored.finding, anchored.action) == ("not measurably different", "hold")
    assert anchored.reasons == ("A loss of 2.7 points against the anchor version is not excluded.",)
    assert anchored.numbers["anchor_difference"]["value"] == pytest.approx(-0.018)


def test_the_error_budget_is_shared_by_the_first_25_looks():
    assert LOOKS == 25
    assert judged(1000, 30, 8, looks=25).finding == "better"
    assert judged(1000, 30, 8, looks=25).numbers["alpha"] == pytest.approx(0.05 / 25)
    assert judged(1000, 30, 8, looks=26).numbers["alpha"] == 0.0


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(("n", "gained"), [(1000, 30), (1200, 1200), (5000, 5000)])
def test_after_25_looks_nothing_can_be_called_better(n, gained, policy):
    # 1200 discordant rows: the exact p is 2^-1200, which a float rounds to zero.
    assert judged(n, gained, 0, looks=26, policy=policy).finding == "not measurably different"


def test_a_loss_is_still_found_after_25_looks():
    assert judged(1000, *WORSE, looks=26).finding == "worse"


def test_the_numbers_behind_a_verdict():
    numbers = judged(1000, 30, 8, looks=3).numbers
    assert numbers | {"p": None, "p_worse": None, "p_better": None} == {
        "n": 1000,
        "gained": 30,
        "lost": 8,
        "challenger_accuracy": {
            "value": 0.992,
            "low": pytest.approx(0.98429, abs=1e-5),
            "high": pytest.approx(0.99594, abs=1e-5),
            "n": 1000,
        },
        "champion_accuracy": {
            "value": 0.97,
            "low": pytest.approx(0.95750, abs=1e-5),
            "high": pytest.approx(0.97891, abs=1e-5),
            "n": 1000,
        },
        "difference": {
            "value": 0.022,
            "low": pytest.approx(0.0099949, abs=1e-6),
            "high": pytest.approx(0.0340051, abs=1e-6),
            "n": 1000,
        },
        "anchor_difference": numbers["difference"],
        "p": None,
        "p_worse": None,
        "alpha": 0.002,
        "looks": 3,
        "looks_budget": 25,
        "p_better": None,
        "smallest_provable_gain": smallest_provable_gain(1000, 0.038, 0.002),
        "rows_to_decide": rows_to_decide(Paired(1000, 30, 8), 0.002),
        "labels_to_decide": labels_to_decide(Paired(1000, 30, 8), 0.0, 5000),
        "looks_left": 22,
        "e_value": 1.0,
        "e_claim": 5000.0,
        "e_rows": 0,
        "metric": "accuracy",
        "test": "exact McNemar test",
        "unit": "points",
        "slices": [],
        "corrections": None,
    }
    assert numbers["p"] == pytest.approx(sum(math.comb(38, heads) for heads in range(30, 39)) / 2**38)
    assert numbers["p_worse"] == pytest.approx(sum(math.comb(38, heads) for heads in range(8, 39)) / 2**38)


def test_each_locked_sample_is_compared_alone():
    truth, challenger, champion = ["a"] * 5, ["a", "b", "a", "a", "a"], ["b", "a", "b", "a", "b"]
    samples = gate.by_sample(truth, challenger, champion, [False, False, False, True, True])
    assert [(name, s["n"], s["gained"], s["lost"]) for name, s in samples.items()] == [
        ("holdout", 3, 2, 1),
        ("audit", 2, 1, 0),
    ]
    assert samples["holdout"]["difference"]["value"] == pytest.approx(1 / 3)
    assert gate.by_sample([], [], [], [])["audit"]["difference"] == {"value": 0.0, "low": -1.0, "high": 1.0, "n": 0}


# -- properties ----------------------------------------------------------------------------------------------------


@relaxed
@given(ROWS)
def test_swapping_the_two_versions_mirrors_the_difference(rows):
    truth, one, other = ([row[n] for row in rows] for n in range(3))
    there, back = paired(truth, one, other), paired(truth, other, one)
    assert there.difference == -back.difference
    assert there.se == back.se
    assert (there.interval.low, there.interval.high) == (-back.interval.high, -back.interval.low)
    assert p_better(there) + p_better(back) == pytest.approx(1)


@relaxed
@given(st.lists(st.tuples(LABELS, LABELS), max_size=120), st.sampled_from(POLICIES), st.integers(1, 40))
def test_identical_predictions_are_not_measurably_different_and_change_nothing(rows, policy, looks):
    truth, said = ([row[n] for row in rows] for n in range(2))
    verdict = judge(truth, said, said, looks=looks, policy=policy)
    assert (verdict.finding, verdict.action) == ("not measurably different", "hold")


COUNTS = st.tuples(st.integers(0, 400), st.integers(0, 80), st.integers(0, 80)).filter(any)


@relaxed
@given(COUNTS, st.sampled_from(POLICIES), st.integers(1, 40), st.floats(0, 0.2))
def test_a_promotion_is_never_of_a_version_that_scored_lower(counts, policy, looks, max_loss):
    both, gained, lost = counts
    verdict = judge(*cases(both, gained, lost), looks=looks, policy=policy, max_loss=max_loss)
    if verdict.finding in ("worse", "worse within noise"):
        assert verdict.action != "promote"
    if verdict.action == "promote":
        assert gained > lost
        assert verdict.numbers["n"] >= MIN_CASES
        assert policy != "manual"
    if verdict.finding == "better":
        assert looks <= LOOKS
        assert mcnemar(gained, lost) <= 0.002
    assert all(reason.endswith(".") for reason in verdict.reasons)


@relaxed
@given(st.integers(0, 2000), st.floats(0, 1), st.sampled_from([0.05, 0.002]))
def test_a_provable_gain_is_a_fraction(n, disagreement, alpha):
    assert 0 < smallest_provable_gain(n, disagreement, alpha) <= 1


# -- simulation ----------------------------------------------------------------------------------------------------

RUNS, RETRAINS, ROWS_LOCKED, ACCURACY, DISAGREEMENT = 60, 50, 1000, 0.85, 0.06

p_of = functools.cache(mcnemar)


def false_promotions(promotes, seed=1):
    """Share of runs in which any of 50 retrains without a true gain is promoted on one reused holdout."""
    rng = np.random.default_rng(seed)
    champion = rng.random((RUNS, ROWS_LOCKED)) < ACCURACY
    fooled = np.zeros(RUNS, dtype=bool)
    for look in range(1, RETRAINS + 1):
        # Rows change sides at rates that keep the true accuracy of every version at 85 %.
        turns = np.where(champion, DISAGREEMENT / 2 / ACCURACY, DISAGREEMENT / 2 / (1 - ACCURACY))
        challenger = champion ^ (rng.random(champion.shape) < turns)
        gained, lost = (challenger & ~champion).sum(axis=1), (champion & ~challenger).sum(axis=1)
        promoted = np.array([promotes(b, c, look) for b, c in zip(gained.tolist(), lost.tolist(), strict=True)])
        champion = np.where(promoted[:, None], challenger, champion)
        fooled |= promoted
    return fooled.mean()


def test_fifty_retrains_without_a_gain_rarely_get_called_better():
    def gated(gained, lost, look):
        return look <= LOOKS and p_of(gained, lost) <= ALPHA / LOOKS

    assert false_promotions(gated) <= 0.05


def test_a_higher_accuracy_alone_would_promote_one_of_them_nearly_always():
    assert false_promotions(lambda gained, lost, _look: gained > lost) > 0.9


def test_rows_on_which_nothing_differs_leave_room_for_a_difference() -> None:
    # 1.959964 / 121, half a row added to each of the four cells; with one row that differs it is 1.96 / 119.
    assert Paired(119, 0, 0).interval == Interval(
        0.0, pytest.approx(-0.016198, abs=1e-6), pytest.approx(0.016198, abs=1e-6), 119
    )
    assert Paired(119, 1, 0).interval.low == pytest.approx(1 / 119 - 1.959964 * math.sqrt(1 - 1 / 119) / 119)
