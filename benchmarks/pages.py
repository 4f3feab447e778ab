"""Server time to build each page, and of the queries behind them, at ten thousand and a million items."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks._report import cpu, report
from benchmarks._world import LABELS, RARE, WORDS, arguments, build
from feedback_core import insights
from feedback_core.loop import Loop
from feedback_core.store import open_store
from feedback_core.types import Decision, ItemFilter

ROOT = Path(__file__).parent.parent
PAGES = ("overview", "review", "retrain", "predictions", "insights", "setup")
RUNS = 5
PAGE = 100


def pages(url: str) -> dict[str, tuple[float, float]]:
    """(first run, median of later runs) in CPU ms of each page, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.pages", "--measure-pages"]
    environment = os.environ | {"FEEDBACK_DATABASE": url, "USER": "bench"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    measured: dict[str, tuple[float, float]] = json.loads(run.stdout.splitlines()[-1])
    return measured


def measure_pages() -> None:
    """Runs in the process of its own: imports are paid by a first, uncounted run of the frame."""
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(ROOT / "pages" / "_frame.py"), default_timeout=120).run()
    measured = {}
    for name in PAGES:
        app.switch_page(f"{name}.py")
        times = [_cpu_ms(app.run) for _ in range(RUNS)]
        if app.exception:
            raise SystemExit(f"{name}: {app.exception[0].value}")
        measured[name] = (times[0], statistics.median(times[1:]))
    print(json.dumps(measured))


def queries(url: str) -> dict[str, float]:
    """CPU ms of each query behind a page, the median of RUNS."""
    store = open_store(url)
    project = store.projects.all()[0]
    loop = Loop(store, project)
    measured = {
        f"page {sort}, {name}": _median(lambda wanted=wanted, sort=sort: _page(loop, wanted, sort))
        for sort in ("priority", "confidence", "newest")
        for name, wanted in _filters().items()
    }
    measured["overview"] = _median(lambda: insights.overview(store, project))
    draws = iter(range(10**6))
    measured["draw"] = _median(lambda: loop.draw(f"fresh {next(draws)}"))
    measured["record"] = _median(lambda: _record(loop, f"writer {next(draws)}"))
    return measured


def _filters() -> dict[str, ItemFilter]:
    return {
        "open": ItemFilter(),
        "reviewed": ItemFilter(("labelled",)),
        "predicted": ItemFilter(predicted=LABELS[0]),
        "unsure": ItemFilter(max_confidence=0.5),
        "predicted and unsure": ItemFilter(predicted=LABELS[0], max_confidence=0.5),
        "rare word": ItemFilter(search=RARE),
        "common word": ItemFilter(search=WORDS[0]),
    }


def _page(loop: Loop, wanted: ItemFilter, sort: str) -> None:
    loop.store.items.page(loop.project.id, wanted, sort=sort, limit=PAGE)
    loop.store.items.count(loop.project.id, wanted)


def _record(loop: Loop, who: str) -> None:
    draw = loop.draw(who)
    if draw is not None:
        version = loop.store.versions.champion(loop.project.id)
        loop.record(Decision(draw.item_id, who, "correct", LABELS[0], version_id=version.id if version else None))


def baselines(url: str) -> dict[str, float]:
    """The same sorted, filtered page of 100 from a pandas frame in memory, and by offset without an index."""
    import sqlite3

    import pandas as pd

    conn = sqlite3.connect(url.removeprefix("sqlite:///"))
    columns = "id, key, input, predicted, confidence, priority, state"
    frame = pd.read_sql_query(f"select {columns} from items where split = 'pool'", conn)
    conn.execute(f"create temp table plain as select {columns} from items where split = 'pool'")
    offset = len(frame) // 10
    sql = f"""select * from plain where state = 'open' and predicted = '{LABELS[0]}'
        order by priority desc, id limit {PAGE} offset {offset}"""

    def in_pandas() -> None:
        wanted = frame[(frame["state"] == "open") & (frame["predicted"] == LABELS[0])]
        wanted.sort_values(["priority", "id"], ascending=[False, True]).head(PAGE)

    return {"pandas page": _median(in_pandas), "offset page, no index": _median(lambda: conn.execute(sql).fetchall())}


def _median(work: Callable[[], object]) -> float:
    return statistics.median(_cpu_ms(work) for _ in range(RUNS))


def _cpu_ms(work: Callable[[], object]) -> float:
    with cpu() as timer:
        work()
    return 1000 * timer.seconds


def measure(folder: Path, sizes: tuple[int, int]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(metrics, baselines)."""
    metrics: dict[str, Any] = {}
    built: dict[int, tuple[dict[str, tuple[float, float]], dict[str, float]]] = {}
    for size in sizes:
        began = time.perf_counter()
        url, _ = build(folder, size, entries=min(3_000, size // 10))
        print(f"{size:,} items built in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        built[size] = (pages(url), queries(url))
    large_pages, large_queries = built[sizes[1]]
    metrics["page_ms_warm_max"] = round(max(warm for _, warm in large_pages.values()), 1)
    metrics["page_ms_cold_max"] = round(max(cold for cold, _ in large_pages.values()), 1)
    in_pages = [ms for name, ms in large_queries.items() if name.startswith("page ")]
    metrics["items_page_ms_max"] = round(max(in_pages), 1)
    metrics["rows"] = sizes[1]
    for name in PAGES:
        metrics[name] = {
            f"{kind}_ms_at_{size}": round(built[size][0][name][n], 1)
            for size in sizes
            for n, kind in enumerate(("cold", "warm"))
        }
    for name in large_queries:
        metrics[name] = {f"ms_at_{size}": round(built[size][1][name], 2) for size in sizes}
    plain = {name: round(ms, 1) for name, ms in baselines(f"sqlite:///{folder / f'world{sizes[1]}.db'}").items()}
    return metrics, plain


def main() -> None:
    if "--measure-pages" in sys.argv:
        measure_pages()
        return
    options = arguments(__doc__ or "")
    largest = options.rows or (30_000 if options.quick else 1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        metrics, plain = measure(Path(folder), (min(10_000, largest // 3), largest))
    report("pages", metrics, plain, as_json=options.json)


if __name__ == "__main__":
    main()
