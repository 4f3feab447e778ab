"""When to retrain: each rule by hand, then the mix."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, hypergeom

from feedback_core import cron
from feedback_core.errors import InvalidInput, InvalidSetting
from feedback_core.settings import Settings
from feedback_core.triggers import brakes, corrections, drift, error_rate, mix, regret, schedule
from feedback_core.triggers.condition import lasting
from feedback_core.triggers.facts import ErrorDrift, Facts, InputDrift, Regret

NOW = datetime(2026, 3, 27, 12, tzinfo=UTC).timestamp()
AUTO = Settings(corrections_rule="auto", automatic=True)


def test_regret_grows_by_avoidable_errors_and_never_falls_below_zero():
    total = 0.0
    for champion, shadow, q, after in (
        (True, False, 0.2, 5.0),
        (True, True, 0.2, 5.0),
        (False, True, 0.5, 3.0),
        (False, True, 0.2, 0.0),
        (True, False, 1.0, 1.0),
    ):
        total = regret.step(total, champion, shadow, q)
        assert total == after


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0.05, 1))))
def test_regret_is_the_height_of_the_walk_above_its_lowest_point(entries):
    total, walk = 0.0, [0.0]
    for champion, shadow, q in entries:
        total = regret.step(total, champion, shadow, q)
        walk.append(walk[-1] + (champion - shadow) / q)
    assert total == pytest.approx(walk[-1] - min(walk), abs=1e-6)


@pytest.mark.parametrize("q", [0, -0.1, 1.1])
def test_a_propensity_outside_of_zero_to_one_is_refused_by_its_value(q):
    with pytest.raises(InvalidInput, match=rf"propensity={q}"):
        regret.step(0, True, False, q)


def test_regret_fires_at_the_cost_and_not_before_ten_entries():
    assert regret.due(20, 10, 20) is True
    assert regret.due(19.9, 10, 20) is False
    assert regret.due(99, 9, 20) is False


def test_a_chosen_item_stands_for_itself_and_a_uniform_one_for_those_nobody_has_seen():
    assert regret.propensity("priority", 3, 1_000) == 1
    assert regret.propensity("slice", 3, 1_000) == 1
    assert regret.propensity("audit", 20, 80) == 0.2
    assert regret.propensity("random", 0, 3) == 0.25
    assert regret.propensity("audit", 1, 1_000_000) == regret.LEAST_PROPENSITY
    assert regret.propensity(None, 20, 80) is None


def test_the_fallback_waits_for_six_times_the_root_of_the_cost():
    assert [regret.fallback(cost) for cost in (4, 5, 20, 60)] == [12, 14, 27, 47]


def test_the_proposed_cost_is_the_time_of_a_retrain_in_corrections():
    assert regret.proposed_cost(None, None) == 20
    assert regret.proposed_cost(30, 3) == 30
    assert regret.proposed_cost(30, 100) == 5
    assert regret.proposed_cost(1e9, 1) == 500


def test_auto_is_bounded_by_corrections_on_both_sides():
    def met(total, entries, collected):
        return regret.condition(total, entries, 20, collected, 5, 100).met

    assert met(25, 30, 5) is True
    assert met(25, 30, 4) is False
    assert met(0, 30, 99) is False
    assert met(0, 30, 100) is True
    said = regret.condition(14, 32, 20, 9, 5, 100)
    assert said.sentence == "14 of 20 avoidable errors over 32 new decisions"
    assert (said.value, said.needed) == (14, 20)


def test_without_a_shadow_auto_says_why_and_counts_corrections():
    facts = Facts(NOW, corrections=26, regret=Regret(cost=20, no_shadow="a fit takes too long"))
    condition = mix.conditions(facts, AUTO)[0]
    assert (condition.met, condition.value, condition.needed) == (False, 26, 27)
    assert condition.sentence == "26 of 27 corrections, by the square-root rule: a fit takes too long"
    assert mix.conditions(replace(facts, corrections=27), AUTO)[0].met is True


def test_corrections_say_how_many_are_missing():
    assert corrections.condition(14, 50).sentence == "14 of 50 corrections, 36 to go"
    assert corrections.condition(50, 50).met is True
    assert corrections.condition(50, 50).cause == "50 corrections"
    assert corrections.condition(1, 1).cause == "1 correction"


def at(text: str, zone: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def test_a_schedule_fires_once_its_time_has_come_after_the_oldest_news():
    fired = schedule.condition("0 3 * * *", "Europe/Berlin", NOW, NOW + 3_600)
    assert fired.met is False
    assert fired.sentence.startswith("next on Sat 28 Mar 2026, 03:00 (Europe/Berlin), in ")
    assert (
        schedule.condition("0 3 * * *", "Europe/Berlin", NOW, at("2026-03-28T02:59:59", "Europe/Berlin")).met is False
    )
    late = schedule.condition("0 3 * * *", "Europe/Berlin", NOW, at("2026-03-28T09:00", "Europe/Berlin"))
    assert late.met is True
    assert late.cause == "schedule 0 3 * * *"


def test_a_schedule_follows_the_clock_on_the_wall_across_summer_time():
    berlin = "Europe/Berlin"
    day_before = at("2026-03-28T12:00", berlin)
    # 02:30 does not exist on 29 March; Debian's cron runs it right after the change.
    assert cron.following("30 2 * * *", berlin, day_before) == at("2026-03-29T03:00", berlin)
    assert cron.following("0 4 * * *", berlin, day_before) - day_before == 15 * 3_600
    autumn = at("2026-10-25T01:00", berlin)
    first = cron.following("30 2 * * *", berlin, autumn)
    assert cron.following("30 2 * * *", berlin, first) - first == 25 * 3_600


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("schedule", "61 * * * *", "bad minute"),
        ("schedule", "tomorrow", "wrong number of fields"),
        ("time_zone", "Mars/Olympus", "not a time zone"),
        ("time_zone", "Europe", "not a time zone"),
        ("time_zone", "../../etc/passwd", "not a time zone"),
        ("time_zone", "", "not a time zone"),
        ("corrections_rule", "sometimes", "not known"),
        ("quiet_s", -1, "out of range"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_with_its_value_and_the_way_out(name, value, said):
    with pytest.raises(InvalidSetting, match=said) as refused:
        Settings(**{name: value})
    assert repr(value) in str(refused.value)


def test_bounds_the_wrong_way_round_are_refused():
    with pytest.raises(InvalidSetting, match=r"least_corrections=9 is above most_corrections=8"):
        Settings(least_corrections=9, most_corrections=8)


def test_holm_multiplies_the_smallest_by_all_the_next_by_one_less_and_never_falls():
    assert drift.holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert drift.holm([]) == []
    assert drift.holm([0.9, 0.8]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_the_order_and_lies_between_the_plain_and_the_bonferroni_value(values):
    corrected = drift.holm(values)
    for p, q in zip(values, corrected, strict=True):
        assert p <= q <= min(1, len(values) * p)
    order = np.argsort(values, kind="stable")
    assert sorted(corrected) == [corrected[n] for n in order]


def test_the_looks_of_a_version_spend_its_error_budget_and_no_more():
    assert drift.look_level(1, 0.01) == 0.005
    assert sum(drift.look_level(look, 0.01) for look in range(1, 100_000)) == pytest.approx(0.01, rel=1e-4)


def test_the_distance_of_two_columns_is_the_largest_gap_between_their_distribution_functions():
    found = drift.compare({"x": [1, 2, 3, 4]}, {"x": [3, 4, 5, 6]})
    # Below 3 lie half of the old values and none of the new ones. Exact p: 1 - 36/70 = 34/70 by counting the paths.
    assert (found[0].effect, found[0].p) == (0.5, pytest.approx(0.7714285714285716))


def test_categories_that_swapped_places_are_found_and_named():
    old, new = ["a"] * 150 + ["b"] * 50, ["a"] * 50 + ["b"] * 150
    same, moved = drift.compare({"k": old, "m": old}, {"k": new, "m": old})[::-1]
    assert (moved.column, moved.measure) == ("k", "Jensen-Shannon distance")
    # Mean distribution 1/2, 1/2: divergence 1 + 3/4 log2 3/4 + 1/4 log2 1/4, and its root.
    assert moved.effect == pytest.approx((1 + 0.75 * np.log2(0.75) + 0.25 * np.log2(0.25)) ** 0.5)
    assert moved.p < 1e-20
    assert (same.effect, same.p) == (0.0, 1.0)


def test_a_column_that_goes_missing_has_drifted():
    found = drift.compare({"x": [1.0, 2.0] * 50}, {"x": [None] * 100})[0]
    assert (found.measure, found.effect) == ("share missing", 1.0)
    assert found.p < 1e-20
    half = drift.compare({"x": [1.0, 2.0] * 50}, {"x": [1.0, 2.0] * 25 + [None] * 50})[0]
    assert (half.measure, half.effect) == ("share missing", 0.5)


def test_columns_that_did_not_move_raise_a_false_alarm_as_seldom_as_they_say():
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(300):
        old = {"x": rng.normal(size=500).tolist(), "y": rng.choice(["a", "b"], 500).tolist()}
        new = {"x": rng.normal(size=200).tolist(), "y": rng.choice(["a", "b"], 200).tolist()}
        alarms += drift.compare(old, new)[0].p <= 0.05
    assert alarms <= binom.ppf(0.999, 300, 0.05)


def test_input_drift_wants_proof_and_an_effect_that_matters():
    def column(effect, p):
        return drift.ColumnDrift("age", "Kolmogorov-Smirnov distance", effect, p)

    assert drift.condition([], 120, 0, 0.01).sentence == "120 of 200 new items for a first look"
    assert drift.condition([column(0.3, 0.004)], 250, 1, 0.01).met is True
    assert drift.condition([column(0.3, 0.006)], 250, 1, 0.01).met is False
    assert drift.condition([column(0.3, 0.004)], 450, 2, 0.01).met is False
    assert drift.condition([column(0.09, 1e-9)], 250, 1, 0.01).met is False
    assert drift.condition([column(0.3, 0.001)], 250, 1, 0.01).cause == "input drift in age"


def test_the_error_rate_is_compared_exactly():
    # 8 of 10 wrong now, 2 of 10 then: at least 8 of the 10 errors among the 10 rows of now.
    assert error_rate.p_worse(8, 10, 2, 10) == pytest.approx(hypergeom.sf(7, 20, 10, 10))
    few = error_rate.condition(9, 10, 1, 19, 1, 0.01)
    assert (few.met, few.value, few.needed) == (False, 19, 20)
    assert error_rate.condition(9, 24, 1, 30, 0, 0.01).sentence.startswith("24 of 25 audit rows")
    risen = error_rate.condition(15, 25, 3, 60, 1, 0.01)
    assert risen.met is True
    assert "60% (41 to 77, n = 25) now, 5% (2 to 14, n = 60) at the promotion" in risen.sentence
    assert error_rate.condition(3, 25, 3, 25, 1, 0.01).met is False


def test_quiet_time_waits_for_the_last_label():
    assert brakes.quiet(None, 120, NOW).met is True
    assert brakes.quiet(NOW - 120, 120, NOW).met is True
    busy = brakes.quiet(NOW - 30, 120, NOW)
    assert busy.met is False
    assert busy.sentence == "the last label came 30 seconds ago; waits for 2 minutes without one, 90 seconds to go"


def test_the_cool_down_counts_from_the_last_retrain_and_is_longer_after_a_failure():
    assert brakes.cool_down(None, 3_600, NOW).met is True
    early = brakes.cool_down(NOW - 2_880, 3_600, NOW)
    assert (early.met, early.value, early.needed) == (False, 2_880, 3_600)
    assert early.sentence == "the last retrain began 48 minutes ago; at most one every hour, 12 minutes to go"
    assert brakes.cool_down(NOW - 3_600, 3_600, NOW).met is True
    assert brakes.cool_down(NOW - 599, 0, NOW, failed=True).met is False
    assert brakes.cool_down(NOW - 600, 0, NOW, failed=True).met is True


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (60, "1 minute"),
        (90, "90 seconds"),
        (5_400, "90 minutes"),
        (259_200, "3 days"),
    ],
)
def test_durations_are_said_in_the_largest_fitting_unit(seconds, text):
    assert lasting(seconds) == text


READY = Facts(NOW, corrections=50, last_label_at=NOW - 200, last_retrain_at=NOW - 4_000)


def test_a_retrain_starts_by_itself_only_when_a_trigger_asks_and_every_brake_agrees():
    settings = Settings(automatic=True)
    ready = mix.standing(READY, settings)
    assert (ready.due, ready.free, ready.fires, ready.cause) == (True, True, True, "50 corrections")
    for change in (
        {"corrections": 49},
        {"last_label_at": NOW - 119},
        {"last_retrain_at": NOW - 3_599},
        {"obstacle": "Nothing has come in since the last version."},
        {"busy_with": "retrain"},
    ):
        assert mix.standing(replace(READY, **change), settings).fires is False, change
    told = mix.standing(READY, Settings())
    assert (told.due, told.free, told.fires) == (True, True, False)


def test_every_trigger_fires_alone_and_the_cause_names_all_that_ask():
    moved = InputDrift(250, 1, (drift.ColumnDrift("age", "Kolmogorov-Smirnov distance", 0.4, 1e-6),))
    worse = ErrorDrift(15, 25, 3, 60, 1)
    base = {"automatic": True, "corrections_rule": "off"}
    facts = replace(READY, input_drift=moved, error_drift=worse, since=NOW - 86_400, regret=Regret(25, 12, 20))
    causes = {
        mix.standing(facts, Settings(**base | chosen)).cause
        for chosen in (
            {},
            {"corrections_rule": "fixed"},
            {"corrections_rule": "auto"},
            {"schedule": "0 3 * * *"},
            {"on_input_drift": True},
            {"on_error_drift": True},
        )
    }
    assert causes == {
        "",
        "50 corrections",
        "25 avoidable errors",
        "schedule 0 3 * * *",
        "input drift in age",
        "error rate on the audit sample",
    }
    both = Settings(**base | {"schedule": "0 3 * * *", "on_input_drift": True})
    assert mix.standing(facts, both).cause == "schedule 0 3 * * *, input drift in age"


def test_the_mix_is_told_in_one_plain_sentence():
    assert mix.rule(Settings(automatic=True)) == (
        "Retrains when 50 corrections are in and nobody has labelled for 2 minutes, at most every hour."
    )
    assert mix.rule(Settings()) == ("Retrains only when somebody asks for it; says so when 50 corrections are in.")
    assert mix.rule(Settings(corrections_rule="off")) == "Retrains only when somebody asks for it."
    many = Settings(automatic=True, corrections_rule="auto", schedule="0 3 * * 1", quiet_s=0, cool_down_s=0)
    assert mix.rule(many) == (
        "Retrains when the avoidable errors have cost as much as a retrain or on the schedule 0 3 * * 1 (UTC)."
    )


def test_why_not_now_says_what_is_missing():
    settings = Settings(automatic=True)
    early = mix.standing(replace(READY, corrections=14), settings)
    assert early.answer == "Not due: corrections: 14 of 50 corrections, 36 to go."
    held = mix.standing(replace(READY, last_retrain_at=NOW - 2_880), settings)
    assert held.answer == (
        "Due (50 of 50 corrections), but held back: the last retrain began 48 minutes ago; at most one every hour, "
        "12 minutes to go."
    )
    assert "the worker starts it within seconds" in mix.standing(READY, settings).answer
    assert "start it" in mix.standing(READY, Settings()).answer
