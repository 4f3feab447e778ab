"""Older labels fade by date: weights computed by hand, bounds for any history, and what it is worth under drift."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback_core import intake
from feedback_core.errors import CannotTrain, Refused
from feedback_core.loop import Loop
from feedback_core.models import BUILDERS
from feedback_core.settings import Settings
from feedback_core.training import DAY_S, aligned_proba, fit, freshness, sample_weights
from feedback_core.types import TrainingRows
from tests.conftest import TWO_NUMBERS
from tests.test_rulings import pool, say

LABELLED = st.tuples(st.sampled_from("abc"), st.booleans(), st.floats(0, 400))
"""Label, from feedback or not, day."""


def rows_of(labelled: list[tuple[str, bool, float]]) -> TrainingRows:
    labels, fed, days = zip(*labelled, strict=True) if labelled else ((), (), ())
    n = len(labels)
    return TrainingRows(tuple(range(n)), ("[]",) * n, labels, fed, 0, tuple(DAY_S * day for day in days))


# -- weights -------------------------------------------------------------------------------------------------------


def test_a_label_counts_half_after_one_half_life_and_a_quarter_after_two() -> None:
    assert freshness([0.0, 10 * DAY_S, 20 * DAY_S], 10).tolist() == [0.25, 0.5, 1.0]


def test_fading_stops_before_a_weight_is_nothing() -> None:
    assert freshness([0.0, 1e6 * DAY_S], 1)[0] == pytest.approx(0.5**30)


def test_without_feedback_the_weight_is_the_freshness_alone() -> None:
    rows = rows_of([("a", False, 0), ("b", False, 30), ("a", False, 60)])
    assert sample_weights(rows, 30).tolist() == [0.25, 0.5, 1.0]


def test_classes_are_brought_back_to_their_base_share_after_the_labels_have_faded() -> None:
    # Base of day 0: 2 a, 2 b, worth a quarter each on day 20. Fed on day 20: 1 a, 2 b. The faded masses are
    # a 0.5 + 1 = 1.5 and b 0.5 + 2 = 2.5; half each asks for factors 4/3 and 4/5.
    # Steady, a holds 3 and b 4 of 7 rows: 7/6 and 7/8. Fresh rows of a would then rise from 7/6 to 4/3, so all are
    # multiplied by 7/8: a 7/6, b 7/10, and a quarter of that for the base rows.
    rows = rows_of([*([("a", False, 0)] * 2), *([("b", False, 0)] * 2), ("a", True, 20), *([("b", True, 20)] * 2)])
    weights = sample_weights(rows, 10).tolist()
    assert weights == pytest.approx([7 / 24, 7 / 24, 7 / 40, 7 / 40, 7 / 6, 7 / 10, 7 / 10])


@settings(deadline=None, max_examples=200)
@given(st.lists(LABELLED, min_size=1, max_size=40), st.floats(0.5, 1_000))
def test_no_row_weighs_more_than_without_fading_and_the_shares_of_the_classes_are_kept(labelled, half_life) -> None:
    rows = rows_of(labelled)
    steady, weights = sample_weights(rows), sample_weights(rows, half_life)
    assert (weights > 0).all()
    assert (weights <= steady * (1 + 1e-12)).all()
    base = Counter(label for label, fed, _ in labelled if not fed)
    faded = Counter()
    for label, fresh in zip(rows.labels, freshness(rows.dated, half_life).tolist(), strict=True):
        faded[label] += fresh / freshness(rows.dated, half_life).sum()
    asked = {label: n / base.total() / faded[label] for label, n in base.items()}
    # Where every class is in the base data, some feedback is there, and no factor meets its bound.
    if set(faded) == set(base) and base.total() < len(labelled) and all(0.34 < f < 2.99 for f in asked.values()):
        mass = Counter()
        for label, weight in zip(rows.labels, weights.tolist(), strict=True):
            mass[label] += weight / weights.sum()
        assert mass == pytest.approx({label: n / base.total() for label, n in base.items()})


def test_fading_needs_dates_and_says_so() -> None:
    with pytest.raises(CannotTrain, match="read the rows with dated=True"):
        sample_weights(TrainingRows((1,), ("[]",), ("a",), (False,), 0), 10)


# -- dates and versions --------------------------------------------------------------------------------------------


def fading(loop: Loop, days: float) -> None:
    changed = Settings.from_dict(loop.project.settings.to_dict() | {"label_half_life_days": days})
    loop.project = loop.store.projects.update(loop.project, settings=changed, now=loop.clock(), actor="test")


def test_a_label_is_dated_by_the_newest_standing_entry_that_gives_it(trained: Loop) -> None:
    x, y, z = pool(trained)[:3]
    start = trained.clock.now
    for who, item, label, day in (
        ("ann", x, "a", 1), ("bob", x, "b", 2), ("cy", x, "a", 3), ("ann", y, "a", 1), ("ann", y, "a", 4),
        ("dee", z, "b", 5),
    ):  # fmt: skip
        trained.clock.now = start + day * DAY_S
        said = say(trained, item, label, who)
    again = say(trained, z, "b", "eve")
    trained.undo(again.id, "eve")
    trained.clock.now = start + 9 * DAY_S
    rows = trained.store.items.training_rows(trained.project.id, dated=True)
    days = {item: (date - start) / DAY_S for item, date in zip(rows.ids, rows.dated, strict=True)}
    assert (days[x], days[y], days[z]) == (3, 4, 5)
    assert {days[item] for item, fed in zip(rows.ids, rows.from_feedback, strict=True) if not fed} == {0}
    assert said.created_at == start + 5 * DAY_S


def test_a_version_keeps_the_weights_and_the_half_life_it_was_trained_with(trained: Loop) -> None:
    trained.clock.now += 40 * DAY_S
    for item in pool(trained)[:6]:
        say(trained, item, "a", "ann")
    fading(trained, 20)
    version = trained.retrain("test")
    lineage = trained.store.versions.lineage(version.id)
    rows = trained.store.items.training_rows(trained.project.id, dated=True)
    assert version.half_life_days == 20
    assert lineage["weights"] == sample_weights(rows, 20).tolist()
    assert lineage["weights"] != sample_weights(rows).tolist()
    assert trained.store.versions.all(trained.project.id)[0].half_life_days == 0


def test_another_half_life_alone_is_a_reason_to_train_again(trained: Loop) -> None:
    with pytest.raises(Refused, match="Nothing has come in"):
        trained.request_retrain("test")
    fading(trained, 20)
    assert trained.request_retrain("test").kind == "retrain"


# -- what it is worth ----------------------------------------------------------------------------------------------

DAYS, HALF_LIFE = 120, 30
SEEDS = range(10)


def truth(points: np.ndarray, changed: bool) -> list[str]:
    """'b' above the diagonal; once the world has changed, the other way round right of 0.5."""
    above = points.sum(axis=1) > 0
    return ["b" if up else "a" for up in (above ^ (points[:, 0] > 0.5) if changed else above)]


def accuracy(seed: int, drifts: bool, half_life: float) -> float:
    """On today's labels, of a forest that learned from 300 labels of day 0 and 300 given from day 60 to day 120."""
    rng = np.random.default_rng(seed)
    points, today = rng.normal(size=(600, 2)), rng.normal(size=(2_000, 2))
    days = np.concatenate([np.zeros(300), np.linspace(DAYS / 2, DAYS, 300)])
    labels = truth(points[:300], False) + truth(points[300:], drifts)
    inputs = tuple(intake.encode_one(point, TWO_NUMBERS).decode() for point in points.tolist())
    fed = tuple((days > 0).tolist())
    rows = TrainingRows(tuple(range(600)), inputs, tuple(labels), fed, 0, tuple((DAY_S * days).tolist()))
    unfitted = BUILDERS["random_forest"](TWO_NUMBERS, seed, {"n_estimators": 40, "min_samples_leaf": 3})
    model = fit(unfitted, intake.decode(rows.inputs, TWO_NUMBERS), rows.labels, sample_weights(rows, half_life))
    frame = intake.decode([intake.encode_one(point, TWO_NUMBERS) for point in today.tolist()], TWO_NUMBERS)
    said = aligned_proba(model, frame, ("a", "b")).argmax(axis=1)
    return float(np.mean(np.array(["a", "b"])[said] == np.array(truth(today, drifts))))


@pytest.mark.parametrize(("drifts", "least", "most"), [(True, 0.1, 0.2), (False, -0.02, 0.0)])
def test_fading_gains_when_the_world_has_changed_and_costs_little_when_it_has_not(drifts, least, most) -> None:
    gains = [accuracy(seed, drifts, HALF_LIFE) - accuracy(seed, drifts, 0) for seed in SEEDS]
    mean, half = float(np.mean(gains)), 2.262 * float(np.std(gains, ddof=1)) / len(gains) ** 0.5
    world = "a region has turned" if drifts else "nothing has changed"
    print(f"{world}: half-life {HALF_LIFE} days {100 * mean:+.1f} points (+- {100 * half:.1f}, n = {len(gains)} seeds)")
    assert least < mean < most
