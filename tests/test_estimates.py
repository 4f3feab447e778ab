"""Estimates of accuracy: weights, intervals and sharpening by hand, by property and by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback_core import estimates
from feedback_core.estimates import plain_weights, strata, weights
from feedback_core.intervals import Z95, wilson

relaxed = settings(deadline=None)


def test_the_one_uniform_draw_stands_for_everything_that_is_out():
    # Four items: the queue asked one, then chance drew one of the three others.
    by = weights([False, True], 4)
    assert by.rows.tolist() == [0.25, 0.75]
    assert (by.n, by.reach, by.square) == (1, 0.75, 0.5625)
    assert estimates.accuracy([True, False], by).value == 0.25


def test_weights_over_several_draws_by_hand():
    # Five items, 5, 4 and 3 out before each draw: 1 / (5 * 4) and 1 / (3 * 2) are 3/13 and 10/13 of their sum.
    by = weights([True, False, True], 5)
    assert by.rows == pytest.approx([3 / 13 + 2 / 13, 2 / 13, 6 / 13])
    assert by.square == pytest.approx((3 / 13) ** 2 + (6 / 13) ** 2)
    found = estimates.accuracy([True, True, False], by)
    assert found.value == pytest.approx(7 / 13)
    # Of the 11/13 that rest on chance 5/11 are right, as if told by (11/13)^2 / square rows.
    effective = 121 / 45
    share = wilson(5 / 11 * effective, effective)
    assert (found.low, found.high) == pytest.approx((2 / 13 + 11 / 13 * share.low, 2 / 13 + 11 / 13 * share.high))
    assert found.n == 2


@relaxed
@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(1, 500))
def test_uniform_draws_alone_give_the_plain_mean(right, others):
    found = estimates.accuracy(right, weights([True] * len(right), len(right) + others))
    assert found.value == pytest.approx(np.mean(right))
    assert found.n == len(right)
    # Every item that is known makes it a little closer than a sample from an endless stream.
    plain = wilson(sum(right), len(right))
    assert found.low >= plain.low - 1e-9
    assert found.high <= plain.high + 1e-9


@relaxed
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60), st.integers(0, 500))
def test_weights_are_shares_and_the_interval_holds_the_value(rows, others):
    uniform, right = zip(*rows, strict=True)
    by = weights(uniform, len(rows) + others)
    if by is None:
        assert others
        assert not any(uniform)
        return
    assert by.rows.sum() == pytest.approx(1)
    assert by.rows.min() >= 0
    found = estimates.accuracy(right, by)
    assert -1e-9 <= found.low <= found.value <= found.high <= 1 + 1e-9


@relaxed
@given(st.lists(st.booleans(), min_size=2, max_size=40), st.integers(0, 10**6))
def test_the_order_of_uniform_draws_without_others_between_does_not_matter(right, seed):
    by = weights([True] * len(right), len(right) + 10)
    shuffled = np.random.default_rng(seed).permutation(right)
    first, second = estimates.accuracy(right, by), estimates.accuracy(shuffled, by)
    assert (first.value, first.low, first.high) == pytest.approx((second.value, second.low, second.high))


def test_when_everything_is_known_the_accuracy_is_its_mean_without_a_doubt():
    found = estimates.accuracy([True, False, True, True], weights([False, True, False, False], 4))
    # A census: n counts every item, not the one that chance happened to draw.
    assert (found.value, found.low, found.high, found.n) == (0.75, 0.75, 0.75, 4)


def test_without_a_uniform_draw_nothing_stands_for_the_rest():
    assert weights([False, False], 10) is None
    assert weights([], 10) is None


def test_more_known_than_there_are_is_refused():
    with pytest.raises(ValueError, match="3 rows are known of a population of 2"):
        weights([True, True, True], 2)


def test_groups_count_for_the_items_in_them():
    old, new = weights([True], 30), weights([True, True], 10)
    by = strata([(np.array([True, False, False]), old, 30), (np.array([False, True, True]), new, 10)], 3)
    assert by.rows == pytest.approx([0.75, 0.125, 0.125])
    assert by.square == pytest.approx(0.75**2 * old.square + 0.25**2 * new.square)


# -- sharpened -----------------------------------------------------------------------------------------------------


def hundred():
    """Fifty rows at 0.6, of which 20 are wrong, and fifty at 0.9, all right."""
    confidence = np.array([0.6] * 50 + [0.9] * 50)
    return np.array([False] * 20 + [True] * 80), confidence


def test_sharpening_by_hand():
    right, confidence = hundred()
    # Slope (1 - 0.6) / 0.3; the sample lies 0.03 above all items; a quarter of the variance is explained.
    found = estimates.sharpened(right, confidence, 0.72, plain_weights(100))
    assert found.value == pytest.approx(0.8 - 4 / 3 * 0.03)
    n = 100 / (0.75 * 99 / 98)
    expected = wilson(0.76 * n, n)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.n == 100


def test_a_confidence_that_tells_nothing_changes_nothing():
    right = np.array([False] * 20 + [True] * 80)
    plain = estimates.accuracy(right, plain_weights(100))
    assert estimates.sharpened(right, np.full(100, 0.9), 0.2, plain_weights(100)) == plain
    unrelated = np.tile([0.6, 0.9], 50)
    assert estimates.sharpened(right, unrelated, 0.2, plain_weights(100)) == plain


def test_with_few_rows_or_hardly_an_error_it_is_not_sharpened():
    right, confidence = hundred()
    few = slice(0, 99)
    assert estimates.sharpened(right[few], confidence[few], 0.5, plain_weights(99)) == estimates.accuracy(
        right[few], plain_weights(99)
    )
    sound = np.arange(100) >= 4
    assert estimates.sharpened(sound, confidence, 0.5, plain_weights(100)) == estimates.accuracy(
        sound, plain_weights(100)
    )


def test_a_sharpened_share_never_leaves_zero_and_one():
    right, confidence = hundred()
    for mean in (0.0, 1.0):
        found = estimates.sharpened(right, confidence, mean, plain_weights(100))
        assert 0 <= found.low <= found.value <= found.high <= 1


def test_without_rows_nothing_is_excluded():
    nothing = estimates.accuracy([], plain_weights(0))
    assert (math.isnan(nothing.value), nothing.low, nothing.high, nothing.n) == (True, 0.0, 1.0, 0)


# -- differences ---------------------------------------------------------------------------------------------------


def test_a_paired_difference_by_hand():
    # 100 rows, 8 gained and 3 lost; half a row more in each of the four outcomes.
    gap = np.array([1.0] * 8 + [-1.0] * 3 + [0.0] * 89)
    found = estimates.difference(gap, plain_weights(100))
    half = Z95 * math.sqrt(12 - 25 / 102) / 102
    assert found.value == pytest.approx(0.05)
    assert (found.low, found.high) == pytest.approx((5 / 102 - half, 5 / 102 + half))


def test_two_versions_that_agree_on_every_row_may_still_differ():
    found = estimates.difference(np.zeros(40), plain_weights(40))
    assert found.value == 0
    assert found.low == -found.high
    assert found.high == pytest.approx(Z95 / 42)


def test_a_difference_counts_the_queue_for_itself_alone():
    by = weights([False, True], 4)
    assert estimates.difference([1.0, 0.0], by).value == 0.25


def test_a_sharpened_difference_moves_with_the_lead_in_confidence():
    rng = np.random.default_rng(0)
    gap = rng.choice([-1.0, 0.0, 1.0], p=[0.05, 0.8, 0.15], size=400)
    lead = 0.2 * gap + 0.02 * rng.normal(size=400)
    plain = estimates.difference(gap, plain_weights(400))
    found = estimates.sharpened_difference(gap, lead, lead.mean() + 0.02, plain_weights(400))
    assert found.value == pytest.approx(plain.value + 0.1, abs=0.01)
    assert found.high - found.low < 0.5 * (plain.high - plain.low)


# -- what is missing -----------------------------------------------------------------------------------------------


def test_an_item_the_queue_has_chosen_is_taken_to_be_like_its_last_answers():
    # Neither the forty before the last thirty answers count, nor the five that came up by chance.
    right = np.array([1.0] * 40 + [0.0] * 15 + [1.0] * 15 + [1.0] * 5 + [np.nan, np.nan])
    queued = np.array([True] * 70 + [False] * 5 + [True, False])
    filled = estimates.imputed(right, queued)
    assert filled[-2] == 0.5
    assert math.isnan(filled[-1])


def test_the_bounds_count_what_was_not_answered_as_wrong_and_as_right():
    assert estimates.bounds(right=8, answered=9, asked=12) == (8 / 12, 11 / 12)
    assert estimates.bounds(0, 0, 0) == (0.0, 1.0)


# -- simulation ----------------------------------------------------------------------------------------------------


def drawn_by_the_queue(share, asked, order, rng):
    """Rows asked about, least sure first but for a share drawn uniformly from what is out; and which those are."""
    out, uniform = list(order), rng.random(asked) < share
    rows = [out.pop(rng.integers(len(out)) if chance else 0) for chance in uniform]
    return np.array(rows), uniform


@pytest.mark.parametrize("n", [400, 1_000])
def test_a_third_of_the_pool_in_the_order_of_the_queue_leaves_no_bias(n):
    rng = np.random.default_rng(n)
    sure = 0.5 + 0.5 * rng.beta(2, 0.7, n)
    right = rng.random(n) < sure
    order = np.argsort(sure)
    ours, sharp, plain = [], [], []
    for seed in range(600):
        rows, uniform = drawn_by_the_queue(0.25, n // 3, order, np.random.default_rng(seed))
        by = weights(uniform, n)
        ours.append(estimates.accuracy(right[rows], by))
        sharp.append(estimates.sharpened(right[rows], sure[rows], sure.mean(), by))
        plain.append(estimates.accuracy(right[rows][uniform], plain_weights(uniform.sum())))
    truth = right.mean()
    for found in (ours, sharp):
        assert np.mean([i.value for i in found]) == pytest.approx(truth, abs=0.005)
        assert np.mean([i.low <= truth <= i.high for i in found]) == pytest.approx(0.95, abs=0.025)
    # The draws themselves are uniform among what the queue has left: too good by more than a point.
    assert np.mean([i.value for i in plain]) > truth + 0.01
