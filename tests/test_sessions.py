"""Review sessions: what a person puts together is dealt in that order, once each, and marked as no random choice."""

from __future__ import annotations

import pytest

from feedback_core.errors import InvalidInput, NotFound, Stale
from feedback_core.loop import Loop
from feedback_core.store import Store
from feedback_core.types import Decision, Draw, ItemFilter
from tests.conftest import raw, rows


@pytest.fixture
def pool(trained: Loop) -> list[int]:
    return list(next(trained.store.items.pool_chunks(trained.project.id))[0])


def ids(store: Store, session_id: int) -> list[int]:
    """The items of a session in its order."""
    found = raw(store, "select item_id from session_items where session_id = ? order by position", (session_id,))
    return [item_id for (item_id,) in found]


def decide(loop: Loop, draw: Draw, label: str | None = None, verdict: str = "confirm") -> int:
    item = loop.store.items.get(draw.item_id)
    verdict = "correct" if label else verdict
    decision = Decision(item.id, draw.reviewer, verdict, label, version_id=item.version_id, draw_id=draw.id)
    return loop.record(decision)[0].id


def test_its_items_are_dealt_in_its_order_and_marked_as_chosen(trained: Loop, pool: list[int]) -> None:
    chosen = [pool[7], pool[3], pool[50]]
    session = trained.open_session(chosen, "three", "ana")
    assert (session.name, session.size, session.left, session.created_by) == ("three", 3, 3, "ana")
    hand = trained.draw_batch("ana", 10, session.id)
    assert [draw.item_id for draw in hand] == chosen
    assert {(d.strategy, d.propensity, d.audit, d.blind, d.session_id) for d in hand} == {
        ("slice", 1.0, False, False, session.id)
    }
    assert [draw.id for draw in trained.draw_batch("ana", 10, session.id)] == [draw.id for draw in hand]


def test_no_random_share_is_mixed_in(trained: Loop, pool: list[int]) -> None:
    from dataclasses import replace

    trained.project = replace(trained.project, settings=replace(trained.project.settings, audit_share=1.0))
    session = trained.open_session(pool[:5], "five", "ana")
    assert {draw.strategy for draw in trained.draw_batch("ana", 40, session.id)} == {"slice"}


def test_a_filter_becomes_a_session_in_the_order_of_the_page(trained: Loop) -> None:
    wanted = ItemFilter(predicted="b", max_confidence=0.9)
    page = trained.store.items.page(trained.project.id, wanted, sort="confidence", limit=2_000)
    session = trained.open_session(wanted, "predicted b", "ana", sort="confidence")
    assert session.size == len(page) > 10
    assert ids(trained.store, session.id) == [item.id for item in page]


def test_only_pool_items_of_the_project_enter_and_each_once(trained: Loop, pool: list[int]) -> None:
    base = trained.store.items.page(trained.project.id, ItemFilter(("base",)), sort="newest", limit=1)[0]
    session = trained.open_session([pool[1], base.id, pool[0], pool[1], 10**9], "some", "ana")
    assert ids(trained.store, session.id) == [pool[1], pool[0]]
    with pytest.raises(InvalidInput, match="base data has its labels"):
        trained.open_session([base.id], "none", "ana")
    assert len(trained.store.sessions.live(trained.project.id)) == 1


def test_two_reviewers_share_a_session_and_get_no_item_twice(trained: Loop, pool: list[int]) -> None:
    session = trained.open_session(pool[:6], "six", "ana")
    ana, ben = trained.draw_batch("ana", 4, session.id), trained.draw_batch("ben", 4, session.id)
    assert [draw.item_id for draw in ana] + [draw.item_id for draw in ben] == pool[:6]
    for draw in (*ana, *ben):
        decide(trained, draw)
    assert trained.draw_batch("ana", 4, session.id) == []
    assert trained.store.sessions.get(trained.project.id, session.id).left == 0


def test_what_is_decided_already_may_be_decided_again(trained: Loop, pool: list[int]) -> None:
    first = trained.draw_item("ben", pool[0])
    decide(trained, first, "a")
    own = trained.draw_item("ana", pool[1])
    decide(trained, own, "a")
    session = trained.open_session(pool[:2], "again", "ana")
    one, two = trained.draw_batch("ana", 5, session.id)
    assert [one.item_id, two.item_id] == pool[:2]
    decide(trained, one, "b")
    decide(trained, two, "b")
    # Ben's word still counts, so two reviewers disagree; Ana's own was replaced.
    assert [item.state for item in trained.store.items.many(pool[:2])] == ["conflict", "labelled"]
    assert trained.store.items.get(pool[1]).label == "b"
    assert trained.draw_batch("ana", 5, session.id) == []


def test_a_skip_passes_the_item_on_and_an_undo_brings_it_back(trained: Loop, pool: list[int]) -> None:
    session = trained.open_session(pool[:1], "one", "ana")
    (draw,) = trained.draw_batch("ana", 5, session.id)
    decide(trained, draw, verdict="skip")
    assert trained.draw_batch("ana", 5, session.id) == []
    assert trained.store.sessions.get(trained.project.id, session.id).left == 1
    (other,) = trained.draw_batch("ben", 5, session.id)
    entry = decide(trained, other)
    assert trained.store.sessions.get(trained.project.id, session.id).left == 0
    trained.undo(entry, "ben", hold=True)
    assert [d.id for d in trained.draw_batch("ben", 5, session.id)] == [other.id]


def test_changing_the_queue_frees_the_cards_once_the_last_decisions_have_arrived(
    trained: Loop, pool: list[int], clock
) -> None:
    queue = trained.draw_batch("ana", 5)
    session = trained.open_session(pool, "all", "ana")
    hand = trained.draw_batch("ana", 5, session.id)
    assert not {draw.item_id for draw in hand} & {draw.item_id for draw in queue}
    assert trained.store.draws.hand(trained.project.id, "ana", clock(), session.id) == hand
    decide(trained, queue[0])
    clock.now += 31
    trained.draw_batch("ana", 5, session.id)
    free = {draw.item_id for draw in trained.draw_batch("ben", 100)}
    assert {draw.item_id for draw in queue[1:]} <= free
    assert not {draw.item_id for draw in hand} & free


def test_a_session_whose_lease_ran_out_does_not_ask_again_for_what_others_decided(
    trained: Loop, pool: list[int], clock
) -> None:
    session = trained.open_session(pool[:2], "two", "ana")
    trained.draw_batch("ana", 2, session.id)
    clock.now += trained.project.settings.lease_s + 1
    (first, _) = trained.draw_batch("ben", 2, session.id)
    decide(trained, first)
    clock.now += trained.project.settings.lease_s + 1
    assert [draw.item_id for draw in trained.draw_batch("ana", 2, session.id)] == [pool[1]]


def test_a_closed_session_deals_nothing_and_lets_go_of_its_cards(trained: Loop, pool: list[int], clock) -> None:
    session = trained.open_session(pool[:3], "three", "ana")
    trained.draw_batch("ana", 3, session.id)
    trained.store.sessions.close(trained.project.id, session.id, clock())
    assert trained.draw_batch("ana", 3, session.id) == []
    assert trained.store.sessions.live(trained.project.id) == []
    assert trained.draw_item("ben", pool[0]).item_id == pool[0]


def test_an_item_of_the_audit_sample_enters_no_session(trained: Loop, pool: list[int]) -> None:
    from dataclasses import replace

    audited = Loop(trained.store, replace(trained.project, settings=replace(trained.project.settings, audit_share=1.0)))
    (drawn,) = audited.draw_batch("ben", 1)
    decide(trained, drawn, "a")
    session = trained.open_session([drawn.item_id, next(i for i in pool if i != drawn.item_id)], "two", "ana")
    assert drawn.item_id not in ids(trained.store, session.id)
    assert [draw.blind for draw in trained.draw_batch("ana", 2, session.id)] == [False]


def test_a_session_of_another_project_is_not_found(trained: Loop, pool: list[int]) -> None:
    session = trained.open_session(pool[:1], "one", "ana")
    with pytest.raises(NotFound, match="no review session"):
        trained.store.sessions.get(trained.project.id + 1, session.id)


def test_a_card_in_other_hands_is_refused_as_ever(trained: Loop, pool: list[int]) -> None:
    session = trained.open_session(pool[:1], "one", "ana")
    trained.draw_batch("ana", 1, session.id)
    with pytest.raises(Stale, match="hands"):
        trained.record(Decision(pool[0], "ben", "skip", version_id=trained.store.items.get(pool[0]).version_id))


def test_an_item_remembers_what_the_version_before_said(trained: Loop, pool: list[int]) -> None:
    assert {item.was for item in trained.store.items.many(pool)} == {None}
    before = {item.id: item.predicted for item in trained.store.items.many(pool)}
    trained.predict()
    assert {item.was for item in trained.store.items.many(pool)} == {None}
    flat = trained.store.items.page(trained.project.id, ItemFilter(), sort="newest", limit=60)
    other = {"a": "b", "b": "a"}
    for item in flat:
        trained.record(Decision(item.id, "ana", "correct", other[item.predicted], version_id=item.version_id))
    trained.add_items(rows(60, seed=5, noise=9.0)[0], "test")
    version = trained.retrain("test")
    trained.judge(version)
    trained.promote(version, "test", "for the test")
    trained.predict()
    items = trained.store.items.many(pool)
    assert {item.id: item.was for item in items} == before
    for state in ("open", "labelled"):
        found = trained.store.items.page(trained.project.id, ItemFilter((state,), flipped=True), sort="newest")
        expected = {item.id for item in items if item.state == state and item.was != item.predicted}
        assert {item.id for item in found} == expected
    wrong = trained.store.items.page(trained.project.id, ItemFilter(("labelled",), wrong=True), sort="newest")
    assert {item.id for item in wrong} == {item.id for item in items if item.label not in (None, item.predicted)}
