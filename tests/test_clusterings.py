"""Clusterings of a project in a real store: made by the worker, taught by pairs, compared, decided, taken back."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from sklearn.datasets import load_iris

from feedback_core import intake
from feedback_core.clustering import deciding, pairs
from feedback_core.clustering.feedback import ClusterSaid, record, undo
from feedback_core.clustering.measures import rand_of
from feedback_core.clustering.naming import table_of
from feedback_core.errors import InvalidFeedback, NotFound, Refused
from feedback_core.loop import Loop, create_project
from feedback_core.store import Store
from feedback_core.types import Clustering, Column, Job, Rows, Schema
from feedback_core.worker import LEASE_S, run_next
from tests.conftest import ROOT, Clock, raw

NAMES = ("sepal length", "sepal width", "petal length", "petal width")
SCHEMA = Schema(tuple(Column(name, "number") for name in NAMES))


def iris_loop(store: Store, clock: Clock, task: str = "classification") -> tuple[Loop, dict[int, int]]:
    """A project of the 150 flowers without any label, and the species of each item."""
    flowers = load_iris()
    labels = ("a", "b") if task == "classification" else ()
    project = create_project(store, "iris", SCHEMA, labels, actor="test", now=clock(), salt=1, task=task)
    loop = Loop(store, project, clock=clock, rng=np.random.default_rng(0))
    bodies = [intake.encode_one(row, SCHEMA) for row in flowers.data.tolist()]
    loop.add_items(Rows(bodies, [f"flower-{n}" for n in range(150)], [None] * 150), "test")
    listed = [item for chunk in store.items.export(project.id) for item in chunk]
    return loop, {item.id: int(flowers.target[int(item.key.split("-")[1])]) for item in listed}


@pytest.fixture
def iris(store: Store, clock: Clock) -> tuple[Loop, dict[int, int]]:
    return iris_loop(store, clock)


def run(loop: Loop, k: int | None = None) -> Job:
    deciding.request(loop, "ana", k)
    return run_next(loop.store, "worker", loop.clock)


def in_use(loop: Loop) -> Clustering:
    return loop.store.clusterings.champion(loop.project.id)


def newest(loop: Loop) -> Clustering:
    return loop.store.clusterings.latest(loop.project.id, 1)[0]


def groups(loop: Loop, made: Clustering) -> dict[int, int]:
    """Item id -> number of its group."""
    found, table = loop.store.clusterings.assignment(made.id), table_of(loop.store.clusterings.clusters(made.id))
    return dict(zip(found.ids.tolist(), table[found.prototypes].tolist(), strict=True))


def right(loop: Loop, made: Clustering, species: dict[int, int]) -> float:
    found = groups(loop, made)
    return rand_of(np.asarray([species[item] for item in found]), np.asarray(list(found.values())))


def say(loop: Loop, kind: str, *items: int, **more) -> int:
    return record(loop, ClusterSaid(kind, more.pop("by", "ana"), items, **more)).id


def answer(loop: Loop, species: dict[int, int], n: int, by: str = "ana") -> None:
    """Answer n drawn pairs as the species say."""
    while n > 0:
        for draw in pairs.hand(loop, by)[:n]:
            kind = "together" if species[draw.item_a] == species[draw.item_b] else "apart"
            say(loop, kind, draw.item_a, draw.item_b, by=by, draw=draw.id)
            n -= 1


def test_the_first_clustering_is_in_use_at_once_and_holds_every_item(iris) -> None:
    loop, _ = iris
    assert run(loop, 3).result == {"clustering": 1, "finding": "first", "action": "promote"}
    made = in_use(loop)
    assert (made.number, made.k, made.items, made.method, made.parent_id) == (1, 3, 150, "k-means", None)
    clusters = loop.store.clusterings.clusters(made.id)
    assert [each.name for each in clusters] == ["Group 1", "Group 2", "Group 3"]
    assert Counter(groups(loop, made).values()) == {each.number: each.size for each in clusters}
    assert all(len(each.representatives) == 6 and len(each.odd) == 3 for each in clusters)
    drawn = loop.store.clusterings.map_of(made.id)
    assert drawn.points.shape == (150, 2)
    assert dict(zip(drawn.ids.tolist(), drawn.clusters.tolist(), strict=True)) == groups(loop, made)


def test_without_a_wish_a_number_of_groups_is_proposed(iris) -> None:
    loop, _ = iris
    run(loop)
    assert in_use(loop).k == 2  # of widest silhouette on iris


def test_pairs_of_people_bring_the_groups_to_the_species(iris) -> None:
    loop, species = iris
    run(loop, 3)
    before = right(loop, in_use(loop), species)
    answer(loop, species, 80)
    assert run(loop).result["finding"] == "better"
    made = newest(loop)
    assert made.status == "candidate"
    assert made.method == "RCA + PCKMeans"
    deciding.promote(loop, made, "ana")
    assert in_use(loop).id == made.id
    assert before < 0.65
    assert right(loop, made, species) > 0.85
    assert loop.store.clusterings.get(made.parent_id).status == "retired"


def test_audited_pairs_are_measured_and_never_heeded(iris, monkeypatch) -> None:
    loop, species = iris
    run(loop, 3)
    monkeypatch.setattr(pairs, "AUDIT_SHARE", 1.0)
    answer(loop, species, 24)
    drawn = raw(loop.store, "select distinct audit, propensity from cluster_draws")
    assert drawn == [(1, 2 / (150 * 149))]
    run(loop)
    made = newest(loop)
    assert made.metrics["pairs"] == {"together": 0, "apart": 0}
    assert loop.store.clusterings.heeded(made.id) == []
    assert loop.store.clusterings.report_on(made.id).numbers["n_audit"] == 24
    # Somebody speaks of the same pair unasked: it stays what measures.
    item_a, item_b = raw(loop.store, "select item_a, item_b from cluster_draws limit 1")[0]
    entry = loop.store.cluster_feedback.get(loop.project.id, say(loop, "together", item_b, item_a, by="ben"))
    assert entry.audit
    assert (entry.item_a, entry.item_b) == (item_a, item_b)


def test_a_tenth_of_the_pairs_is_drawn_by_chance_and_the_others_lie_at_borders(iris) -> None:
    loop, _ = iris
    run(loop, 3)
    hand = pairs.hand(loop, "ana", 300)
    assert 10 < sum(draw.audit for draw in hand) < 60
    borderline = {each.item_id for each in loop.store.clusterings.borders(in_use(loop).id)}
    assert all({draw.item_a, draw.item_b} & borderline for draw in hand if not draw.audit)
    assert len({(draw.item_a, draw.item_b) for draw in hand}) == len(hand)
    assert pairs.hand(loop, "ana", 300) == hand  # a reload hands out no others


def test_merged_groups_stay_one_and_a_split_takes_that_back(iris) -> None:
    loop, _ = iris
    run(loop, 4)
    sizes = {each.number: each.size for each in loop.store.clusterings.clusters(in_use(loop).id)}
    record(loop, ClusterSaid("merge", "ana", clusters=(2, 1)))
    record(loop, ClusterSaid("rename", "ana", clusters=(3,), name="Small ones"))
    run(loop)
    made = newest(loop)
    clusters = {each.number: each for each in loop.store.clusterings.clusters(made.id)}
    merged = next(each for each in clusters.values() if len(each.prototypes) == 2)
    assert (made.k, merged.size, made.metrics["merges"]) == (3, sizes[1] + sizes[2], 1)
    assert clusters[3].name == "Small ones"
    deciding.promote(loop, made, "ana")
    record(loop, ClusterSaid("split", "ana", clusters=(merged.number,)))
    run(loop)
    again = newest(loop)
    assert again.k == 4
    assert sorted(each.size for each in loop.store.clusterings.clusters(again.id)) == sorted(sizes.values())


def test_a_split_makes_two_of_one(iris) -> None:
    loop, _ = iris
    run(loop, 2)
    largest = max(loop.store.clusterings.clusters(in_use(loop).id), key=lambda each: each.size)
    entry = record(loop, ClusterSaid("split", "ana", clusters=(largest.number,)))
    run(loop)
    assert newest(loop).k == 3
    undo(loop, entry.id, "ana")
    run(loop)
    assert newest(loop).k == 2


def test_an_entry_is_stored_once_taken_back_once_and_never_changed(iris) -> None:
    loop, _ = iris
    first = say(loop, "together", 1, 2, key="a-1")
    assert say(loop, "together", 1, 2, key="a-1") == first
    assert undo(loop, first, "ana").id == first
    with pytest.raises(Refused, match=f"Entry {first} is taken back already"):
        undo(loop, first, "ana")
    assert loop.store.cluster_feedback.standing(loop.project.id) == []
    for sql in ("update cluster_feedback set kind = 'apart'", "delete from cluster_feedback"):
        with pytest.raises(Exception, match="append-only"):
            raw(loop.store, sql)


@pytest.mark.parametrize(
    ("word", "error", "says"),
    [
        (ClusterSaid("together", "ana", (1, 1)), InvalidFeedback, "two different ones"),
        (ClusterSaid("apart", "ana", (1, 9_999)), NotFound, "9999"),
        (ClusterSaid("merge", "ana", clusters=(1,)), InvalidFeedback, "merge takes two different ones"),
        (ClusterSaid("split", "ana", clusters=(8,)), NotFound, "There is no group 8: there are 1, 2, 3"),
        (ClusterSaid("rename", "ana", clusters=(1,), name=" "), InvalidFeedback, "rename takes one of 1 to 60"),
        (ClusterSaid("skip", "ana", (1, 2), name="x"), InvalidFeedback, "others none"),
        (ClusterSaid("like", "ana", (1, 2)), InvalidFeedback, "kind='like' is not known"),
        (ClusterSaid("apart", "ana", (1, 2), draw=77), NotFound, "no drawn pair 77"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_stored(iris, word, error, says) -> None:
    loop, _ = iris
    run(loop, 3)
    with pytest.raises(error, match=says):
        record(loop, word)
    assert loop.store.cluster_feedback.newest(loop.project.id) == 0


def test_an_answer_to_another_pair_than_the_drawn_one_is_refused(iris) -> None:
    loop, _ = iris
    run(loop, 3)
    draw = pairs.hand(loop, "ana", 1)[0]
    other = next(n for n in range(1, 9) if n not in (draw.item_a, draw.item_b))
    with pytest.raises(InvalidFeedback, match=f"draw={draw.id} is about the items {draw.item_a} and {draw.item_b}"):
        say(loop, "together", draw.item_a, other, draw=draw.id)


def test_a_worse_clustering_takes_a_reason_and_an_earlier_one_comes_back(iris) -> None:
    loop, species = iris
    run(loop, 3)
    answer(loop, species, 80)
    run(loop)
    better = newest(loop)
    deciding.promote(loop, better, "ana")
    record(loop, ClusterSaid("merge", "ana", clusters=(1, 2)))
    assert run(loop).result["action"] == "refuse"
    worse = newest(loop)
    with pytest.raises(Refused, match="fewer pairs right"):
        deciding.promote(loop, worse, "ana")
    deciding.promote(loop, worse, "ana", "we need two groups")
    with pytest.raises(Refused, match="needs a reason"):
        deciding.rollback(loop, better, "ana", "")
    deciding.rollback(loop, better, "ana", "two were too few")
    assert in_use(loop).id == better.id
    report = loop.store.clusterings.report_on(better.id)
    assert (report.champion_id, report.decision, report.decided_reason) == (worse.id, "promote", "two were too few")
    kinds = [event.kind for event in loop.store.events.latest(loop.project.id, 3)]
    assert kinds == ["clustering promoted", "clustering promoted", "clustering made"]


def test_a_comparison_with_another_clustering_than_the_one_in_use_decides_nothing(iris) -> None:
    loop, _ = iris
    run(loop, 3)
    run(loop, 4)
    run(loop, 5)
    four, five = (loop.store.clusterings.numbered(loop.project.id, n) for n in (2, 3))
    deciding.promote(loop, four, "ana")
    with pytest.raises(Refused, match="compare it once more"):
        deciding.promote(loop, five, "ana")
    deciding.compare(loop, five)
    deciding.refuse(loop, five, "ana", "too fine")
    assert [each.status for each in loop.store.clusterings.latest(loop.project.id)] == [
        "refused",
        "champion",
        "retired",
    ]


def test_too_few_items_and_a_number_out_of_range_are_refused_in_words(store: Store, clock: Clock) -> None:
    project = create_project(store, "few", SCHEMA, ("a", "b"), actor="test", now=clock(), salt=1)
    loop = Loop(store, project, clock=clock)
    with pytest.raises(Refused, match="51 groups are out of range: ask for 2 to 50"):
        deciding.request(loop, "ana", 51)
    job = run(loop, 3)
    assert (job.state, job.error) == ("failed", "0 items are too few for groups: add at least 10 on Setup.")


KILLED = """
import sys, time
from feedback_core.store import open_store, clusterings
from feedback_core.worker import run_next

def stuck(*_):
    print("storing", flush=True)
    time.sleep(60)

clusterings._keep_parts = stuck  # within the transaction that stores it
run_next(open_store(sys.argv[1]), "first worker", lambda: float(sys.argv[2]))
"""


def test_a_job_killed_while_it_stores_leaves_the_old_clustering_and_is_done_once_by_the_next_worker(iris) -> None:
    loop, _ = iris
    run(loop, 3)
    before = groups(loop, in_use(loop))
    deciding.request(loop, "ana", 4)
    command = [sys.executable, "-c", KILLED, loop.store.url, str(loop.clock())]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout.readline() == "storing\n"
        worker.send_signal(signal.SIGKILL)
    assert [each.number for each in loop.store.clusterings.latest(loop.project.id)] == [1]
    assert groups(loop, in_use(loop)) == before
    loop.clock.now += 10 * LEASE_S
    assert run_next(loop.store, "second worker", loop.clock).state == "done"
    assert [each.number for each in loop.store.clusterings.latest(loop.project.id)] == [2, 1]
    assert in_use(loop).number == 1


def test_a_job_that_had_stored_its_clustering_makes_no_second_one(iris) -> None:
    loop, _ = iris
    run(loop, 3)
    job = deciding.request(loop, "ana", 4)
    deciding.carry_out(loop, job)
    deciding.carry_out(loop, job)
    assert [each.number for each in loop.store.clusterings.latest(loop.project.id)] == [2, 1]
    assert raw(loop.store, "select count(*) from cluster_reports") == [(2,)]


def test_rows_that_came_in_later_and_locked_rows(store: Store, clock: Clock, loop: Loop) -> None:
    """A project with labels: what is locked to judge its versions is never grouped."""
    locked = raw(store, "select count(*) from items where split = 'holdout'")[0][0]
    assert locked > 50
    run(loop, 2)
    assert in_use(loop).items == 300 - locked
    held = raw(store, "select id from items where split = 'holdout' limit 1")[0][0]
    with pytest.raises(NotFound, match="not both are among those"):
        say(loop, "together", held, raw(store, "select id from items where split = 'pool' limit 1")[0][0])
