"""Receipts: what a correction changed, for itself and for its like, and a reviewer's own in one line each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from feedback_core import receipts
from feedback_core.loop import Loop
from feedback_core.scoring import plain
from feedback_core.similar import similar, similar_to
from feedback_core.store import Store
from feedback_core.store import feedback as log
from feedback_core.types import Feedback, Version
from tests.conftest import Clock, make_loop, rows
from tests.test_pages import press, texts
from tests.test_rulings import pool, say
from tests.test_suspects import promoted

ROOT = Path(__file__).parent.parent


def wrong(loop: Loop, item: int) -> str:
    """The label the model does not give."""
    return "b" if loop.store.items.get(item).predicted == "a" else "a"


def correct(loop: Loop, items: list[int], reviewer: str = "ann") -> list[Feedback]:
    return [say(loop, item, wrong(loop, item), reviewer) for item in items]


def overwrite(loop: Loop, version: Version, items: list[int], label: str) -> None:
    """Have a version say this about these items, whatever it is."""
    proba = np.tile([1.0, 0.0] if label == "a" else [0.0, 1.0], (len(items), 1))
    loop.store.predictions.save(version.id, plain(items, proba, loop.project.labels))


# -- similar items -------------------------------------------------------------------------------------------------


def test_similar_items_of_several_are_those_of_each(trained: Loop) -> None:
    items = pool(trained)[:3]
    assert similar_to(trained, items, 5) == {item: similar(trained, item, 5) for item in items}
    assert similar_to(trained, [], 5) == {}


def test_similar_items_are_counted_that_had_the_same_wrong_label_and_those_that_turned(
    trained: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipts, "LIKE_IT", 6)
    first = trained.store.versions.champion(trained.project.id)
    x = pool(trained)[0]
    near = list(similar(trained, x, 6).ids)
    target = wrong(trained, x)
    before = trained.store.items.get(x).predicted
    entry = say(trained, x, target, "ann")
    assert receipts.fixed_with(trained, [entry]) == {}
    second = promoted(trained)
    trained.predict()
    near = list(similar(trained, x, 6).ids)
    # Five had the same wrong label then, one was right; three of the five have turned, two have not.
    overwrite(trained, first, near[:5], before)
    overwrite(trained, first, near[5:], target)
    overwrite(trained, second, near[:3], target)
    overwrite(trained, second, near[3:5], before)
    found = receipts.fixed_with(trained, [entry])[entry.id]
    assert found == receipts.Fixed(turned=3, alike=5, looked=6)
    assert receipts.fixed_sentence(found) == (
        "Of the 6 items most like it the model gave 5 the same wrong label at the time; 3 of them have the right one "
        "now."
    )


def test_similar_items_are_told_of_corrections_alone(trained: Loop) -> None:
    x, y, z = pool(trained)[:3]
    corrected = correct(trained, [x])[0]
    confirmed = say(trained, y, trained.store.items.get(y).predicted, "ann", "confirm")
    flagged = say(trained, z, None, "ann", "flag")
    promoted(trained)
    trained.predict()
    assert set(receipts.fixed_with(trained, [corrected, confirmed, flagged])) == {corrected.id}
    assert "gave none the same" in receipts.fixed_sentence(receipts.Fixed(0, 0, 4))
    assert "no similar item" in receipts.fixed_sentence(receipts.Fixed(0, 0, 0))


# -- one's own -----------------------------------------------------------------------------------------------------


def test_the_sum_counts_what_entered_what_is_right_and_what_turned(trained: Loop) -> None:
    items = pool(trained)[:5]
    correct(trained, items[:4])
    correct(trained, items[4:], "bob")
    second = promoted(trained)
    trained.predict()
    late = correct(trained, [pool(trained)[20]])[0]
    given = {each.entry.item_id: each.entry.target for each in receipts.own(trained, "ann").receipts}
    for n, item in enumerate(items[:4]):
        target = given[item]
        overwrite(trained, second, [item], target if n < 3 else ("b" if target == "a" else "a"))
    found = receipts.own(trained, "ann")
    assert [each.entry.item_id for each in found.receipts] == [late.item_id, *reversed(items[:4])]
    assert [each.entered for each in found.receipts] == [None, 2, 2, 2, 2]
    assert receipts.summary(found) == (
        "Of your 5 corrections 4 entered version 2; the champion, version 2, is right today on 3 of the 4 of them that "
        "have a label, and was turned to your answer on 3 of 4."
    )
    newest, last_right = found.receipts[0], found.receipts[2]
    assert receipts.line(newest).startswith("it counts · in no version yet · the model says ")
    label = last_right.entry.target
    assert receipts.line(last_right) == (
        f"it counts · entered version 2 · the model was turned: it says {label} now, right by today's label"
    )


def test_every_standing_of_ones_own_is_told_in_a_line(trained: Loop) -> None:
    rejected, outvoted, differing, asked, back, again = items = pool(trained)[:6]
    entries = dict(zip(items, correct(trained, items), strict=True))
    for item, who in ((outvoted, "bob"), (outvoted, "cy"), (differing, "bob")):
        say(trained, item, trained.store.items.get(item).predicted, who, "confirm")
    trained.rule([entries[rejected].id], "reject", "meg")
    trained.rule([entries[asked].id], "ask", "meg")
    trained.undo(entries[back].id, "ann")
    say(trained, again, trained.store.items.get(again).predicted, "ann", "confirm")
    lines = {each.entry.item_id: receipts.line(each) for each in receipts.own(trained, "ann").receipts}
    assert set(lines) == {rejected, outvoted, differing, asked}
    assert lines[rejected].startswith("rejected by meg")
    assert lines[outvoted].startswith(f"outvoted: the label is {trained.store.items.get(outvoted).label}")
    assert lines[differing].startswith("reviewers differ")
    assert lines[asked].startswith("waits for a second opinion")


def test_a_reviewer_without_corrections_has_none_and_one_without_a_version_is_told_so(
    store: Store, clock: Clock
) -> None:
    loop = make_loop(store, clock)
    loop.add_items(rows(5, labelled=False)[0], "test")
    assert receipts.own(loop, "ann").receipts == ()
    say(loop, pool(loop)[0], "a", "ann")
    found = receipts.own(loop, "ann")
    assert receipts.summary(found) == "Of your 1 correction none has entered a version yet."
    assert receipts.line(found.receipts[0]) == "it counts · in no version yet"


def test_only_the_newest_are_looked_at_and_older_versions_are_left_unsure(
    trained: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    correct(trained, pool(trained)[:3])
    promoted(trained)
    promoted(trained)
    correct(trained, [pool(trained)[30]])
    promoted(trained)
    monkeypatch.setattr(receipts, "OWN", 3)
    monkeypatch.setattr(receipts, "LESSONS_READ", 2)
    found = receipts.own(trained, "ann")
    assert (len(found.receipts), found.more) == (3, True)
    assert [(each.entered, each.exactly) for each in found.receipts] == [(4, True), (3, False), (3, False)]
    assert receipts.summary(found).startswith("Of your 3 newest corrections 3 entered versions 3 to 4.")
    assert "entered version 3 or one before" in receipts.line(found.receipts[1])
    monkeypatch.setattr(log, "SCAN", 1)
    assert (len(receipts.own(trained, "ann").receipts), receipts.own(trained, "ann").more) == (1, True)


# -- the page ------------------------------------------------------------------------------------------------------


@pytest.fixture
def page(page):
    """Opens "Your corrections"."""

    def open_page(view: str = "own") -> AppTest:
        app = page("feedback")
        app.segmented_control(key="feedback_view").set_value(view).run()
        assert not app.exception
        return app

    return open_page


def test_a_reviewer_finds_the_own_corrections_page_by_page(page, trained: Loop) -> None:
    correct(trained, pool(trained)[:30], "ana")
    promoted(trained)
    trained.predict()
    app = page()
    assert receipts.summary(receipts.own(trained, "ana")) in texts(app).replace("\\", "")
    assert len(app.dataframe[0].value) == 25
    assert "looked at" in app.dataframe[0].value["Similar fixed"][0]
    app = press(app, "Next")
    assert len(app.dataframe[0].value) == 5
    assert "Page 2" in texts(app)


def test_a_reviewer_without_corrections_is_told_what_will_stand_here(page, trained: Loop) -> None:
    correct(trained, pool(trained)[:1], "bob")
    assert page().info[0].title == "No corrections of ana yet"


def test_the_opened_entry_says_what_was_fixed_with_it(page, trained: Loop) -> None:
    correct(trained, pool(trained)[:3], "bob")
    promoted(trained)
    trained.predict()
    trained.rank_feedback()
    assert "items most like it" in texts(page("entries"))
