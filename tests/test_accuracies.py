"""Estimates of the champion's accuracy from a real store, drawn and decided through the loop."""

from __future__ import annotations

import math
import tempfile
from dataclasses import asdict
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from benchmarks import estimates as benchmark
from feedback_core import accuracies, estimates, wording
from feedback_core.intervals import plain, wilson
from feedback_core.loop import Loop
from feedback_core.settings import Settings
from feedback_core.store import Store
from feedback_core.types import Decision, Draw

from .conftest import Clock, make_loop, rows


def audited(loop: Loop, share: float) -> Loop:
    """The same loop with another share of audit draws."""
    settings = Settings.from_dict(loop.project.settings.to_dict() | {"audit_share": share})
    loop.project = loop.store.projects.update(loop.project, settings=settings, now=loop.clock(), actor="test")
    return loop


def answer(loop: Loop, draw: Draw, *, right: bool) -> None:
    """Decide a draw so that the model is right, or wrong."""
    item = loop.store.items.get(draw.item_id)
    target = item.predicted if right else "ab"[item.predicted == "a"]
    loop.record(Decision(item.id, draw.reviewer, "correct", target, version_id=item.version_id, draw_id=draw.id))


def since(loop: Loop):
    return accuracies.accuracies(loop.store, loop.project, loop.clock()).reported


def named(loop: Loop, name: str):
    return accuracies.accuracies(loop.store, loop.project, loop.clock()).of(name)


def test_without_a_champion_there_is_no_estimate(loop: Loop) -> None:
    assert accuracies.accuracies(loop.store, loop.project, loop.clock()) == accuracies.NOTHING
    assert since(loop).n == 0


def test_before_the_first_answer_only_the_locked_rows_say_something(trained: Loop) -> None:
    found = accuracies.accuracies(trained.store, trained.project, trained.clock())
    assert [e.name for e in found.estimates] == ["holdout", "audit", "audit since promotion"]
    score = trained.store.versions.champion(trained.project.id).metrics["holdout"]["accuracy"]
    assert (found.of("holdout").interval.value, found.of("holdout").interval.n) == (score["value"], 102)
    assert math.isnan(found.of("audit").interval.value)
    assert found.of("audit since promotion").interval.n == since(trained).n == 0
    assert found.response == accuracies.Response(0, 0, 0.0, 1.0)


def test_uniform_draws_alone_are_their_plain_mean_from_a_pool_of_a_hundred(trained: Loop) -> None:
    loop = audited(trained, 1.0)
    for n in range(20):
        answer(loop, loop.draw("ana"), right=n % 5 != 0)
    expected = estimates.accuracy([n % 5 != 0 for n in range(20)], estimates.weights([True] * 20, 100))
    assert since(loop) == expected
    assert expected.value == pytest.approx(0.8)
    assert named(loop, "audit since promotion").interval == wilson(16, 20)


def test_what_the_queue_brought_counts_for_itself_alone(trained: Loop) -> None:
    for _ in range(3):
        answer(trained, trained.draw("ana"), right=False)
    loop = audited(trained, 1.0)
    for n in range(4):
        answer(loop, loop.draw("ana"), right=n < 3)
    by = estimates.weights([False] * 3 + [True] * 4, 100)
    assert since(loop) == estimates.accuracy([0, 0, 0, 1, 1, 1, 0], by)
    assert since(loop).n == 4


def test_a_label_that_nobody_was_asked_for_counts_for_itself_alone(trained: Loop) -> None:
    item = trained.store.items.get(trained.store.items.open_ids(trained.project.id)[0])
    wrong = "ab"[item.predicted == "a"]
    trained.record(Decision(item.id, "user", "correct", wrong, version_id=item.version_id))
    loop = audited(trained, 1.0)
    for _ in range(4):
        answer(loop, loop.draw("ana"), right=True)
    assert since(loop).value == pytest.approx(0.99)


def test_what_a_version_has_learned_from_is_no_evidence_about_it(trained: Loop, clock: Clock) -> None:
    for _ in range(5):
        answer(trained, trained.draw("ana"), right=False)
    loop = audited(trained, 1.0)
    for _ in range(5):
        answer(loop, loop.draw("ana"), right=True)
    assert since(loop).n == 5
    clock.now += 60
    version = loop.retrain("test")
    loop.judge(version)
    clock.now += 60
    loop.promote(version, "test", "for the test")
    loop.predict()
    assert since(loop).n == 0
    answer(loop, loop.draw("ana"), right=True)
    found = since(loop)
    assert (found.value, found.n) == (1.0, 1)
    assert named(loop, "audit since promotion").interval.n == 1


def test_an_answer_taken_back_is_known_no_more(trained: Loop) -> None:
    loop = audited(trained, 1.0)
    for n in range(5):
        answer(loop, loop.draw("ana"), right=n > 0)
    first = loop.store.feedback.latest(loop.project.id)[-1]
    loop.undo(first.id, "ana")
    assert since(loop) == estimates.accuracy([True] * 4, estimates.weights([True] * 4, 100))


def test_cards_of_the_queue_in_hand_are_taken_to_be_like_its_last_answers(trained: Loop) -> None:
    for n in range(4):
        answer(trained, trained.draw("ana"), right=n % 2 == 0)
    loop = audited(trained, 1.0)
    answer(loop, loop.draw("ana"), right=True)
    audited(loop, 0.0).draw_batch("ben", 10)
    answer(audited(loop, 1.0), loop.draw("ana"), right=True)
    by = estimates.weights([False] * 4 + [True] + [False] * 10 + [True], 100)
    assert since(loop) == estimates.accuracy([1, 0, 1, 0, 1] + [0.5] * 10 + [1], by)


def test_skipped_audit_cards_stand_for_nothing_but_widen_the_bounds(trained: Loop) -> None:
    loop = audited(trained, 1.0)
    for n in range(6):
        draw = loop.draw("ana")
        if n < 2:
            version = loop.store.items.get(draw.item_id).version_id
            loop.record(Decision(draw.item_id, "ana", "skip", version_id=version, draw_id=draw.id))
        else:
            answer(loop, draw, right=n != 2)
    held = loop.draw("ana")
    assert held is not None
    found = accuracies.accuracies(loop.store, loop.project, loop.clock())
    assert found.response == accuracies.Response(asked=6, answered=4, low=3 / 6, high=5 / 6)
    assert found.of("all items").interval.value == pytest.approx(3 / 4)
    assert wording.response(asdict(found.response)) == (
        "Answered: 4 of 6 audit draws since the promotion (66.7 %). The audit sample's accuracy would be 50.0 % if the "
        "model were wrong on all the others, 83.3 % if right."
    )


def test_where_everything_is_labelled_the_estimate_is_called_a_census_and_has_no_interval(trained: Loop) -> None:
    loop = audited(trained, 0.0)
    for n in range(99):
        answer(loop, loop.draw("ana"), right=n % 4 != 0)
    last = loop.draw("ben")
    # One card is in a hand: it may turn out either way, and no sample says so.
    found = named(loop, "all items")
    assert (found.interval.low, found.interval.high, found.interval.n) == pytest.approx((0.74, 0.75, 99))
    assert named(loop, "sharpened").interval == found.interval
    answer(loop, last, right=True)
    found = named(loop, "all items")
    assert found.sample.startswith("a census: ")
    assert (found.interval.low, found.interval.n) == (pytest.approx(0.75), 100)
    assert found.interval.low == found.interval.high
    assert wording.share(plain(since(loop))) == "75.0 % (a census: every item is labelled, n = 100)"


@pytest.mark.parametrize(("answered", "is_told"), [(18, True), (19, False)])
def test_a_low_response_rate_is_told_beside_the_accuracy_on_the_page(answered: int, is_told: bool) -> None:
    def page(answered: int) -> None:
        from feedback_core.accuracies import Accuracies, Response
        from pages._insights import progress

        progress.show_accuracies(Accuracies(1, (), Response(20, answered, 0.5, 0.6)))

    app = AppTest.from_function(page, args=(answered,), default_timeout=60).run()
    assert not app.exception
    assert any(each.value.startswith(f"Answered: {answered} of 20") for each in app.caption) == is_told


def test_items_that_arrive_later_are_told_by_their_own_draws_once_there_are_enough(store: Store, clock: Clock) -> None:
    loop = make_loop(store, clock, audit_share=1.0)
    loop.add_items(rows(200)[0], "test")
    loop.add_items(rows(30, seed=1, labelled=False)[0], "test")
    version = loop.retrain("test")
    loop.judge(version)
    clock.now += 60
    loop.promote(version, "test")
    loop.predict()
    last = max(loop.store.items.open_ids(loop.project.id))
    for _ in range(6):
        answer(loop, loop.draw("ana"), right=True)
    clock.now += 60
    loop.add_items(rows(70, seed=2, labelled=False)[0], "test")
    loop.predict()
    told = []
    while sum(n > last for n in told) < 4:
        draw = loop.draw("ana")
        told.append(draw.item_id)
        answer(loop, draw, right=draw.item_id <= last)
    # Four draws do not tell the late ones yet: they are taken to be like the early ones.
    assert since(loop).value == 1.0
    while told[-1] <= last or sum(n > last for n in told) < 5:
        draw = loop.draw("ana")
        told.append(draw.item_id)
        answer(loop, draw, right=draw.item_id <= last)
    assert since(loop).value == pytest.approx(0.3)


def test_many_more_decisions_than_the_window_are_told_by_the_newest(trained: Loop, clock: Clock) -> None:
    loop = audited(trained, 1.0)
    for n in range(12):
        clock.now += 1
        answer(loop, loop.draw("ana"), right=n >= 7)
    champion = loop.store.versions.champion(loop.project.id)
    known = loop.store.answers.known(loop.project.id, champion.promoted_at, champion.feedback_upto, clock(), window=6)
    assert len(known.ids) == 5
    assert known.since == clock() - 5
    assert known.uniform == (True,) * 5


@pytest.fixture
def quick_folder(tmp_path: Path):
    """In memory where the system has that: thousands of durable commits would wait for the disk for minutes."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        yield Path(folder)


def test_through_the_real_queue_the_estimate_is_true_and_the_draws_alone_are_not(quick_folder: Path) -> None:
    # Hands of twelve cards, skips, leases that run out, reports by users, and a sixth of the items comes late.
    world = benchmark.World(quick_folder, 240, 48, audit_share=0.4)
    ours, draws, truths = [], [], []
    for seed in range(150):
        store, loop, truth = benchmark.review(world, seed, rounds=9)
        found = accuracies.accuracies(store, loop.project, loop.clock())
        ours.append(found.of("all items").interval)
        draws.append(found.of("audit since promotion").interval)
        truths.append(truth)
    told, alone = benchmark.summary(ours, truths), benchmark.summary(draws, truths)
    assert abs(told["bias_points"]) < 0.5 + 2 * told["bias_se"]
    assert told["bias_se"] < 0.5
    assert 0.90 <= told["coverage"] <= 0.99
    assert alone["bias_points"] > 2 * alone["bias_se"]
