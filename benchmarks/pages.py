"""How long does the server work for a page, and for the queries behind it? CPU ms at ten thousand and a million items.

A page is built in a fresh process that has built an empty page before, so imports are not counted: the first run is
cold, the median of the later ones warm. `key [choice]` is a page after a choice among its filters. Streamlit ends each
run with a garbage collection on top: `collection_ms`, among the baselines when nothing is kept out of it.

Insights is also measured on a project that was used for a year (as many entries as items, 50 versions, at a million of
each): the slowest of its parts, and the most bytes of one run (serialized messages to the browser, before compression).
"""

from __future__ import annotations

import gc
import logging
import multiprocessing as mp
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from random import randrange
from typing import Any

import pandas as pd
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.testing.v1 import AppTest

from benchmarks._lived_in import build_lived_in
from benchmarks._report import Value, cpu, report
from benchmarks._world import LABELS, RARE, WORDS, arguments, build
from feedback_core import insights
from feedback_core.loop import Loop
from feedback_core.store import open_store
from feedback_core.store.finding import SORTS
from feedback_core.types import Cursor, Decision, FeatureFilter, ItemFilter, Wish
from pages._between_runs import spare_imports

FRAME = Path(__file__).parent.parent / "pages" / "_frame.py"
PAGES = ("overview", "review", "feedback", "retrain", "predictions", "map", "insights", "setup")
CHOICES: dict[str, dict[str, Any]] = {
    "least confident": {"items_sort": "confidence"},
    "newest, one class": {"items_sort": "newest", "items_predicted": LABELS[0]},
    "below 50 %": {"items_confidence": 50},
    "one class, below 50 %, newest": {"items_sort": "newest", "items_predicted": LABELS[0], "items_confidence": 50},
    "common word": {"items_search": WORDS[0]},
    "reviewed": {"items_state": "labelled"},
    "the model is wrong": {"items_marks": ["wrong"]},
}
EVERY_STATE = ("open", "labelled", "conflict", "flagged", "base")
FILTERS = {
    "open": ItemFilter(),
    "reviewed": ItemFilter(("labelled",)),
    "every state": ItemFilter(EVERY_STATE),
    "one class": ItemFilter(predicted=LABELS[0]),
    "no such class": ItemFilter(predicted="nowhere"),
    "below 50 %": ItemFilter(max_confidence=0.5),
    "below 30 %": ItemFilter(max_confidence=0.3),
    "below 95 %, reviewed": ItemFilter(("labelled",), max_confidence=0.95),
    "one class, below 50 %": ItemFilter(predicted=LABELS[0], max_confidence=0.5),
    "one class, below 50 %, every state": ItemFilter(EVERY_STATE, LABELS[0], 0.5),
    "key": ItemFilter(search="00a"),
    "rare word": ItemFilter(search=RARE),
    "rare word, every state": ItemFilter(EVERY_STATE, search=RARE),
    "word in a tenth": ItemFilter(search=WORDS[0]),
    "the model is wrong": ItemFilter(("labelled",), wrong=True),
    "a number between bounds": ItemFilter(features=(FeatureFilter(0, 0.5, 1.0),)),
    "a number nobody has": ItemFilter(features=(FeatureFilter(0, 50.0),)),
    "two such words": ItemFilter(search=f"{WORDS[0]} {WORDS[1]}"),
}
PARTS = ("progress", "mistakes", "feedback", "outlook")
VERSIONS, QUICK_VERSIONS = 50, 8
ROWS = (10_000, 1_000_000)
QUICK_ROWS = (10_000, 30_000)
RUNS = 5
PAGE = 100

Times = dict[str, float]


# -- pages ---------------------------------------------------------------------------------------------------------


def built(name: str, choice: dict[str, Any]) -> tuple[float, float]:
    """CPU ms of the first run of a page, and the median of the later ones; after a choice all runs are later ones."""
    app = AppTest.from_file(str(FRAME), default_timeout=300)
    if name != "overview":
        app.switch_page(f"{name}.py")
    cold = page_ms(app)
    widgets = {
        widget.key: widget for widget in (*app.get("button_group"), *app.selectbox, *app.slider, *app.text_input)
    }
    for key, value in choice.items():
        widgets[key].set_value(value)
    return cold, statistics.median(page_ms(app) for _ in range(RUNS))


def collection(spared: bool) -> float:
    """CPU ms of the garbage collection after a run. spared: what is imported is kept out of it."""
    if not spared:
        gc.unfreeze()
    built("overview", {})
    return best(lambda: gc.collect(2))


def page_ms(app: AppTest) -> float:
    """CPU ms of one run. Raises RuntimeError when the page shows an exception."""
    with cpu() as timer:
        app.run()
    if app.exception:
        raise RuntimeError(app.exception[0].value)
    return 1000 * timer.seconds


def pages(url: str, names: tuple[str, ...] = PAGES) -> Iterator[tuple[str, float, float]]:
    """Name, cold and warm CPU ms of each page, and of the predictions after each choice."""
    for name in names:
        yield name, *apart(url, built, name, {})
    for choice, values in CHOICES.items():
        yield f"predictions [{choice}]", *apart(url, built, "predictions", values)


def part_of_insights(part: str) -> tuple[float, float, float]:
    """Cold and warm CPU ms of one part of Insights, and the bytes that its first run sends."""
    sent = []
    enqueue = ForwardMsgQueue.enqueue

    def counting(queue: ForwardMsgQueue, message: Any) -> None:
        sent.append(message.ByteSize())
        enqueue(queue, message)

    ForwardMsgQueue.enqueue = counting  # type: ignore[method-assign]
    app = AppTest.from_file(str(FRAME), default_timeout=300)
    app.query_params["view"] = part
    app.switch_page("insights.py")
    cold, total = page_ms(app), sum(sent)
    return cold, statistics.median(page_ms(app) for _ in range(RUNS)), total


def lived_in(folder: Path, size: int, versions: int) -> tuple[Times, dict[str, dict[str, Value]]]:
    """The highest figures of Insights on a project that was used for a year, and those of each part."""
    sys.stderr.write(f"{size:,} entries, {versions} versions\n")
    url, _ = apart("", build_lived_in, folder, size, versions)
    found = {part: apart(url, part_of_insights, part) for part in PARTS}
    names = ("cold_ms", "warm_ms", "bytes")
    table = {
        f"insights, {part}": {name: round(number, 1) for name, number in zip(names, numbers, strict=True)}
        for part, numbers in found.items()
    }
    highest = {f"insights_{name}": max(numbers[n] for numbers in found.values()) for n, name in enumerate(names)}
    return highest, table


def apart(url: str, work: Callable[..., Any], *arguments: Any) -> Any:
    """Do it in a process of its own, forked while nothing is open, and give its answer."""
    os.environ["FEEDBACK_DATABASE"] = url
    os.environ.setdefault("USER", "bench")  # without a name a page shows only the field for it
    context = mp.get_context("fork")
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=lambda: send.send(work(*arguments)))
    process.start()
    send.close()
    answer = receive.recv()
    process.join()
    return answer


# -- queries -------------------------------------------------------------------------------------------------------


def queries(url: str) -> tuple[Times, Times]:
    """CPU ms of a page of items and its count for each order and filter, and of the other calls behind the pages."""
    store = open_store(url)
    project = store.projects.all()[0]
    loop, fresh = Loop(store, project), count()
    items = {
        f"{sort}, {name}": page_and_count(loop, wanted, sort) for sort in SORTS for name, wanted in FILTERS.items()
    }
    audits = project.settings.audit_share
    calls = {
        "draw_ms": best(lambda: loop.draw(f"reviewer {next(fresh)}")),
        "draw_audit_ms": best(lambda: take(loop, f"auditor {next(fresh)}", audits)),
        "record_ms": best(lambda: correct(loop, next(fresh))),
        "overview_ms": best(lambda: insights.overview(store, project)),
    }
    return items, calls


def page_and_count(loop: Loop, wanted: ItemFilter, sort: str) -> float:
    """CPU ms of a page, the first or the second, and of the number of matches."""
    project_id, items = loop.project.id, loop.store.items
    pages = (
        partial(items.page, project_id, wanted, sort=sort, after=after, limit=PAGE)
        for after in (None, after_first(loop, wanted, sort))
    )
    return max(map(best, pages)) + best(partial(items.count, project_id, wanted))


def after_first(loop: Loop, wanted: ItemFilter, sort: str) -> Cursor | None:
    """Where the second page starts."""
    first = loop.store.items.page(loop.project.id, wanted, sort=sort, limit=PAGE)
    if not first:
        return None
    return Cursor({"priority": first[-1].priority, "confidence": first[-1].confidence}.get(sort) or 0.0, first[-1].id)


def take(loop: Loop, reviewer: str, audit_share: float) -> object:
    """One uniform draw."""
    return loop.store.draws.take(
        loop.project.id, reviewer, wish=Wish("audit"), below=randrange, now=loop.clock(), lease_s=600,
        propensity=lambda _strategy, n: audit_share / n,
    )  # fmt: skip


def correct(loop: Loop, n: int) -> object:
    """One correction of an item of its own."""
    item = loop.store.items.page(loop.project.id, ItemFilter(), sort="newest", limit=1)[0]
    return loop.record(Decision(item.id, f"writer {n}", "correct", LABELS[0], version_id=item.version_id))


def best(work: Callable[[], object]) -> float:
    """CPU ms, the least of some runs: noise of the machine only ever adds."""
    times = []
    for _ in range(RUNS):
        with cpu() as timer:
            work()
        times.append(1000 * timer.seconds)
    return min(times)


def plain(url: str) -> Times:
    """The same page of a filtered, sorted table from a frame in memory, and from SQL by offset without an index."""
    store = open_store(url)
    db = store.items._driver._conn()  # type: ignore[attr-defined]
    columns = "id, key, input, state, predicted, confidence, priority"
    frame = pd.read_sql_query(f"select {columns} from items where split = 'pool'", db)
    db.execute(f"create temp table plain as select {columns} from items where split = 'pool'")
    offset = len(frame) // 10

    def in_pandas() -> pd.DataFrame:
        wanted = frame[(frame["state"] == "open") & (frame["predicted"] == LABELS[0])]
        return wanted.sort_values(["priority", "id"], ascending=[False, True]).iloc[offset : offset + PAGE]

    sql = """select * from plain where state = 'open' and predicted = ?
        order by priority desc, id limit ? offset ?"""
    return {
        "pandas_page_ms": best(in_pandas),
        "offset_page_ms": best(lambda: db.execute(sql, (LABELS[0], PAGE, offset)).fetchall()),
    }


# -- report --------------------------------------------------------------------------------------------------------


def measured(folder: Path, sizes: tuple[int, ...], names: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Value]]:
    """Metrics and baselines; the table has a row for each page and query and a column for each size."""
    table: dict[str, dict[str, Value]] = {}
    highest: dict[str, float] = {}
    for size in sizes:
        sys.stderr.write(f"{size:,} items\n")
        url, _ = apart("", build, folder, size, min(3_000, size // 4))
        shown = list(pages(url, names))
        for name, cold, warm in shown:
            row = table.setdefault(name, {})
            row |= {f"{size:,} warm": round(warm, 1)} if "[" in name else {f"{size:,} cold": round(cold, 1),
                                                                          f"{size:,} warm": round(warm, 1)}  # fmt: skip
        items, calls = apart(url, queries, url)
        for name, ms in items.items():
            table.setdefault(f"items by {name}", {})[f"{size:,} warm"] = round(ms, 2)
        highest = {
            "page_ms_cold_max": max(cold for name, cold, _ in shown if "[" not in name),
            "page_ms_warm_max": max(warm for _, _, warm in shown),
            "items_page_ms_max": max(items.values()),
        } | calls
    metrics = {name: round(ms, 2) for name, ms in highest.items()}
    baselines = {name: round(ms, 1) for name, ms in apart(url, plain, url).items()}
    metrics["collection_ms"], baselines["collection_ms"] = (
        round(apart(url, collection, spared), 2) for spared in (True, False)
    )
    return {"items": sizes[-1], **metrics, **table}, baselines


def main() -> None:
    """Run and report."""
    options = arguments(__doc__ or "")
    sizes = QUICK_ROWS if options.quick else ROWS
    if options.rows:
        sizes = (options.rows,)
    with tempfile.TemporaryDirectory() as name:
        # Every run outside a browser is warned about.
        logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context").disabled = True
        # The imports of all pages, once, before anything is measured.
        folder = Path(name)
        os.environ["FEEDBACK_DATABASE"] = f"sqlite:///{folder / 'empty.db'}"
        for page in PAGES:
            built(page, {})
        spare_imports()
        metrics, baselines = measured(folder, sizes, PAGES)
        of_a_year = folder / "lived_in"
        of_a_year.mkdir()
        highest, parts = lived_in(of_a_year, sizes[-1], QUICK_VERSIONS if options.quick else VERSIONS)
        metrics |= {name: round(number, 1) for name, number in highest.items()} | parts
    report("pages", metrics, baselines, as_json=options.json)


if __name__ == "__main__":
    main()
