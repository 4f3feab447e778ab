"""What to ask next: one contract for every strategy, and the blend that keeps its parts apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback_core import scoring
from feedback_core.errors import NotFound
from feedback_core.prioritize import BINS, STRATEGIES, Pool, blend, histogram, ranks

relaxed = settings(deadline=None)
every_strategy = pytest.mark.parametrize("name", list(STRATEGIES))
every_k = pytest.mark.parametrize("k", [1, 2, 50])

OTHER_PROMISES = {"random", "rarity"}
"""Strategies that do not rank by doubt: random promises a fresh uniform draw, rarity a preference for scarce classes.
Each has tests of its own below; every other strategy, also one added later, has to put doubt first."""


def pool_of(proba, class_share=None, seed=0):
    proba = np.asarray(proba, dtype=np.float32)
    k = proba.shape[1]
    share = np.full(k, 1 / k) if class_share is None else np.asarray(class_share)
    return Pool(proba, share, np.random.default_rng(seed))


def random_pool(n, k, seed=0):
    rng = np.random.default_rng(seed)
    return pool_of(rng.dirichlet(np.ones(k), size=n), rng.dirichlet(np.ones(k)), seed)


def coin_flip_and_certainty(k):
    """Two rows over k classes: half and half, then all on the first."""
    proba = np.zeros((2, k))
    proba[0, :2] = 0.5
    proba[1, 0] = 1.0
    return pool_of(proba)


# -- every strategy ------------------------------------------------------------------------------------------------


@every_strategy
@every_k
@pytest.mark.parametrize("n", [0, 1, 40])
def test_one_finite_score_per_item(name, k, n):
    scores = STRATEGIES[name](random_pool(n, k))
    assert scores.shape == (n,)
    assert np.isfinite(scores).all()
    assert ((scores >= -1e-6) & (scores <= 1 + 1e-6)).all()


@every_strategy
@every_k
def test_certainty_and_zero_probabilities_are_finite_too(name, k):
    assert np.isfinite(STRATEGIES[name](pool_of(np.eye(k)))).all()


@pytest.mark.parametrize("name", sorted(set(STRATEGIES) - OTHER_PROMISES))
@pytest.mark.parametrize("k", [2, 3, 50])
def test_a_coin_flip_is_asked_before_a_certainty(name, k):
    flip, certain = STRATEGIES[name](coin_flip_and_certainty(k))
    assert flip > certain
    assert certain == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("name", sorted(set(STRATEGIES) - {"random"}))
@every_k
def test_shuffling_the_items_shuffles_the_scores_and_nothing_else(name, k):
    pool = random_pool(60, k)
    order = np.random.default_rng(1).permutation(60)
    shuffled = Pool(pool.proba[order], pool.class_share, pool.rng)
    assert STRATEGIES[name](shuffled) == pytest.approx(STRATEGIES[name](pool)[order], abs=1e-6)


@every_strategy
def test_scoring_leaves_the_pool_as_it_was(name):
    pool = random_pool(20, 3)
    before = pool.proba.copy(), pool.class_share.copy()
    STRATEGIES[name](pool)
    assert (pool.proba == before[0]).all()
    assert (pool.class_share == before[1]).all()


def test_an_unknown_strategy_is_refused_with_the_choices():
    with pytest.raises(NotFound, match=r"No strategy 'nope': choose one of .*entropy.*margin.*random"):
        blend(random_pool(3, 2), {"nope": 1.0})


# -- what each of the built-ins adds -------------------------------------------------------------------------------

THREE = [[0.5, 0.5, 0.0], [0.5, 0.25, 0.25], [1.0, 0.0, 0.0]]


def test_margin_by_hand():
    assert STRATEGIES["margin"](pool_of(THREE)).tolist() == [1.0, 0.75, 0.0]


def test_least_confidence_by_hand():
    assert STRATEGIES["least_confidence"](pool_of(THREE)).tolist() == [0.5, 0.5, 0.0]


def test_entropy_by_hand():
    expected = [np.log(2) / np.log(3), 1.5 * np.log(2) / np.log(3), 0.0]
    assert STRATEGIES["entropy"](pool_of(THREE)) == pytest.approx(expected, abs=1e-6)
    assert STRATEGIES["entropy"](pool_of([[0.25] * 4])) == pytest.approx([1.0], abs=1e-6)


def test_rarity_prefers_the_class_with_fewer_labels():
    pool = pool_of([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]], class_share=[0.9, 0.1])
    assert STRATEGIES["rarity"](pool) == pytest.approx([0.1, 0.9, 0.5])


def test_random_is_uniform_and_repeats_with_its_seed():
    draw = STRATEGIES["random"]
    scores = draw(random_pool(4000, 3, seed=5))
    assert (scores == draw(random_pool(4000, 3, seed=5))).all()
    assert (scores != draw(random_pool(4000, 3, seed=6))).any()
    assert np.histogram(scores, bins=4, range=(0, 1))[0] == pytest.approx([1000] * 4, abs=120)


# -- ranks, blend, histogram ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ([], []),
        ([7.0], [1.0]),
        ([30.0, 10.0, 20.0, 20.0], [1.0, 0.25, 0.625, 0.625]),
        ([5.0, 5.0, 5.0, 5.0], [0.625] * 4),
        ([0.0, -1.0], [1.0, 0.5]),
    ],
)
def test_ranks_by_hand_where_ties_share_the_mean(raw, expected):
    assert ranks(np.array(raw)).tolist() == expected


def test_ranks_among_the_open_items_place_the_others_where_they_would_stand():
    raw = np.array([0.1, 0.2, 0.3, 0.4, 0.0, 0.2, 0.25, 0.9])
    among = np.array([True] * 4 + [False] * 4)
    assert ranks(raw, among).tolist() == [0.25, 0.5, 0.75, 1.0, 0.125, 0.5, 0.625, 1.0]


def test_without_an_open_item_all_items_are_ranked_among_themselves():
    raw = np.array([3.0, 1.0, 2.0])
    assert ranks(raw, np.zeros(3, dtype=bool)).tolist() == ranks(raw).tolist()


@relaxed
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=80))
def test_ranks_keep_the_order_and_their_mean(raw):
    ranked = ranks(np.array(raw))
    assert ((ranked > 0) & (ranked <= 1)).all()
    assert ranked.mean() == pytest.approx((len(raw) + 1) / 2 / len(raw))
    assert np.array_equal(np.sign(np.subtract.outer(raw, raw)), np.sign(np.subtract.outer(ranked, ranked)))


def test_blend_by_hand():
    # Margin ranks 1, 2/3, 1/3 at weight 3; rarity is equal everywhere, rank 2/3, at weight 1.
    names, parts = blend(pool_of(THREE), {"margin": 3.0, "rarity": 1.0})
    assert names == ("margin", "rarity")
    assert parts == pytest.approx(np.array([[0.75, 1 / 6], [0.5, 1 / 6], [0.25, 1 / 6]]))


def test_reviewing_an_item_does_not_move_the_open_ones_apart():
    # The two open items keep ranks 1/2 and 1, whatever has been decided about the six others.
    pool = random_pool(8, 3)
    is_open = np.array([True, True] + [False] * 6)
    _, parts = blend(Pool(pool.proba, pool.class_share, pool.rng, is_open), {"margin": 1.0})
    assert sorted(parts[:2, 0].tolist()) == [0.5, 1.0]
    assert ((parts > 0) & (parts <= 1)).all()


def test_a_part_without_weight_is_left_out():
    names, parts = blend(random_pool(5, 3), {"margin": 1.0, "entropy": 0.0})
    assert names == ("margin",)
    assert parts.shape == (5, 1)


WEIGHTS = st.dictionaries(st.sampled_from(list(STRATEGIES)), st.floats(0, 10), min_size=1).filter(
    lambda weights: sum(weights.values()) > 1e-3
)


@relaxed
@given(WEIGHTS, st.integers(0, 60), st.sampled_from([1, 2, 50]), st.integers(0, 1000))
def test_the_parts_of_every_blend_sum_to_the_priority_within_zero_and_one(weights, n, k, seed):
    pool = random_pool(n, k, seed)
    names, parts = blend(pool, weights)
    assert names == tuple(sorted(name for name, weight in weights.items() if weight > 0))
    assert parts.shape == (n, len(names))
    assert (parts >= 0).all()
    labels = [f"label {number}" for number in range(k)]
    priority = scoring.ranked(range(n), pool.proba, labels, parts).priority
    assert ((priority >= 0) & (priority <= 1)).all()
    assert priority == pytest.approx(parts.sum(axis=1), abs=1e-6)
    bars = histogram(names, parts)
    assert sum(bars["count"]) == n
    assert set(bars) == {"count", *names}
    assert {len(values) for values in bars.values()} == {BINS}


def test_histogram_by_hand():
    parts = np.array([[0.02, 0.0], [0.01, 0.02], [0.3, 0.22], [0.5, 0.5]], dtype=np.float32)
    bars = histogram(("one", "two"), parts)
    assert bars["count"] == [2.0] + [0.0] * 9 + [1.0] + [0.0] * 8 + [1.0]
    assert bars["one"] == pytest.approx([0.015] + [0.0] * 9 + [0.3] + [0.0] * 8 + [0.5])
    assert bars["two"] == pytest.approx([0.01] + [0.0] * 9 + [0.22] + [0.0] * 8 + [0.5])
