"""The loop over a real store: who may decide what, what is trained on, what may be promoted."""

from __future__ import annotations

import math
import shutil
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chisquare

from feedback_core import intake
from feedback_core.errors import ArtifactError, CannotTrain, InvalidFeedback, InvalidInput, NotFound, Refused, Stale
from feedback_core.loop import Loop, create_project
from feedback_core.models.artifacts import MODEL
from feedback_core.review import effective, propensity
from feedback_core.settings import Settings
from feedback_core.store import Store, open_store
from feedback_core.types import Column, Decision, Feedback, Item, ItemFilter, Rows, Schema, Version
from tests.conftest import TWO_NUMBERS, make_loop, raw, rows

names = count()
relaxed = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def pool(loop: Loop) -> list[Item]:
    return [item for chunk in loop.store.items.export(loop.project.id) for item in chunk if item.split == "pool"]


def truth(item: Item) -> str:
    return "b" if sum(item.values) > 0 else "a"


def other(label: str) -> str:
    return {"a": "b", "b": "a"}[label]


def decision(loop: Loop, item_id: int, target: str | None = "a", reviewer: str = "ann", **fields: object) -> Decision:
    """A decision on what is shown now."""
    shown = loop.store.items.get(item_id).version_id
    return Decision(item_id, reviewer, **{"verdict": "correct", "target": target, "version_id": shown} | fields)


def say(loop: Loop, item_id: int, target: str | None = "a", reviewer: str = "ann", **fields: object) -> Feedback:
    return loop.record(decision(loop, item_id, target, reviewer, **fields))[0]


def entries(loop: Loop) -> list[tuple]:
    return raw(loop.store, "select item_id, reviewer, verdict, target, state from feedback order by id")


def crown(loop: Loop, reason: str = "") -> Version:
    """Train, judge and promote one version, and score the pool with it."""
    version = loop.retrain("test")
    loop.judge(version)
    version = loop.promote(version, "test", reason)
    loop.predict()
    return version


def correct_all(loop: Loop, label=truth, limit: int | None = None) -> None:
    open_items = [item for item in pool(loop) if item.state == "open"][:limit]
    loop.record(*(decision(loop, item.id, label(item)) for item in open_items))


def worse(loop: Loop) -> Version:
    """A candidate that has learned mostly wrong labels, not judged yet."""
    loop.add_items(rows(400, seed=7, labelled=False)[0], "test")
    correct_all(loop, lambda item: other(truth(item)))
    return loop.retrain("test")


def fresh(loop: Loop) -> Loop:
    """The loop of another process: nothing in its cache."""
    return Loop(open_store(loop.store.url), loop.project, clock=loop.clock, rng=np.random.default_rng(0))


# -- effective labels ----------------------------------------------------------------------------------------------


def entry(reviewer: str, target: str | None, verdict: str = "correct", state: str = "accepted") -> Feedback:
    return Feedback(1, 1, None, reviewer, verdict, target, None, "", None, None, None, state, 0.0)


@pytest.mark.parametrize(
    ("given_entries", "expected"),
    [
        ([], (None, "open")),
        ([entry("ann", "a")], ("a", "labelled")),
        ([entry("ann", "a", "confirm")], ("a", "labelled")),
        ([entry("ann", "a"), entry("bob", "b"), entry("cy", "b", "confirm")], ("b", "labelled")),
        ([entry("ann", "a"), entry("bob", "b")], (None, "conflict")),
        ([entry("a", "a"), entry("b", "b"), entry("c", "c"), entry("d", "a")], ("a", "labelled")),
        ([entry("a", "a"), entry("b", "b"), entry("c", "b"), entry("d", "a"), entry("e", "c")], (None, "conflict")),
        ([entry("ann", "a", state="superseded"), entry("ann", "b")], ("b", "labelled")),
        ([entry("ann", "a", state="withdrawn"), entry("ann", None, "undo")], (None, "open")),
        ([entry("ann", "a", state="quarantined")], (None, "open")),
        ([entry("ann", None, "skip")], (None, "open")),
        ([entry("ann", None, "skip"), entry("bob", "b")], ("b", "labelled")),
        ([entry("ann", None, "flag")], (None, "flagged")),
        ([entry("ann", None, "skip"), entry("bob", None, "flag")], (None, "flagged")),
        ([entry("ann", None, "flag"), entry("bob", "a")], ("a", "labelled")),
        ([entry("ann", None, "flag", "superseded"), entry("ann", None, "skip")], (None, "open")),
    ],
)
def test_the_effective_label_is_the_majority_of_each_reviewers_last_word(given_entries, expected):
    assert effective(given_entries) == expected


def test_two_reviewers_who_disagree_make_a_conflict_and_a_third_settles_it(loop):
    [first, *_] = pool(loop)
    for reviewer, target, expected in (
        ("ann", "a", ("labelled", "a")),
        ("bob", "b", ("conflict", None)),
        ("cy", "b", ("labelled", "b")),
        ("ann", "b", ("labelled", "b")),
    ):
        say(loop, first.id, target, reviewer)
        item = loop.store.items.get(first.id)
        assert (item.state, item.label) == expected
    assert [(row[1], row[4]) for row in entries(loop)] == [
        ("ann", "superseded"),
        ("bob", "accepted"),
        ("cy", "accepted"),
        ("ann", "accepted"),
    ]


def test_undo_brings_the_reviewers_previous_word_back(loop):
    x = pool(loop)[0].id
    say(loop, x, "a")
    second = say(loop, x, "b")
    loop.undo(second.id, "ann")
    assert loop.store.items.get(x).label == "a"
    # The undo itself is no word: changing one's mind once more and back leads to "a" again.
    third = say(loop, x, "b")
    loop.undo(third.id, "ann")
    assert (loop.store.items.get(x).state, loop.store.items.get(x).label) == ("labelled", "a")
    assert [entry.state for entry in loop.store.feedback.of_item(x) if entry.verdict != "undo"] == [
        "accepted",
        "withdrawn",
        "withdrawn",
    ]


def test_undo_of_the_only_word_reopens_the_item_for_everybody(loop):
    x = pool(loop)[0].id
    mine = say(loop, x, "b")
    assert loop.store.items.get(x).state == "labelled"
    undone = loop.undo(mine.id, "ann")
    assert (undone.verdict, undone.undoes) == ("undo", mine.id)
    assert (loop.store.items.get(x).state, loop.store.items.get(x).label) == ("open", None)
    raw(loop.store, "update items set priority = 1 where id = ?", (x,))
    assert loop.draw("ann").item_id == x


def test_an_entry_can_be_undone_once_and_an_undo_not_at_all(loop):
    mine = say(loop, pool(loop)[0].id, "b")
    undone = loop.undo(mine.id, "ann")
    for entry_id in (mine.id, undone.id):
        with pytest.raises(Stale, match=f"Entry {entry_id} no longer counts"):
            loop.undo(entry_id, "ann")
    with pytest.raises(NotFound, match="no feedback entry 99"):
        loop.undo(99, "ann")


# -- drawing -------------------------------------------------------------------------------------------------------


def test_eight_reviewers_drawing_at_once_never_get_the_same_item(store, clock):
    project = make_loop(store, clock, audit_share=0.3).project
    Loop(store, project, clock=clock).add_items(rows(170, labelled=False)[0], "test")
    raw(store, "update items set priority = id / 200.0 where id % 2")

    def sit(seed: int) -> list[int]:
        mine = Loop(store, project, clock=clock, rng=np.random.default_rng(seed))
        taken = []
        for _ in range(20):
            draw = mine.draw(f"reviewer {seed}")
            mine.record(Decision(draw.item_id, draw.reviewer, "correct", "a", draw_id=draw.id))
            taken.append(draw.item_id)
        return taken

    with ThreadPoolExecutor(8) as threads:
        taken = [item_id for items in threads.map(sit, range(8)) for item_id in items]
    assert len(taken) == len(set(taken)) == 160
    assert raw(store, "select count(*) from feedback where state = 'accepted'") == [(160,)]


def test_a_lease_holds_until_it_expires_and_then_frees_the_item(store, clock):
    loop = make_loop(store, clock, lease_s=60)
    loop.add_items(rows(1, labelled=False)[0], "test")
    held = loop.draw("ann")
    assert held.leased_until == clock.now + 60
    assert loop.draw("bob") is None
    clock.now += 59
    assert loop.draw("bob") is None
    clock.now += 1
    assert loop.draw("bob").item_id == held.item_id
    assert loop.draw("ann") is None


def test_a_second_draw_before_deciding_is_the_same_draw(trained):
    first = trained.draw("ann")
    assert trained.draw("ann") == first
    assert fresh(trained).draw("ann") == first
    say(trained, first.item_id, draw_id=first.id)
    assert trained.draw("ann").item_id != first.item_id
    assert raw(trained.store, "select count(*) from draws") == [(2,)]


def test_the_queue_goes_by_priority_and_passes_what_the_reviewer_skipped(trained):
    ranked = sorted(pool(trained), key=lambda item: (-item.priority, item.id))
    first = trained.draw("ann")
    assert first.item_id == ranked[0].id
    say(trained, first.item_id, None, verdict="skip", draw_id=first.id)
    assert trained.draw("ann").item_id == ranked[1].id
    assert trained.draw("bob").item_id == ranked[0].id


def test_a_conflict_is_drawn_first_by_somebody_who_has_not_spoken(trained):
    disputed = pool(trained)[50].id
    say(trained, disputed, "a", "ann")
    say(trained, disputed, "b", "bob")
    assert trained.draw("ann").item_id != disputed
    draw = trained.draw("cy")
    assert (draw.item_id, draw.strategy) == (disputed, "second opinion")


def test_an_audit_turn_without_open_items_still_hands_out_a_conflict(store, clock):
    loop = make_loop(store, clock, audit_share=1.0)
    loop.add_items(rows(1, labelled=False)[0], "test")
    [only] = pool(loop)
    say(loop, only.id, "a", "ann")
    say(loop, only.id, "b", "bob")
    assert loop.draw("cy").item_id == only.id


def test_nothing_is_drawn_when_everything_is_decided(loop):
    correct_all(loop)
    assert loop.draw("ann") is None


def test_a_chosen_item_is_lent_to_one_reviewer(trained):
    x, base = pool(trained)[9].id, raw(trained.store, "select id from items where split = 'train' limit 1")[0][0]
    lent = trained.draw_item("ann", x)
    assert (lent.strategy, lent.propensity, lent.audit) == ("chosen", 1.0, False)
    assert trained.draw("ann") == lent
    with pytest.raises(Stale, match="Somebody else has this item in hand, or it is base data"):
        trained.draw_item("bob", x)
    with pytest.raises(Stale, match="base data"):
        trained.draw_item("bob", base)


def test_propensities_are_stored_and_add_up_to_one_over_the_open_items(trained):
    trained.project = trained.store.projects.update(
        trained.project, settings=Settings(audit_share=0.1, holdout_share=0.5), now=0, actor="test"
    )
    first = fresh(trained).draw("ann")
    assert (first.strategy, first.propensity) == ("priority", pytest.approx(0.9 + 0.1 / 100))
    assert raw(trained.store, "select propensity from draws") == [(first.propensity,)]
    tenth = Settings(audit_share=0.1)
    assert propensity("audit", 100, tenth) == pytest.approx(0.001)
    assert propensity("random", 100, tenth) == pytest.approx(0.01)
    assert propensity("priority", 100, tenth) + 99 * propensity("audit", 100, tenth) == pytest.approx(1)
    assert propensity("priority", 1, tenth) == pytest.approx(1)
    tested = Settings(audit_share=0.1, gold_share=0.2)
    assert propensity("gold", 50, tested) == pytest.approx(0.2 / 50)
    total = propensity("priority", 100, tested) + 99 * propensity("audit", 100, tested)
    assert total + 50 * propensity("gold", 50, tested) == pytest.approx(1)


@pytest.mark.parametrize(
    ("n", "keys", "by_hash"), [(5, None, False), (20, [f"k{n % 7}{n}" for n in range(20)], False), (60, None, True)]
)
def test_rows_with_keys_and_small_files_keep_their_order_and_others_follow_their_hashes(
    loop, monkeypatch, n, keys, by_hash
):
    monkeypatch.setattr("feedback_core.taking_in.BATCH", 5)
    inputs, before = rows(n, seed=9)[0].inputs, len(pool(loop))
    assert loop.add_items(Rows(inputs, keys or [None] * n, [None] * n), "test") == n
    expected = keys or [intake.input_hash(body) for body in inputs]
    assert [item.key for item in pool(loop)[before:]] == (sorted(expected) if by_hash else expected)


def test_of_equal_inputs_in_a_large_file_the_first_one_counts(store, clock, monkeypatch):
    monkeypatch.setattr("feedback_core.taking_in.BATCH", 3)
    loop, [body, *others] = make_loop(store, clock), rows(8)[0].inputs
    given = Rows([body, *others, body, body], [None] * 10, ["a", *["b"] * 7, "b", "b"])
    assert loop.add_items(given, "test") == 8
    assert store.items.by_key(loop.project.id, intake.input_hash(body)).base_label == "a"


# -- the audit sample ----------------------------------------------------------------------------------------------


def test_about_a_tenth_of_400_draws_is_audit(store, clock):
    loop = make_loop(store, clock, audit_share=0.1, lease_s=5)
    loop.add_items(rows(40, labelled=False)[0], "test")
    raw(store, "update items set priority = id / 100.0")
    drawn = Counter()
    for _ in range(400):
        draw = loop.draw("ann")
        assert draw.blind == draw.audit or draw.blind
        drawn[draw.strategy, draw.audit, round(draw.propensity, 6)] += 1
        clock.now += 5
    low, high = binom.interval(0.999, 400, 0.1)
    assert set(drawn) == {("audit", True, 0.0025), ("priority", False, 0.9025)}
    assert low <= drawn["audit", True, 0.0025] <= high


def test_audit_draws_are_uniform_over_the_open_items_whatever_their_priority(store, clock):
    loop = make_loop(store, clock, audit_share=1.0, lease_s=5)
    loop.add_items(rows(12, labelled=False)[0], "test")
    say(loop, pool(loop)[0].id, "a", "bob")
    say(loop, pool(loop)[1].id, None, "bob", verdict="flag")
    ids = [item.id for item in pool(loop) if item.state == "open"]
    raw(store, "update items set priority = id / 100.0, audit = 0")
    drawn = Counter()
    for _ in range(300):
        drawn[loop.draw("ann").item_id] += 1
        clock.now += 5
    assert set(drawn) == set(ids)
    assert chisquare(list(drawn.values())).pvalue > 0.001


def test_a_stored_probability_counts_only_what_this_reviewer_could_have_been_given(store, clock):
    loop = make_loop(store, clock, audit_share=1.0)
    loop.add_items(rows(12, labelled=False)[0], "test")
    ids = [item.id for item in pool(loop)]
    say(loop, ids[0], "a", "bob")  # labelled
    say(loop, ids[1], None, verdict="skip")
    loop.draw_item("bob", ids[2])
    loop.draw_item("cy", ids[3])
    assert [draw.propensity for draw in loop.draw_batch("ann", 3)] == [1 / 8, 1 / 7, 1 / 6]
    clock.now += loop.project.settings.lease_s  # the leases have run out, the skip stands
    assert loop.draw("ann").propensity == 1 / 10


def test_an_audit_draw_is_blind_and_its_item_stays_so_for_the_next_reviewer(trained):
    trained.project = trained.store.projects.update(
        trained.project, settings=Settings(audit_share=1.0, holdout_share=0.5), now=0, actor="test"
    )
    draw = trained.draw("ann")
    assert (draw.strategy, draw.audit, draw.blind) == ("audit", True, True)
    say(trained, draw.item_id, None, verdict="skip", draw_id=draw.id)
    again = trained.draw("bob")
    while again.item_id != draw.item_id:
        say(trained, again.item_id, None, verdict="skip", draw_id=again.id, reviewer="bob")
        again = trained.draw("bob")
    assert again.blind


def test_what_was_drawn_for_the_audit_is_reached_by_chance_alone(trained, clock):
    shares = {"audit_share": 0.5, "holdout_share": 0.5, "blind_share": 0.0}
    trained.project = trained.store.projects.update(trained.project, settings=Settings(**shares), now=0, actor="test")
    marked = {draw.item_id for draw in trained.draw_batch("ann", 30) if draw.audit}
    clock.now += 1e6  # ann has gone home; her cards are free again
    calm = Settings(**shares | {"audit_share": 0.0})
    trained.project = trained.store.projects.update(trained.project, settings=calm, now=0, actor="test")
    hand = trained.draw_batch("bob", 100)
    assert len(marked) > 5
    assert {draw.strategy for draw in hand if draw.item_id in marked} == {"random"}
    assert all(draw.blind for draw in hand if draw.item_id in marked)
    assert [draw.strategy for draw in hand][: 100 - len(marked)] == ["priority"] * (100 - len(marked))
    with pytest.raises(Stale, match="only chance"):
        trained.draw_item("bob", min(marked))
    with pytest.raises(InvalidInput, match="audit items come by chance"):
        trained.open_session(sorted(marked), "hard ones", "bob")


@pytest.mark.parametrize("said", [{"predicted": None}, {"max_confidence": 1.0}])
def test_no_filter_on_what_the_model_says_finds_an_item_that_is_still_blind(trained, said):
    everything = Settings(audit_share=1.0, holdout_share=0.5)
    trained.project = trained.store.projects.update(trained.project, settings=everything, now=0, actor="test")
    hidden = trained.store.items.get(trained.draw("ann").item_id)
    assert hidden.hidden
    wanted = ItemFilter(**{name: value or hidden.predicted for name, value in said.items()})
    items = trained.store.items
    found = items.page(trained.project.id, wanted, sort="priority", limit=200)
    assert hidden.id not in {item.id for item in found}
    assert items.count(trained.project.id, wanted) == len(found)
    by_confidence = items.page(trained.project.id, ItemFilter(), sort="confidence", limit=200)
    assert hidden.id not in {item.id for item in by_confidence}
    assert hidden.id in {item.id for item in items.page(trained.project.id, ItemFilter(), sort="priority", limit=200)}


def test_an_item_that_was_labelled_before_is_no_evidence_when_it_comes_by_chance(trained):
    entry = say(trained, trained.draw("ann").item_id)
    trained.undo(entry.id, "ann")
    everything = Settings(audit_share=1.0, holdout_share=0.5)
    trained.project = trained.store.projects.update(trained.project, settings=everything, now=0, actor="test")
    hand = {draw.item_id: draw for draw in trained.draw_batch("bob", 100)}
    again = hand[entry.item_id]
    assert (again.strategy, again.audit, again.blind) == ("audit", False, True)
    assert sum(draw.audit for draw in hand.values()) == 99


def test_audited_items_judge_versions_and_are_never_trained_on(store, clock):
    loop = make_loop(store, clock, audit_share=1.0)
    loop.add_items(rows(100)[0], "test")
    loop.add_items(rows(30, seed=1, labelled=False)[0], "test")
    audited = []
    for _ in range(10):
        draw = loop.draw("ann")
        say(loop, draw.item_id, truth(store.items.get(draw.item_id)), draw_id=draw.id)
        audited.append(draw.item_id)
    plain = next(item.id for item in pool(loop) if item.id not in audited)
    say(loop, plain, "a", "ann")
    training, locked = store.items.training_rows(loop.project.id), store.items.locked_rows(loop.project.id)
    assert set(audited) & set(training.ids) == set()
    assert plain in training.ids
    assert sorted(n for n, audit in zip(locked.ids, locked.audit, strict=True) if audit) == sorted(audited)
    version = loop.retrain("test")
    assert set(audited) & set(store.versions.lineage(version.id)["ids"]) == set()
    loop.judge(version)
    assert store.versions.get(version.id).metrics["audit"]["accuracy"]["n"] == 10


# -- leakage -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """One store for all examples of a property; each example makes a project of its own."""
    return open_store(str(tmp_path_factory.mktemp("shared") / "shared.db"))


BATCHES = st.lists(
    st.tuples(
        st.sampled_from([0.05, 0.5, 0.9]),
        st.lists(st.tuples(st.integers(0, 7), st.sampled_from([None, "a", "b"])), min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=3,
)


@settings(relaxed, max_examples=25)
@given(batches=BATCHES, salt=st.integers(0, 3), audits=st.integers(0, 4))
@example(batches=[(0.05, [(n, "a") for n in range(8)]), (0.9, [(n, "b") for n in range(8)])], salt=0, audits=0)
@example(batches=[(0.05, [(n, "a") for n in range(8)] + [(n, None) for n in range(8)])], salt=0, audits=4)
def test_no_input_is_ever_on_both_sides_whatever_its_ids(shared, batches, salt, audits):
    project = create_project(
        shared, f"leak {next(names)}", TWO_NUMBERS, ("a", "b"), Settings(audit_share=1.0), actor="test", salt=salt
    )
    loop = Loop(shared, project, rng=np.random.default_rng(0))
    point = [intake.encode_one([float(n), 1.0], TWO_NUMBERS) for n in range(8)]
    for number, (share, content) in enumerate(batches):
        changed = Settings(audit_share=1.0, holdout_share=share)
        loop.project = shared.projects.update(loop.project, settings=changed, now=0, actor="test")
        keys = [f"own id {number}.{n}" for n in range(len(content))]
        loop.add_items(Rows([point[n] for n, _ in content], keys, [label for _, label in content]), "test")
    for _ in range(audits):
        if draw := loop.draw("ann"):
            say(loop, draw.item_id, "a", draw_id=draw.id)
    loop.record(*(decision(loop, item.id, "b", "bob") for item in pool(loop)))
    training = shared.items.training_rows(project.id)
    all_rows = raw(
        shared,
        "select id, input_hash, split = 'holdout' or audit, coalesce(base_label, label) from items "
        "where project_id = ? order by id",
        (project.id,),
    )
    locked = {digest for _, digest, is_locked, _ in all_rows if is_locked}
    usable = [row_id for row_id, digest, _, label in all_rows if digest not in locked and label is not None]
    assert {intake.input_hash(body.encode()) for body in training.inputs} & locked == set()
    assert list(training.ids) == usable
    judged = shared.items.locked_rows(project.id)
    assert {intake.input_hash(body.encode()) for body in judged.inputs} <= locked
    assert set(judged.ids) & set(training.ids) == set()


def test_a_version_remembers_exactly_the_rows_it_was_trained_on(trained):
    correct_all(trained, limit=3)
    version = trained.retrain("test")
    lineage, now = trained.store.versions.lineage(version.id), trained.store.items.training_rows(trained.project.id)
    assert (tuple(lineage["ids"]), tuple(lineage["labels"])) == (now.ids, now.labels)
    assert (version.n_base, version.n_feedback) == (len(now.ids) - 3, 3)
    assert len(lineage["weights"]) == len(now.ids)


# -- recording -----------------------------------------------------------------------------------------------------


def test_a_decision_on_an_item_whose_prediction_changed_is_stale_and_stores_nothing(trained):
    x, y = (item.id for item in pool(trained)[:2])
    old = trained.store.items.get(x).version_id
    correct_all(trained, lambda item: other(truth(item)), limit=None)
    before = entries(trained)
    crown(trained, "for the test")
    for stale in (old, None):
        with pytest.raises(Stale, match="has changed since it was shown: look at it again"):
            trained.record(decision(trained, y, "a", "bob"), Decision(x, "bob", "correct", "a", version_id=stale))
    with pytest.raises(Stale):
        trained.record(Decision(x, "bob", "confirm", version_id=old))
    assert entries(trained) == before


def test_an_item_in_somebody_elses_hands_is_stale(trained, clock):
    draw = trained.draw("ann")
    with pytest.raises(Stale, match="is in ann's hands now: take the next one"):
        say(trained, draw.item_id, "a", "bob")
    assert entries(trained) == []
    clock.now = draw.leased_until
    assert say(trained, draw.item_id, "a", "bob").reviewer == "bob"
    with pytest.raises(InvalidFeedback, match=f"draw_id={draw.id} is not cy's draw"):
        say(trained, draw.item_id, "a", "cy", draw_id=draw.id)


def test_a_draw_can_be_decided_once(trained):
    draw = trained.draw("ann")
    say(trained, draw.item_id, "a", draw_id=draw.id)
    with pytest.raises(Stale, match="was decided or passed on already"):
        say(trained, draw.item_id, "b", draw_id=draw.id)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"verdict": "confirm", "target": None}, "there is no prediction to confirm, so choose a label"),
        ({"target": None}, "target is missing"),
        ({"target": "c"}, "target='c' is not a label of this project: choose one of a, b"),
        ({"verdict": "undo"}, "verdict='undo' is not known: use one of confirm, correct, skip, flag"),
        ({"reviewer": " "}, "say who decided"),
        ({"note": "x" * 2_001}, "note has 2001 characters: keep it within 2000"),
    ],
)
def test_a_decision_that_cannot_be_accepted_names_the_field_and_stores_nothing(loop, fields, message):
    with pytest.raises(InvalidFeedback, match=message):
        say(loop, pool(loop)[0].id, **fields)
    assert entries(loop) == []


@pytest.mark.parametrize(
    ("said", "right", "stored"),
    [
        ({"verdict": "confirm", "target": None}, True, "confirm"),
        ({"verdict": "correct"}, True, "confirm"),
        ({"verdict": "correct"}, False, "correct"),
    ],
)
def test_a_label_equal_to_the_prediction_is_a_confirmation_and_any_other_a_correction(trained, said, right, stored):
    item = pool(trained)[0]
    label = item.predicted if right else other(item.predicted)
    entry = say(trained, item.id, **{"target": label} | said)
    assert (entry.verdict, entry.target, entry.predicted) == (stored, label, item.predicted)


@pytest.mark.parametrize("verdict", ["confirm", "correct"])
def test_a_repeated_decision_is_recognised_after_the_item_was_scored_again(trained, verdict):
    item = pool(trained)[0]
    target = None if verdict == "confirm" else other(item.predicted)
    sent = decision(trained, item.id, target, verdict=verdict, idempotency_key="k1")
    [first] = trained.record(sent)
    raw(trained.store, "update items set predicted = ?", (other(item.predicted),))
    other_row = {"id": "99", "number": "99", "job_id": "null", "status": "'candidate'", "promoted_at": "null"}
    columns = [row[1] for row in raw(trained.store, "pragma table_info(versions)")]
    values = ", ".join(other_row.get(column, column) for column in columns)
    raw(trained.store, f"insert into versions select {values} from versions limit 1")
    raw(trained.store, "update items set version_id = 99")
    assert trained.record(sent) == [first]
    assert len(entries(trained)) == 1


def test_a_repeated_first_label_is_recognised_after_the_first_version_agreed_with_it(loop):
    x = pool(loop)[0].id
    sent = decision(loop, x, truth(loop.store.items.get(x)), idempotency_key="k1")
    [first] = loop.record(sent)
    assert first.verdict == "correct"
    crown(loop)
    assert loop.record(sent) == [first]


# -- the pending counter -------------------------------------------------------------------------------------------


def test_only_corrections_bring_a_retrain_nearer_and_a_version_restarts_the_count(trained):
    items = pool(trained)
    for n, (verdict, right) in enumerate([("correct", False), ("correct", False), ("confirm", True), ("skip", True)]):
        said = items[n].predicted if right else other(items[n].predicted)
        say(trained, items[n].id, said, verdict=verdict)
    due = trained.due()
    assert (due.ready, due.collected, due.needed, due.entries) == (False, 2, 5, 3)
    assert due.text == "2 of 5 corrections collected, 3 to go"
    for item in items[4:7]:
        say(trained, item.id, other(item.predicted))
    assert (trained.due().ready, trained.due().text) == (
        True,
        "5 corrections collected, 5 asked for: retraining is due",
    )
    trained.retrain("test")
    assert (trained.due().ready, trained.due().collected, trained.due().entries) == (False, 0, 0)


def test_a_changed_mind_counts_once_and_an_undone_correction_not_at_all(trained):
    item = pool(trained)[0]
    say(trained, item.id, other(item.predicted))
    say(trained, item.id, item.predicted)
    last = say(trained, item.id, other(item.predicted))
    assert trained.due().collected == 1
    trained.undo(last.id, "ann")
    assert (trained.due().collected, trained.due().entries) == (0, 1)


def test_feedback_that_arrives_while_a_version_trains_stays_pending(trained):
    before, during = pool(trained)[:2]
    say(trained, before.id, other(before.predicted))

    def correct_late(_share: float, message: str) -> None:
        if message.startswith("fitting"):
            say(trained, during.id, other(during.predicted))

    version = trained.retrain("test", progress=correct_late)
    assert version.n_feedback == 1
    assert trained.due().collected == 1
    assert trained.retrain("test").n_feedback == 2
    assert trained.due().collected == 0


def test_a_retrain_without_anything_new_is_refused(trained):
    with pytest.raises(Refused, match="Nothing has come in since the last version"):
        trained.request_retrain("ann")
    item = pool(trained)[0]
    say(trained, item.id, item.predicted)
    job = trained.request_retrain("ann")
    assert (job.kind, job.state, job.requested_by) == ("retrain", "waiting", "ann")
    assert trained.request_retrain("bob") == job


def test_taking_back_a_label_that_a_version_has_learned_allows_a_retrain(trained):
    wrong = say(trained, pool(trained)[0].id, "a")
    crown(trained, "for the test")
    with pytest.raises(Refused, match="Nothing has come in"):
        trained.request_retrain("ann")
    trained.undo(wrong.id, "ann")
    assert trained.due().entries == 0
    assert trained.request_retrain("ann").state == "waiting"


def test_more_base_data_or_another_model_allows_a_retrain(trained):
    for other_recipe in ({"estimator": "random_forest"}, {"params": {"C": 0.5}}):
        changed = Settings(holdout_share=0.5, **other_recipe)
        trained.project = trained.store.projects.update(trained.project, settings=changed, now=0, actor="test")
        assert trained.cancel(trained.request_retrain("ann").id, "ann").state == "cancelled"
    trained.project = trained.store.projects.update(
        trained.project, settings=Settings(holdout_share=0.5), now=0, actor="test"
    )
    with pytest.raises(Refused, match="Nothing has come in"):
        trained.request_retrain("ann")
    trained.add_items(rows(10, seed=9)[0], "test")
    assert trained.request_retrain("ann").state == "waiting"


# -- training ------------------------------------------------------------------------------------------------------


def test_a_first_version_can_be_trained_on_feedback_alone(store, clock):
    loop = make_loop(store, clock)
    loop.add_items(rows(20, labelled=False)[0], "test")
    correct_all(loop)
    version = crown(loop)
    assert (version.n_base, version.n_feedback, version.status) == (0, 20, "champion")
    assert [item.predicted for item in pool(loop)].count(None) == 0


def test_one_class_or_no_rows_cannot_be_trained_on(store, clock):
    loop = make_loop(store, clock)
    with pytest.raises(CannotTrain, match="no labelled row to learn from: label some items"):
        loop.retrain("test")
    loop.add_items(rows(3, labelled=False)[0], "test")
    correct_all(loop, lambda item: "a")
    with pytest.raises(CannotTrain, match="All 3 labelled rows say 'a': a model needs at least two classes"):
        loop.retrain("test")
    assert store.versions.all(loop.project.id) == []


def test_two_trainings_on_the_same_rows_with_the_same_seed_give_the_same_model(loop):
    first, second = loop.retrain("test"), loop.retrain("test")
    assert (first.seed, second.seed) == (1, 2)
    assert first.feedback_upto == second.feedback_upto
    inputs = intake.decode([intake.encode_one([0.5, 0.25], TWO_NUMBERS)], TWO_NUMBERS)
    assert loop.model(first).predict_proba(inputs).tolist() == loop.model(second).predict_proba(inputs).tolist()


# -- promotion -----------------------------------------------------------------------------------------------------


def statuses(loop: Loop) -> list[str]:
    return [version.status for version in loop.store.versions.all(loop.project.id)]


def told(loop: Loop) -> list[tuple[str, str]]:
    """Decisions in the audit trail, oldest first: what and why."""
    kinds = ("version promoted", "version refused")
    events = loop.store.events.latest(loop.project.id)
    return [(event.kind, event.details["reason"]) for event in reversed(events) if event.kind in kinds]


def test_nothing_is_promoted_or_refused_without_a_stored_report(loop):
    version = loop.retrain("test")
    for decide in (loop.promote, loop.refuse):
        with pytest.raises(Refused, match="Version 1 has no stored gate report: judge it first"):
            decide(version, "ann")
    assert statuses(loop) == ["candidate"]
    with pytest.raises(NotFound, match="no model yet"):
        loop.serving()


def test_a_worse_version_is_promoted_only_with_a_reason_and_the_reason_is_kept(trained):
    version = worse(trained)
    report = trained.judge(version)
    assert (report.finding, report.action) == ("worse", "refuse")
    for reason in ("", "  "):
        with pytest.raises(Refused, match="Version 2 is measurably worse: give a reason"):
            trained.promote(version, "ann", reason)
    assert statuses(trained) == ["champion", "candidate"]
    trained.promote(version, "ann", "the labels changed their meaning")
    assert statuses(trained) == ["retired", "champion"]
    assert told(trained) == [("version promoted", ""), ("version promoted", "the labels changed their meaning")]
    newest = trained.store.events.latest(trained.project.id)[0]
    assert (newest.actor, newest.details["number"], newest.version_id) == ("ann", 2, version.id)
    kept = trained.store.versions.report_on(version.id)
    assert (kept.decision, kept.decided_by, kept.decision_reason) == (
        "promote",
        "ann",
        "the labels changed their meaning",
    )


def test_a_report_is_decided_once(trained):
    version = worse(trained)
    trained.judge(version)
    trained.refuse(version, "ann", "worse")
    assert statuses(trained) == ["champion", "refused"]
    for decide in (trained.promote, trained.refuse):
        with pytest.raises(Refused, match="Report 2 has been decided already: judge the version again first"):
            decide(version, "ann", "after all")
    assert statuses(trained) == ["champion", "refused"]
    trained.judge(version)
    trained.promote(version, "ann", "after all")
    assert statuses(trained) == ["retired", "champion"]


def test_a_report_against_an_earlier_champion_does_not_promote(loop):
    first, second = loop.retrain("test"), loop.retrain("test")
    loop.judge(first)
    loop.judge(second)
    loop.promote(second, "ann")
    with pytest.raises(Refused, match="Report 1 compares with a version that is not the champion any more"):
        loop.promote(first, "ann")
    assert statuses(loop) == ["candidate", "champion"]
    loop.judge(first)
    loop.promote(first, "ann", "to see the first one serve")
    assert statuses(loop) == ["champion", "retired"]


def test_promoting_against_the_gates_advice_to_wait_takes_a_reason(store, clock):
    loop = make_loop(store, clock, policy="manual")
    loop.add_items(rows(200)[0], "test")
    first, second = loop.retrain("test"), loop.retrain("test")
    loop.judge(first)
    loop.promote(first, "ann")
    assert loop.judge(second).action == "hold"
    with pytest.raises(
        Refused, match=r"^Version 2 is not advised by the gate: give a reason to promote it anyway\. The pol"
    ):
        loop.promote(second, "ann", " ")
    assert loop.promote(second, "ann", "a person has looked").status == "champion"


def test_a_report_holds_the_comparison_of_each_locked_sample(trained):
    numbers = trained.judge(worse(trained)).numbers
    assert numbers["samples"]["audit"]["n"] == 0
    assert numbers["samples"]["holdout"] == {name: numbers[name] for name in ("n", "gained", "lost", "difference")}


def test_a_rollback_needs_a_reason_and_an_earlier_champion(trained):
    second = worse(trained)
    trained.judge(second)
    first = trained.store.versions.champion(trained.project.id)
    for version, reason, message in (
        (second, "why not", "Version 2 is not an earlier champion: choose a retired version"),
        (first, "why not", "Version 1 is not an earlier champion"),
    ):
        with pytest.raises(Refused, match=message):
            trained.rollback(version, "ann", reason)
    trained.promote(second, "ann", "a mistake")
    first = trained.store.versions.get(first.id)
    with pytest.raises(Refused, match="A roll-back needs a reason: say what went wrong"):
        trained.rollback(first, "ann", " ")
    assert statuses(trained) == ["retired", "champion"]
    assert len(trained.store.versions.reports(trained.project.id)) == 2


def test_a_rollback_judges_again_and_swaps_the_champions(trained):
    trained_first = trained.store.versions.champion(trained.project.id)
    second = worse(trained)
    trained.judge(second)
    trained.promote(second, "ann", "a mistake")
    back = trained.rollback(trained.store.versions.get(trained_first.id), "bob", "it answers the opposite").version
    assert (back.id, back.status) == (trained_first.id, "champion")
    assert statuses(trained) == ["champion", "retired"]
    newest, *older = trained.store.versions.reports(trained.project.id)
    assert (newest.challenger_id, newest.champion_id, newest.finding) == (trained_first.id, second.id, "better")
    assert (newest.decision, newest.decided_by, newest.decision_reason) == (
        "promote",
        "bob",
        "it answers the opposite",
    )
    assert len(older) == 2
    assert trained.serving().version.id == trained_first.id


def test_there_is_never_more_than_one_champion(trained):
    second = trained.retrain("test")
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        raw(trained.store, "update versions set status = 'champion' where id = ?", (second.id,))

    def promote(_: int) -> str:
        mine = fresh(trained)
        version = mine.retrain("test")
        mine.judge(version)
        try:
            return mine.promote(version, "test", "race").status
        except Refused:
            return "overtaken"

    with ThreadPoolExecutor(4) as threads:
        outcomes = Counter(threads.map(promote, range(4)))
    assert outcomes["champion"] >= 1
    candidates = 1 + outcomes["overtaken"]
    assert Counter(statuses(trained)) == Counter(champion=1, retired=outcomes["champion"], candidate=candidates)


# -- model files ---------------------------------------------------------------------------------------------------


def damage(loop: Loop, version: Version) -> None:
    with (loop.store.artifacts / version.artifact / MODEL).open("ab") as file:
        file.write(b"\0")


def remove(loop: Loop, version: Version) -> None:
    shutil.rmtree(loop.store.artifacts / version.artifact)


@pytest.fixture
def two_champions(trained) -> tuple[Loop, Version, Version]:
    """A retired version and the champion that followed it."""
    correct_all(trained, limit=30)
    crown(trained, "for the test")
    first, second = trained.store.versions.all(trained.project.id)
    assert first.sha256 != second.sha256
    return trained, first, second


@pytest.mark.parametrize(("harm", "words"), [(damage, "has changed"), (remove, "is missing")])
def test_a_harmed_champion_is_named_and_the_one_before_serves_with_a_warning(two_champions, harm, words):
    loop, first, second = two_champions
    assert (fresh(loop).serving().version.id, fresh(loop).serving().warning) == (second.id, "")
    harm(loop, second)
    again = fresh(loop)
    with pytest.raises(ArtifactError, match=f"The model file {second.artifact}/{MODEL} {words}"):
        again.model(second)
    serving = again.serving()
    assert serving.version.id == first.id
    assert serving.warning.startswith(f"Version 2 cannot serve. The model file {second.artifact}/{MODEL} {words}")
    assert again.predict() == 100
    harm(loop, first)
    with pytest.raises(ArtifactError, match=rf"Version 2 cannot serve.*Version 1 cannot serve.*{first.artifact}"):
        fresh(loop).serving()


@pytest.mark.parametrize("harm", [damage, remove])
def test_rolling_back_works_while_the_champions_file_is_harmed(two_champions, harm):
    loop, first, second = two_champions
    harm(loop, second)
    assert fresh(loop).rollback(first, "ann", "the file is damaged").version.id == first.id
    assert statuses(loop) == ["champion", "retired"]
    assert fresh(loop).serving().warning == ""


def test_a_new_version_is_judged_while_the_file_of_the_anchor_is_gone(two_champions):
    loop, first, _ = two_champions
    assert loop.store.projects.get(loop.project.id).anchor_id == first.id
    before = loop.judge(loop.retrain("test")).numbers
    remove(loop, first)
    again = fresh(loop)
    after = again.judge(again.retrain("test")).numbers
    assert after["anchor_difference"] == before["anchor_difference"]
    assert not math.isnan(after["anchor_difference"]["value"])


def test_a_rollback_to_a_harmed_version_is_an_error_and_changes_nothing(two_champions):
    loop, first, _ = two_champions
    damage(loop, first)
    with pytest.raises(ArtifactError, match=first.artifact):
        fresh(loop).rollback(first, "ann", "for the test")
    assert statuses(loop) == ["retired", "champion"]


# -- taking in and predicting --------------------------------------------------------------------------------------


def test_rows_go_to_the_holdout_the_training_base_or_the_pool_and_only_once(store, clock):
    loop = make_loop(store, clock)
    labelled, unlabelled = rows(200)[0], rows(50, seed=1, labelled=False)[0]
    told = []
    assert loop.add_items(labelled, "test", lambda share, message: told.append((share, message))) == 200
    assert told == [(1.0, "200 of 200 rows stored")]
    assert loop.add_items(unlabelled, "test") == 50
    assert loop.add_items(labelled, "test") == 0
    counts = store.tallies.of(loop.project.id, "items")
    assert counts["pool/open"] == 50
    assert counts["train/base"] + counts["holdout/base"] == 200
    assert 70 < counts["holdout/base"] < 130
    assert store.events.latest(loop.project.id)[0].details == {"rows": 200, "added": 0}


def test_scoring_the_pool_puts_the_champions_word_on_every_item(trained):
    version = trained.serving().version
    items = pool(trained)
    assert {item.version_id for item in items} == {version.id}
    assert all(0 <= item.priority <= 1 and 0.5 <= item.confidence <= 1 for item in items)
    stored = trained.store.predictions.labels_of(version.id, [item.id for item in items])
    assert {item.id: (item.predicted, item.confidence) for item in items} == stored
    assert trained.store.predictions.run_facts(version.id) == (100, trained.clock())


def test_predicting_an_empty_pool_scores_nothing(store, clock):
    loop = make_loop(store, clock)
    loop.add_items(rows(50)[0], "test")
    crown(loop)
    assert loop.predict() == 0


def test_a_loop_is_found_by_its_projects_name(loop):
    assert Loop.open(loop.store.url, "points").project == loop.project
    with pytest.raises(NotFound, match="There is no project 'circles'"):
        Loop.open(loop.store.url, "circles")


def test_every_stored_time_comes_from_the_clock_it_was_given(trained):
    draw = trained.draw("ann")
    said = say(trained, draw.item_id)
    assert {draw.created_at, said.created_at, trained.serving().version.created_at} == {1_700_000_000.0}


def test_a_version_that_learned_without_an_empty_text_column_says_so_in_its_report(store, clock):
    schema = Schema((Column("x", "number"), Column("said", "text")))
    loop = Loop(store, create_project(store, "quiet", schema, ("a", "b"), actor="test"), clock=clock)
    loop.add_items(Rows([f"[{n},null]".encode() for n in range(40)], [None] * 40, ["a"] * 20 + ["b"] * 20), "test")
    report = loop.judge(loop.retrain("test"))
    assert report.reasons[-1] == (
        "The column 'said' holds no text in any training row: this version learned without it."
    )


def test_destinations_say_where_rows_will_go(store, clock):
    loop = make_loop(store, clock, holdout_share=0.5)
    given, more = rows(200)[0], rows(30, seed=1, labelled=False)[0]
    mixed = Rows(given.inputs + more.inputs, given.keys + more.keys, given.labels + more.labels)
    said = loop.destinations(mixed)
    assert said["pool"] == 30
    loop.add_items(mixed, "test")
    counts = loop.store.tallies.of(loop.project.id, "items")
    assert said == {"train": counts["train/base"], "holdout": counts["holdout/base"], "pool": counts["pool/open"]}
