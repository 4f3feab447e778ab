"""One decision about many items: who takes part, all or none, and all of it back at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from feedback_core import bulk
from feedback_core.errors import Stale
from feedback_core.loop import Loop
from feedback_core.types import Decision, Item, ItemFilter, Verdict


@pytest.fixture
def open_items(trained: Loop) -> list[Item]:
    return trained.store.items.page(trained.project.id, ItemFilter(), sort="newest", limit=20)


def plan(loop: Loop, items: list[Item], verdict: Verdict = "confirm", target: str | None = None) -> bulk.Plan:
    held = loop.store.draws.in_other_hands("ana", [item.id for item in items], loop.clock())
    return bulk.plan(items, verdict, target, "ana", name="x", held=held)


def test_each_item_gets_its_own_prediction_confirmed(trained: Loop, open_items: list[Item]) -> None:
    entries = trained.record(*plan(trained, open_items).decisions)
    assert [(e.item_id, e.verdict, e.target, e.draw_id, e.seconds) for e in entries] == [
        (item.id, "confirm", item.predicted, None, None) for item in open_items
    ]


def test_a_label_for_all_confirms_where_the_model_says_the_same(trained: Loop, open_items: list[Item]) -> None:
    entries = trained.record(*plan(trained, open_items, "correct", "a").decisions)
    assert {e.verdict for e in entries if e.predicted == "a"} == {"confirm"}
    assert {e.verdict for e in entries if e.predicted == "b"} == {"correct"}
    assert {item.label for item in trained.store.items.many([i.id for i in open_items])} == {"a"}


def test_what_must_not_be_decided_in_bulk_is_left_out_and_counted(trained: Loop, open_items: list[Item]) -> None:
    trained.draw_item("ben", open_items[0].id)
    items = [
        open_items[0],
        replace(open_items[1], split="train"),
        replace(open_items[2], audit=True),
        replace(open_items[3], predicted=None),
        *open_items[4:],
    ]
    found = plan(trained, items)
    assert [decision.item_id for decision in found.decisions] == [item.id for item in open_items[4:]]
    assert found.left_out == {
        "in somebody else's hands now": 1,
        "labelled base data": 1,
        "in the audit sample, which is reviewed one by one": 1,
        "without a prediction": 1,
    }


def test_more_than_the_most_are_left_out(trained: Loop, open_items: list[Item], monkeypatch) -> None:
    monkeypatch.setattr(bulk, "MOST", 3)
    found = plan(trained, open_items)
    assert (len(found.decisions), found.left_out) == (3, {"over the most at once": 17})


def test_a_second_click_stores_nothing_twice_and_a_stale_item_stops_all(trained: Loop, open_items: list[Item]) -> None:
    found = plan(trained, open_items)
    first = trained.record(*found.decisions)
    assert trained.record(*found.decisions) == first
    stale = replace(found.decisions[0], version_id=99, idempotency_key="other")
    with pytest.raises(Stale):
        trained.record(replace(found.decisions[1], idempotency_key="again"), stale)
    assert trained.store.tallies.of(trained.project.id, "total") == {"confirm": 20}


def test_all_of_it_is_taken_back_at_once_but_what_was_decided_again_since(
    trained: Loop, open_items: list[Item]
) -> None:
    before = trained.store.tallies.of(trained.project.id, "items")
    entries = trained.record(*plan(trained, open_items).decisions)
    again = open_items[5]
    trained.record(Decision(again.id, "ana", "correct", "a", version_id=again.version_id))
    undone = trained.undo_many([entry.id for entry in entries], "ana")
    assert len(undone) == 19
    assert trained.undo_many([entry.id for entry in entries], "ana") == []
    assert trained.store.items.get(again.id).label == "a"
    after = trained.store.tallies.of(trained.project.id, "items")
    assert after["pool/open"] == before["pool/open"] - 1
