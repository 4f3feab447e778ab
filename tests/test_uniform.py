"""Uniform draws: every open item a reviewer may be given is equally likely, whatever lies between their ids."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from sqlite_utils import Database

from feedback_core import review
from feedback_core.store import Store, open_store
from feedback_core.store.migrations import migrations
from feedback_core.store.sqlite import SqliteDriver
from feedback_core.store.uniform import TRIES, open_items
from feedback_core.types import Project
from tests.test_store import NOW, item, new_project, say

ANN = {"reviewer": "ann", "now": NOW}


class Below:
    """Uniform numbers that are counted."""

    def __init__(self, seed: int = 0) -> None:
        self.rng, self.calls = np.random.default_rng(seed), 0

    def __call__(self, n: int) -> int:
        self.calls += 1
        return int(self.rng.integers(n))


def driver_of(store: Store) -> SqliteDriver:
    return SqliteDriver(Path(store.url.removeprefix("sqlite:///")))


def filled(store: Store, ids: list[int]) -> tuple[SqliteDriver, Project]:
    """A project with open items of these ids."""
    project, driver = new_project(store), driver_of(store)
    store.items.add(project, [item(f"k{n}") for n in ids], NOW)
    with driver.writing() as session:
        # From the last on, so that no new id is still in use.
        for n, wanted in reversed(list(enumerate(sorted(ids), 1))):
            session.execute("update items set id = ? where id = ?", (wanted, n))
    return driver, project


def lease(driver: SqliteDriver, project: Project, ids: list[int], reviewer: str = "bob") -> None:
    with driver.writing() as session:
        session.many(
            """insert into draws (project_id, item_id, reviewer, strategy, propensity, audit, blind, leased_until,
            created_at) values (?, ?, ?, 'priority', 1, 0, 0, ?, ?)""",
            [(project.id, n, reviewer, NOW + 60, NOW) for n in ids],
        )


@pytest.mark.parametrize("gap", [1, 7, 1_000])
def test_twenty_thousand_draws_fall_evenly_on_fifty_open_items(store, gap):
    ids = [n * n * gap for n in range(1, 51)]
    driver, project = filled(store, ids)
    below, drawn = Below(gap), Counter()
    with driver.reading() as session:
        free = open_items(session, ANN | {"project": project.id}, below)
        for _ in range(20_000):
            drawn[free.choose()["id"]] += 1
    assert set(drawn) == set(ids)
    assert chisquare(list(drawn.values())).pvalue > 0.001
    thin = 2_500 * gap > 50 * TRIES
    assert (below.calls == 20_000) == thin  # thin ids are counted off, close ones are tried


def test_two_open_items_ten_million_ids_apart_are_found_at_once(store):
    driver, project = filled(store, [1, 10_000_000])
    below, drawn = Below(), Counter()
    with driver.reading() as session:
        free = open_items(session, ANN | {"project": project.id}, below)
        for _ in range(200):
            drawn[free.choose()["id"]] += 1
    assert below.calls == 200
    assert 70 <= drawn[1] == 200 - drawn[10_000_000] <= 130


def test_the_one_item_nobody_has_in_hand_is_found_among_a_thousand(store):
    driver, project = filled(store, list(range(1, 1_001)))
    lease(driver, project, [n for n in range(1, 1_001) if n != 977])
    with driver.reading() as session:
        free = open_items(session, ANN | {"project": project.id}, Below())
        assert (free.n, free.choose()["id"]) == (1, 977)
        free.take(977)
        assert (free.n, free.choose()) == (0, None)


def test_when_everything_is_in_hand_or_nothing_is_there_nothing_is_chosen(store):
    driver, project = filled(store, [1, 2, 3])
    lease(driver, project, [1, 2, 3])
    empty = new_project(store)
    with driver.reading() as session:
        for mine in (project, empty):
            free = open_items(session, ANN | {"project": mine.id}, Below())
            assert (free.n, free.choose()) == (0, None)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return open_store(str(tmp_path_factory.mktemp("uniform") / "shared.db"))


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    labelled=st.sets(st.integers(0, 9)),
    leased=st.sets(st.integers(0, 9)),
    skipped=st.sets(st.integers(0, 9)),
    seed=st.integers(0, 99),
)
def test_exactly_the_open_items_nobody_holds_and_ann_has_not_skipped_are_free(shared, labelled, leased, skipped, seed):
    project, driver = new_project(shared), driver_of(shared)
    shared.items.add(project, [item(f"k{n}") for n in range(10)], NOW)
    ids = [shared.items.by_key(project.id, f"k{n}").id for n in range(10)]
    for n in labelled | skipped:
        said = {"reviewer": "bob"} if n in labelled else {"verdict": "skip", "target": None}
        shared.feedback.record(project, [say(ids[n], **said)], review.effective, NOW)
    lease(driver, project, [ids[n] for n in leased])
    expected = {ids[n] for n in set(range(10)) - labelled - leased - skipped}
    with driver.reading() as session:
        free = open_items(session, ANN | {"project": project.id}, Below(seed))
        assert free.n == len(expected)
        assert {row["id"] for _ in range(30) if (row := free.choose())} <= expected
        assert (free.choose() is None) == (not expected)


def test_an_older_file_loses_the_place_of_each_row_and_keeps_the_rows(tmp_path):
    path = tmp_path / "old.db"
    old = Database(path)
    migrations.apply(old, stop_before="0002_uniform_draws")
    with old.conn:
        old.conn.execute(
            """insert into projects (id, name, task, labels, schema, settings, salt, created_at)
            values (1, 'old', 'classification', '[]', '{}', '{}', 1, 0)"""
        )
        old.conn.execute(
            """insert into items (project_id, key, input_hash, split, state, shuffle, created_at, input)
            values (1, 'k', 'h', 'pool', 'open', 7, 0, '[1]')"""
        )
    old.close()
    store = open_store(str(path))
    assert store.items.by_key(1, "k").values == (1,)
    with SqliteDriver(path).reading() as session:
        names = [row["name"] for row in session.query("select name from pragma_table_info('items')")]
        assert "shuffle" not in names
        assert names[:3] == ["id", "project_id", "key"]
