"""The same input served twice: what has been learned once judges nothing, under whatever key it comes back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from sqlite_utils import Database

from feedback_core import fitting, intake
from feedback_core.loop import Loop
from feedback_core.store import Store, open_store
from feedback_core.store.migrations import migrations
from feedback_core.types import Item, Rows
from tests.conftest import TWO_NUMBERS, Clock, make_loop, rows
from tests.test_loop import correct_all, crown, pool, raw, say, truth


def body(item: Item) -> bytes:
    return intake.encode_one(list(item.values), TWO_NUMBERS)


def serve_again(loop: Loop, items: list[Item], prefix: str, labels: list[str] | None = None) -> None:
    """Equal inputs under keys of their own."""
    bodies, keys = [body(item) for item in items], [f"{prefix}{n}" for n in range(len(items))]
    loop.add_items(Rows(bodies, keys, labels or [None] * len(items)), "test")


def always_audit(loop: Loop) -> None:
    settings = replace(loop.project.settings, audit_share=1.0)
    loop.project = loop.store.projects.update(loop.project, settings=settings, now=loop.clock(), actor="test")


def answer_all(loop: Loop, reviewer: str) -> None:
    while (draw := loop.draw(reviewer)) is not None:
        say(loop, draw.item_id, truth(loop.store.items.get(draw.item_id)), reviewer, draw_id=draw.id)


def of_split(loop: Loop, split: str) -> list[Item]:
    return [item for chunk in loop.store.items.export(loop.project.id) for item in chunk if item.split == split]


def learned_inputs(loop: Loop, version_id: int) -> set[str]:
    ids = loop.store.versions.lineage(version_id)["ids"]
    return set(loop.store.items.input_hashes(ids).values())


def locked_inputs(loop: Loop) -> list[str]:
    ids = loop.store.items.locked_rows(loop.project.id).ids
    return list(loop.store.items.input_hashes(ids).values())


# -- the audit sample ----------------------------------------------------------------------------------------------


def test_an_input_that_is_base_data_to_train_on_is_no_evidence_when_it_is_served(store: Store, clock: Clock) -> None:
    loop = make_loop(store, clock)
    loop.add_items(rows(200)[0], "test")
    first = crown(loop)
    serve_again(loop, of_split(loop, "train")[:30], "again")
    always_audit(loop)
    answer_all(loop, "ann")
    assert not any(item.audit for item in pool(loop))
    assert loop.retrain("test").n_base == first.n_base


def test_an_input_that_was_labelled_before_is_no_evidence_even_if_its_label_was_taken_back(trained: Loop) -> None:
    known = pool(trained)[:10]
    given = [say(trained, item.id, truth(item)) for item in known]
    trained.undo_many([entry.id for entry in given[:5]], "ann")
    for item in pool(trained)[10:]:
        say(trained, item.id, truth(item))
    serve_again(trained, known, "again")
    always_audit(trained)
    answer_all(trained, "ben")
    assert not any(item.audit for item in pool(trained))
    assert not any(draw for (draw,) in raw(trained.store, "select audit from draws"))


def test_an_input_that_comes_in_twice_unlabelled_is_evidence_twice_and_stays_so_when_drawn_again(
    trained: Loop, clock: Clock
) -> None:
    correct_all(trained)
    new = [replace(pool(trained)[0], values=(9.0 + n, n / 2)) for n in range(4)]
    serve_again(trained, new, "one")
    serve_again(trained, new, "two")
    always_audit(trained)
    draw = trained.draw("ben")
    clock.now += 10 * trained.project.settings.lease_s
    answer_all(trained, "ann")
    assert sum(item.audit for item in pool(trained)) == 8
    assert trained.store.items.get(draw.item_id).audit
    assert trained.retrain("test").n_feedback == 100


def test_audit_labels_of_inputs_a_version_was_taught_under_another_id_carry_no_e_value(
    trained: Loop, clock: Clock
) -> None:
    # As a file from before this rule: the audit mark is set although an equal input had been learned.
    known = pool(trained)[:20]
    correct_all(trained)
    version = trained.retrain("test")
    serve_again(trained, known[:8], "again")
    trained.add_items(rows(5, seed=33, labelled=False)[0], "test")
    always_audit(trained)
    answer_all(trained, "ben")
    with closing(sqlite3.connect(trained.store.url.removeprefix("sqlite:///"))) as conn, conn:
        conn.execute("update items set audit = 1 where key like 'again%'")
        conn.execute("update draws set audit = 1, strategy = 'audit' where item_id in "
                     "(select id from items where key like 'again%')")  # fmt: skip
    after = trained.store.holdout.labelled_after(trained.project.id, version.feedback_upto)
    twins = {item.id for item in pool(trained) if item.key.startswith("again")}
    assert twins < after
    assert fitting.inputs_learned(trained.store, [version], sorted(after)) == twins
    assert trained.judge(version).numbers["e_rows"] == 5


def test_an_older_file_loses_the_audit_marks_of_learned_inputs_and_learns_from_both_again(tmp_path, clock) -> None:
    path = tmp_path / "old.db"
    old = Database(path)
    migrations.apply(old, stop_before="0017_learned_inputs")
    with old.conn:
        old.conn.execute(
            """insert into projects (id, name, task, labels, schema, settings, salt, created_at)
            values (1, 'old', 'classification', '["a","b"]', '{}', '{}', 1, 0)"""
        )
        items = [
            (1, "base", "h", "train", "base", 0, "a", None, 5.0),
            (2, "learned first", "h", "pool", "labelled", 1, None, "a", 6.0),
            (3, "labelled", "i", "pool", "labelled", 0, None, "a", 1.0),
            (4, "its copy", "i", "pool", "open", 1, None, None, 2.0),
            (5, "by itself", "j", "pool", "labelled", 1, None, "b", 3.0),
            (6, "came later", "j", "train", "base", 0, "b", None, 99.0),
        ]
        old.conn.executemany(
            """insert into items (id, project_id, key, input_hash, split, state, audit, base_label, label, created_at,
            input) values (?, 1, ?, ?, ?, ?, ?, ?, ?, ?, '[1]')""",
            items,
        )
        old.conn.execute(
            """insert into feedback (project_id, item_id, reviewer, verdict, target, state, created_at)
            values (1, 3, 'ann', 'correct', 'a', 'accepted', 7.0)"""
        )
        old.conn.executemany(
            """insert into draws (project_id, item_id, reviewer, strategy, propensity, audit, blind, leased_until, done,
            created_at) values (1, ?, 'ann', 'audit', 0.1, 1, 1, 0, 1, 10.0)""",
            [(2,), (4,), (5,)],
        )
    old.close()
    store = open_store(str(path))
    assert raw(store, "select id, audit from items where audit = 1") == [(5, 1)]
    assert raw(store, "select item_id from draws where audit = 1") == [(5,)]
    assert store.items.training_rows(1).ids == (1, 2, 3)


# -- labelled rows that come in ------------------------------------------------------------------------------------


def test_a_labelled_row_whose_input_a_reviewer_has_labelled_is_not_locked(trained: Loop) -> None:
    correct_all(trained)
    version = crown(trained, "whatever the gate says")
    known, before = pool(trained), locked_inputs(trained)
    serve_again(trained, known, "u", [truth(item) for item in known])
    assert sorted(locked_inputs(trained)) == sorted(before)
    assert not set(locked_inputs(trained)) & learned_inputs(trained, version.id)
    assert len(of_split(trained, "train")) == trained.store.tallies.of(trained.project.id, "items")["train/base"]


def test_a_larger_holdout_share_locks_no_input_that_is_base_data_already(trained: Loop) -> None:
    taught = of_split(trained, "train")
    trained.project = trained.store.projects.update(
        trained.project,
        settings=replace(trained.project.settings, holdout_share=0.9),
        now=1.0,
        actor="test",
    )
    before = len(locked_inputs(trained))
    serve_again(trained, taught, "u", [truth(item) for item in taught])
    assert len(locked_inputs(trained)) == before


@pytest.mark.parametrize("audited", [False, True])
def test_an_equal_input_that_only_judges_leaves_a_labelled_row_locked(trained: Loop, audited: bool) -> None:
    if audited:
        always_audit(trained)
        answer_all(trained, "ann")
        judging = [item for item in pool(trained) if item.audit]
    else:
        judging = of_split(trained, "holdout")
    bodies = [body(item) for item in judging]
    split = trained.destinations(Rows(bodies, [f"u{n}" for n in range(len(bodies))], ["a"] * len(bodies)))
    side = intake.holdout_side([intake.input_hash(each) for each in bodies], trained.project.salt, 0.5)
    assert split.get("holdout", 0) == side.sum() > 0


# -- fresh rows ----------------------------------------------------------------------------------------------------


def test_copies_of_rows_that_were_looked_at_are_not_fresh_and_graduate_with_them(trained: Loop, clock: Clock) -> None:
    looked_at = of_split(trained, "holdout")
    correct_all(trained, limit=20)
    trained.judge(trained.retrain("test"))
    clock.now += 10
    serve_again(trained, looked_at, "z", [truth(item) for item in looked_at])
    assert trained.store.holdout.fresh(trained.project.id) == 0
    trained.add_items(rows(240, seed=9)[0], "test")
    fresh = trained.store.holdout.fresh(trained.project.id)
    assert 100 <= fresh <= 140
    moved = trained.refresh_holdout("lea", "worn out")
    assert moved == {"holdout": 2 * len(looked_at), "audit": 0, "fresh": fresh}
    assert not set(locked_inputs(trained)) & learned_inputs(trained, trained.retrain("test").id)


def test_an_audit_item_equal_to_a_row_that_was_looked_at_is_not_fresh(trained: Loop, clock: Clock) -> None:
    twins = of_split(trained, "holdout")[:7]
    correct_all(trained)
    trained.judge(trained.retrain("test"))
    clock.now += 10
    serve_again(trained, twins, "z")
    trained.add_items(rows(4, seed=44, labelled=False)[0], "test")
    always_audit(trained)
    answer_all(trained, "ben")
    assert trained.store.holdout.fresh(trained.project.id) == 4
