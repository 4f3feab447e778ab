"""Which entries to look at twice: the parts, the score, and the ranks in the store."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from benchmarks.second_look import found_wrong
from feedback_core import second_look, trust
from feedback_core.loop import Loop
from feedback_core.store import Store
from feedback_core.store import ranks as ranks_module
from feedback_core.store.ranks import PARTS
from feedback_core.types import Decision, EntryFilter, Feedback, RankCursor, RankedEntry
from feedback_core.worker import run_next
from tests.conftest import Clock, make_loop, raw, rows

NAN = np.nan


def entries(n: int = 4, **known: list) -> trust.Entries:
    """n entries of different people about different items, of which nothing is known but what is given."""
    values = {
        "items": range(n),
        "reviewers": range(n),
        "labels": [0] * n,
        "standing": [True] * n,
        "gold": [-1] * n,
        "given": [NAN] * n,
        "error": [NAN] * n,
        "size": [NAN] * n,
        "distance": [NAN] * n,
    } | known
    whole = ("items", "reviewers", "labels", "gold")
    return trust.Entries(
        **{
            name: np.asarray(list(value), dtype=np.int64 if name in whole else bool if name == "standing" else float)
            for name, value in values.items()
        }
    )


def part(name: str, found: trust.Entries) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 4) for value in trust.parts(found)[name]]


# -- the parts -----------------------------------------------------------------------------------------------------


def test_the_least_believed_label_is_the_most_suspicious() -> None:
    assert part("suspicious", entries(given=[0.9, 0.1, NAN, 0.5])) == [0.3333, 1.0, None, 0.6667]


def test_contradicted_is_the_share_of_other_standing_labels_that_differ() -> None:
    same_item = {"items": [7, 7, 7, 7], "labels": [0, 1, 1, 2]}
    assert part("contradicted", entries(**same_item)) == [1.0, 0.6667, 0.6667, 1.0]
    # A rejected entry is measured against the others, and is none of them.
    assert part("contradicted", entries(**same_item, standing=[False, True, True, True])) == [1.0, 0.5, 0.5, 1.0]
    assert part("contradicted", entries(labels=[0, 1, 2, -1])) == [0.0, 0.0, 0.0, None]


def test_an_unknown_reviewer_is_taken_to_agree_four_times_in_five() -> None:
    found = entries(items=[1, 1, 2, 3], reviewers=[0, 1, 1, 2], labels=[0, 1, 0, 0], gold=[-1, -1, 0, -1])
    # Person 0 differs once; person 1 differs once and is right once about a gold item; person 2 was never compared.
    assert trust.agreement(found).tolist() == pytest.approx([4 / 6, 5 / 7, 4 / 5])
    assert part("low_agreement", found) == [0.3333, 0.2857, 0.2857, 0.2]


def test_effect_is_the_length_of_the_gradient_by_rank() -> None:
    assert part("effect", entries(error=[1.0, 0.1, 1.0, NAN], size=[3.0, 9.0, 1.0, 1.0])) == [1.0, 0.3333, 0.6667, None]


def test_the_parts_that_can_be_told_sum_to_the_score() -> None:
    found = trust.parts(entries(given=[0.9, 0.1, NAN, 0.5], distance=[1.0, 2.0, 3.0, 4.0]))
    scores = trust.score(found)
    for n in range(4):
        one = {name: None if np.isnan(values[n]) else float(values[n]) for name, values in found.items()}
        assert sum(trust.contributions(one).values()) == pytest.approx(scores[n])
    # 0.8 x 1 for the suspicion, 0.06 x 0.2 for an unknown reviewer, 0.02 x 0.5 for the distance.
    assert scores[1] == pytest.approx(0.8 + 0.012 + 0.01)
    assert tuple(trust.WEIGHTS) == tuple(found)
    assert set(trust.WEIGHTS) == set(PARTS)
    assert sum(trust.WEIGHTS.values()) == pytest.approx(1)


@settings(deadline=None)
@given(st.integers(1, 30), st.data())
def test_parts_and_score_stay_within_bounds_and_do_not_depend_on_the_order(n: int, data: st.DataObject) -> None:
    def whole(low: int, high: int) -> np.ndarray:
        return data.draw(arrays.arrays(np.int64, n, elements=st.integers(low, high)))

    def real(high: float) -> np.ndarray:
        return data.draw(arrays.arrays(float, n, elements=st.floats(0, high) | st.just(NAN)))

    standing = data.draw(arrays.arrays(bool, n))
    found = trust.Entries(
        whole(0, 4), whole(0, 3), whole(-1, 2), standing, whole(-1, 2), real(1), real(1.4), real(9), real(9)
    )
    for values in (*trust.parts(found).values(), scores := trust.score(trust.parts(found))):
        known = values[~np.isnan(values)]
        assert ((known >= 0) & (known <= 1 + 1e-9)).all()
    assert not np.isnan(scores).any()
    turned = trust.Entries(*(getattr(found, field.name)[::-1] for field in fields(found)))
    assert trust.score(trust.parts(turned))[::-1] == pytest.approx(scores)


def test_the_first_hundred_are_nearly_all_wrong() -> None:
    runs = [found_wrong(seed) for seed in range(5)]
    share = {name: float(np.mean([run[name] for run in runs])) for name in runs[0]}
    assert share["all_entries"] == pytest.approx(0.26, abs=0.03)
    assert share["ours"] > share["self_confidence"] - 0.02 > 0.93
    assert share["ours"] > 2 * share["lowest_trust"] > 3 * share["random"] > 0


@pytest.mark.parametrize(
    ("ranked", "newer", "due"), [(None, 0, False), (None, 1, True), (1000, 49, False), (1000, 50, True), (0, 1, True)]
)
def test_a_ranking_is_due_when_a_twentieth_is_new(ranked: int | None, newer: int, due: bool) -> None:
    assert trust.is_due(ranked, newer) is due


# -- the ranks in the store ----------------------------------------------------------------------------------------


def say(loop: Loop, item_id: int, target: str | None, who: str, verdict: str = "correct", note: str = "") -> Feedback:
    version = loop.store.items.get(item_id).version_id
    return loop.record(Decision(item_id, who, verdict, target, version_id=version, note=note))[0]


def pool(loop: Loop) -> list:
    items = (item for chunk in loop.store.items.export(loop.project.id) for item in chunk)
    return [item for item in items if item.split == "pool"]


def right(item) -> str:
    return "b" if sum(item.values) > 0 else "a"


def wrong(item) -> str:
    return "a" if right(item) == "b" else "b"


def listed(loop: Loop, **wanted: object) -> list[RankedEntry]:
    return loop.store.ranks.page(loop.project.id, EntryFilter(**wanted))[0]


@pytest.fixture
def reviewed(trained: Loop) -> Loop:
    """Twenty entries of ann and bob on 20 items, ann's fifth and bob's fifth wrong; ranked."""
    for n, item in enumerate(pool(trained)[:20]):
        far_from_the_line = sorted(pool(trained)[:20], key=lambda each: -abs(sum(each.values)))[:2]
        say(trained, item.id, (wrong if item in far_from_the_line else right)(item), "ann" if n % 2 else "bob")
    assert trained.rank_feedback() == 20
    return trained


def test_wrong_entries_come_first_with_their_parts(reviewed: Loop) -> None:
    found = listed(reviewed)
    assert len(found) == 20
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    items = {item.id: item for item in pool(reviewed)}
    assert {one.entry.id for one in found if one.entry.target != right(items[one.entry.item_id])} == {
        one.entry.id for one in found[:2]
    }
    for one in found:
        assert sum(trust.contributions(one.parts).values()) == pytest.approx(one.score)
    run = reviewed.store.ranks.run(reviewed.project.id)
    assert (run.run, run.entries, run.without_model) == (1, 20, 0)
    assert run.feedback_upto == max(one.entry.id for one in found)


def test_the_version_a_reviewer_saw_judges_the_entry_unless_it_had_learned_from_the_item(reviewed: Loop) -> None:
    item = pool(reviewed)[0]
    champion = reviewed.store.versions.champion(reviewed.project.id)
    gathered = second_look.gather(reviewed.store, reviewed.project, None, {}, lambda *_: None)
    stored = reviewed.store.predictions.history(item.id)[0]
    at = gathered.facts.items.tolist().index(item.id)
    said = reviewed.project.labels.index(reviewed.store.feedback.of_item(item.id)[0].target)
    assert gathered.facts.given[at] == pytest.approx(stored.proba[said], abs=1e-6)
    # The next version learns the item's label; what it says about a second entry is no outside judgement.
    version = reviewed.retrain("test")
    reviewed.judge(version)
    reviewed.promote(version, "test", "for the test")
    reviewed.predict()
    say(reviewed, item.id, right(item), "cy")
    again = second_look.gather(reviewed.store, reviewed.project, None, {}, lambda *_: None)
    new = reviewed.store.predictions.history(item.id)[0]
    assert new.version_id == version.id != champion.id
    own = new.proba[reviewed.project.labels.index(right(item))]
    assert again.facts.given[-1] != pytest.approx(own, abs=1e-6)
    assert np.isfinite(again.facts.given).all()


def test_first_labels_are_judged_out_of_fold(store: Store, clock: Clock) -> None:
    loop = make_loop(store, clock)
    loop.add_items(rows(60, labelled=False)[0], "test")
    items = sorted(pool(loop), key=lambda item: -abs(sum(item.values)))
    mistaken = {items[n].id for n in range(3)}
    for item in items:
        say(loop, item.id, (wrong if item.id in mistaken else right)(item), "ann")
    loop.rank_feedback()
    found = listed(loop)
    assert {one.entry.item_id for one in found[:3]} == mistaken
    assert {one.parts["far"] for one in found} == {None}
    assert store.ranks.run(loop.project.id).without_model == 0


def test_entries_no_model_can_judge_are_counted_and_keep_an_empty_part(store: Store, clock: Clock) -> None:
    loop = make_loop(store, clock)
    loop.add_items(rows(3, labelled=False)[0], "test")
    for item in pool(loop):
        say(loop, item.id, "a", "ann")
    loop.rank_feedback()
    assert [one.parts["suspicious"] for one in listed(loop)] == [None] * 3
    assert store.ranks.run(loop.project.id).without_model == 3


def test_gold_answers_count_towards_agreement(reviewed: Loop) -> None:
    import sqlite3
    from contextlib import closing

    def people() -> dict[str, float]:
        reviewed.rank_feedback()
        return {one.entry.reviewer: one.parts["low_agreement"] for one in listed(reviewed)}

    before = people()
    draw = reviewed.draw("ann")
    reviewed.record(Decision(draw.item_id, "ann", "correct", "a", version_id=1, draw_id=draw.id))
    with closing(sqlite3.connect(reviewed.store.url.removeprefix("sqlite:///"))) as conn, conn:
        conn.execute("update draws set strategy = 'gold' where id = ?", (draw.id,))
        conn.execute("update items set base_label = 'b' where id = ?", (draw.item_id,))
    assert before == pytest.approx({"ann": 0.2, "bob": 0.2})
    assert people() == pytest.approx({"ann": 1 / 3, "bob": 0.2})


def test_filters_narrow_the_ranked_entries(reviewed: Loop) -> None:
    flag = say(reviewed, pool(reviewed)[30].id, None, "cy", "flag", note="blurry scan")
    noted = say(reviewed, pool(reviewed)[31].id, "a", "ann", note='the "Blue" form')
    reviewed.rank_feedback()
    everything = listed(reviewed)
    assert len(everything) == 22
    assert [one.entry.id for one in listed(reviewed, verdict="flag")] == [flag.id]
    assert {one.entry.reviewer for one in listed(reviewed, person="ann")} == {"ann"}
    assert listed(reviewed, person="ann", verdict="flag") == []
    cut = [one for one in everything if (one.parts["suspicious"] or 0) >= 0.8]
    assert listed(reviewed, above=(("suspicious", 0.8),)) == cut != everything
    assert [one.entry.id for one in listed(reviewed, search='blue "form')] == [noted.id]
    assert [one.entry.id for one in listed(reviewed, search="blur", verdict="flag")] == [flag.id]
    assert listed(reviewed, search="blur", person="ann") == []
    reviewed.rule([noted.id, flag.id], "reject", "meg")
    assert {one.entry.id for one in listed(reviewed, state="reject")} == {noted.id, flag.id}
    assert len(listed(reviewed)) == 20
    assert len(listed(reviewed, state="any")) == 22


def test_pages_follow_each_other_without_gap_or_repetition(reviewed: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [one.entry.id for one in listed(reviewed)]
    of_ann = [one.entry.id for one in listed(reviewed, person="ann")]
    # A window smaller than a page of matches: pages may be short, and still lead through all of them.
    for scan, wanted in ((20_000, EntryFilter()), (3, EntryFilter()), (3, EntryFilter(person="ann"))):
        monkeypatch.setattr(ranks_module, "SCAN", scan)
        after: RankCursor | None = None
        seen: list[int] = []
        for _ in range(40):
            found, after = reviewed.store.ranks.page(reviewed.project.id, wanted, after=after, limit=4)
            seen += [one.entry.id for one in found]
            if after is None:
                break
        assert seen == (whole if wanted.person is None else of_ann)
    for item in pool(reviewed)[40:46]:
        reviewed.rule([say(reviewed, item.id, "a", "cy").id], "reject", "meg")
    first, after = reviewed.store.ranks.page(reviewed.project.id, EntryFilter("reject"), limit=4)
    rest, end = reviewed.store.ranks.page(reviewed.project.id, EntryFilter("reject"), after=after, limit=4)
    assert (len({one.entry.id for one in (*first, *rest)}), {one.score for one in rest}, end) == (6, {None}, None)


def test_ranks_of_replaced_entries_go_with_the_next_ranking(reviewed: Loop) -> None:
    first = listed(reviewed)[0].entry
    reviewed.undo(first.id, first.reviewer)
    assert first.id not in {one.entry.id for one in listed(reviewed)}
    assert reviewed.rank_feedback() == 19
    assert raw(reviewed.store, "select count(*) from entry_ranks where feedback_id = ?", (first.id,)) == [(0,)]
    assert replace(reviewed.store.ranks.run(reviewed.project.id), created_at=0).run == 2


def test_the_worker_ranks_after_it_has_scored_the_pool(reviewed: Loop) -> None:
    assert reviewed.store.ranks.newer(reviewed.project.id, 0) == 20
    say(reviewed, pool(reviewed)[50].id, "a", "cy")
    upto = reviewed.store.ranks.run(reviewed.project.id).feedback_upto
    assert reviewed.store.ranks.newer(reviewed.project.id, upto) == 1
    reviewed.request_rescore("ann")
    done = []
    while (job := run_next(reviewed.store, "test")) is not None:
        done.append((job.kind, job.state, dict(job.result)))
    assert done[:2] == [("predict", "done", {"items": 100}), ("rank feedback", "done", {"entries": 21})]


def test_nothing_is_ranked_where_nobody_has_said_anything(trained: Loop) -> None:
    trained.request_rescore("ann")
    assert run_next(trained.store, "test").kind == "predict"
    assert "rank feedback" not in {job.kind for job in trained.store.jobs.live(trained.project.id)}
    assert trained.rank_feedback() == 0
    assert listed(trained) == []
