"""Nearest neighbours: the same as the plain definition, and the labelled rows a reviewer is shown."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from feedback_core import neighbours
from feedback_core.cache import Cache
from feedback_core.learned import labelled_neighbours, learned_rows
from feedback_core.loop import Loop
from feedback_core.neighbours import nearest
from feedback_core.types import Decision
from tests.conftest import rows


def test_the_nearest_rows_and_their_distances() -> None:
    features = np.array([[0, 0], [3, 4], [1, 0], [0, 1]], dtype=np.float32)
    places, distances = nearest(features, np.array([[0, 0], [3, 3]], dtype=np.float32), 3)
    assert places.tolist() == [[0, 2, 3], [1, 2, 3]]
    np.testing.assert_allclose(distances, [[0, 1, 1], [1, 13**0.5, 13**0.5]], rtol=1e-6)


def test_fewer_rows_than_asked_for_give_all_of_them() -> None:
    places, distances = nearest(np.ones((2, 3)), np.zeros((1, 3)), 5)
    assert (places.tolist(), distances.shape) == ([[0, 1]], (1, 2))
    assert nearest(np.ones((0, 3)), np.zeros((4, 3)), 5)[0].shape == (4, 0)
    assert nearest(np.ones((4, 3)), np.zeros((0, 3)), 5)[0].shape == (0, 4)


small = st.integers(-3, 3).map(float)


@given(
    arrays(np.float32, st.tuples(st.integers(1, 30), st.just(3)), elements=small),
    arrays(np.float32, st.tuples(st.integers(1, 9), st.just(3)), elements=small),
    st.integers(1, 6),
)
def test_it_is_the_plain_definition(features: np.ndarray, queries: np.ndarray, k: int) -> None:
    _, distances = nearest(features, queries, k)
    plain = np.sort(np.linalg.norm(queries[:, None] - features[None], axis=2), axis=1)[:, :k]
    np.testing.assert_allclose(distances, plain, atol=1e-5)


def test_pieces_change_nothing(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    features, queries = rng.normal(size=(50, 4)), rng.normal(size=(23, 4))
    whole = nearest(features, queries, 4)
    monkeypatch.setattr(neighbours, "CELLS", 120)
    assert [part.tolist() for part in nearest(features, queries, 4)] == [part.tolist() for part in whole]


def test_every_item_gets_its_nearest_labelled_rows(trained: Loop) -> None:
    pool = trained.store.items.pool_chunks(trained.project.id)
    ids = list(next(pool)[0][:5])
    found = labelled_neighbours(trained, ids)
    version = trained.store.versions.champion(trained.project.id)
    lineage = trained.store.versions.lineage(version.id)
    points = np.array([item.values for item in trained.store.items.many(lineage["ids"])], dtype=float)
    scaled = points / points.std(axis=0)
    for item in trained.store.items.many(ids):
        far = np.linalg.norm(scaled - np.array(item.values) / points.std(axis=0), axis=1)
        expected = np.argsort(far)[:3]
        assert [n.item_id for n in found[item.id]] == [lineage["ids"][place] for place in expected]
        assert [n.label for n in found[item.id]] == [lineage["labels"][place] for place in expected]
        np.testing.assert_allclose([n.distance for n in found[item.id]], far[expected], rtol=1e-3)


def test_a_labelled_item_is_not_its_own_neighbour(trained: Loop) -> None:
    version = trained.store.versions.champion(trained.project.id)
    first = trained.store.versions.lineage(version.id)["ids"][0]
    found = labelled_neighbours(trained, [first], k=4)[first]
    assert len(found) == 4
    assert first not in {neighbour.item_id for neighbour in found}


def test_without_a_version_nothing_is_similar(loop: Loop) -> None:
    assert labelled_neighbours(loop, [1, 2]) == {}


def test_the_points_are_computed_once_a_version_and_again_for_the_next(trained: Loop, clock) -> None:
    cache = Cache()
    one = Loop(trained.store, trained.project, clock=clock, cache=cache)
    other = Loop(trained.store, trained.project, clock=clock, cache=cache)
    champion = trained.store.versions.champion(trained.project.id)
    assert learned_rows(one, champion.id) is learned_rows(other, champion.id)
    trained.add_items(rows(20, seed=9)[0], "test")
    item = next(trained.store.items.pool_chunks(trained.project.id))[0][0]
    trained.record(Decision(item, "ana", "correct", "a", version_id=champion.id))
    version = trained.retrain("test")
    trained.judge(version)
    trained.promote(version, "test", "for the test")
    assert item in learned_rows(other, version.id).ids


def test_a_cache_keeps_what_was_used_last() -> None:
    cache, made = Cache(size=2), []

    def make(name: str) -> str:
        made.append(name)
        return name.upper()

    got = [cache.get(name, lambda name=name: make(name)) for name in ("a", "b", "a", "c", "a", "b")]
    assert (got, made) == (["A", "B", "A", "C", "A", "B"], ["a", "b", "c", "b"])
