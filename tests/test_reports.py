"""Refinement report and model card: what they say, that they are whole by themselves, and that nothing in them runs."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from feedback_core import exchange, reports, wording
from feedback_core.errors import NotFound, Refused
from feedback_core.loop import Loop, create_project
from feedback_core.reports import card_facts, file_of, verdict
from feedback_core.reports.limits import limits
from feedback_core.reports.rendering import along, scale
from feedback_core.reports.summaries import Pair, Person, Strategy, Weights, pairs, people, strategies, weights
from feedback_core.settings import Settings
from feedback_core.types import Column, Contribution, Decision, Flip, Rows, Schema
from tests.browser import browser
from tests.conftest import rows, save_flips
from tests.refused_worlds import WORLDS, challenge

MARKUP = "<script>alert('x')</script><img src=x onerror=alert(1)>\"&"


class Reader(HTMLParser):
    """What a browser would make of a page: its elements, its text, its headings, and what it would fetch or run."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.headings: list[int] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append(int(tag[1]))
        if tag in ("td", "th"):
            self.text += " "
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data


def reader(html: str) -> Reader:
    found = Reader(html)
    assert found.open == [], "every element is closed"
    found.text = " ".join(found.text.split())
    return found


def answered(loop: Loop, n: int = 20) -> None:
    """Ann corrects and confirms what is drawn for her; every fifth she skips."""
    for place, draw in enumerate(loop.draw_batch("ann", n)):
        version = loop.store.items.get(draw.item_id).version_id
        verdict = "skip" if place % 5 == 4 else "correct"
        target = None if verdict == "skip" else "ab"[place % 2]
        loop.record(Decision(draw.item_id, "ann", verdict, target, version, draw_id=draw.id))


@pytest.fixture
def judged(trained):
    """A second version, judged and refused, that has learned from twenty answers."""
    answered(trained)
    version = trained.retrain("test")
    trained.judge(version)
    trained.refuse(version, "Zoë", "not now")
    return trained


def newest(loop):
    return loop.store.versions.reports(loop.project.id)[0]


# -- counts by hand ------------------------------------------------------------------------------------------------

LEARNED = [
    Contribution("ann", "priority", "correct", "a", "b", True, 5),
    Contribution("ben", "priority", "correct", "a", "b", True, 2),
    Contribution("ann", "audit", "correct", "b", "a", True, 1),
    Contribution("ann", "priority", "correct", "b", "a", False, 4),
    Contribution("ben", None, "confirm", "a", "a", True, 3),
    Contribution("ann", None, "correct", None, "a", True, 1),
    Contribution("cy", "priority", "skip", "a", None, True, 2),
    Contribution("cy", "priority", "flag", "a", None, True, 1),
]


def test_corrections_that_count_are_counted_by_label_pair():
    assert pairs(LEARNED) == [Pair("a", "b", 7), Pair("b", "a", 1), Pair(None, "a", 1)]


def test_entries_are_counted_by_reviewer_and_those_that_no_longer_count_apart():
    assert people(LEARNED) == [
        Person("ann", 7, 0, 0, 0, 4),
        Person("ben", 2, 3, 0, 0, 0),
        Person("cy", 0, 0, 2, 1, 0),
    ]


def test_entries_are_counted_by_how_they_were_drawn():
    assert strategies(LEARNED) == [
        Strategy("priority", 14, 14 / 19, 7),
        Strategy("no draw", 4, 4 / 19, 1),
        Strategy("audit", 1, 1 / 19, 1),
    ]


def test_weights_are_summed_up_by_label():
    lineage = {"ids": [1, 2, 3], "labels": ["b", "a", "b"], "weights": [0.5, 1.0, 1.5]}
    assert weights(lineage) == [Weights("a", 1, 1.0, 1.0, 1.0), Weights("b", 2, 0.5, 1.0, 1.5)]
    assert weights({}) == []


def test_the_store_counts_entries_between_two_versions(trained):
    first, second = trained.store.items.open_ids(trained.project.id)[:2]
    versions = {each: trained.store.items.get(each).version_id for each in (first, second)}
    said = trained.store.items.get(first).predicted
    (before,) = trained.record(Decision(first, "ann", "correct", {"a": "b", "b": "a"}[said], versions[first]))
    trained.record(Decision(first, "ben", "confirm", said, versions[first]))
    (last,) = trained.record(Decision(second, "ann", "skip", None, versions[second]))
    trained.undo(before.id, "ann")
    between = trained.store.contributions.between
    found = {(each.reviewer, each.verdict): each for each in between(trained.project.id, 0, 99)}
    assert set(found) == {("ann", "correct"), ("ben", "confirm"), ("ann", "skip")}, "the undo itself is no entry"
    assert [found[key].standing for key in (("ann", "correct"), ("ben", "confirm"))] == [False, True]
    assert (found["ben", "confirm"].predicted, found["ben", "confirm"].n) == (said, 1)
    assert {each.verdict for each in between(trained.project.id, before.id, last.id)} == {"skip", "confirm"}
    assert between(trained.project.id, 0, 0) == []


# -- bars ----------------------------------------------------------------------------------------------------------


def test_a_bar_lies_where_its_numbers_are():
    axis = scale([{"value": 0.5, "low": 0.4, "high": 0.6, "n": 9}, None, {"value": None, "low": 0, "high": 1, "n": 0}])
    assert axis == pytest.approx((0.38, 0.62))
    assert along(0.5, axis) == 50.0
    assert along(0.0, axis) == 0.0
    assert along(2.0, axis) == 100.0
    assert scale([{"value": 1.0, "low": 0.95, "high": 1.0, "n": 9}])[1] == 1.0
    assert scale([]) == (0.0, 1.0)


# -- words ---------------------------------------------------------------------------------------------------------

SCORE = {"value": 0.934, "low": 0.912, "high": 0.951, "n": 1600}


def test_an_accuracy_is_never_shown_without_interval_and_n():
    assert wording.share(SCORE) == "93.4 % (91.2 to 95.1, n = 1,600)"
    assert wording.share(None) == wording.share({"value": None, "low": 0, "high": 1, "n": 0}) == "not measured"
    gain = {"value": 0.019, "low": -0.006, "high": 0.032, "n": 600}
    assert wording.points(gain) == wording.difference(gain) == "+1.9 points (-0.6 to +3.2, n = 600)"
    assert wording.difference(gain, "of cost") == "+0.019 of cost (-0.006 to +0.032, n = 600)"
    assert wording.number({"value": 0.5, "low": 0.25, "high": None, "n": 1}) == "0.500 (0.250 to unbounded, n = 1)"
    assert wording.moment(None) == "never"
    assert wording.moment(0) == "1970-01-01 00:00 UTC"
    assert wording.iso(1.5) == "1970-01-01T00:00:01+00:00"


def test_each_finding_is_a_sentence(judged):
    report, version = newest(judged), judged.store.versions.all(judged.project.id)[1]
    said = {
        finding: verdict(replace(report, finding=finding), version)
        for finding in ("first", "better", "not measurably different", "worse within noise", "worse")
    }
    assert said["better"] == "Version 2 is better than the champion."
    assert said["worse"] == "Version 2 is worse than the champion."
    assert said["not measurably different"] == "Version 2 is not measurably different from the champion."
    assert said["worse within noise"] == "Version 2 scored lower than the champion, within noise."
    assert said["first"].startswith("Version 2 is the first version")


# -- the refinement report -----------------------------------------------------------------------------------------


def test_the_report_says_what_was_corrected_by_whom_and_what_was_decided(judged):
    report = newest(judged)
    page = reader(judged.report_html(report))
    version = judged.store.versions.all(judged.project.id)[1]
    numbers = report.numbers
    for words in (
        "Version 2 of points",
        "against version 1",
        *report.reasons,
        "Refused by Zoë on 2023-11-14 22:13 UTC: not now",
        wording.share(numbers["challenger_accuracy"]),
        wording.points(numbers["difference"]),
        f"{numbers['gained']} rows fixed, {numbers['lost']} broken",
        "Look 1 of 25",
        "priority 20 100 %",
        "Weights of the priority: margin 0.9, diversity 0.1",
        f"{version.n_base} base rows and 16 reviewed items",
        version.sha256,
        numbers["provenance"]["training_rows"],
        numbers["provenance"]["locked_rows"],
        "python -m feedback_core reproduce 2 --project points",
        version.environment["scikit-learn"],
        "retrain_threshold 5",
    ):
        assert words in page.text, words
    for pair in pairs(judged.store.contributions.between(judged.project.id, 0, 99)):
        assert f"{pair.predicted} {pair.target} {pair.n}" in page.text
    person = people(judged.store.contributions.between(judged.project.id, 0, 99))[0]
    assert f"ann {person.corrected} {person.confirmed} 4 0 0" in page.text
    assert person.corrected + person.confirmed == 16


def test_the_report_names_the_first_fifty_rows_of_each_kind_of_flip(store, clock):
    loop = WORLDS["worse"](store, clock)
    version, report = challenge(loop)
    page = reader(loop.report_html(report))
    broken = store.flips.page(report.id, "broken", limit=1_000)
    keys = store.items.keys([flip.item_id for flip in broken])
    assert len(broken) > 50
    assert f"The first 50 of {len(broken)} rows" in page.text
    for place, flip in enumerate(broken):
        assert (keys[flip.item_id] in page.text) == (place < 50)
    assert f"Version {version.number} is worse than the champion." in page.text
    assert "Class 'a'" in page.text
    assert "harmed" in page.text
    assert "Nobody has decided yet." in page.text


def test_the_report_shows_the_suite_of_earlier_corrections(store, clock):
    loop = WORLDS["broken corrections"](store, clock)
    _, report = challenge(loop)
    suite = report.numbers["corrections"]
    page = reader(loop.report_html(report))
    assert f"Of {suite['n']}, {suite['lost']} are wrong again and {suite['gained']} are mended" in page.text
    assert "The suite is broken." in page.text
    assert "Earlier corrections 0 50 0" in page.text, "they are among the flips by sample"


def test_the_first_version_has_a_report_too(trained):
    report = newest(trained)
    page = reader(trained.report_html(report))
    metrics = trained.store.versions.champion(trained.project.id).metrics
    assert "Version 1 is the first version: there was no champion to compare it with." in page.text
    assert wording.share(metrics["holdout"]["accuracy"]) in page.text
    assert "What changed" not in page.text


def test_a_report_from_before_slices_and_hashes_still_opens(judged):
    report = newest(judged)
    kept = ("n", "gained", "lost", "difference", "p", "alpha", "looks", "looks_budget", "p_better")
    old = replace(report, numbers={name: report.numbers[name] for name in kept})
    page = reader(judged.report_html(old))
    assert wording.points(report.numbers["difference"]) in page.text
    assert "not recorded" in page.text
    assert "Slices" not in page.text


def whole(html: str) -> Reader:
    page = reader(html)
    assert len(html.encode()) < 300_000
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(page.tags)
    assert not [pair for pair in page.attributes if pair[0] in ("src", "href", "action") or pair[0].startswith("on")]
    assert "url(" not in html
    assert "@import" not in html
    assert page.tags.count("table") == page.tags.count("caption")
    assert page.tags.count("svg") == sum(name == "aria-label" for name, _ in page.attributes) - page.tags.count(
        "section"
    )
    assert page.headings[0] == page.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    assert "@media print" in html
    assert "prefers-color-scheme: dark" in html
    return page


def test_report_and_card_need_nothing_else_and_have_their_headings_in_order(judged):
    whole(judged.report_html(newest(judged)))
    whole(judged.card_html())


def hostile(store, clock) -> Loop:
    """A project in which every text somebody can choose is markup."""
    schema = Schema((Column(MARKUP, "number"), Column("x1", "number")))
    labels = (MARKUP + "a", MARKUP + "b")
    project = create_project(store, MARKUP[:80], schema, labels, Settings(holdout_share=0.5), actor=MARKUP, salt=1)
    loop = Loop(store, project, clock=clock)
    given, _ = rows(200)
    named = [MARKUP + label for label in given.labels]
    loop.add_items(Rows(given.inputs, [f"{MARKUP}{n}" for n in range(200)], named), MARKUP)
    loop.add_items(rows(60, seed=1, labelled=False)[0], "test")
    first = loop.retrain(MARKUP)
    loop.judge(first)
    loop.promote(first, MARKUP, MARKUP)
    for item_id in store.items.open_ids(project.id)[:20]:
        loop.record(Decision(item_id, MARKUP, "correct", labels[item_id % 2], store.items.get(item_id).version_id))
    second = loop.retrain(MARKUP)
    report = loop.judge(second)
    locked = store.items.locked_rows(project.id).ids
    save_flips(store, report.id, [Flip(locked[0], "broken", "holdout", labels[0], labels[0], labels[1])])
    loop.refuse(second, MARKUP, MARKUP)
    return loop


def test_markup_in_every_field_is_shown_as_text_and_never_run(store, clock):
    loop = hostile(store, clock)
    for html, least in ((loop.report_html(newest(loop)), 10), (loop.card_html(), 6)):
        page = whole(html)
        assert page.text.count(MARKUP.replace("  ", " ")) >= least
        assert "<script" not in html
        assert "<img" not in html


def test_a_report_is_written_at_the_verdict_and_again_at_the_decision(trained, clock):
    version = trained.retrain("test")
    report = trained.judge(version)
    path = file_of(trained.store, report)
    assert path.parent.name == "test_reports"
    assert "Nobody has decided yet." in path.read_text()
    clock.now += 60
    trained.refuse(version, "ann", "it rained")
    assert "it rained" in path.read_text()
    assert path.read_text() == trained.report_html(newest(trained)), "the same again from the store"
    assert [each.name for each in path.parent.iterdir() if each.name.startswith(".")] == []
    assert len(list(path.parent.iterdir())) == 2


def test_a_roll_back_writes_its_own_report_and_the_decision_into_it(judged):
    version = judged.retrain("test")
    judged.judge(version)
    judged.promote(version, "ann", "go")
    first = judged.store.versions.all(judged.project.id)[0]
    judged.rollback(first, "ben", "it failed on Mondays")
    text = file_of(judged.store, newest(judged)).read_text()
    assert "it failed on Mondays" in text
    assert "Version 1 of points" in text


def test_a_disk_that_refuses_does_not_undo_a_verdict(trained, caplog):
    folder = file_of(trained.store, newest(trained)).parent
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.write_text("a file where the folder should be")
    version = trained.retrain("test")
    report = trained.judge(version)
    assert trained.store.versions.report_on(version.id) == report
    assert "could not be written" in caplog.text


def test_a_report_that_cannot_replace_the_old_one_leaves_it_whole(trained, monkeypatch):
    report = newest(trained)
    path = file_of(trained.store, report)
    before = path.read_text()

    def broken(self, target):
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "replace", broken)
    assert reports.write(trained.store, report, "half") is None
    assert path.read_text() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_report_and_card(store, clock, tmp_path, theme):
    loop = WORLDS["broken corrections"](store, clock)
    _, report = challenge(loop)
    with browser(tmp_path / "profile") as page:
        page.emulate_media(color_scheme=theme)
        for name, html in (("report", loop.report_html(report)), ("card", loop.card_html())):
            (tmp_path / f"{name}.html").write_text(html)
            page.goto(f"file://{tmp_path / name}.html")
            found = Axe().run(page).response["violations"]
            assert [f"{rule['id']}: {rule['nodes'][0]['html'][:200]}" for rule in found] == []


# -- the model card ------------------------------------------------------------------------------------------------


def test_the_card_says_what_it_is_on_which_rows_and_where_it_comes_from(judged):
    champion = judged.store.versions.champion(judged.project.id)
    page = reader(judged.card_html())
    trained_on = weights(judged.store.versions.lineage(champion.id))
    recall = champion.metrics["holdout"]["per_class"]
    for words in (
        "Model card: points",
        "Champion: version 1",
        "logistic regression for classification",
        "one of 2 labels: a, b",
        *(f"{each.label} {each.rows} {recall[each.label]['n']} 0" for each in trained_on),
        wording.share(champion.metrics["holdout"]["accuracy"]),
        *(wording.share(recall[label]) for label in "ab"),
        "1 of 25 budgeted looks",
        "There is no audit sample",
        champion.sha256,
    ):
        assert words in page.text, words


def test_the_card_without_a_champion_says_what_to_do(loop):
    with pytest.raises(NotFound, match="no champion yet: train the first version"):
        loop.card_html()


def test_the_card_as_json_holds_the_same_facts(judged):
    facts = card_facts(judged.store, judged.project)
    champion = judged.store.versions.champion(judged.project.id)
    assert facts["version"] == 1
    assert facts["metrics"]["holdout"] == champion.metrics["holdout"]
    assert sum(each["rows"] for each in facts["training"]) == champion.n_base
    assert facts["lineage"] == [
        {"version": 1, "sha256": champion.sha256, "finding": "first", "difference": None}
        | {"decided_by": "test", "reason": ""}
    ]


def test_the_lineage_of_a_card_goes_back_to_the_first_version(judged):
    for reason in ("one", "two"):
        version = judged.retrain("test")
        judged.judge(version)
        judged.promote(version, "ann", reason)
    lineage = card_facts(judged.store, judged.project)["lineage"]
    assert [each["version"] for each in lineage] == [4, 3, 1]
    assert [each["reason"] for each in lineage] == ["two", "one", ""]


def score(value, low, high, n):
    return {"value": value, "low": low, "high": high, "n": n}


FINE = {"accuracy": score(0.93, 0.91, 0.95, 700), "per_class": {label: score(0.93, 0.9, 0.96, 350) for label in "ab"}}
NOTHING = score(None, 0.0, 1.0, 0)


def limits_of(trained, holdout=FINE, audit=FINE, learned=("a", "b"), looks=0, report=None, **project):
    champion = replace(
        trained.store.versions.champion(trained.project.id), metrics={"holdout": holdout, "audit": audit}
    )
    return limits(champion, replace(trained.project, **project), report, learned, looks)


def test_a_model_with_much_evidence_has_no_limits_to_tell(trained):
    assert limits_of(trained) == []


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"learned": ("a",)}, "It has never seen 'b' and cannot predict it."),
        ({"learned": ()}, "It has never seen 'a', 'b' and cannot predict them."),
        ({"holdout": {}}, "There is no holdout"),
        ({"holdout": FINE | {"accuracy": score(0.9, 0.8, 0.95, 40)}}, "Only 40 locked rows to measure it on"),
        ({"holdout": FINE | {"accuracy": score(0.8, 0.7, 0.9, 60)}}, "known to within 10 points only"),
        ({"holdout": FINE | {"per_class": {"a": NOTHING}}}, "No locked row is labelled 'a'"),
        ({"holdout": FINE | {"per_class": {"a": score(1.0, 0.8, 1.0, 12)}}}, "Fewer than 20 locked rows are labelled"),
        ({"holdout": FINE | {"per_class": {"a": score(0.6, 0.5, 0.7, 90)}}}, "It is weak on 'a': recall 60.0 % (50.0"),
        ({"audit": {}}, "There is no audit sample"),
        ({"audit": {"accuracy": score(0.8, 0.7, 0.85, 90)}}, "On incoming items it is worse than on the holdout"),
        ({"looks": 3}, "chosen by 3 looks at the locked rows"),
        ({"looks": 25}, "have been looked at 25 times, 25 were budgeted: fresh labels are due"),
        ({"simulated": True}, "The reviewers of this sample project are simulated."),
    ],
)
def test_each_limit_follows_from_a_fact(trained, facts, words):
    found = limits_of(trained, **facts)
    assert len(found) == 1
    assert words in found[0]


def test_a_promotion_against_the_gate_is_told_on_the_card(store, clock):
    loop = WORLDS["broken class"](store, clock)
    version, _ = challenge(loop)
    with pytest.raises(Refused):
        loop.promote(version, "ann")
    loop.promote(version, "ann", "c is going away")
    page = reader(loop.card_html())
    assert "ann promoted it although the gate advised to keep the champion before it: c is going away" in page.text
    assert "It is weak on 'c': recall 0.0 %" in page.text


# -- the same facts for programs -----------------------------------------------------------------------------------


def test_nouns_as_json_hold_numbers_of_versions_and_times_for_machines(judged):
    report, (first, second) = newest(judged), judged.store.versions.all(judged.project.id)
    told = exchange.report(report, second, first)
    assert (told["challenger"], told["champion"], told["challenger_id"]) == (2, 1, second.id)
    assert told["created_at"] == "2023-11-14T22:13:20+00:00"
    assert (told["decision"], told["decided_by"], told["decision_reason"]) == ("refuse", "Zoë", "not now")
    version = exchange.version(first)
    assert "artifact" not in version, "a path of this machine"
    assert version["metrics"] == first.metrics
    assert exchange.accuracies(first) == {"holdout": first.metrics["holdout"]["accuracy"]}
