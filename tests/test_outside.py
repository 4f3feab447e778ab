"""Models that were trained elsewhere: imported, or known by their predictions alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from feedback_core import brought
from feedback_core.errors import InvalidInput, NotFound, Refused
from feedback_core.loop import Loop
from feedback_core.outside import saying
from feedback_core.outside.saying import Said
from feedback_core.worker import run_next


def points(loop: Loop, split: str) -> tuple[np.ndarray, list[str]]:
    items = [item for chunk in loop.store.items.export(loop.project.id) for item in chunk if item.split == split]
    return np.asarray([item.values for item in items]), [item.base_label or "" for item in items]


def oracle(loop: Loop, flip: float = 0.0, seed: int = 0) -> list[Said]:
    """What somebody says who knows the rule, wrong about a share of the items."""
    rng, said = np.random.default_rng(seed), []
    for chunk in loop.store.items.export(loop.project.id):
        for item in chunk:
            right = "b" if sum(item.values) > 0 else "a"
            label = right if rng.random() >= flip else {"a": "b", "b": "a"}[right]
            sure = round(0.6 + 0.39 * rng.random(), 3)
            said.append(Said(item.key, label, {label: sure, {"a": "b", "b": "a"}[label]: round(1 - sure, 3)}))
    return said


def work(loop: Loop) -> list[str]:
    """Do every waiting job; gives their states."""
    states = []
    while (job := run_next(loop.store, "test", loop.clock)) is not None:
        states.append(f"{job.kind}: {job.state} {job.error or ''}".strip())
    return states


def test_a_fitted_classifier_becomes_version_one(loop: Loop) -> None:
    X, y = points(loop, "train")
    fitted = LogisticRegression().fit(X, [int(label == "b") for label in y])
    version = loop.import_model(fitted, "ana", labels={0: "a", 1: "b"})
    assert (version.number, version.status, version.estimator) == (1, "candidate", "imported")
    assert (version.n_base, version.n_feedback, version.lineage_known) == (0, 0, False)
    report = loop.judge(version)
    assert report.finding == "first"
    assert "was trained elsewhere; on which rows is not known" in report.reasons[-1]
    loop.promote(version, "ana")
    assert loop.predict() == 100
    said = {item.key: item.predicted for chunk in loop.store.items.export(loop.project.id) for item in chunk}
    pool, _ = points(loop, "pool")
    expected = np.where(fitted.predict(pool) == 1, "b", "a").tolist()
    assert [label for label in said.values() if label] == expected


def test_predictions_alone_lead_to_a_queue_a_review_and_a_verdict(loop: Loop) -> None:
    first = brought.predictions(loop, oracle(loop, flip=0.2), "llm-1", "ana")
    assert (first.taken.created, first.taken.bare, first.taken.locked.covered) == (True, 0, first.taken.locked.all)
    assert work(loop) == ["judge: done", "predict: done"]
    assert loop.store.versions.champion(loop.project.id).number == 1
    draw = loop.draw("ana")
    shown = loop.store.items.get(draw.item_id)
    assert shown.priority == loop.store.items.get(loop.store.items.first_ids(loop.project.id, 1)[0]).priority
    second = brought.predictions(loop, oracle(loop), "llm-2", "ana")
    assert work(loop) == ["judge: done"]
    report = loop.store.versions.report_on(second.version.id)
    assert (report.finding, report.action) == ("better", "promote")
    assert report.numbers["n"] == first.taken.locked.all
    assert "was trained elsewhere" in report.reasons[-1]


def test_the_item_that_the_probabilities_leave_open_is_asked_about_first(loop: Loop) -> None:
    said = [
        Said(each.item, each.label, {each.label: 0.95, {"a": "b", "b": "a"}[each.label]: 0.05}) for each in oracle(loop)
    ]
    key = next(item.key for chunk in loop.store.items.export(loop.project.id) for item in chunk if item.split == "pool")
    n = next(n for n, each in enumerate(said) if each.item == key)
    said[n] = Said(key, None, {"a": 0.51, "b": 0.49})
    brought.predictions(loop, said, "llm", "ana")
    work(loop)
    assert loop.store.items.get(loop.store.items.first_ids(loop.project.id, 1)[0]).key == key
    assert loop.store.items.by_key(loop.project.id, key).confidence == pytest.approx(0.51)


def test_labels_without_probabilities_count_with_the_share_that_is_right(loop: Loop) -> None:
    bare = [Said(each.item, each.label, None) for each in oracle(loop, flip=0.25, seed=3)]
    taken = brought.predictions(loop, bare, "rules", "ana").taken
    truth = dict(labels_of(loop, "train"))
    right = sum(truth[each.item] == each.label for each in bare if each.item in truth)
    assert taken.assumed == pytest.approx((right + 1) / (len(truth) + 2))
    assert taken.bare == len(bare)
    work(loop)
    pool = [item for chunk in loop.store.items.export(loop.project.id) for item in chunk if item.split == "pool"]
    assert {round(item.confidence, 6) for item in pool} == {round(taken.assumed, 6)}
    assert {item.key: item.predicted for item in pool} == {
        each.item: each.label for each in bare if each.item in {item.key for item in pool}
    }


def test_too_few_locked_rows_are_refused_and_a_few_missing_ones_are_told(loop: Loop) -> None:
    said, locked = oracle(loop), {key for key, _ in labels_of(loop, "holdout")}
    some = sorted(locked)[: len(locked) // 2]
    half = brought.predictions(loop, [each for each in said if each.item not in some], "half", "ana")
    assert half.job is None
    assert "At least 80% of them are needed" in half.says[-1]
    with pytest.raises(Refused, match=rf"^Only {len(locked) - len(some)} of {len(locked)} locked rows have"):
        loop.judge(half.version)
    nearly = brought.predictions(loop, [each for each in said if each.item not in some[:5]], "nearly", "ana")
    assert work(loop)[0] == "judge: done"
    report = loop.store.versions.report_on(nearly.version.id)
    assert f"Judged on {len(locked) - 5} of {len(locked)} locked rows" in " ".join(report.reasons)
    assert nearly.version.id == loop.store.versions.champion(loop.project.id).id


def test_what_was_judged_stays_what_was_judged(loop: Loop) -> None:
    said = oracle(loop)
    brought.predictions(loop, said, "llm", "ana")
    work(loop)
    other = [Said(e.item, {"a": "b", "b": "a"}[e.label], None) for e in said]
    again = brought.predictions(loop, other, "llm", "ana")
    assert (again.taken.created, again.version.number) == (False, 1)
    locked = [item for chunk in loop.store.items.export(loop.project.id) for item in chunk if item.split == "holdout"]
    stored = loop.store.predictions.labels_of(again.version.id, [item.id for item in locked])
    assert {item.key: stored[item.id][0] for item in locked} == {
        each.item: each.label for each in said if each.item in {item.key for item in locked}
    }
    assert again.taken.stored == len(said) - len(locked)


def test_further_predictions_are_dated_before_any_of_them_is_stored(loop: Loop, monkeypatch) -> None:
    said = oracle(loop)
    version = brought.predictions(loop, said[:50], "llm", "ana").version

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(loop.store.outside), "may_know", cut_off)
    with pytest.raises(KeyboardInterrupt):
        brought.predictions(loop, said, "llm", "ana")
    assert len(loop.store.predictions.labels_of(version.id, range(1, 1_000))) == 50


BAD = [
    ([Said("nowhere", "a", None)], NotFound, "^1 of 1 items are not in this project, such as 'nowhere'"),
    ([Said(1, "a", None), Said(1, "b", None, "line 2: ")], InvalidInput, "^line 2: the item 1 is there twice"),
    ([Said(1, "c", None, "line 1: ")], InvalidInput, "^line 1: 'c' is not a label of this project: use one of a, b"),
    ([Said(1, None, {"a": 0.5, "b": 0.2}, "line 1: ")], InvalidInput, "^line 1: the probabilities sum to 0.7 instead"),
    ([Said(1, "b", {"a": 0.9, "b": 0.1}, "line 1: ")], InvalidInput, "^line 1: the label is 'b', and 'a' is more"),
    ([Said(1, None, {"a": 1.7, "b": -0.7}, "line 1: ")], InvalidInput, "^line 1: a probability lies outside 0 to 1"),
    ([Said(1, None, None, "line 1: ")], InvalidInput, "^line 1: label and probabilities are both missing"),
    ([], InvalidInput, "^There is no prediction"),
]


@pytest.mark.parametrize(("said", "kind", "words"), BAD)
def test_a_wrong_prediction_is_refused_by_place_and_nothing_is_stored(loop: Loop, said, kind, words: str) -> None:
    with pytest.raises(kind, match=words):
        brought.predictions(loop, said, "llm", "ana")
    assert loop.store.versions.all(loop.project.id) == []


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, 1e300, -1])
def test_a_number_that_is_no_id_is_refused_by_line(number: float) -> None:
    with pytest.raises(InvalidInput, match=r"^line 1: item=.* is no id: "):
        saying.from_lines(f'{{"item": {number}, "label": "a"}}'.encode())


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.01, 1)), min_size=1, max_size=8))
def test_probabilities_are_brought_to_a_sum_of_one_and_keep_their_order(rows) -> None:
    said = [Said(n, None, {"a": a / (a + b), "b": b / (a + b)}) for n, (a, b) in enumerate(rows)]
    chosen = saying.labels_of(said, ("a", "b"))
    proba, bare = saying.probabilities(said, chosen, ("a", "b"))
    assert not bare.any()
    assert proba.sum(axis=1) == pytest.approx(1)
    assert [("a", "b")[k] for k in proba.argmax(axis=1)] == chosen


def labels_of(loop: Loop, split: str) -> list[tuple[str, str]]:
    items = [item for chunk in loop.store.items.export(loop.project.id) for item in chunk if item.split == split]
    return [(item.key, item.base_label or "") for item in items]
