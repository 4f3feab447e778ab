"""What an address asks of Insights, what its titles claim, and the reads behind the rows of a number."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database
from streamlit.testing.v1 import AppTest

from feedback_core import charts, headlines, insights, scope, version_scores
from feedback_core.loop import Loop
from feedback_core.scope import Period, Scope
from feedback_core.store import open_store
from feedback_core.store.migrations import migrations
from feedback_core.types import Decision, Flip, GateReport, Interval
from tests.conftest import save_flips

ROOT = Path(__file__).parent.parent
TODAY = date(2026, 3, 10)

# -- the address ---------------------------------------------------------------------------------------------------


def test_an_address_is_read_as_days_and_versions() -> None:
    address = {"period": "7", "versions": "2-9", "version": "3", "sample": "audit", "view": "mistakes", "project": "x"}
    wanted, complaints = scope.read(address, [1, 2, 3, 4], TODAY)
    assert wanted == Scope(Period(date(2026, 3, 4), TODAY, 7), (2, 4), 3, "audit")
    assert complaints == ()
    between, _ = scope.read({"from": "2026-01-31", "to": "2026-02-05"}, [], TODAY)
    assert between.period == Period(date(2026, 1, 31), date(2026, 2, 5))
    assert between.period.words == "31 Jan 2026 to 5 Feb 2026"


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("period", "12", "7, 30, 90"),
        ("from", "yesterday", "2026-01-31"),
        ("versions", "9-3", "all are shown"),
        ("versions", "70-80", "all are shown"),
        ("version", "99", "champion is shown"),
        ("sample", "mine", "holdout is shown"),
    ],
)
def test_what_an_address_cannot_mean_is_said_and_left_aside(name: str, value: str, word: str) -> None:
    wanted, (complaint,) = scope.read({name: value}, [1, 2, 3], TODAY)
    assert wanted == Scope()
    assert f"{name}={value}" in complaint
    assert word in complaint


@given(st.dictionaries(st.sampled_from(scope.KEYS), st.text(max_size=12)))
def test_no_address_raises(address: dict[str, str]) -> None:
    scope.read(address, [1, 2, 3], TODAY)


@given(
    st.one_of(
        st.just(Period()),
        st.sampled_from(scope.PERIODS).map(lambda days: scope.last_days(days, TODAY)),
        st.integers(0, 900).map(lambda n: Period(TODAY - timedelta(days=n), TODAY)),
    ),
    st.one_of(st.none(), st.tuples(st.integers(1, 4), st.integers(5, 9))),
    st.one_of(st.none(), st.integers(1, 9)),
    st.sampled_from(scope.SAMPLES),
)
def test_a_written_scope_is_read_back(period: Period, versions, version: int | None, sample) -> None:
    wanted = Scope(period, versions, version, sample)
    assert scope.read(scope.written(wanted), list(range(1, 10)), TODAY) == (wanted, ())


# -- titles --------------------------------------------------------------------------------------------------------


def report(finding: str, low: float, high: float) -> GateReport:
    difference = {"value": (low + high) / 2, "low": low, "high": high, "n": 400}
    numbers = {"difference": difference, "n": 400, "gained": 12, "lost": 4, "looks": 3, "looks_budget": 25}
    return GateReport(1, 5, 4, finding, "hold", (), numbers, "balanced", None, None, None, 0.0, None)  # type: ignore[arg-type]


def test_the_verdict_says_no_more_than_the_report() -> None:
    better = headlines.verdict(5, 4, report("better", 0.006, 0.032))
    assert better == "v5 is better than v4: +1.9 points (+0.6 to +3.2, n = 400)"
    assert "not measurably different from v4" in headlines.verdict(
        5, 4, report("not measurably different", -0.01, 0.03)
    )
    assert "lower than v4, within noise" in headlines.verdict(5, 4, report("worse within noise", -0.03, 0.01))
    assert headlines.verdict(5, 4, None) == "v5 has not been judged yet"
    text = headlines.evidence(5, 4, report("better", 0.006, 0.032))
    assert (
        text
        == "On the same 400 locked rows v5 fixed 12 and broke 4 of v4's answers. This was look 3 of 25 at these rows."
    )


def test_a_gain_that_only_its_own_look_would_claim_is_explained() -> None:
    probable = report("not measurably different", 0.013, 0.066)
    probable.numbers.update(p=0.0026, alpha=0.002)
    assert headlines.evidence(5, 2, probable).endswith(
        " The interval, which holds for one look alone, lies above 0; but of 25 looks each may be wrong in "
        "0.2 % of cases only, and this gain can come by chance in 0.26 %."
    )
    assert "chance" not in headlines.evidence(5, 2, report("not measurably different", -0.01, 0.03))


def history(*holdouts: tuple[float, float | None]) -> dict[str, list[object]]:
    """One version per (accuracy, holdout since), each on 1,000 rows."""
    n = len(holdouts)
    return {
        "version": list(range(1, n + 1)),
        "sample": ["holdout"] * n,
        "accuracy": [share for share, _ in holdouts],
        "low": [share - 0.02 for share, _ in holdouts],
        "high": [share + 0.02 for share, _ in holdouts],
        "n": [1_000] * n,
        "status": ["retired"] * (n - 1) + ["champion"],
        "finding": ["first"] + ["better"] * (n - 1),
        "feedback": [0] * n,
        "base": [50] * n,
        "estimator": ["logistic_regression"] * n,
        "created_at": [0.0] * n,
        "holdout since": [since for _, since in holdouts],
    }


def test_a_rise_is_claimed_only_where_its_interval_excludes_none() -> None:
    assert headlines.accuracy(history((0.8, None), (0.81, None)), 2).endswith("no clear change since v1")
    assert "+10.0 points (+7.2 to +12.8, n = 1,000) since v1" in headlines.accuracy(
        history((0.8, None), (0.9, None)), 2
    )


def test_versions_on_both_sides_of_a_new_holdout_are_not_compared() -> None:
    rows = history((0.7, None), (0.9, 5.0), (0.95, 5.0))
    assert headlines.accuracy(rows, 3).endswith("since v2")
    assert headlines.accuracy(rows, 2) == "v2 gets 90.0% of the holdout right"
    figure = charts.accuracy(rows)
    assert list(figure.data[0].y) == [0.7, None, 0.9, 0.95]
    assert [note.text for note in figure.layout.annotations] == ["new holdout"]


def test_the_lowest_of_many_classes_is_named_only_beyond_chance() -> None:
    def recall(*found: float) -> dict[str, list[object]]:
        labels = [f"c{n}" for n in range(len(found))]
        ends = {"low": [0.5] * len(found), "high": [1.0] * len(found), "before": [None] * len(found)}
        return {"label": labels, "found": list(found), "n": [50] * len(found), **ends}

    assert headlines.recall(recall(0.86, *[0.92] * 9)).startswith("No class is clearly found less often")
    assert headlines.recall(recall(0.5, *[0.92] * 9)).startswith("c0 is found least often: 50%")


def test_confidence_is_called_too_high_or_too_low_only_outside_the_interval() -> None:
    def bins(said: float, right: float) -> dict[str, list[float]]:
        return {"confidence": [said], "accuracy": [right], "n": [400]}

    assert "about as sure as it is right" in headlines.calibration(bins(0.92, 0.9), 3)
    assert "too sure of itself: says 97%, is right 90%" in headlines.calibration(bins(0.97, 0.9), 3)
    assert "right more often than it says" in headlines.calibration(bins(0.7, 0.9), 3)


def test_a_reviewer_is_named_only_where_known_answers_say_so() -> None:
    def people(*right: int) -> dict[str, list[object]]:
        known = [Interval(n / 40, 0.0, 1.0, 40) for n in right]
        return {"reviewer": [f"r{n}" for n in range(len(right))], "decided": [50] * len(right), "known": known}

    assert headlines.reviewers(people(37, 38, 39)) == "3 reviewers, 150 labels that stand"
    assert "r0 gets 25% of known answers right" in headlines.reviewers(people(10, 38, 39))


# -- reads ---------------------------------------------------------------------------------------------------------


def test_long_stretches_are_drawn_by_week() -> None:
    volume = {"day": ["2025-12-31", "2026-01-01", "2026-09-01"], "verdict": ["confirm"] * 3, "entries": [2, 3, 4]}
    assert insights.by_week(volume) == {
        "day": ["2025-12-29", "2026-08-31"],
        "verdict": ["confirm", "confirm"],
        "entries": [5, 4],
        "per": ["week", "week"],
    }
    assert insights.by_week(volume, longest=1_000)["day"] == volume["day"]


def test_flips_are_moves_from_cell_to_cell(trained: Loop) -> None:
    found = trained.store.versions.report_on(1)
    flips = [
        Flip(1, "fixed", "holdout", "a", "b", "a"),
        Flip(2, "fixed", "holdout", "a", "b", "a"),
        Flip(3, "broken", "holdout", "a", "a", "b"),
        Flip(4, "fixed", "audit", "b", "a", "b"),
    ]
    save_flips(trained.store, found.id, flips)
    assert trained.store.flips.cells(found.id, "holdout") == {("a", "a"): 1, ("a", "b"): -1}
    assert trained.store.flips.cells(found.id, "audit") == {("b", "b"): 1, ("b", "a"): -1}


def test_the_matrix_keeps_the_classes_with_the_most_mistakes(trained: Loop) -> None:
    version = trained.store.versions.champion(trained.project.id)
    cells = version_scores.matrix(version, "holdout", ("a", "b"), None, 1)
    assert (len(cells["truth"]), cells["change"]) == (1, [None])
    every = version_scores.matrix(version, "holdout", ("a", "b"), {("a", "b"): -2}, 12)
    assert sum(every["rows"]) == 102
    assert every["change"][[*zip(every["truth"], every["said"], strict=True)].index(("a", "b"))] == -2


def test_counts_by_day_of_entries_given_before_they_were_kept(trained: Loop, url: str, clock) -> None:
    """The migration fills them from the entries themselves."""
    ids = next(trained.store.items.pool_chunks(trained.project.id))[0][:6]
    for n, item_id in enumerate(ids):
        clock.now += 40_000
        version = trained.store.items.get(item_id).version_id
        trained.record(Decision(item_id, "ana/x", "skip" if n == 5 else "correct", None if n == 5 else "a", version))
    trained.undo(trained.store.feedback.latest(trained.project.id, 1)[0].id, "ana/x")
    kept = trained.store.tallies.of(trained.project.id, "reviewer day")
    db = Database(url.removeprefix("sqlite:///"))
    db.execute("delete from tallies where kind in ('reviewer day', 'gold day')")
    db.execute("delete from _sqlite_migrations where name = '0013_insights'")
    for index in ("feedback_drawn", "items_holdout_label", "items_audit_label"):
        db.execute(f"drop index {index}")
    db.conn.commit()
    assert migrations
    again = open_store(url).tallies.of(trained.project.id, "reviewer day")
    assert again == {name: n for name, n in kept.items() if n}
    assert sum(again.values()) == 5


# -- the page ------------------------------------------------------------------------------------------------------


@pytest.fixture
def page(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FEEDBACK_DATABASE", url)
    monkeypatch.setenv("USER", "ana")

    def open_page(**address: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "pages" / "_frame.py"), default_timeout=60)
        for name, value in address.items():
            app.query_params[name] = value
        app.switch_page("insights.py").run()
        assert not app.exception
        return app

    return open_page


def test_an_address_that_means_nothing_is_said_on_the_page(page, trained: Loop) -> None:
    app = page(view="nowhere", version="99")
    assert app.warning[0].value.count("=") == 2
    assert app.segmented_control(key="insights_view").value == "progress"


def test_a_choice_is_written_into_the_address_and_the_usual_is_left_out(page, trained: Loop) -> None:
    app = page()
    app.segmented_control(key="insights_view").set_value("feedback").run()
    app.segmented_control(key="insights_period").set_value("30").run()
    assert (app.query_params["view"], app.query_params["period"]) == ("feedback", "30")
    app.segmented_control(key="insights_period").set_value("all").run()
    assert "period" not in app.query_params
    assert not app.exception


def test_a_way_on_opens_predictions_with_its_filters(page, trained: Loop) -> None:
    app = page(view="mistakes")
    button = next(button for button in app.button if button.label.startswith("Open items predicted"))
    label = button.label.rsplit(" ", 1)[1]
    button.click().run()
    assert not app.exception
    assert app.title[0].value == "Predictions"
    assert app.selectbox(key="items_predicted").value == label
    shown = next(frame.value for frame in app.dataframe)
    assert len(shown) == sum(
        item.predicted == label for chunk in trained.store.items.export(trained.project.id) for item in chunk
    )


def test_every_figure_has_its_camera_and_every_table_its_download(page, trained: Loop) -> None:
    for part in ("progress", "mistakes", "outlook"):
        app = page(view=part)
        figures = app.get("plotly_chart")
        assert figures
        for figure in figures:
            config = figure.proto.config
            assert '"scale": 2' in config
            assert '"displayModeBar": true' in config
            assert '"filename": "insights-' in config
        assert len(app.get("download_button")) == len(figures)
