"""A worse candidate, one that breaks a class, and one that breaks earlier corrections are refused, in words."""

from __future__ import annotations

import pytest

from feedback_core import comparison
from feedback_core.errors import Refused
from feedback_core.store import Store
from feedback_core.types import Flip
from tests.conftest import Clock
from tests.refused_worlds import WORDS, WORLDS, challenge

NUMBERS_OF = {
    "worse": "It is measurably worse: 136 rows broken, 0 fixed.",
    "broken class": "It is worse on class 'c': 26 rows broken, 0 fixed of 26.",
    "broken corrections": "It breaks earlier corrections: 50 of 50 are wrong again, 0 are mended.",
}


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_a_bad_candidate_is_refused_with_a_reason_a_person_understands(store: Store, clock: Clock, name: str) -> None:
    loop = WORLDS[name](store, clock)
    version, report = challenge(loop)
    assert report.action == "refuse"
    assert report.reasons[0] == NUMBERS_OF[name]
    assert report.reasons[0].startswith(WORDS[name])
    with pytest.raises(Refused) as refused:
        loop.promote(version, "ann")
    assert NUMBERS_OF[name] in str(refused.value)
    assert loop.promote(version, "ann", "we know, and want it").status == "champion"


@pytest.mark.parametrize("policy", ["strict", "balanced", "manual"])
def test_no_policy_lets_a_proven_gain_through_that_breaks_a_class(store: Store, clock: Clock, policy: str) -> None:
    loop = WORLDS["broken class"](store, clock)
    settings = type(loop.project.settings)(**(loop.project.settings.to_dict() | {"policy": policy}))
    loop.project = store.projects.update(loop.project, settings=settings, now=clock(), actor="test")
    _, report = challenge(loop)
    assert (report.finding, report.action) == ("better", "refuse")
    assert report.numbers["difference"]["low"] > 0
    assert report.reasons[1] == "Its gain over all locked rows does not make up for that: 69 rows fixed, 26 broken."


def test_a_report_holds_every_slice_and_the_corrections(store: Store, clock: Clock) -> None:
    _, report = challenge(WORLDS["broken class"](store, clock))
    slices = {one["title"]: one for one in report.numbers["slices"]}
    assert list(slices) == ["class 'a'", "class 'b'", "class 'c'", "the rows the champion is least sure of"]
    assert sum(slices[f"class {label!r}"]["n"] for label in "abc") == report.numbers["n"]
    assert [one["harmed"] for one in slices.values()] == [False, False, True, False]
    assert slices["class 'c'"]["champion_accuracy"]["value"] == 1.0
    assert -1 <= slices["class 'c'"]["difference"]["low"] < slices["class 'c'"]["difference"]["high"] < 0
    assert report.numbers["corrections"] is None  # its champion has learned from base rows alone


def test_the_suite_is_what_the_champion_has_learned_and_never_a_locked_row(store: Store, clock: Clock) -> None:
    loop = WORLDS["broken corrections"](store, clock)
    _, report = challenge(loop)
    assert {name: report.numbers["corrections"][name] for name in ("n", "gained", "lost", "broken")} == {
        "n": 50, "gained": 0, "lost": 50, "broken": True,
    }  # fmt: skip
    champion = store.versions.champion(loop.project.id)
    known = store.corrections.newest(loop.project.id, champion.feedback_upto)
    assert set(known) <= set(store.versions.lineage(champion.id)["ids"])
    assert not set(known) & set(store.items.locked_rows(loop.project.id).ids)
    assert list(store.corrections.newest(loop.project.id, champion.feedback_upto, limit=3)) == sorted(known)[:-4:-1]
    # An entry that is taken back asks nothing of a version any more.
    entry = store.feedback.of_item(max(known))[0]
    loop.undo(entry.id, "ann")
    assert set(known) - set(store.corrections.newest(loop.project.id, champion.feedback_upto)) == {max(known)}


def test_every_row_that_flips_is_kept_with_its_report(store: Store, clock: Clock) -> None:
    loop = WORLDS["broken corrections"](store, clock)
    _, report = challenge(loop)
    counts = store.flips.counts(report.id)
    assert counts[("corrections", "broken")] == 50
    assert counts[("holdout", "fixed")] == report.numbers["gained"]
    assert counts[("holdout", "broken")] == report.numbers["lost"]
    broken = store.flips.page(report.id, "broken", "corrections", limit=1)[0]
    item = store.items.get(broken.item_id)
    assert (broken.truth, broken.before) == (item.label, item.label)
    assert broken.after != item.label


def test_flips_are_fixed_broken_or_moved() -> None:
    flips = comparison.flipped([1, 2, 3, 4], ["holdout"] * 4, list("aaaa"), list("abbb"), list("bacb"))
    assert flips == [
        Flip(1, "broken", "holdout", "a", "a", "b"),
        Flip(2, "fixed", "holdout", "a", "b", "a"),
        Flip(3, "moved", "holdout", "a", "b", "c"),
    ]
