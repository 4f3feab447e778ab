"""Questions with a known answer: put to everybody, blind, and counted for the reviewer alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from feedback_core.errors import InvalidFeedback, InvalidSetting, Stale
from feedback_core.loop import Loop
from feedback_core.review import wishes
from feedback_core.settings import Settings
from feedback_core.types import Decision, Draw, EntryFilter, Wish


def asking(loop: Loop, **shares: float) -> Loop:
    """The loop with other shares of draws."""
    changed = replace(loop.project.settings, **shares)
    loop.project = loop.store.projects.update(loop.project, settings=changed, now=0, actor="test")
    return loop


def answer(loop: Loop, draw: Draw, target: str | None, verdict: str = "correct"):
    (entry,) = loop.record(Decision(draw.item_id, draw.reviewer, verdict, target, None, draw_id=draw.id))
    return entry


def gold_of(loop: Loop) -> dict[str, int]:
    return {name: n for name, n in loop.store.tallies.of(loop.project.id, "gold").items() if n}


def test_shares_of_draws_are_kept_and_blind_is_decided_apart() -> None:
    shares = Settings(audit_share=0.1, gold_share=0.05, blind_share=0.2)
    rng = np.random.default_rng(3)
    drawn = wishes(rng.random(20_000).tolist(), rng.random(20_000).tolist(), shares)
    kinds = Counter(wish.kind for wish in drawn)
    assert binomtest(kinds["audit"], 20_000, 0.1).pvalue > 0.001
    assert binomtest(kinds["gold"], 20_000, 0.05).pvalue > 0.001
    assert binomtest(sum(wish.blind for wish in drawn), kinds["priority"], 0.2).pvalue > 0.001
    assert {wish.kind for wish in drawn if wish.blind} == {"priority"}
    assert wishes([0.0999, 0.1, 0.1499, 0.1501], [0.5] * 4, shares) == [
        Wish("audit"),
        Wish("gold"),
        Wish("gold"),
        Wish(),
    ]


def test_shares_that_exceed_all_draws_are_refused() -> None:
    with pytest.raises(InvalidSetting, match="more than all draws"):
        Settings(audit_share=0.8, gold_share=0.3)


def test_a_question_is_a_base_item_shown_blind_and_labels_nothing(trained: Loop) -> None:
    before = trained.store.tallies.of(trained.project.id, "items")
    draw = asking(trained, gold_share=0.5, audit_share=0.5).draw_batch("ann", 30)
    (first, *_) = [d for d in draw if d.strategy == "gold"]
    item = trained.store.items.get(first.item_id)
    assert (item.split, first.blind, first.audit) == ("train", True, False)
    wrong = "a" if item.base_label == "b" else "b"
    answer(trained, first, wrong)
    after = trained.store.items.get(item.id)
    assert (after.state, after.label, after.base_label) == ("base", None, item.base_label)
    assert gold_of(trained) == {"ann/wrong": 1}
    assert trained.store.feedback.pending(trained.project.id) == {}
    assert trained.store.tallies.of(trained.project.id, "items") == before
    assert item.base_label in trained.store.items.training_rows(trained.project.id).labels


def test_a_question_answered_during_a_training_is_not_pending_after_it(trained: Loop) -> None:
    asking(trained, gold_share=0.5, audit_share=0.0)
    drawn = trained.draw_batch("ann", 30)
    gold, other = (next(d for d in drawn if (d.strategy == "gold") is known) for known in (True, False))

    def meanwhile(share: float, _message: str) -> None:
        if share == 0.7:
            answer(trained, gold, "a")
            version_id = trained.store.items.get(other.item_id).version_id
            trained.record(Decision(other.item_id, "ann", "skip", None, version_id, draw_id=other.id))

    trained.retrain("test", progress=meanwhile)
    assert trained.store.feedback.pending(trained.project.id) == {"skip": 1}


def test_an_answer_can_be_undone_and_changed_and_a_skip_counts_for_nothing(trained: Loop) -> None:
    asking(trained, gold_share=1.0, audit_share=0.0)
    first, second = trained.draw_batch("ann", 2)
    truth = trained.store.items.get(first.item_id).base_label
    entry = answer(trained, first, truth)
    answer(trained, second, None, "skip")
    assert gold_of(trained) == {"ann/right": 1}
    trained.undo(entry.id, "ann", hold=True)
    assert gold_of(trained) == {}
    assert first.id in {draw.id for draw in trained.store.draws.hand(trained.project.id, "ann", trained.clock())}
    answer(trained, first, "a" if truth == "b" else "b")
    assert gold_of(trained) == {"ann/wrong": 1}


def test_nobody_is_asked_twice_nor_two_people_at_once(trained: Loop) -> None:
    asking(trained, gold_share=1.0, audit_share=0.0)
    base = trained.store.tallies.of(trained.project.id, "items")["train/base"]
    ann, ben = trained.draw_batch("ann", 40), trained.draw_batch("ben", 40)
    asked = [draw.item_id for draw in (*ann, *ben) if draw.strategy == "gold"]
    assert len(asked) == len(set(asked)) == 80
    for draw in ann:
        answer(trained, draw, "a")
    rest = [draw for draw in trained.draw_batch("ann", base + 10) if draw.strategy == "gold"]
    assert {draw.item_id for draw in rest}.isdisjoint(asked)
    assert len(rest) == base - 80  # ann's forty are answered, ben has forty in hand; then the queue goes on
    assert {draw.strategy for draw in trained.draw_batch("ann", base + 10)} == {"gold", "priority"}


def test_questions_reach_all_base_items(trained: Loop) -> None:
    asking(trained, gold_share=1.0, audit_share=0.0)
    base = trained.store.tallies.of(trained.project.id, "items")["train/base"]
    seen = {trained.draw(f"reviewer {n}").item_id for n in range(base)}
    assert len(seen) == base  # each is in somebody's hands, so everyone gets another one


def test_answers_tell_about_their_reviewer_and_are_no_entries_to_doubt(trained: Loop) -> None:
    draw = trained.draw("ann")
    assert draw is not None
    trained.record(Decision(draw.item_id, "ann", "correct", "a", trained.store.items.get(draw.item_id).version_id))
    asking(trained, gold_share=1.0, audit_share=0.0)
    question = trained.draw("ben")
    assert question is not None
    given = answer(trained, question, "a")
    assert trained.rank_feedback() == 1
    found, _ = trained.store.ranks.page(trained.project.id, EntryFilter("any"))
    assert [one.entry.reviewer for one in found] == ["ann"]
    with pytest.raises(InvalidFeedback, match="known answer"):
        trained.rule([given.id], "reject", "lea")


def test_base_items_cannot_be_decided_without_having_been_asked_about(trained: Loop) -> None:
    base = trained.store.items.training_rows(trained.project.id).ids[0]
    with pytest.raises(InvalidFeedback, match="base data"):
        trained.record(Decision(base, "ann", "correct", "a"))
    asking(trained, gold_share=1.0, audit_share=0.0)
    draw = trained.draw("ben")
    assert draw is not None
    with pytest.raises(Stale, match="in ben's hands"):
        trained.record(Decision(draw.item_id, "ann", "correct", "a", draw_id=draw.id))


def test_a_blind_draw_by_priority_hides_the_prediction_and_keeps_its_place(trained: Loop) -> None:
    plain = [draw.item_id for draw in trained.draw_batch("ann", 5)]
    blind = asking(trained, blind_share=1.0).draw_batch("ben", 5)
    assert all(draw.blind and draw.strategy == "priority" and not draw.audit for draw in blind)
    assert set(plain).isdisjoint(draw.item_id for draw in blind)
