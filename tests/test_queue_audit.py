"""What the queue says about itself: hand-computed shares, and simulations in which the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from feedback_core import insights, queue_audit
from feedback_core.intervals import newcombe, wilson
from feedback_core.loop import Loop
from feedback_core.types import Decision, Drawn
from tests.conftest import make_loop, rows


def drawn(strategy: str, verdict: str, *, blind: bool = False, seconds: float | None = 3.0, **parts: float) -> Drawn:
    return Drawn(strategy, blind, verdict, seconds, parts)


def test_newcombe_agrees_with_the_worked_example_of_the_paper() -> None:
    # Newcombe (1998), table II, case (a): 56/70 - 48/80, method 10 gives 0.0524 to 0.3339.
    found = newcombe(wilson(56, 70), wilson(48, 80))
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)
    assert found.n == 70


def test_strategies_are_counted_apart_and_measured_against_the_random_draws() -> None:
    rows = [drawn("priority", "correct")] * 6 + [drawn("priority", "confirm")] * 4
    rows += [drawn("audit", "correct")] * 1 + [drawn("random", "skip")] * 3
    rows += [drawn("chosen", "correct"), drawn("slice", "correct"), drawn("gold", "correct")]
    ranked, random = queue_audit.strategies(rows)
    assert (ranked.name, ranked.share) == ("priority", wilson(6, 10))
    assert (random.name, random.share, random.ahead) == ("random", wilson(1, 4), None)
    assert ranked.ahead == newcombe(wilson(6, 10), wilson(1, 4))


def test_corrections_per_minute_count_a_pause_for_two_minutes_at_most() -> None:
    rows = [drawn("priority", "correct", seconds=9_000.0), drawn("priority", "confirm", seconds=60.0)]
    rows += [drawn("priority", "correct", seconds=None)]  # untimed: says nothing about the pace
    (found,) = queue_audit.strategies(rows)
    assert found.per_minute is not None
    assert found.per_minute.value == pytest.approx(1 / 3)
    assert found.per_minute.n == 2
    untimed = queue_audit.strategies([drawn("priority", "correct", seconds=None)])
    assert untimed[0].per_minute is None


def test_a_decision_counts_for_each_part_with_its_share_of_the_priority() -> None:
    rows = [
        *[drawn("priority", "correct", margin=0.6, novelty=0.2)] * 4,
        *[drawn("priority", "confirm", margin=0.2, novelty=0.2)] * 4,
        drawn("audit", "correct", margin=0.9),  # not drawn by its priority
        drawn("priority", "correct"),  # its parts are not known any more
    ]
    found = {finding.name: finding for finding in queue_audit.parts(rows)}
    assert found["margin"].share.value == pytest.approx(0.75 / 1.25)
    assert found["novelty"].share.value == pytest.approx(0.25 / 0.75)
    assert found["margin"].share.n == round((4 * 1.25) ** 2 / (4 * (0.75**2 + 0.5**2)))


def test_parts_are_not_told_when_most_of_them_have_been_overwritten() -> None:
    known, lost = drawn("priority", "correct", margin=0.6), drawn("priority", "confirm")
    assert [finding.name for finding in queue_audit.parts([known] * 4 + [lost])] == ["margin"]
    assert queue_audit.parts([known] * 3 + [lost]) == []


def test_the_pull_compares_shown_with_blind_answers_of_the_priority_draws_only() -> None:
    rows = [drawn("priority", "confirm")] * 9 + [drawn("priority", "correct")]
    rows += [drawn("priority", "confirm", blind=True)] * 3 + [drawn("priority", "correct", blind=True)] * 3
    rows += [drawn("audit", "confirm", blind=True)] * 50 + [drawn("priority", "skip")] * 5
    pull = queue_audit.pull(rows)
    assert pull is not None
    assert (pull.shown, pull.blind) == (wilson(9, 10), wilson(3, 6))
    assert pull.difference == newcombe(wilson(9, 10), wilson(3, 6))
    assert queue_audit.pull(rows[:10]) is None


def test_the_interval_of_the_pull_covers_the_true_pull() -> None:
    rng, covered = np.random.default_rng(5), 0
    for _ in range(400):
        # A reviewer agrees with 60 % of the predictions, and follows the suggestion in a fifth of the other cases.
        blind = rng.random(600) < 0.15
        agrees = (rng.random(600) < 0.6) | (~blind & (rng.random(600) < 0.2))
        rows = [
            drawn("priority", "confirm" if agreed else "correct", blind=bool(hidden))
            for agreed, hidden in zip(agrees, blind, strict=True)
        ]
        pull = queue_audit.pull(rows)
        covered += pull is not None and pull.difference.low <= 0.08 <= pull.difference.high
    assert 0.92 <= covered / 400 <= 0.985


def test_the_effective_number_of_decisions_covers_a_part_s_true_share() -> None:
    rng, covered = np.random.default_rng(6), 0
    for _ in range(300):
        shares = rng.beta(2, 2, size=200)
        corrected = rng.random(200) < 0.3
        rows = [
            drawn("priority", "correct" if wrong else "confirm", a=share, b=1 - share)
            for wrong, share in zip(corrected, shares.tolist(), strict=True)
        ]
        found = next(finding for finding in queue_audit.parts(rows) if finding.name == "a")
        covered += found.share.low <= 0.3 <= found.share.high
    assert 0.91 <= covered / 300 <= 0.99


def test_the_store_gives_decisions_with_their_draw_and_the_parts_it_was_drawn_by(trained: Loop, clock) -> None:
    first, second = trained.draw_batch("ann", 2)
    clock.now += 10
    version = trained.store.items.get(first.item_id).version_id
    parts = trained.store.predictions.shown([first.item_id])[first.item_id].parts
    trained.record(Decision(first.item_id, "ann", "correct", "a", version, seconds=2.5, draw_id=first.id))
    trained.record(Decision(second.item_id, "ann", "skip", version_id=version, draw_id=second.id))
    skipped, labelled = trained.store.drawn.newest(trained.project.id, 10)
    assert (skipped.verdict, skipped.seconds, skipped.strategy) == ("skip", None, "priority")
    assert (labelled.seconds, labelled.blind, labelled.parts) == (2.5, False, parts)
    assert [d.verdict for d in trained.store.drawn.newest(trained.project.id, 1)] == ["skip"]
    trained.predict()  # overwrites the parts: they are those of another day now
    assert [d.parts for d in trained.store.drawn.newest(trained.project.id, 10)] == [{}, {}]


def test_labels_from_before_any_model_say_nothing_about_the_queue(store, clock) -> None:
    loop = make_loop(store, clock)
    loop.add_items(rows(4, labelled=False)[0], "test")
    draw = loop.draw("ann")
    assert draw is not None
    loop.record(Decision(draw.item_id, "ann", "correct", "a", draw_id=draw.id))
    assert loop.store.drawn.newest(loop.project.id, 10) == []


def test_withdrawn_decisions_say_nothing_about_the_queue(trained: Loop) -> None:
    draw = trained.draw("ann")
    assert draw is not None
    item = trained.store.items.get(draw.item_id)
    (entry,) = trained.record(Decision(item.id, "ann", "confirm", None, item.version_id, draw_id=draw.id))
    assert len(trained.store.drawn.newest(trained.project.id, 10)) == 1
    trained.undo(entry.id, "ann")
    assert trained.store.drawn.newest(trained.project.id, 10) == []


def test_the_story_of_the_queue_in_numbers(store, clock) -> None:
    loop = make_loop(store, clock)
    loop.add_items(rows(4, labelled=False)[0], "test")
    assert insights.queue(loop.store, loop.project) == insights.QueueStory(0, [], [], None)
    decisions = [drawn("priority", "correct", margin=0.5)] * 3 + [drawn("audit", "skip")]
    found = insights.QueueStory(4, queue_audit.strategies(decisions), queue_audit.parts(decisions), None)
    table = insights.findings_table(found)
    assert table["drawn by"] == ["priority", "random", "priority: margin"]
    assert table["per 100"] == [100.0, 0.0, 100.0]
    assert table["per minute"] == pytest.approx([20.0, 0.0, 20.0])
    assert table["ahead of random"] == [100.0, None, 100.0]
