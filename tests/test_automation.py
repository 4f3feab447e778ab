"""What needs no review: the exact tests by hand and in simulation, the label sets, and the queue that skips."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback_core import automation, calibration, label_sets, studies
from feedback_core.errors import Refused
from feedback_core.loop import Loop
from feedback_core.settings import Settings
from feedback_core.store import draws
from feedback_core.types import Decision, Version
from feedback_core.worker import run_next
from pages._deck.cards import card

from .conftest import Clock, make_loop, rows

DAY_S = 86_400.0


@pytest.mark.parametrize(("target", "rows"), [(0.99, 299), (0.98, 149), (0.97, 99), (0.95, 59)])
def test_the_least_rows_are_the_published_ones(target: float, rows: int) -> None:
    assert automation.least_rows(target, 0.05) == rows
    assert automation.lower_bound(rows, rows, 0.05) >= target > automation.lower_bound(rows - 1, rows - 1, 0.05)


def test_the_lower_bound_is_that_of_clopper_and_pearson() -> None:
    from scipy.stats import beta

    assert automation.lower_bound(95, 100, 0.05) == pytest.approx(beta.ppf(0.05, 95, 6))
    assert automation.lower_bound(0, 100, 0.05) == 0.0


def test_thresholds_are_tried_from_strict_to_lax_until_one_fails() -> None:
    confidence = np.repeat([0.9, 0.8, 0.7, 0.6], [50, 60, 60, 60])
    right = np.ones(230, dtype=bool)
    right[120:140] = False  # twenty mistakes between 0.7 and 0.8
    found = automation.certify(confidence, right, [0.6, 0.7, 0.8, 0.9], 0.95, 0.05)
    # 50 rows at 0.9 cannot pass, so the first test is at 0.8; what lies beyond the failure at 0.7 is not looked at.
    assert [(step.threshold, step.rows, step.right) for step in found.steps] == [(0.8, 110, 110), (0.7, 170, 150)]
    assert found.threshold == 0.8
    assert found.held is found.steps[0]


def test_nothing_is_certified_by_too_few_rows_or_a_first_failure() -> None:
    few = automation.certify(np.full(98, 0.99), np.ones(98, dtype=bool), [0.9], 0.97, 0.05)
    assert (few.threshold, few.steps, few.held) == (None, (), None)
    wrong = automation.certify(np.full(100, 0.99), np.arange(100) > 5, [0.9], 0.97, 0.05)
    assert wrong.threshold is None
    assert len(wrong.steps) == 1


@given(
    right=st.lists(st.booleans(), min_size=1, max_size=300),
    grid=st.lists(st.floats(0, 1), min_size=1, max_size=20),
)
def test_what_is_certified_was_proved_and_so_was_all_that_is_stricter(right: list[bool], grid: list[float]) -> None:
    confidence = np.linspace(0, 1, len(right))
    found = automation.certify(confidence, np.asarray(right), grid, 0.6, 0.05)
    proved = [step.threshold for step in found.steps if step.bound >= 0.6]
    assert found.threshold == (min(proved) if proved else None)
    assert [step.bound >= 0.6 for step in found.steps[:-1]] == [True] * (len(found.steps) - 1)


def test_all_attempts_together_spend_the_error_once() -> None:
    assert automation.share_of_error(1) == 0.025
    assert sum(automation.share_of_error(n) for n in range(1, 5_000)) == pytest.approx(0.05, abs=1e-4)


def test_a_promise_is_broken_no_more_often_than_stated_and_a_bare_cut_always() -> None:
    rng = np.random.default_rng(0)
    odds = np.abs(rng.normal(0, 8.1, 50_000))
    shown, true = 1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(-odds / 1.6))
    broken = 0
    for _ in range(100):
        drawn = rng.integers(len(odds), size=1_000)
        right = rng.random(1_000) < true[drawn]
        grid = automation.percentiles(shown)
        threshold = automation.certify(shown[drawn], right, grid, 0.97, 0.05).threshold
        broken += threshold is not None and true[shown >= threshold].mean() < 0.97
    assert broken <= 9  # 5 expected at most; more than 9 of 100 by chance in 3 of 100 seeds
    assert true[shown >= 0.99].mean() < 0.99


def test_label_sets_cover_as_often_as_promised() -> None:
    rng = np.random.default_rng(1)
    proba = rng.dirichlet([0.5] * 5, size=5_000)
    label = np.array([rng.choice(5, p=row) for row in proba])
    own = proba[np.arange(5_000), label]
    least = label_sets.cut(own[:500], 0.9)
    assert least is not None
    covered = [y in label_sets.label_set(row, least) for y, row in zip(label[500:], proba[500:], strict=True)]
    assert 0.87 < np.mean(covered) < 0.93


def test_the_cut_of_nineteen_rows_is_their_smallest_and_of_eighteen_none() -> None:
    assert label_sets.cut(np.linspace(0.1, 1, 19), 0.95) == pytest.approx(0.1)
    assert label_sets.cut(np.linspace(0.1, 1, 18), 0.95) is None


def test_a_label_set_names_the_likely_labels_first_and_is_never_empty() -> None:
    assert label_sets.label_set(np.array([0.1, 0.5, 0.4]), 0.2).tolist() == [1, 2]
    assert label_sets.label_set(np.array([0.2, 0.5, 0.3]), 0.9).tolist() == [1]


def test_temperature_lowers_what_is_too_sure_and_keeps_the_order() -> None:
    given = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert calibration.tempered(given, 1.0).tolist() == given.tolist()
    # Two divides the log odds: 0.9 / 0.1 = 9 becomes 3.
    assert calibration.tempered(given, 2.0)[0].tolist() == pytest.approx([0.75, 0.25])


@pytest.fixture
def audited(store, clock: Clock) -> Loop:
    """A champion on points without noise, and 150 random draws since, all answered truly."""
    loop = make_loop(store, clock, audit_share=1.0)
    loop.add_items(rows(300)[0], "test")
    pool, truth = rows(600, seed=1, labelled=False)
    loop.add_items(pool, "test")
    version = loop.retrain("test")
    loop.judge(version)
    loop.promote(version, "test")
    loop.predict()
    for _ in range(150):
        draw = loop.draw("ana")
        item = loop.store.items.get(draw.item_id)
        answer = Decision(item.id, "ana", "correct", truth[item.key], version_id=item.version_id, draw_id=draw.id)
        loop.record(answer)
    return loop


def certified(loop: Loop) -> dict:
    job = loop.request_study("certificate", "ana")
    done = run_next(loop.store, "test", loop.clock)
    assert (done.id, done.state) == (job.id, "done"), done.error
    return dict(loop.store.studies.newest(loop.project.id, "certificate").body)


def change(loop: Loop, **values: object) -> None:
    settings = Settings.from_dict(loop.project.settings.to_dict() | values)
    loop.project = loop.store.projects.update(loop.project, settings=settings, now=loop.clock(), actor="test")


def test_a_certificate_counts_the_random_draws_since_the_promotion(audited: Loop) -> None:
    body = certified(audited)
    assert (body["rows"], body["attempt"], body["error"], body["needed"]) == (150, 1, 0.025, 122)
    assert body["open"] == 450
    assert body["steps"][0]["rows"] >= 122
    assert body["threshold"] is not None
    # The next attempt has less to spend, and is about the same draws.
    assert certified(audited)["error"] == pytest.approx(0.05 / 6)


def test_an_attempt_without_a_test_costs_nothing(audited: Loop) -> None:
    change(audited, certified_target=0.99)
    assert certified(audited)["steps"] == []
    assert certified(audited)["attempt"] == 1
    view = studies.certificate_view(audited.store, audited.project, audited.clock())
    assert view.threshold is None
    assert view.why_not.startswith("150 random draws have been answered since the promotion. To prove 99%, 368 are")


def test_only_the_champion_can_be_certified(audited: Loop) -> None:
    candidate: Version = audited.retrain("test")
    with pytest.raises(Refused, match="Version 2 is not the champion"):
        studies.certificate(audited.store, audited.project, candidate, audited.clock(), lambda *_: None)


def test_what_is_certified_is_left_to_chance_until_the_proof_is_old(audited: Loop, clock: Clock) -> None:
    threshold = certified(audited)["threshold"]
    change(audited, audit_share=0.0, skip_certified=True)
    hand = audited.draw_batch("ben", 40)
    sure = [audited.store.items.get(draw.item_id).confidence for draw in hand if draw.strategy == "priority"]
    assert len(sure) > 0
    assert max(sure) < threshold
    audited.store.draws.release(audited.project.id, "ben", [draw.id for draw in hand])
    left = sum(audited.store.answers.open_confidences(audited.project.id) < threshold)
    assert len(audited.draw_batch("ben", left + 50)) <= left
    clock.now += 31 * DAY_S
    assert len(audited.draw_batch("cem", left + 50)) == left + 50
    assert "30 days" in studies.certificate_view(audited.store, audited.project, clock()).why_not


def test_few_items_below_the_proof_are_handed_out_as_by_the_walk_down_the_queue(
    audited: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    certified(audited)
    change(audited, audit_share=0.0, skip_certified=True)
    audited.draw_batch("cem", 3)
    hands = {}
    for few in (0, 2_000):
        monkeypatch.setattr(draws, "FEW", few)
        hand = audited.draw_batch("ben", 40)
        hands[few] = [(draw.item_id, draw.strategy) for draw in hand]
        audited.store.draws.release(audited.project.id, "ben", [draw.id for draw in hand])
    assert len(hands[0]) > 0
    assert hands[0] == hands[2_000]


def test_the_audit_goes_on_among_what_is_skipped(audited: Loop) -> None:
    threshold = certified(audited)["threshold"]
    change(audited, audit_share=1.0, skip_certified=True)
    drawn = [audited.store.items.get(draw.item_id).confidence for draw in audited.draw_batch("ben", 40)]
    assert max(drawn) >= threshold


def test_a_card_names_the_labels_of_an_unsure_prediction_and_a_blind_one_none(audited: Loop) -> None:
    change(audited, audit_share=0.0)
    draw = audited.draw("ben")
    item = audited.store.items.get(draw.item_id)
    three = type(audited.project)(**{**_fields(audited.project), "labels": ("a", "b", "c")})
    seen = type(audited.store.predictions.shown([item.id])[item.id])(
        item.id, 1, 1, "a", (0.5, 0.4, 0.1), 0.5, 0.9, {"margin": 0.9}
    )
    assert card(three, draw, item, seen, label_cut=0.3)["among"] == "One of a, b (95% sure)"
    assert card(three, draw, item, seen, label_cut=0.05)["among"] == ""  # all there are
    assert card(three, draw, item, seen, label_cut=0.45)["among"] == ""  # one alone
    hidden = type(draw)(**{**_fields(draw), "blind": True})
    assert card(three, hidden, item, seen, label_cut=0.3)["among"] == ""


def _fields(noun) -> dict:
    return {name: getattr(noun, name) for name in noun.__dataclass_fields__}


def test_the_page_finds_the_threshold_and_skips_by_a_switch(audited: Loop, page, monkeypatch) -> None:
    from feedback_core import store as stores

    app = page("insights")
    app.query_params["view"] = "automate"
    app.run()
    assert "Nothing is proved about version 1 yet." in str([each.value for each in app.caption])
    app.button("insights_ask_certificate").click().run()
    assert run_next(audited.store, "test").state == "done"
    app.run()
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert [trace["name"] for trace in figure["data"]] == ["Right on the random draws", "Proved at least"]
    app.toggle("insights_skip").set_value(True).run()
    assert not app.exception
    assert stores.open_store(audited.store.url).projects.named("points").settings.skip_certified is True
