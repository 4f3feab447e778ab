"""Rulings: a maintainer's word about an entry decides what counts, at once and until it is undone."""

from __future__ import annotations

import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback_core.errors import InvalidFeedback, NotFound, Stale
from feedback_core.loop import Loop
from feedback_core.review import MAX_NOTE, effective
from feedback_core.store import open_store
from feedback_core.types import Decision, Feedback
from tests.conftest import Clock, make_loop, rows


def pool(loop: Loop) -> list[int]:
    return [item.id for chunk in loop.store.items.export(loop.project.id) for item in chunk if item.split == "pool"]


def say(loop: Loop, item_id: int, target: str | None, reviewer: str, verdict: str = "correct") -> Feedback:
    version = loop.store.items.get(item_id).version_id
    return loop.record(Decision(item_id, reviewer, verdict, target, version_id=version))[0]


def now(loop: Loop, item_id: int) -> tuple[str, str | None]:
    item = loop.store.items.get(item_id)
    return item.state, item.label


def states(loop: Loop, item_id: int) -> list[tuple[str, str | None, str]]:
    """Reviewer, ruling and state of every entry of an item."""
    return [(e.reviewer, e.ruling, e.state) for e in loop.store.feedback.of_item(item_id) if e.verdict != "undo"]


# -- the rule ------------------------------------------------------------------------------------------------------


def entry(
    entry_id: int, reviewer: str, target: str | None, ruling: str | None = None, after: int = 0, **more
) -> Feedback:
    plain = Feedback(entry_id, 1, None, reviewer, "correct", target, None, "", None, None, None, "accepted", 0.0)
    return replace(plain, ruling=ruling, ruled_after=after, **more)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([entry(1, "ann", "a", "accept"), entry(2, "bob", "b")], ("a", "labelled")),
        ([entry(1, "ann", "a", "accept"), entry(2, "bob", "b"), entry(3, "cy", "b")], ("a", "labelled")),
        ([entry(1, "ann", "a", "accept"), entry(2, "bob", "b", "accept")], (None, "conflict")),
        ([entry(1, "ann", "a", "reject", state="quarantined"), entry(2, "bob", "b")], ("b", "labelled")),
        ([entry(1, "ann", None, "accept", verdict="flag"), entry(2, "bob", "b")], (None, "flagged")),
        ([entry(1, "ann", "a", "ask", 1)], (None, "conflict")),
        ([entry(1, "ann", "a", "ask", 1), entry(2, "bob", "a")], ("a", "labelled")),
        ([entry(1, "ann", "a", "ask", 1), entry(2, "bob", "b")], (None, "conflict")),
        ([entry(1, "ann", "a", "ask", 2), entry(2, "bob", "a")], (None, "conflict")),
        ([entry(1, "ann", "a", "ask", 1), entry(2, "bob", None, verdict="skip")], (None, "conflict")),
        ([entry(1, "ann", "a", "ask", 1, state="superseded"), entry(2, "ann", "a")], (None, "conflict")),
        ([entry(1, "ann", "a", "ask", 1, state="withdrawn"), entry(2, "bob", "b")], ("b", "labelled")),
        ([entry(1, "ann", "a", "ask", 2), entry(2, "bob", "b", "accept")], (None, "conflict")),
        ([entry(1, "ann", "a", "ask", 2), entry(2, "bob", "b", "accept"), entry(3, "cy", "a")], ("b", "labelled")),
    ],
)
def test_rulings_decide_which_entries_are_heard(entries, expected) -> None:
    assert effective(entries) == expected


# -- one press -----------------------------------------------------------------------------------------------------


def test_a_rejected_entry_no_longer_counts_and_is_kept(trained: Loop) -> None:
    x = pool(trained)[0]
    wrong = say(trained, x, "a", "ann")
    assert now(trained, x) == ("labelled", "a")
    ruled = trained.rule([wrong.id], "reject", "meg", " clearly b ")
    assert now(trained, x) == ("open", None)
    assert states(trained, x) == [("ann", "reject", "quarantined")]
    assert x not in trained.store.items.training_rows(trained.project.id).ids
    assert trained.store.feedback.pending(trained.project.id) == {}
    assert trained.store.tallies.of(trained.project.id, "items")["pool/open"] == 100
    event = trained.store.events.latest(trained.project.id)[0]
    assert (event.id, event.actor, event.kind, event.details["reason"]) == (
        ruled.id,
        "meg",
        "entries ruled",
        "clearly b",
    )
    before = {"ruling": None, "ruled_by": None, "ruled_at": None, "ruled_after": None, "ruling_id": None}
    assert event.details["rulings"] == [{"entry": wrong.id, "ruling": "reject", "previous": before}]
    trained.undo_ruling(ruled.id, "meg")
    assert now(trained, x) == ("labelled", "a")
    assert states(trained, x) == [("ann", None, "accepted")]
    assert trained.store.feedback.pending(trained.project.id) == {wrong.verdict: 1}


def test_accepting_one_side_settles_a_conflict_for_training(trained: Loop) -> None:
    x = pool(trained)[0]
    say(trained, x, "a", "ann")
    say(trained, x, "b", "bob")
    assert now(trained, x) == ("conflict", None)
    ruled = trained.settle(x, "b", "meg")
    assert now(trained, x) == ("labelled", "b")
    learned = trained.store.items.training_rows(trained.project.id)
    assert learned.labels[learned.ids.index(x)] == "b"
    # The other way round: the first side's acceptance is lifted in the same press, and comes back with its undo.
    other = trained.settle(x, "a", "meg")
    assert (now(trained, x), len(other.entries)) == (("labelled", "a"), 2)
    trained.undo_ruling(other.id, "meg")
    trained.undo_ruling(ruled.id, "meg")
    assert now(trained, x) == ("conflict", None)
    with pytest.raises(NotFound, match="No standing entry says 'c'"):
        trained.settle(x, "c", "meg")


def test_a_second_opinion_is_asked_of_somebody_else_and_the_label_waits(trained: Loop) -> None:
    x = pool(trained)[0]
    said = say(trained, x, "a", "ann")
    trained.rule([said.id], "ask", "meg")
    assert now(trained, x) == ("conflict", None)
    assert x not in trained.store.items.training_rows(trained.project.id).ids
    assert trained.draw("ann").item_id != x
    draw = trained.draw("bob")
    assert (draw.item_id, draw.strategy) == (x, "second opinion")
    say(trained, x, "a", "bob")
    assert now(trained, x) == ("labelled", "a")
    # Asked once more, two voices are not enough.
    trained.rule([said.id], "ask", "meg")
    assert now(trained, x) == ("conflict", None)


def test_a_ruling_sent_twice_is_one_ruling(trained: Loop) -> None:
    said = [say(trained, x, "a", "ann").id for x in pool(trained)[:3]]
    first = trained.rule(said, "reject", "meg")
    assert first.entries == tuple(said)
    events = len(trained.store.events.latest(trained.project.id))
    assert trained.rule(said, "reject", "meg") == replace(first, id=None, entries=())
    assert len(trained.store.events.latest(trained.project.id)) == events
    trained.undo_ruling(first.id, "meg")
    with pytest.raises(Stale, match="nothing left to undo"):
        trained.undo_ruling(first.id, "meg")


def test_undo_of_a_bulk_leaves_what_was_ruled_on_since(trained: Loop) -> None:
    x, y = pool(trained)[:2]
    one, two = say(trained, x, "a", "ann").id, say(trained, y, "a", "ann").id
    bulk = trained.rule([one, two], "reject", "meg")
    trained.rule([one], "accept", "moe")
    (newest, older) = trained.store.rulings.latest(trained.project.id)
    assert [(press.event.id, press.standing) for press in (newest, older)] == [(newest.event.id, 1), (bulk.id, 1)]
    assert trained.undo_ruling(bulk.id, "meg").entries == (two,)
    assert [states(trained, item)[0][1:] for item in (x, y)] == [("accept", "accepted"), (None, "accepted")]


def test_a_reviewer_who_speaks_again_after_a_rejection_is_heard_by_the_new_word(trained: Loop) -> None:
    x = pool(trained)[0]
    rejected = trained.rule([say(trained, x, "a", "ann").id], "reject", "meg")
    again = say(trained, x, "b", "ann")
    assert now(trained, x) == ("labelled", "b")
    trained.undo_ruling(rejected.id, "meg")
    assert states(trained, x) == [("ann", None, "superseded"), ("ann", None, "accepted")]
    trained.undo(again.id, "ann")
    assert now(trained, x) == ("labelled", "a")


def test_nothing_older_comes_back_in_the_place_of_a_rejected_entry(trained: Loop) -> None:
    x = pool(trained)[0]
    say(trained, x, "a", "ann")
    trained.rule([say(trained, x, "b", "ann").id], "reject", "meg")
    third = say(trained, x, "a", "ann")
    trained.undo(third.id, "ann")
    assert now(trained, x) == ("open", None)
    assert [state for *_, state in states(trained, x)] == ["superseded", "quarantined", "withdrawn"]


def test_what_cannot_be_ruled_on_is_refused_in_words(trained: Loop) -> None:
    x, y = pool(trained)[:2]
    skipped = say(trained, x, None, "ann", "skip")
    old, new = say(trained, y, "a", "ann"), say(trained, y, "b", "ann")
    refusals = (
        (lambda: trained.rule([skipped.id], "reject", "meg"), InvalidFeedback, f"Entry {skipped.id} is a skip"),
        (lambda: trained.rule([old.id], "reject", "meg"), Stale, "replaced or taken back"),
        (lambda: trained.rule([9_999], "reject", "meg"), NotFound, "no feedback entry 9999"),
        (lambda: trained.rule([new.id], "burn", "meg"), InvalidFeedback, "ruling='burn' is not known"),
        (lambda: trained.rule([new.id], "reject", "  "), InvalidFeedback, "say who decides"),
        (lambda: trained.rule([new.id], "reject", "meg", "x" * (MAX_NOTE + 1)), InvalidFeedback, "2001 characters"),
        (lambda: trained.rule(list(range(1_001)), "reject", "meg"), InvalidFeedback, "at most 1,000"),
        (lambda: trained.undo_ruling(1, "meg"), NotFound, "no ruling 1"),
    )
    for call, kind, words in refusals:
        with pytest.raises(kind, match=words):
            call()
    assert now(trained, y) == ("labelled", "b")


def test_the_audit_trail_cannot_be_changed(trained: Loop) -> None:
    with closing(sqlite3.connect(trained.store.url.removeprefix("sqlite:///"))) as conn:
        for statement in ("delete from events", "update events set actor = 'nobody'"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                conn.execute(statement)


def test_maintainers_who_rule_at_once_leave_one_of_their_rulings_and_true_counts(trained: Loop) -> None:
    said = [say(trained, x, "a", "ann").id for x in pool(trained)[:6]]

    def press(n: int) -> None:
        loop = Loop(trained.store, trained.project, clock=trained.clock)
        ruled = loop.rule(said, ("reject", "accept", "ask")[n % 3], f"meg{n}")
        if n % 2 and ruled.id is not None:
            with suppress(Stale):  # somebody else has ruled in between
                loop.undo_ruling(ruled.id, f"meg{n}")

    with ThreadPoolExecutor(6) as people:
        list(people.map(press, range(12)))
    assert_consistent(trained)
    assert len({e.ruling for x in pool(trained)[:6] for e in trained.store.feedback.of_item(x)}) == 1


# -- any history ---------------------------------------------------------------------------------------------------

ACTS = st.lists(
    st.tuples(st.sampled_from(["say", "say", "undo", "rule", "rule", "unrule"]), st.integers(0, 2), st.integers(0, 5)),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(ACTS)
def test_any_history_gives_the_state_computed_from_scratch(acts: list[tuple[str, int, int]]) -> None:
    with TemporaryDirectory() as folder:
        loop = make_loop(open_store(f"sqlite:///{Path(folder) / 'x.db'}"), Clock())
        loop.add_items(rows(2, labelled=False)[0], "test")
        presses: list[int] = []
        for act, who, what in acts:
            try:
                _act(loop, act, who, what, presses)
            except (Stale, NotFound, InvalidFeedback):
                continue  # refused whole: nothing may have changed, which the comparison below would show
        assert_consistent(loop)


def _act(loop: Loop, act: str, who: int, what: int, presses: list[int]) -> None:
    entries = [e for chunk in loop.store.feedback.export(loop.project.id) for e in chunk]
    if act == "say":
        verdict, target = [("correct", "a"), ("correct", "b"), ("skip", None), ("flag", None)][what % 4]
        say(loop, pool(loop)[what % 2], target, f"r{who}", verdict)
    elif act == "undo" and entries:
        chosen = entries[what % len(entries)]
        loop.undo(chosen.id, chosen.reviewer)
    elif act == "rule" and entries:
        some = [entries[(what + n) % len(entries)].id for n in range(1 + what % 2)]
        ruled = loop.rule(some, ("accept", "reject", "ask")[who], "meg")
        presses += [ruled.id] if ruled.id is not None else []
    elif act == "unrule" and presses:
        loop.undo_ruling(presses[what % len(presses)], "meg")


def assert_consistent(loop: Loop) -> None:
    """Entries, items and counts are what one would compute from what was said and ruled alone."""
    entries = [e for chunk in loop.store.feedback.export(loop.project.id) for e in chunk]
    ruled = _replayed(loop)
    assert {e.id: e.ruling for e in entries if e.ruling} == {n: ruling for n, ruling in ruled.items() if ruling}
    expected = [replace(e, state=_state(e, entries)) for e in entries]
    assert [e.state for e in entries] == [e.state for e in expected]
    counts = Counter({f"pool/{name}": 0 for name in ("open", "labelled", "conflict", "flagged")})
    for item_id in pool(loop):
        label, state = effective([e for e in expected if e.item_id == item_id])
        assert now(loop, item_id) == (state, label)
        counts[f"pool/{state}"] += 1
    stored = loop.store.tallies.of(loop.project.id, "items")
    assert {name: stored.get(name, 0) for name in counts} == dict(counts)
    total = Counter(e.verdict for e in expected if e.state == "accepted" and e.verdict != "undo")
    kept = loop.store.tallies.of(loop.project.id, "total")
    assert {name: n for name, n in kept.items() if n} == dict(total)


def _replayed(loop: Loop) -> dict[int, str | None]:
    """Entry -> ruling, from the audit trail alone."""
    ruling: dict[int, str | None] = {}
    for event in reversed(loop.store.events.latest(loop.project.id, 10_000)):
        if event.kind in ("entries ruled", "ruling undone"):
            ruling |= {each["entry"]: each["ruling"] for each in event.details["rulings"]}
    return ruling


def _state(entry: Feedback, entries: list[Feedback]) -> str:
    said = [e for e in entries if (e.item_id, e.reviewer) == (entry.item_id, entry.reviewer) and e.verdict != "undo"]
    withdrawn = {e.undoes for e in entries}
    if entry.verdict == "undo":
        return "accepted"
    if entry.id in withdrawn:
        return "withdrawn"
    if entry.ruling == "reject":
        return "quarantined"
    return "accepted" if entry.id == max(e.id for e in said if e.id not in withdrawn) else "superseded"
