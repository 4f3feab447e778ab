"""The holdout wears out: looks are counted once, audit labels add to a claim, and fresh rows take over."""

from __future__ import annotations

import math
import threading
from dataclasses import replace

import pytest

from feedback_core import worker
from feedback_core.errors import InvalidSetting, Refused, Stale
from feedback_core.gate import wear
from feedback_core.loop import Loop, create_project
from feedback_core.settings import Settings
from feedback_core.store import Store, open_store
from feedback_core.types import Column, GateReport, Rows, Schema, Version
from tests.conftest import Clock, rows
from tests.test_loop import correct_all, crown, raw, say, truth, worse


def tallies_hold(loop: Loop) -> None:
    """The running counts of items say what the table says."""
    counted = raw(loop.store, "select split || '/' || state, count(*) from items group by 1")
    tallied = loop.store.tallies.of(loop.project.id, "items")
    assert {name: n for name, n in tallied.items() if n} == dict(counted)


def audit(loop: Loop, clock: Clock, n: int) -> None:
    """n audit items, drawn by chance and answered with the truth."""
    loop.project = loop.store.projects.update(
        loop.project, settings=replace(loop.project.settings, audit_share=1.0), now=clock(), actor="test"
    )
    for _ in range(n):
        draw = loop.draw("ben")
        say(loop, draw.item_id, truth(loop.store.items.get(draw.item_id)), "ben", draw_id=draw.id)


# -- looks ---------------------------------------------------------------------------------------------------------


def test_judging_the_same_pair_again_is_the_same_look(trained: Loop) -> None:
    correct_all(trained, limit=20)
    version = trained.retrain("test")
    first, again = trained.judge(version), trained.judge(version)
    assert (first.numbers["looks"], again.numbers["looks"]) == (1, 1)
    assert trained.wear().looks == 1


def test_judgements_at_the_same_time_are_looks_of_their_own(trained: Loop) -> None:
    versions = []
    for number in range(4):
        correct_all(trained, limit=5 * (number + 1))
        versions.append(trained.retrain("test"))
    begin, looks = threading.Barrier(5), []

    def look(version: Version) -> None:
        mine = Loop(open_store(trained.store.url), trained.project, clock=trained.clock)
        begin.wait()
        looks.append(mine.judge(version).numbers["looks"])

    # The last one twice: the same pair on the same terms is one look however many ask.
    threads = [threading.Thread(target=look, args=(version,)) for version in [*versions, versions[-1]]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(looks) == 5
    assert sorted(set(looks)) == [1, 2, 3, 4]
    assert trained.wear().looks == 4


def test_a_report_whose_looks_have_moved_is_not_stored(trained: Loop) -> None:
    correct_all(trained, limit=20)
    kept = trained.judge(trained.retrain("test"))
    fields = {name: getattr(kept, name) for name in ("challenger_id", "champion_id", "finding", "action", "reasons",
                                                     "numbers", "policy", "created_at")}  # fmt: skip
    with pytest.raises(Stale, match=f"Report {kept.id} was stored while"):
        trained.store.versions.add_report(trained.project, fields, seen=kept.id - 1)
    assert trained.store.versions.newest_report(trained.project.id) == kept.id


def test_the_champion_is_neither_judged_nor_promoted_again(trained: Loop) -> None:
    champion = trained.store.versions.champion(trained.project.id)
    with pytest.raises(Refused, match="is the champion: there is nothing to compare it with"):
        trained.judge(champion)
    with pytest.raises(Refused, match="is the champion already"):
        trained.promote(champion, "ann", "once more")


def advised(loop: Loop) -> Version:
    """A candidate that the gate advises to promote."""
    poor = worse(loop)
    loop.judge(poor)
    loop.promote(poor, "test", "a champion that is easy to beat")
    entries = loop.store.feedback.latest(loop.project.id, 1_000, reviewer="ann")
    loop.undo_many([entry.id for entry in entries], "ann")
    version = loop.retrain("test")
    assert loop.judge(version).action == "promote"
    return version


def test_advice_under_another_policy_has_expired(trained: Loop) -> None:
    version = advised(trained)
    settings = replace(trained.project.settings, policy="manual")
    trained.store.projects.update(trained.project, settings=settings, now=1.0, actor="test")
    with pytest.raises(Refused, match="under the policy balanced, which is manual now: judge the version again"):
        trained.promote(version, "ann")
    assert trained.promote(version, "ann", "we know").status == "champion"


def test_advice_from_rows_that_were_refreshed_has_expired(trained: Loop, clock: Clock) -> None:
    version = advised(trained)
    clock.now += 10
    trained.add_items(rows(240, seed=9)[0], "test")
    trained.refresh_holdout("lea", "worn out")
    with pytest.raises(Refused, match="have been refreshed since: judge it again"):
        trained.promote(version, "ann")
    if trained.judge(version).action == "promote":
        assert trained.promote(version, "ann").status == "champion"


def test_the_store_itself_asks_for_the_reason(trained: Loop) -> None:
    report = trained.judge(worse(trained))
    with pytest.raises(Refused, match="give a reason"):
        trained.store.versions.decide(trained.project, report, "promote", by="ann", reason=" ", now=1.0)


def test_an_audit_item_that_somebody_chose_is_no_evidence(trained: Loop, clock: Clock) -> None:
    audit(trained, clock, 6)
    chosen = trained.store.holdout.labelled_after(trained.project.id, 0)
    assert len(chosen) == 6
    draw = trained.draw("ben")
    assert draw.audit
    clock.now += 10_000
    say(trained, draw.item_id, truth(trained.store.items.get(draw.item_id)), "zoe")
    assert trained.store.items.get(draw.item_id).state == "labelled"
    assert trained.store.holdout.labelled_after(trained.project.id, 0) == chosen


def test_the_worker_judges_an_undecided_candidate_again_after_25_audit_labels(trained: Loop, clock: Clock) -> None:
    correct_all(trained, limit=20)
    version = trained.retrain("test")
    first = trained.judge(version)
    audit(trained, clock, 24)
    worker.judge_again(trained.store, trained.project)
    assert trained.store.versions.report_on(version.id).id == first.id
    audit(trained, clock, 1)
    worker.judge_again(trained.store, trained.project)
    again = trained.store.versions.report_on(version.id)
    assert (again.numbers["e_rows"], again.numbers["looks"]) == (25, 1)
    worker.judge_again(trained.store, trained.project)
    assert trained.store.versions.report_on(version.id).id == again.id


def test_another_metric_is_another_look(trained: Loop) -> None:
    correct_all(trained, limit=20)
    version = trained.retrain("test")
    trained.judge(version)
    settings = replace(trained.project.settings, metric="balanced accuracy")
    trained.store.projects.update(trained.project, settings=settings, now=1.0, actor="test")
    report = trained.judge(version)
    assert (report.numbers["looks"], report.numbers["metric"]) == (2, "balanced accuracy")


def test_more_holdout_rows_make_it_another_look(trained: Loop) -> None:
    correct_all(trained, limit=20)
    version = trained.retrain("test")
    trained.judge(version)
    trained.add_items(rows(20, seed=5)[0], "test")
    assert trained.judge(version).numbers["looks"] == 2


def test_audit_labels_after_training_carry_the_e_value_and_leave_the_p_that_was_paid_for(
    trained: Loop, clock: Clock
) -> None:
    audit(trained, clock, 10)
    poor = worse(trained)
    trained.judge(poor)
    trained.promote(poor, "test", "a champion that is easy to beat")
    entries = trained.store.feedback.latest(trained.project.id, 1_000, reviewer="ann")
    trained.undo_many([entry.id for entry in entries], "ann")
    version = trained.retrain("test")
    before = trained.judge(version).numbers
    assert (before["e_rows"], before["e_value"]) == (0, 1.0)
    trained.add_items(rows(2_000, seed=11, labelled=False)[0], "test")
    audit(trained, clock, 25)
    after = trained.judge(version).numbers
    # What was labelled before the undo is no evidence when it comes by chance.
    assert 15 <= after["e_rows"] <= 25
    assert after["n"] == before["n"] + after["e_rows"]
    assert after["gained"] > before["gained"]
    assert after["e_value"] > 20
    assert (after["looks"], after["p"]) == (before["looks"], before["p"])
    fresh = trained.store.holdout.labelled_after(trained.project.id, version.feedback_upto)
    assert len(fresh) == after["e_rows"]
    assert trained.store.holdout.labelled_after(trained.project.id, 0) > fresh


def test_a_version_that_has_served_gets_no_e_value(trained: Loop, clock: Clock) -> None:
    correct_all(trained, limit=20)
    first = trained.store.versions.champion(trained.project.id)
    crown(trained, "a second champion")
    audit(trained, clock, 5)
    back = trained.store.versions.get(first.id)
    assert trained.judge(back).numbers["e_rows"] == 0


def report(number: int, looks: int, finding: str = "better") -> GateReport:
    return GateReport(number, 1, 2, finding, "hold", (), {"looks": looks}, "balanced", None, None, None, 0.0, None)


@pytest.mark.parametrize(
    ("looks", "due", "words"),
    [(3, False, "3 of 25 looks"), (20, True, "fresh labels are due soon"), (25, True, "can prove nothing more")],
)
def test_wear_says_when_fresh_labels_are_due(looks: int, due: bool, words: str) -> None:
    found = wear.wear([report(9, looks), report(4, 30), report(8, 1, "first")], 4, lambda: 120)
    assert (found.looks, found.due, found.ready, words in found.text) == (looks, due, due, True)


def test_without_fresh_rows_enough_no_refresh_is_offered() -> None:
    assert not wear.wear([report(1, 25)], 0, lambda: 99).ready
    assert wear.wear([report(1, 25)], 0, lambda: 100).ready


# -- refresh -------------------------------------------------------------------------------------------------------


@pytest.fixture
def worn(trained: Loop, clock: Clock) -> Loop:
    """One look at 102 holdout rows and 5 audit rows, then 120 fresh rows and 4 audit labels."""
    audit(trained, clock, 5)
    correct_all(trained, limit=20)
    version = trained.retrain("test")
    clock.now += 10
    trained.judge(version)
    trained.promote(version, "test", "the second one")
    clock.now += 10
    trained.add_items(rows(240, seed=9)[0], "test")
    audit(trained, clock, 4)
    return trained


def test_a_refresh_lets_the_rows_that_judged_graduate_and_the_fresh_ones_take_over(worn: Loop, clock: Clock) -> None:
    store, project = worn.store, worn.project.id
    before = store.items.locked_rows(project)
    fresh = worn.store.holdout.fresh(worn.project.id)
    assert len(before.ids) == 107 + fresh
    lineages = {version.id: store.versions.lineage(version.id) for version in store.versions.all(project)}
    moved = worn.refresh_holdout("lea", "worn out")
    assert moved == {"holdout": 102, "audit": 5, "fresh": fresh}
    after = store.items.locked_rows(project)
    assert len(after.ids) == fresh
    assert sum(after.audit) == 4
    assert set(before.ids) - set(after.ids) <= set(store.items.training_rows(project).ids)
    assert not set(after.ids) & set(store.items.training_rows(project).ids)
    assert {each: store.versions.lineage(each) for each in lineages} == lineages
    tallies_hold(worn)
    refreshed = store.projects.get(project)
    assert refreshed.anchor_id == store.versions.champion(project).id
    assert (refreshed.refreshed_at, refreshed.refreshed_after) == (clock(), store.versions.reports(project)[0].id)
    event = store.events.latest(project, 1)[0]
    assert (event.kind, event.actor) == ("holdout refreshed", "lea")
    assert event.details == moved | {"reason": "worn out"}


def test_after_a_refresh_the_looks_begin_anew_and_versions_say_which_rows_judged_them(worn: Loop, clock: Clock) -> None:
    worn.refresh_holdout("lea", "worn out")
    assert worn.wear().looks == 0
    clock.now += 10
    version = worn.retrain("test")
    said = worn.judge(version)
    assert said.numbers["looks"] == 1
    old, new = (worn.store.versions.get(one.id).metrics for one in worn.store.versions.all(worn.project.id)[1:])
    assert (old["holdout_since"], new["holdout_since"]) == (None, worn.project.refreshed_at)
    assert said.numbers["n"] == len(worn.store.items.locked_rows(worn.project.id).ids)


def test_a_refresh_without_enough_fresh_rows_is_refused_with_the_number(trained: Loop, clock: Clock) -> None:
    with pytest.raises(Refused, match="Nobody has looked"):
        trained.refresh_holdout("lea", "why not")
    correct_all(trained, limit=20)
    trained.judge(trained.retrain("test"))
    clock.now += 10
    trained.add_items(rows(60, seed=9)[0], "test")
    fresh = trained.store.holdout.fresh(trained.project.id)
    with pytest.raises(Refused, match=rf"^Only {fresh} fresh locked rows are there, 100 are asked for"):
        trained.refresh_holdout("lea", "worn out")
    with pytest.raises(Refused, match="needs a reason"):
        trained.refresh_holdout("lea", " ")
    assert len(trained.store.items.locked_rows(trained.project.id).ids) == 102 + fresh


def test_a_row_equal_to_one_that_graduated_is_never_locked_again(worn: Loop) -> None:
    locked = worn.store.items.locked_rows(worn.project.id)
    worn.refresh_holdout("lea", "worn out")
    again = Rows([body.encode() for body in locked.inputs[:102]], [f"again-{n}" for n in range(102)], ["a"] * 102)
    assert worn.destinations(again) == {"train": 102}


# -- segments, metric and costs as settings ------------------------------------------------------------------------

SHOPS = Schema((Column("x", "number"), Column("shop", "category")))


def test_every_value_of_a_segment_column_is_a_slice(store: Store, clock: Clock) -> None:
    settings = Settings(segments=("shop",), holdout_share=0.5, metric="cost", costs={"a": {"b": 5.0}})
    project = create_project(store, "shops", SHOPS, ("a", "b"), settings, actor="test", now=clock(), salt=1)
    loop = Loop(store, store.projects.get(project.id), clock=clock)
    bodies = [f'[{n - 100.0},"{"north" if n % 4 else "south"}"]'.encode() for n in range(200)]
    loop.add_items(Rows(bodies, [None] * 200, ["a" if n < 100 else "b" for n in range(200)]), "test")
    crown(loop)
    numbers = loop.judge(loop.retrain("test")).numbers
    titles = [one["title"] for one in numbers["slices"]]
    assert titles == [
        "class 'a'",
        "class 'b'",
        "shop 'north'",
        "shop 'south'",
        "the rows the champion is least sure of",
    ]
    assert sum(one["n"] for one in numbers["slices"][2:4]) == numbers["n"]
    assert numbers["metric"] == "cost"
    assert math.isclose(numbers["difference"]["value"], 0.0)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"segments": ("x",)}, "segments='x' is not a category column: choose among shop"),
        ({"costs": {"a": {"z": 2.0}}}, "costs name 'z', which is no label: use a, b"),
    ],
)
def test_settings_that_name_what_the_project_has_not_are_refused(
    store: Store, settings: dict[str, object], words: str
) -> None:
    with pytest.raises(InvalidSetting, match=words):
        create_project(store, "shops", SHOPS, ("a", "b"), Settings(**settings), actor="test")
    project = create_project(store, "shops", SHOPS, ("a", "b"), actor="test")
    with pytest.raises(InvalidSetting, match=words):
        store.projects.update(project, settings=Settings(**settings), now=1.0, actor="test")


def test_a_negative_or_endless_cost_is_refused() -> None:
    with pytest.raises(InvalidSetting, match=r"costs\['a'\]\['b'\]=-1"):
        Settings(costs={"a": {"b": -1}})
    assert Settings.from_dict({"segments": ["shop"]}).segments == ("shop",)
