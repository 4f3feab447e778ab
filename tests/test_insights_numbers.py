"""Every number on Insights beside one computed by hand, in plain Python over plain SQL, from the same store."""

from __future__ import annotations

import json
import math
import os
import re
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from feedback_core.loop import Loop
from feedback_core.reviewers import Reviewer, sit
from feedback_core.store import open_store
from feedback_core.worker import run_next
from tests.conftest import Clock, make_loop, rows

ROOT = Path(__file__).parent.parent
DAY_S = 86_400.0
Z = 1.959963984540054


@dataclass
class World:
    """A database, and what the page shows of it. parts: name of a part of the page -> the page with it open."""

    path: Path
    loop: Loop
    parts: dict[str, AppTest]

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.path) as db:
            return db.execute(statement, values).fetchall()

    def charts(self, part: str) -> dict[str, dict[str, Any]]:
        """Figures of a part by the key they were given."""
        found = {}
        for chart in self.parts[part].get("plotly_chart"):
            key = re.search(r"insights_(\w+)", chart.proto.id or chart.proto.element_id_or_key or "")  # type: ignore[attr-defined]
            found[key.group(1) if key else str(len(found))] = json.loads(chart.proto.spec)
        return found


def opened(part: str, **address: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "pages" / "_frame.py"), default_timeout=120)
    app.query_params["view"] = part
    for name, value in address.items():
        app.query_params[name] = value
    app.switch_page("insights.py").run()
    assert not app.exception
    return app


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Three versions over a week: base, one promoted, one refused; three reviewers, audit, blind and known answers."""
    path = tmp_path_factory.mktemp("numbers") / "world.db"
    clock, rng = Clock(time.time() - 9 * DAY_S), np.random.default_rng(3)
    loop = make_loop(
        open_store(f"sqlite:///{path}"), clock, audit_share=0.3, blind_share=0.3, gold_share=0.1, holdout_share=0.6
    )
    base, truth = rows(260, noise=0.8)
    pool, more = rows(240, seed=1, noise=0.8)
    loop.add_items(base, "test")
    loop.add_items(type(pool)(pool.inputs, pool.keys, [None] * len(pool.inputs)), "test")
    known = truth | more

    def tick(seconds: float) -> None:
        clock.now += seconds

    def settled(promote: bool) -> None:
        version = loop.retrain("test")
        loop.judge(version)
        clock.now += 60
        loop.promote(version, "test", "because") if promote else loop.refuse(version, "test", "because")

    settled(True)
    loop.predict()
    for people in (("ana", "ben"), ("ana", "chi"), ("ben", "chi")):
        clock.now += 1.5 * DAY_S
        for name in people:
            sat = sit(loop, Reviewer(name, 0.9, 8.0, 0.1), known, 24, rng, tick)
            loop.undo(sat.entries[3], name)
        if people == ("ana", "chi"):
            settled(True)
            loop.predict()
    settled(False)
    for kind in ("forecast", "credit"):
        loop.request_study(kind, "test")
        while run_next(loop.store, "test"):
            pass
    os.environ["FEEDBACK_DATABASE"], before = f"sqlite:///{path}", os.environ.get("FEEDBACK_DATABASE")
    os.environ.setdefault("USER", "ana")
    yield World(path, loop, {part: opened(part) for part in ("progress", "mistakes", "feedback", "outlook")})
    os.environ.pop("FEEDBACK_DATABASE")
    if before is not None:
        os.environ["FEEDBACK_DATABASE"] = before


# -- by hand -------------------------------------------------------------------------------------------------------


def wilson(right: float, n: float) -> tuple[float, float, float]:
    """A share with the two shares p for which it lies Z standard errors away: (share - p)^2 = Z^2 p (1 - p) / n."""
    share = right / n
    low, high = sorted(np.roots([1 + Z * Z / n, -2 * share - Z * Z / n, share * share]).real)
    return share, max(low, 0.0), min(high, 1.0)


def judged(world: World, number: int, audit: int) -> list[tuple[int, str, str, float]]:
    """(item, truth, prediction, confidence) of the locked rows a version was judged on, from its stored predictions."""
    return world.sql(
        """select i.id, coalesce(i.label, i.base_label), p.label, p.confidence from items i
        join versions v on v.number = ? join predictions p on p.item_id = i.id and p.version_id = v.id
        where i.audit = ? and (i.split = 'holdout' or i.audit = 1) and coalesce(i.label, i.base_label) is not null
          and (i.split = 'holdout' or v.created_at >= (
              select min(f.created_at) from feedback f where f.item_id = i.id
                  and f.target is not null and f.state = 'accepted'))""",
        number,
        audit,
    )


def right(rows_: list[tuple[int, str, str, float]]) -> int:
    return sum(truth == said for _, truth, said, _ in rows_)


def texts(app: AppTest) -> str:
    kinds = (app.header, app.subheader, app.caption, app.markdown)
    return "\n".join(str(each.value) for kind in kinds for each in kind).replace("\\", "")


def test_the_verdict_is_the_paired_difference_on_all_locked_rows(world: World) -> None:
    new, old = ({row[0]: row for audit in (0, 1) for row in judged(world, n, audit)} for n in (2, 1))
    # The first version said nothing about audit rows when it was judged; the second look compares both on all of them.
    said = dict(world.sql("select item_id, label from predictions where version_id = 1"))
    assert old.keys() <= new.keys()
    fixed = sum(row[2] == row[1] != said[item] for item, row in new.items())
    broken = sum(said[item] == row[1] != row[2] for item, row in new.items())
    n = len(new)
    difference = (fixed - broken) / n
    half = Z * math.sqrt((fixed + broken) - (fixed - broken) ** 2 / n) / n
    shown = world.parts["progress"].header[0].value
    assert f"{100 * difference:+.1f} points" in shown
    assert f"({100 * (difference - half):+.1f} to {100 * (difference + half):+.1f}, n = {n})" in shown
    assert f"v2 fixed {fixed} and broke {broken}" in texts(world.parts["progress"])


def test_accuracy_across_versions(world: World) -> None:
    (figure,) = world.charts("progress").values()
    drawn = {trace["name"].split()[0]: trace for trace in figure["data"]}
    for name, audit in (("Holdout", 0), ("Audit", 1)):
        counts = [(right(found), len(found)) for n in (1, 2, 3) if (found := judged(world, n, audit))]
        expected = [wilson(*count) for count in counts]
        trace = drawn[name]
        assert trace["y"] == pytest.approx([share for share, _, _ in expected])
        assert trace["error_y"]["array"] == pytest.approx([high - share for share, _, high in expected])
        assert trace["error_y"]["arrayminus"] == pytest.approx([share - low for share, low, _ in expected])
        assert all(f" on {n:,} " in text for text, (_, n) in zip(trace["text"], counts, strict=True))
    assert drawn["Holdout"]["marker"]["symbol"] == ["circle", "circle", "circle-open"]


def test_the_accuracies_on_top(world: World) -> None:
    shown = {metric.label: (metric.value, metric.delta) for metric in world.parts["progress"].metric}
    (promoted,) = world.sql("select promoted_at from versions where status = 'champion'")[0]
    asked = world.sql(
        """select distinct i.label, i.predicted from draws d join items i on i.id = d.item_id
        where d.audit = 1 and d.created_at >= ? and i.state = 'labelled' and i.audit = 1""",
        promoted,
    )
    assert asked
    answered = world.sql(
        """select i.id, i.label, i.predicted from items i where i.audit = 1 and i.state = 'labelled'
        and exists (select 1 from draws d where d.item_id = i.id and d.audit = 1 and d.created_at >= ?)""",
        promoted,
    )
    for title, count in {
        "Holdout": (right(judged(world, 2, 0)), len(judged(world, 2, 0))),
        "Audit sample when judged": (right(judged(world, 2, 1)), len(judged(world, 2, 1))),
        "Audit sample since promotion": (sum(a == b for _, a, b in answered), len(answered)),
    }.items():
        share, low, high = wilson(*count)
        assert shown[title] == (f"{share:.1%}", f"{low:.1%} to {high:.1%}, n = {count[1]:,}"), title


def test_the_estimate_over_all_items_is_raj_over_the_uniform_draws(world: World) -> None:
    """Each uniform draw estimates: known rows before it for themselves, itself for all that were still out."""
    promoted, upto = world.sql("select promoted_at, feedback_upto from versions where status = 'champion'")[0]
    told = world.sql(
        """select f.item_id, min(f.id), d.created_at, d.id, d.strategy, i.state, i.label, i.predicted
        from feedback f join draws d on d.id = f.draw_id join items i on i.id = f.item_id
        where f.id > ? and f.state = 'accepted' and f.verdict <> 'undo' and i.split = 'pool' and i.state = 'labelled'
          and f.verdict in ('confirm', 'correct') and d.created_at >= ?
          and not exists (select 1 from feedback o where o.item_id = f.item_id and o.id <= ? and o.target is not null)
        group by f.item_id order by d.created_at, d.id""",
        upto,
        promoted,
        upto,
    )
    waiting = world.sql(
        "select count(*) from items where split = 'pool' and state <> 'labelled' and confidence is not null"
    )[0][0]
    n, estimates = len(told) + waiting, []
    for out, row in enumerate(told):
        if row[4] in ("audit", "random"):
            before = sum(r[6] == r[7] for r in told[:out])
            left = n - out
            estimates.append(((before + left * (row[6] == row[7])) / n, 1 / (left * (left - 1))))
    mean = sum(value * weight for value, weight in estimates) / sum(weight for _, weight in estimates)
    shown = {metric.label: metric.value for metric in world.parts["progress"].metric}
    assert shown["All items since promotion"] == f"{mean:.1%}"


def test_confusion_and_what_changed_since_the_champion_before(world: World) -> None:
    figure = world.charts("mistakes")["confusion"]
    counts = Counter((truth, said) for _, truth, said, _ in judged(world, 2, 0))
    before = Counter((truth, said) for _, truth, said, _ in judged(world, 1, 0))
    (points,) = (trace for trace in figure["data"] if trace["type"] == "scatter")
    for (truth, said), text in zip(points["customdata"], points["text"], strict=True):
        change = counts[truth, said] - before[truth, said]
        numbers = re.findall(r"[+−]?\d+", re.sub(r"<span[^>]*>|<[^>]*>", " ", text))
        expected = [str(counts[truth, said])] + ([f"{change:+d}".replace("-", "−")] if change else [])
        assert numbers == (expected if counts[truth, said] or change else []), (truth, said)
    wrong = {pair: n for pair, n in counts.items() if pair[0] != pair[1]}
    (truth, said), most = min(wrong.items(), key=lambda item: (-item[1], item[0]))
    of_truth = sum(n for (label, _), n in counts.items() if label == truth)
    title = world.parts["mistakes"].subheader[0].value.replace("\\", "")
    assert title == f"{truth} is most often taken for {said}: {most} rows, {most / of_truth:.0%} of all {truth}"


def test_the_rows_behind_a_cell_are_those_of_the_cell(world: World) -> None:
    app = world.parts["mistakes"]
    truth, said = app.selectbox(key="insights_cell").value
    expected = [row for row in judged(world, 2, 0) if row[1:3] == (truth, said)]
    shown = next(frame.value for frame in app.dataframe if "Confidence" in frame.value.columns)
    assert sorted(shown["Confidence"]) == pytest.approx(sorted(row[3] for row in expected))


def test_recall_by_class(world: World) -> None:
    figure = world.charts("mistakes")["recall"]
    bars, before = figure["data"]
    for number, trace in ((2, bars), (1, before)):
        of_class = defaultdict(list)
        for _, truth, said, _ in judged(world, number, 0):
            of_class[truth].append(truth == said)
        expected = {label: wilson(sum(found), len(found)) for label, found in of_class.items()}
        labels = bars["customdata"]
        assert trace["x"] == pytest.approx([expected[label][0] for label in labels])
        assert [name.split("n = ")[1] for name in bars["y"]] == [f"{len(of_class[label])})" for label in labels]
        if number == 2:
            assert bars["error_x"]["array"] == pytest.approx([expected[n][2] - expected[n][0] for n in labels])


def test_calibration(world: World) -> None:
    app = world.parts["mistakes"]
    points = world.charts("mistakes")["calibration"]["data"][1]
    found = sorted((confidence, truth == said) for _, truth, said, confidence in judged(world, 2, 0))
    n, gap, seen = len(found), 0.0, 0
    bins = next(frame.value for frame in app.dataframe if "confidence" in frame.value.columns)
    for place, low, high in zip(range(len(bins)), bins["from"], bins["to"], strict=True):
        inside = [row for row in found if low - 1e-6 <= row[0] <= high + 1e-6]
        seen += len(inside)
        said, share = sum(c for c, _ in inside) / len(inside), wilson(sum(ok for _, ok in inside), len(inside))
        assert (points["x"][place], points["y"][place]) == pytest.approx((said, share[0]), abs=1e-5)
        assert points["error_y"]["arrayminus"][place] == pytest.approx(share[0] - share[1])
        gap += abs(said - share[0]) * len(inside)
    assert seen == n
    assert f"Expected calibration error {100 * gap / n:.1f} points on {n:,} rows" in texts(app)


def midnight() -> float:
    """When today began, in UTC."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def entries(world: World, first: float = 0.0) -> list[tuple[Any, ...]]:
    """Entries about pool items: (verdict, reviewer, state, time, strategy, blind, predicted, audit)."""
    return world.sql(
        """select f.verdict, f.reviewer, f.state, f.created_at, d.strategy, d.blind, f.predicted, i.audit
        from feedback f join items i on i.id = f.item_id left join draws d on d.id = f.draw_id
        where i.split = 'pool' and f.created_at >= ?""",
        first,
    )


@pytest.mark.parametrize("days", [None, 7])
def test_volume_and_reviewers_of_a_time(world: World, days: int | None) -> None:
    app, first = world.parts["feedback"], 0.0
    while days is not None:
        first = midnight() - (days - 1) * DAY_S
        app = opened("feedback", period=str(days))
        if first == midnight() - (days - 1) * DAY_S:
            break  # else a new day has begun while the page was drawn
    said = entries(world, first)
    assert days is None or len(said) < len(entries(world))
    figure = next(json.loads(chart.proto.spec) for chart in app.get("plotly_chart"))
    names = {"Corrected": "correct", "Confirmed": "confirm", "Skipped": "skip", "Flagged": "flag", "Undone": "undo"}
    drawn = {
        (day, names[trace["name"]]): n
        for trace in figure["data"]
        for day, n in zip(trace["x"], trace["y"], strict=True)
    }
    days_ = Counter((datetime.fromtimestamp(row[3], UTC).date().isoformat(), row[0]) for row in said)
    assert drawn == dict(days_)
    undone = sum(row[0] == "undo" for row in said)
    corrections = sum(row[0] == "correct" for row in said)
    title = app.subheader[0].value.replace("\\", "")
    assert title.startswith(
        f"{len(said) - undone} entries given, {corrections} of them corrections; {undone} were taken back"
    )
    people = next(frame.value for frame in app.dataframe if "decided" in frame.value.columns)
    for _, person in people.iterrows():
        stand = [row for row in said if row[1] == person["reviewer"] and row[2] == "accepted" and row[0] != "undo"]
        decided = [row for row in stand if row[0] in ("confirm", "correct")]
        assert person["decided"] == len(decided)
        assert person["skipped"] == len(stand) - len(decided)
        assert person["corrected"] == pytest.approx(100 * sum(r[0] == "correct" for r in decided) / len(decided))
        asked = world.sql(
            """select f.target = i.base_label from feedback f join items i on i.id = f.item_id where i.split <> 'pool'
            and f.state = 'accepted' and f.target is not null and f.reviewer = ? and f.created_at >= ?""",
            person["reviewer"],
            first,
        )
        if asked:
            share, low, high = wilson(sum(ok for (ok,) in asked), len(asked))
            text = f"{share:.0%} ({100 * low:.0f} to {100 * high:.0f}), n = {len(asked)}"
            assert person["known"] == text
        else:
            assert person["known"] is None


def test_what_the_queue_found_and_the_pull(world: World) -> None:
    stand = [
        row
        for row in entries(world)
        if row[2] == "accepted" and row[0] != "undo" and row[6] is not None and row[4] is not None
        and not (row[4] == "priority" and row[7])
    ]  # fmt: skip
    figure = world.charts("feedback")["queue"]["data"][0]
    for name, strategies in (("priority", ("priority",)), ("random", ("audit", "random"))):
        own = [row for row in stand if row[4] in strategies]
        share, low, high = wilson(sum(row[0] == "correct" for row in own), len(own))
        place = figure["y"].index(name)
        assert figure["x"][place] == pytest.approx(100 * share)
        assert figure["error_x"]["array"][place] == pytest.approx(100 * (high - share))
        assert figure["error_x"]["arrayminus"][place] == pytest.approx(100 * (share - low))
    shown = {metric.label: (metric.value, metric.delta) for metric in world.parts["feedback"].metric}
    answered = [row for row in stand if row[4] == "priority" and row[0] in ("confirm", "correct")]
    for title, blind in (("Agreed, prediction shown", 0), ("Agreed, prediction hidden", 1)):
        own = [row for row in answered if row[5] == blind]
        share, low, high = wilson(sum(row[0] == "confirm" for row in own), len(own))
        assert shown[title] == (f"{share:.0%}", f"{low:.0%} to {high:.0%}, n = {len(own)}")


def test_the_priorities_and_their_parts(world: World) -> None:
    """Of the last scoring: the champion's, whose parts are stored with its predictions."""
    traces = world.charts("outlook")["priorities"]["data"]
    (names,) = world.sql(
        "select part_names from prediction_runs r join versions v on v.id = r.version_id and v.status = 'champion'"
    )[0]
    scored = world.sql(
        """select p.priority, p.parts
        from predictions p join versions v on v.id = p.version_id and v.status = 'champion'
        join items i on i.id = p.item_id where i.split = 'pool' and p.priority is not null
          and not exists (select 1 from feedback f join draws d on d.id = f.draw_id where f.item_id = i.id
                          and f.state = 'accepted' and f.target is not null
                          and f.created_at < (select created_at from prediction_runs r where r.version_id = v.id))"""
    )
    bars = len(traces[0]["x"])
    counts = Counter(min(bars - 1, int(priority * bars)) for priority, _ in scored)
    drawn = [sum(trace["y"][n] for trace in traces) for n in range(bars)]
    assert drawn == pytest.approx([counts[n] for n in range(bars)])
    for k, name in enumerate(json.loads(names)):
        (trace,) = (t for t in traces if t["name"] == name.replace("_", " "))
        for n in range(bars):
            own = [np.frombuffer(parts, "<f4")[k] for p, parts in scored if min(bars - 1, int(p * bars)) == n]
            if own:
                assert trace["customdata"][n][1] == pytest.approx(float(np.mean(own)), abs=1e-5)


def test_forecast_and_credit_are_the_stored_studies_in_points(world: World) -> None:
    bodies = {kind: json.loads(body) for kind, body in world.sql("select kind, body from studies order by id")}
    ahead = world.charts("outlook")["forecast"]["data"][-1]
    now = bodies["forecast"]["curve"][-1]["accuracy"]["value"]
    expected = [now] + [min(1.0, now + gain["value"]) for gain in bodies["forecast"]["gains"]]
    assert ahead["y"] == pytest.approx(expected)
    table = next(f.value for f in world.parts["feedback"].dataframe if "points" in f.value.columns)
    assert table["points"].tolist() == pytest.approx(
        [100 * row["gain"]["value"] for row in bodies["credit"]["credits"]]
    )
    drawn = world.charts("feedback")["credit"]["data"][0]
    assert sorted(drawn["x"]) == pytest.approx(sorted(table["points"])[-len(drawn["x"]) :])
