"""The deck's server side: hands of many cards, and an outbox applied in order and exactly once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.stats import binom

from feedback_core import deck
from feedback_core.errors import InvalidFeedback, Stale
from feedback_core.loop import Loop
from feedback_core.types import Decision
from tests.conftest import make_loop, rows


def entry(seq: int, draw, target: str | None, version: int | None = None, **more) -> dict:
    verdict = more.pop("verdict", "correct")
    return {"seq": seq, "draw": draw.id, "item": draw.item_id, "version": version, "verdict": verdict,
            "target": target, "note": "", "seconds": 1.5} | more  # fmt: skip


def undo(seq: int, key: str) -> dict:
    return {"seq": seq, "verdict": "undo", "undoes": key}


@pytest.fixture
def plain(store, clock) -> Loop:
    """30 open points; no model has spoken."""
    loop = make_loop(store, clock)
    loop.add_items(rows(30, labelled=False)[0], "test")
    return loop


def stored(loop: Loop) -> list[tuple]:
    """(item, verdict, target, state) of every entry, oldest first."""
    return [
        (e.item_id, e.verdict, e.target, e.state) for e in reversed(loop.store.feedback.latest(loop.project.id, 999))
    ]


# -- hands of many cards -------------------------------------------------------------------------------------------


def test_a_hand_holds_the_top_of_the_queue_in_order(trained: Loop) -> None:
    ranked = sorted(
        (item for chunk in trained.store.items.export(trained.project.id) for item in chunk if item.split == "pool"),
        key=lambda item: (-item.priority, item.id),
    )
    hand = trained.draw_batch("ann", 12)
    assert [draw.item_id for draw in hand] == [item.id for item in ranked[:12]]
    assert {draw.strategy for draw in hand} == {"priority"}


def test_a_second_call_gives_the_same_cards_and_fills_up_what_was_decided(trained: Loop) -> None:
    first = trained.draw_batch("ann", 5)
    assert [d.id for d in trained.draw_batch("ann", 5)] == [d.id for d in first]
    item = trained.store.items.get(first[1].item_id)
    trained.record(Decision(item.id, "ann", "confirm", version_id=item.version_id, draw_id=first[1].id))
    again = trained.draw_batch("ann", 5)
    assert [d.id for d in again[:4]] == [first[n].id for n in (0, 2, 3, 4)]
    assert again[4].item_id not in {d.item_id for d in first}


def test_eight_reviewers_filling_at_once_never_share_an_item(store, clock) -> None:
    loop = make_loop(store, clock, audit_share=0.3)
    loop.add_items(rows(200, labelled=False)[0], "test")

    def fill(n: int) -> list[int]:
        mine = Loop(store, loop.project, clock=clock, rng=np.random.default_rng(n))
        return [draw.item_id for draw in mine.draw_batch(f"r{n}", 40)]

    with ThreadPoolExecutor(8) as pool:
        got = [item for hand in pool.map(fill, range(8)) for item in hand]
    assert len(got) == len(set(got)) == 200


def test_an_expired_hand_is_free_for_others_and_what_they_left_stays_mine(plain: Loop, clock) -> None:
    mine = plain.draw_batch("ann", 30)
    assert plain.draw_batch("bob", 5) == []
    assert plain.store.draws.held_by(plain.project.id, clock.now) == {"ann": 30}
    clock.now += plain.project.settings.lease_s
    theirs = {draw.item_id for draw in plain.draw_batch("bob", 5)}
    assert len(theirs) == 5
    kept = plain.draw_batch("ann", 30)
    assert [d.id for d in kept] == [d.id for d in mine if d.item_id not in theirs]
    assert kept[0].leased_until == clock.now + plain.project.settings.lease_s


def test_the_audit_share_holds_for_hands(store, clock) -> None:
    loop = make_loop(store, clock, audit_share=0.1)
    loop.add_items(rows(1000, labelled=False)[0], "test")
    hand = loop.draw_batch("ann", 1000)
    drawn = Counter(draw.strategy for draw in hand)
    low, high = binom.interval(0.999, 1000, 0.1)
    assert low <= drawn["audit"] <= high
    assert drawn["audit"] + drawn["random"] == 1000
    assert all(draw.blind == draw.audit for draw in hand)


def test_a_chosen_item_comes_before_the_hand_and_keeps_it(plain: Loop) -> None:
    hand = plain.draw_batch("ann", 3)
    chosen = plain.draw_item("ann", hand[2].item_id)
    assert [d.id for d in plain.draw_batch("ann", 3)] == [chosen.id, hand[0].id, hand[1].id]


# -- the outbox ----------------------------------------------------------------------------------------------------


def test_entries_are_applied_in_the_order_of_their_numbers(plain: Loop) -> None:
    a, b, c = plain.draw_batch("ann", 3)
    sent = [entry(3, c, None, verdict="skip"), entry(1, a, "a", note="why"), entry(2, b, None, verdict="flag")]
    assert deck.apply(plain, "ann", "c1", sent) == [deck.Ack(1, True), deck.Ack(2, True), deck.Ack(3, True)]
    assert stored(plain) == [
        (a.item_id, "correct", "a", "accepted"),
        (b.item_id, "flag", None, "accepted"),
        (c.item_id, "skip", None, "accepted"),
    ]
    first = plain.store.feedback.by_key(plain.project.id, "deck-c1-1")
    assert (first.note, first.seconds, first.draw_id, first.reviewer) == ("why", 1.5, a.id, "ann")


def test_what_is_sent_again_is_stored_once(plain: Loop) -> None:
    a, b = plain.draw_batch("ann", 2)
    deck.apply(plain, "ann", "c1", [entry(1, a, "a")])
    acks = deck.apply(plain, "ann", "c1", [entry(1, a, "a"), entry(2, b, "b"), entry(2, b, "b")])
    assert acks == [deck.Ack(1, True), deck.Ack(2, True)]
    assert [(item, target) for item, _, target, _ in stored(plain)] == [(a.item_id, "a"), (b.item_id, "b")]


def test_an_undo_sent_again_takes_back_once(plain: Loop) -> None:
    (a,) = plain.draw_batch("ann", 1)
    sent = [entry(1, a, "a"), undo(2, "c1-1"), entry(3, a, "b")]
    assert [ack.saved for ack in deck.apply(plain, "ann", "c1", sent)] == [True, True, True]
    before = stored(plain)
    assert [ack.saved for ack in deck.apply(plain, "ann", "c1", sent)] == [True, True, True]
    assert stored(plain) == before
    assert [(verdict, target, state) for _, verdict, target, state in before] == [
        ("correct", "a", "withdrawn"),
        ("undo", None, "accepted"),
        ("correct", "b", "accepted"),
    ]


def test_an_undone_card_is_in_the_same_hand_again_on_the_same_draw(plain: Loop, clock) -> None:
    a, b = plain.draw_batch("ann", 2)
    deck.apply(plain, "ann", "c1", [entry(1, a, "a"), undo(2, "c1-1")])
    assert [d.id for d in plain.draw_batch("ann", 2)] == [a.id, b.id]
    with pytest.raises(Stale, match="ann's hands"):
        plain.record(Decision(a.item_id, "bob", "correct", "a"))


def test_one_refused_entry_costs_none_of_the_others(plain: Loop, clock) -> None:
    a, b, c = plain.draw_batch("ann", 3)
    clock.now += plain.project.settings.lease_s
    plain.draw_item("bob", b.item_id)
    acks = deck.apply(plain, "ann", "c1", [entry(1, a, "a"), entry(2, b, "a"), entry(3, c, "zebra"), entry(4, c, "b")])
    assert [(ack.seq, ack.saved) for ack in acks] == [(1, True), (2, False), (3, False), (4, True)]
    assert "is in bob's hands now" in acks[1].message
    assert "'zebra' is not a label" in acks[2].message
    assert [(item, target) for item, _, target, _ in stored(plain)] == [(a.item_id, "a"), (c.item_id, "b")]


def test_a_prediction_that_changed_refuses_the_decision_and_keeps_the_card(trained: Loop) -> None:
    (draw,) = trained.draw_batch("ann", 1)
    version = trained.store.items.get(draw.item_id).version_id
    trained.promote(judged(trained), "test", "why not")
    trained.predict()
    (ack,) = deck.apply(trained, "ann", "c1", [entry(1, draw, None, version, verdict="confirm")])
    assert not ack.saved
    assert "has changed since it was shown" in ack.message
    assert [d.id for d in trained.draw_batch("ann", 1)] == [draw.id]


def judged(loop: Loop):
    version = loop.retrain("test")
    loop.judge(version)
    return version


def test_a_change_of_mind_supersedes_and_its_undo_restores(plain: Loop) -> None:
    (a,) = plain.draw_batch("ann", 1)
    deck.apply(plain, "ann", "c1", [entry(1, a, "a"), entry(2, a, "b", revises=True)])
    assert plain.store.items.get(a.item_id).label == "b"
    assert plain.store.feedback.by_key(plain.project.id, "deck-c1-2").draw_id == a.id
    deck.apply(plain, "ann", "c1", [undo(3, "c1-2")])
    assert plain.store.items.get(a.item_id).label == "a"
    assert plain.store.draws.hand(plain.project.id, "ann", plain.clock()) == []


def test_deciding_twice_without_saying_so_is_refused(plain: Loop) -> None:
    (a,) = plain.draw_batch("ann", 1)
    acks = deck.apply(plain, "ann", "c1", [entry(1, a, "a"), entry(2, a, "b")])
    assert [ack.saved for ack in acks] == [True, False]
    assert plain.store.items.get(a.item_id).label == "a"


def test_nobody_takes_back_what_another_said(plain: Loop) -> None:
    (a,) = plain.draw_batch("ann", 1)
    deck.apply(plain, "ann", "c1", [entry(1, a, "a")])
    (ack,) = deck.apply(plain, "bob", "c2", [undo(1, "c1-1")])
    assert not ack.saved
    assert plain.store.items.get(a.item_id).label == "a"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("item", "1"),
        ("draw", None),
        ("verdict", 3),
        ("target", ["a"]),
        ("seconds", "2"),
        ("seconds", True),
        ("item", True),
    ],
)
def test_a_malformed_entry_is_refused_by_field(plain: Loop, field: str, value: object) -> None:
    a, b = plain.draw_batch("ann", 2)
    acks = deck.apply(plain, "ann", "c1", [entry(1, a, "a") | {field: value}, entry(2, b, "b")])
    assert [ack.saved for ack in acks] == [False, True]
    assert acks[0].message.startswith(f"{field}=")


def test_an_outbox_without_a_proper_name_or_number_is_refused_whole(plain: Loop) -> None:
    (a,) = plain.draw_batch("ann", 1)
    for client, seq in (("", 1), ("a-b", 1), ("c1", "1"), ("c1", None)):
        with pytest.raises(InvalidFeedback, match="reload the page"):
            deck.apply(plain, "ann", client, [entry(seq, a, "a")])
    assert stored(plain) == []
