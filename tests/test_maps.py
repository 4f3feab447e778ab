"""Maps and neighbours of the pool: which items, where, and what a selection gives back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from feedback_core import charts, maps
from feedback_core import similar as similar_items
from feedback_core.errors import Refused
from feedback_core.loop import Loop
from feedback_core.projection import neighbourhoods, principal
from feedback_core.sampling import pool_sample
from feedback_core.types import Decision, ItemFilter, Outline
from feedback_core.worker import run_next
from pages._map.columns import HIDDEN, OTHERS, chosen_ids, columns_of


def test_the_principal_plane_keeps_what_varies_most() -> None:
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(200, 2)) * [5, 2]
    features = np.column_stack([plane[:, 1], 0.01 * rng.normal(size=200), plane[:, 0]])
    found = principal(features)
    assert abs(np.corrcoef(found[:, 0], plane[:, 0])[0, 1]) > 0.99
    assert abs(np.corrcoef(found[:, 1], plane[:, 1])[0, 1]) > 0.99
    np.testing.assert_allclose(principal(features.copy()), found)


@pytest.mark.parametrize("shape", [(1, 3), (5, 1), (3, 64)])
def test_few_points_or_features_are_drawn_all_the_same(shape: tuple[int, int]) -> None:
    found = principal(np.random.default_rng(0).normal(size=shape))
    assert found.shape == (shape[0], 2)
    assert np.isfinite(found).all()


def test_neighbourhoods_keep_groups_together() -> None:
    rng = np.random.default_rng(0)
    centres = np.repeat(np.eye(3) * 20, 20, axis=0)
    found = neighbourhoods((centres + rng.normal(size=(60, 3))).astype(np.float32), seed=0)
    groups = found.reshape(3, 20, 2)
    within = max(np.linalg.norm(g - g.mean(axis=0), axis=1).max() for g in groups)
    between = min(np.linalg.norm(groups[a].mean(0) - groups[b].mean(0)) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert within < between
    assert neighbourhoods(rng.normal(size=(4, 3)), seed=0).shape == (4, 2)


def decide(loop: Loop, n: int) -> list[int]:
    items = loop.store.items.page(loop.project.id, ItemFilter(), sort="newest", limit=n)
    loop.record(*(Decision(i.id, "ana", "confirm", version_id=i.version_id) for i in items))
    return [item.id for item in items]


def test_a_sample_holds_open_and_decided_items_in_their_share(trained: Loop) -> None:
    decided = set(decide(trained, 40))
    some = pool_sample(trained.store, trained.project, 50, np.random.default_rng(0))
    assert (len(some.ids), len(set(some.ids)), some.pool, some.whole) == (50, 50, 100, False)
    assert len(decided & set(some.ids)) == 20
    first = pool_sample(trained.store, trained.project, 50, np.random.default_rng(0), all_decided=True)
    assert decided <= set(first.ids)
    assert len(first.ids) == 50
    assert pool_sample(trained.store, trained.project, 500, np.random.default_rng(0)).whole


def test_every_item_is_as_likely_to_be_on_the_map(trained: Loop) -> None:
    decide(trained, 30)
    seen: dict[int, int] = {}
    for seed in range(400):
        for item_id in pool_sample(trained.store, trained.project, 20, np.random.default_rng(seed)).ids:
            seen[item_id] = seen.get(item_id, 0) + 1
    # 8,000 draws of 100 items: the shuffle circle has gaps of its own, but no kind of item is ahead.
    decided = set(trained.store.items.decided_ids(trained.project.id))
    shares = (
        np.array([seen.get(i, 0) for i in decided]).mean(),
        np.array([n for i, n in seen.items() if i not in decided]).sum() / 70,
    )
    np.testing.assert_allclose(shares, 80, rtol=0.05)


def test_the_worker_draws_and_keeps_the_slow_map(trained: Loop) -> None:
    assert maps.newest(trained, "t-SNE") is None
    maps.request(trained, "t-SNE", "ana")
    job = run_next(trained.store, "test")
    assert (job.kind, job.state, job.result) == ("map", "done", {"items": 100})
    drawn, points = maps.newest(trained, "t-SNE")
    assert (drawn.method, len(drawn.ids), drawn.pool, points.shape) == ("t-SNE", 100, 100, (100, 2))
    assert drawn.version_id == trained.store.versions.champion(trained.project.id).id
    with pytest.raises(Refused, match="no model yet"):
        maps.draw(Loop(trained.store, empty(trained)), "t-SNE")


def empty(loop: Loop):
    from feedback_core.loop import create_project

    return create_project(loop.store, "empty", loop.project.schema, ("a", "b"), actor="test")


def test_the_quick_map_is_drawn_once_and_again_when_the_pool_grows(trained: Loop) -> None:
    from tests.conftest import rows

    one = maps.at_once(trained)
    assert maps.at_once(trained) is one
    trained.add_items(rows(10, seed=3, labelled=False)[0], "test")
    assert len(maps.at_once(trained)[0].ids) == 110
    assert maps.at_once(Loop(trained.store, empty(trained))) is None


def test_the_similar_items_are_the_nearest_of_the_pool(trained: Loop) -> None:
    ids = next(trained.store.items.pool_chunks(trained.project.id))[0]
    found = similar_items.similar(trained, ids[0])
    version = trained.store.versions.champion(trained.project.id)
    learned = trained.store.items.many(trained.store.versions.lineage(version.id)["ids"])
    spread = np.array([item.values for item in learned], dtype=float).std(axis=0)
    points = np.array([item.values for item in trained.store.items.many(ids)], dtype=float) / spread
    order = np.argsort(np.linalg.norm(points - points[0], axis=1))[1:11]
    assert list(found.ids) == [ids[place] for place in order]
    assert (found.searched, found.pool) == (100, 100)


def outline(n: int, predicted: str = "a", **fields: object) -> Outline:
    values = {"state": "open", "label": None, "confidence": 0.9, "priority": n / 10, "blind": False} | fields
    return Outline(n, f"k{n}", predicted=predicted, **values)


def test_groups_are_named_for_what_they_are_and_hide_what_is_blind() -> None:
    items = {
        1: outline(1),
        2: outline(2, "b", state="labelled", label="a"),
        3: outline(3, blind=True),
        4: outline(4, state="labelled", label="a"),
    }
    points = np.arange(10.0).reshape(5, 2)
    columns, groups = columns_of((1, 2, 3, 4, 99), points, items, "Prediction")
    assert (columns["id"], columns["x"]) == ([1, 2, 3, 4], [0.0, 2.0, 4.0, 6.0])
    assert (columns["group"], groups[0]) == (["a", "b", HIDDEN, "a"], "a")
    assert columns["confidence"] == [0.9, 0.9, None, 0.9]
    assert "prediction hidden" in columns["hover"][2]
    assert columns_of((1, 2, 4), points[:3], items, "Correctness")[0]["group"] == [
        "Not reviewed",
        "Model wrong",
        "Model right",
    ]


def test_numbers_are_shaded_by_what_they_are_and_by_how_far_off_they_were() -> None:
    items = {
        1: outline(1, "10.5"),
        2: outline(2, "12", state="labelled", label="9.5"),
        3: outline(3, "11", blind=True, label="9"),
    }
    points = np.arange(6.0).reshape(3, 2)
    columns = columns_of((1, 2, 3), points, items, "Prediction", "mg<")[0]
    assert columns["number"] == [10.5, 12.0, None]
    assert columns["hover"][0] == "<b>k1</b><br>predicted 10.5 mg&lt;<br>open"
    columns = columns_of((1, 2, 3), points, items, "Error", "")[0]
    assert columns["number"] == [None, 2.5, None]
    figure = charts.pool_map_by_number(columns, "Error (mg)")
    assert [list(trace.customdata) for trace in figure.data] == [[2], [1, 3]]
    assert figure.data[0].marker.colorbar.title.text == "Error (mg)"


def test_many_labels_share_a_last_group() -> None:
    items = {n: outline(n, f"label {n:02}") for n in range(30)}
    columns, groups = columns_of(tuple(items), np.zeros((30, 2)), items, "Prediction")
    assert (len(groups), groups[-1], columns["group"].count(OTHERS)) == (14, OTHERS, 17)


def test_a_selection_gives_ids_the_most_urgent_first_and_only_those_on_the_map() -> None:
    items = {n: outline(n) for n in range(1, 5)}
    points = [{"customdata": 2}, {"customdata": [4]}, {"customdata": 77}, {"x": 1}]
    assert chosen_ids(points, items) == [4, 2]


def test_a_map_carries_ids_and_two_ways_to_tell_groups_apart() -> None:
    items = {n: outline(n, "ab"[n % 2]) for n in range(6)}
    columns, groups = columns_of(tuple(items), np.zeros((6, 2)), items, "Prediction")
    figure = json.loads(charts.pool_map(columns, groups).to_json())
    assert [trace["customdata"] for trace in figure["data"]] == [[0, 2, 4], [1, 3, 5]]
    assert len({(t["marker"]["color"], t["marker"]["symbol"]) for t in figure["data"]}) == 2
    assert figure["layout"]["dragmode"] == "lasso"
    shaded = charts.pool_map_by_confidence(columns | {"confidence": [0.5, None] * 3})
    assert [len(trace.customdata) for trace in shaded.data] == [3, 3]
