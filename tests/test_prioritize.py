"""What to ask next: one contract for every strategy, and the blend that keeps its parts apart."""

from dataclasses import replace
from importlib import import_module
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback_core import scoring
from feedback_core.errors import InvalidInput, NotFound
from feedback_core.prioritize import BINS, DIVERSITY, STRATEGIES, Facts, Pool, blend, histogram, ranks
from feedback_core.prioritize.diversity import clusters, lifts, round_robin, shortlist, typical

blending = import_module("feedback_core.prioritize.blend")  # the package's `blend` is the function
relaxed = settings(deadline=None)
every_strategy = pytest.mark.parametrize("name", list(STRATEGIES))
every_k = pytest.mark.parametrize("k", [1, 2, 50])

OTHER_PROMISES = {"alarm", "random", "rarity", "novelty", "density"}
"""Strategies that do not rank by doubt: alarm follows one class, random promises a fresh uniform draw, rarity a
preference for scarce classes, novelty and density look at the inputs alone.
Each has tests of its own below; every other strategy, also one added later, has to put doubt first."""


def pool_of(proba, class_share=None, seed=0, features=None, **facts):
    """A pool whose committee votes as the probabilities say."""
    proba = np.asarray(proba, dtype=np.float32)
    n, k = proba.shape
    share = np.full(k, 1 / k) if class_share is None else np.asarray(class_share)
    rng = np.random.default_rng(seed)
    given = {"features": rng.normal(size=(n, 3)) if features is None else np.asarray(features), "votes": proba} | facts
    given = {"labelled": rng.normal(size=(5, 3)), "sample": rng.normal(size=(7, 3))} | given
    return Pool(proba, share, rng, facts=Facts(**{name: np.asarray(v, np.float32) for name, v in given.items()}))


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
    shuffled = pool.at(order, frozenset())
    assert STRATEGIES[name](shuffled) == pytest.approx(STRATEGIES[name](pool)[order], abs=1e-6)


@every_strategy
def test_scoring_leaves_the_pool_as_it_was(name):
    pool = random_pool(20, 3)
    before = pool.proba.copy(), pool.class_share.copy()
    STRATEGIES[name](pool)
    assert (pool.proba == before[0]).all()
    assert (pool.class_share == before[1]).all()


@every_strategy
def test_a_strategy_reads_only_the_facts_it_names(name):
    pool = random_pool(20, 3)
    named = {need: pool.fact(need) for need in STRATEGIES[name].needs}
    scores = STRATEGIES[name](replace(random_pool(20, 3), facts=Facts(**named)))
    assert scores == pytest.approx(STRATEGIES[name](pool), abs=1e-6) or name == "random"
    for missing in named:
        with pytest.raises(InvalidInput, match=f"This pool has no {missing}"):
            STRATEGIES[name](replace(pool, facts=replace(pool.facts, **{missing: None})))


@pytest.mark.parametrize("name", sorted(set(STRATEGIES) - {"random"}))  # every random draw is fresh
def test_many_rows_score_as_each_does_alone(name):
    pool = random_pool(60_000, 3)
    ends = np.array([0, 43_689, 43_690, 43_691, 59_999])
    assert STRATEGIES[name](pool)[ends] == pytest.approx(STRATEGIES[name](pool.at(ends, frozenset())), abs=1e-5)


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


def test_margin_over_many_classes_equals_margin_over_few():
    proba = np.zeros((50, 60), dtype=np.float32)
    proba[:, 7:10] = np.random.default_rng(0).dirichlet(np.ones(3), size=50)
    few = STRATEGIES["margin"](pool_of(proba[:, 7:10]))
    assert STRATEGIES["margin"](pool_of(proba)) == pytest.approx(few, abs=1e-6)


def test_committee_by_hand():
    votes = [[1.0, 0.0], [0.5, 0.5], [0.75, 0.25]]
    expected = [0.0, 1.0, 0.8112781]
    assert STRATEGIES["committee"](pool_of(np.full((3, 2), 0.5), votes=votes)) == pytest.approx(expected, abs=1e-6)


def test_novelty_by_hand():
    pool = pool_of(np.eye(3), features=[[0, 0], [3, 4], [0, 6]], labelled=[[0, 0], [0, 5]])
    assert STRATEGIES["novelty"](pool) == pytest.approx([0.0, 10**0.5 / (1 + 10**0.5), 0.5], abs=1e-3)


def test_everything_is_new_while_nothing_is_labelled():
    assert STRATEGIES["novelty"](pool_of(np.eye(2), features=[[0.0], [1.0]], labelled=np.empty((0, 1)))).tolist() == [
        1,
        1,
    ]


def test_density_by_hand():
    # The sample's variance is 1, so the middle is at 1 / (1 + 1) of both, an end at itself and at 1 / (1 + 4).
    pool = pool_of(np.eye(3), features=[[0.0], [1.0], [100.0]], sample=[[-1.0], [1.0]])
    assert STRATEGIES["density"](pool) == pytest.approx([0.5, 0.6, 1e-4], abs=1e-5)


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


WEIGHTS = st.dictionaries(st.sampled_from([*STRATEGIES, DIVERSITY]), st.floats(0, 10), min_size=1).filter(
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


# -- only what is needed -------------------------------------------------------------------------------------------


def looking_pool(n, seed=0, k=3):
    """A pool without facts, and the list of what was looked up: (rows, needs)."""
    known, asked = random_pool(n, k, seed), []

    def look(rows, needs):
        asked.append((len(rows), needs))
        return known.at(rows, needs).facts

    return replace(known, facts=Facts(), look=look), asked


@pytest.mark.parametrize(
    ("weights", "asked"),
    [
        ({"margin": 1.0, "rarity": 1.0, "committee": 0.0}, []),
        ({"committee": 1.0}, [(30, {"votes"})]),
        ({"margin": 1.0, "novelty": 1.0, "committee": 1.0}, [(30, {"votes", "features", "labelled"})]),
        ({"margin": 1.0, "diversity": 1.0}, [(30, {"features"})]),
        ({"density": 1.0, "diversity": 1.0}, [(30, {"features", "sample"})]),
    ],
)
def test_facts_are_looked_up_once_and_only_for_weights_above_zero(weights, asked):
    pool, log = looking_pool(30)
    blend(pool, weights)
    assert log == asked


def test_of_many_rows_only_the_best_are_looked_up_and_stay_ahead(monkeypatch):
    monkeypatch.setattr(blending, "CANDIDATES", 100)
    pool, log = looking_pool(1000)
    is_open = np.arange(1000) % 2 == 0
    _, parts = blend(replace(pool, is_open=is_open), {"margin": 1.0, "novelty": 5.0}, batch=2)
    assert [rows for rows, _ in log] == [100]
    best = np.flatnonzero(parts[:, 1])
    assert is_open[best].all()
    others = np.setdiff1d(np.flatnonzero(is_open), best)
    assert parts[best, 0].min() >= parts[others, 0].max()
    assert parts[best].sum(axis=1).min() >= parts[others].sum(axis=1).max()


def test_a_dear_part_alone_is_computed_for_every_row(monkeypatch):
    monkeypatch.setattr(blending, "CANDIDATES", 10)
    pool, log = looking_pool(40)
    _, parts = blend(pool, {"novelty": 1.0, "diversity": 1.0}, batch=1)
    assert log == [(40, {"features", "labelled"})]
    assert (parts[:, 1] > 0).all()


def test_ranks_of_many_rows_are_the_exact_ones_to_one_step(monkeypatch):
    raw = np.random.default_rng(0).random(5_000)
    among = raw < 0.7
    exact = ranks(raw, among)
    monkeypatch.setattr(blending, "EXACT", 1_000)
    assert ranks(raw, among) == pytest.approx(exact, abs=1e-3)
    assert ranks(np.full(5_000, 0.3)) == pytest.approx(0.5, abs=1e-3)


# -- diversity -----------------------------------------------------------------------------------------------------


def turns_of(cluster):
    """How often each row's cluster came before it."""
    return [cluster[:n].count(own) for n, own in enumerate(cluster)]


def test_round_robin_by_hand():
    score = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    cluster = np.array([2, 2, 2, 0, 1, 0])
    # Firsts 0 (0.9), 3 (0.6), 4 (0.5); seconds 1 (0.8), 5 (0.4); third 2.
    assert round_robin(score, cluster).tolist() == [0, 3, 4, 1, 5, 2]


def test_lifts_by_hand():
    score = np.array([0.5, 0.8])
    assert lifts(score, np.array([0, 1]), share=0.2, top=0.8) == pytest.approx([0.5, 0.1])


def test_the_shortlist_takes_the_best_open_rows_and_draws_among_equals():
    score = np.array([0.9, 0.1, 0.5, 0.5, 0.5, 0.8])
    is_open = np.array([False, True, True, True, True, True])
    drawn = [shortlist(score, is_open, 2, np.random.default_rng(seed)).tolist() for seed in range(30)]
    assert {first for first, _ in drawn} == {5}
    assert {second for _, second in drawn} == {2, 3, 4}


def test_clusters_find_two_heaps():
    features = np.array([[0.0], [0.1], [9.0], [9.1]])
    found = clusters(features, np.ones(4), 2, np.random.default_rng(0))
    assert found[0] == found[1] != found[2] == found[3]


def test_the_middle_of_an_unlabelled_heap_is_typical():
    features = np.array([[0.0], [0.2], [0.4], [9.0], [9.3], [9.5]])
    order = typical(features, np.array([[0.1]]), 1, np.random.default_rng(0))
    assert order.tolist()[0] == 4
    assert sorted(order.tolist()[:3]) == [3, 4, 5]


@pytest.mark.parametrize(("known", "k", "first"), [(59, 6, 4), (60, 6, 0), (59, 5, 0), (71, 12, 4), (None, 6, 0)])
def test_with_few_labels_of_many_classes_the_typical_rows_come_first(known, k, first):
    margins = np.array([0.99, 0.98, 0.97, 0.3, 0.2, 0.1])
    proba = np.zeros((6, k))
    proba[:, :2] = np.stack([(2 - margins) / 2, margins / 2], axis=1)
    pool = pool_of(proba, features=[[0.0], [0.2], [0.4], [9.0], [9.3], [9.5]], labelled=[[0.1]])
    _, parts = blend(replace(pool, known=known), {"margin": 0.9, "diversity": 0.1}, batch=1)
    assert parts.sum(axis=1).argmax() == first
    assert parts.sum(axis=1).max() <= 1


def test_a_cold_start_of_many_rows_still_lifts_what_it_drew(monkeypatch):
    monkeypatch.setattr(blending, "CANDIDATES", 100)
    pool, log = looking_pool(1000, k=6)
    _, parts = blend(replace(pool, known=10), {"margin": 1.0, "novelty": 1.0, "diversity": 1.0}, batch=2)
    lifted = parts[:, 0] > 0
    assert log == [(100, {"features", "labelled"})]
    assert lifted.sum() == 40
    assert parts[lifted].sum(axis=1).min() > parts[~lifted].sum(axis=1).max()
    assert parts.sum(axis=1).max() <= 1 + 1e-6


def test_equal_rows_are_clustered_without_complaint():
    assert clusters(np.zeros((30, 2)), np.zeros(30), 4, np.random.default_rng(0)).tolist() == [0] * 30


def test_two_heaps_are_asked_about_in_turn():
    margins = np.array([0.99, 0.98, 0.97, 0.5, 0.4])
    proba = np.stack([(2 - margins) / 2, margins / 2], axis=1)
    pool = pool_of(proba, features=[[0.0], [0.1], [0.2], [9.0], [9.1]])
    names, parts = blend(pool, {"margin": 0.9, "diversity": 0.1}, batch=2)
    assert names == ("diversity", "margin")
    assert (-parts.sum(axis=1)).argsort().tolist() == [0, 3, 1, 4, 2]
    assert parts.sum(axis=1).max() <= 1


@relaxed
@given(st.integers(1, 300), st.integers(1, 12), st.integers(0, 1000), st.sampled_from([1e-9, 0.1, 1.0, 50.0]))
def test_only_the_shortlist_is_reordered_and_it_goes_round_the_clusters(n, batch, seed, weight):
    # The features are the rows' numbers, so what was clustered can be told.
    pool = random_pool(n, 3, seed)
    pool = replace(pool, facts=Facts(features=np.arange(n, dtype=np.float32)[:, None]))
    found = {}

    def spying(features, *rest):
        labels = clusters(features, *rest)
        found.update(zip(features[:, 0].astype(int).tolist(), labels.tolist(), strict=True))
        return labels

    is_open = np.random.default_rng(seed).random(n) < 0.8
    with patch.object(blending, "clusters", spying):
        names, parts = blend(replace(pool, is_open=is_open), {"margin": 1.0, "rarity": 0.3, DIVERSITY: weight}, batch)
    lift, own = parts[:, names.index(DIVERSITY)], np.delete(parts, names.index(DIVERSITY), axis=1).sum(axis=1)
    total = parts.sum(axis=1)
    assert (lift >= 0).all()
    assert total.max() <= 1 + 1e-6
    among = np.flatnonzero(is_open) if is_open.any() else np.arange(n)
    if not is_open.any():
        assert (lift == 0).all()
        return
    best = np.flatnonzero(lift)
    assert len(best) == min(20 * batch, len(among))
    rest = np.setdiff1d(among, best)
    if len(rest):
        assert own[best].min() >= own[rest].max() - 1e-6
        assert total[best].min() > total[rest].max()
    order = best[np.argsort(-total[best])]
    assert len(set(total[best].tolist())) == len(best)
    assert sorted(found) == sorted(order.tolist())
    assert len(set(found.values())) <= max(batch, len(best) if len(best) <= batch else 0)
    assert turns_of([found[row] for row in order.tolist()]) == sorted(turns_of([found[row] for row in order.tolist()]))


@relaxed
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 5)), min_size=1, max_size=60))
def test_round_robin_takes_every_cluster_once_before_any_twice(rows):
    score, cluster = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    order = round_robin(score, cluster)
    assert sorted(order.tolist()) == list(range(len(rows)))
    turns = turns_of(cluster[order].tolist())
    assert turns == sorted(turns)
    for turn in set(turns):
        scores = [score[row] for row, at in zip(order, turns, strict=True) if at == turn]
        assert scores == sorted(scores, reverse=True)


def test_histogram_by_hand():
    parts = np.array([[0.02, 0.0], [0.01, 0.02], [0.3, 0.22], [0.5, 0.5]], dtype=np.float32)
    bars = histogram(("one", "two"), parts)
    assert bars["count"] == [2.0] + [0.0] * 9 + [1.0] + [0.0] * 8 + [1.0]
    assert bars["one"] == pytest.approx([0.015] + [0.0] * 9 + [0.3] + [0.0] * 8 + [0.5])
    assert bars["two"] == pytest.approx([0.01] + [0.0] * 9 + [0.22] + [0.0] * 8 + [0.5])
