"""Keys of a real reviewer in Chromium against the running app: what is lost, misplaced, and how long a card takes."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Page

from benchmarks._report import Metrics, arguments, report
from feedback_core import intake
from feedback_core.loop import Loop, create_project
from feedback_core.settings import Settings
from feedback_core.store import open_store
from feedback_core.types import Column, Feedback, Rows, Schema
from tests.browser import browser, free_port, running_server

PAUSE_S = 0.05
FEATURES = 10
LABELS = ("ant", "bee", "cat", "dog")
KEYS = ("1", "2", "Enter", "3", "s", "4", "Enter", "2", "f", "1")

# For each deciding key: the item it fell on, and the time until a frame with another item was painted.
WATCH = """
window.pressed = [];
const find = (selector) => [...document.querySelectorAll("*")]
  .map((element) => element.shadowRoot?.querySelector(selector)).find(Boolean);
const card = find(".card");
document.addEventListener("keydown", (event) => {
  const item = card.hidden ? null : Number(card.dataset.item);
  const record = { key: event.key, item, at: event.timeStamp, ms: null };
  window.pressed.push(record);
  const check = () => requestAnimationFrame(() => {
    // A message posted inside a frame is delivered after that frame was painted.
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      if (Number(card.dataset.item) !== record.item) record.ms = performance.now() - record.at;
      else if (performance.now() - record.at < 2000) check();
    };
    channel.port2.postMessage(null);
  });
  check();
}, { capture: true });
"""


def project(url: str, rows: int) -> Loop:
    """A project with this many open items, all predicted."""
    rng = np.random.default_rng(0)
    store = open_store(url)
    schema = Schema(tuple(Column(f"x{n}", "number") for n in range(FEATURES)))
    loop = Loop(
        store, create_project(store, "bench", schema, LABELS, Settings(audit_share=0.0, blind_share=0.0), actor="bench")
    )
    for labelled, n in ((True, 2_000), (False, rows)):
        points = rng.normal(size=(n, FEATURES)).round(4)
        sides = 2 * (points[:, 0] > 0) + (points[:, 1] > 0)
        inputs = [intake.encode_one(point, schema) for point in points.tolist()]
        labels = [LABELS[side] for side in sides] if labelled else [None] * n
        loop.add_items(Rows(inputs, [None] * n, labels), "bench")
    version = loop.retrain("bench")
    loop.judge(version)
    loop.promote(version, "bench")
    loop.predict()
    return loop


def cpu_seconds(pid: int) -> float:
    """User and system time of one process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def opened(url: str, folder: Path) -> Iterator[tuple[Page, int]]:
    """The review page in a browser, and the server's process id."""
    port = free_port()
    with running_server(url, folder / "app.log", port) as server, browser(folder / "profile") as page:
        page.goto(f"http://127.0.0.1:{port}/review")
        page.locator(".card").wait_for()
        page.wait_for_timeout(3000)  # fonts and the rest of the page
        yield page, server.pid


def type_keys(page: Page, presses: int) -> None:
    """One key every PAUSE_S, on a clock of its own, as a person who does not wait."""
    due = time.perf_counter()
    for n in range(presses):
        page.keyboard.press(KEYS[n % len(KEYS)])
        due = max(due + PAUSE_S, time.perf_counter())
        time.sleep(max(0.0, due - time.perf_counter()))


def meant(key: str, predicted: str) -> tuple[str, str | None]:
    """(verdict, target) of a key on a card with this prediction."""
    if key in ("s", "f"):
        return {"s": "skip", "f": "flag"}[key], None
    label = predicted if key == "Enter" else LABELS[int(key) - 1]
    return ("confirm" if label == predicted else "correct"), label


def compare(loop: Loop, pressed: list[dict], entries: list[Feedback]) -> dict[str, int]:
    """lost: presses without an entry. misplaced: entries that differ, in order, from what was pressed on that card."""
    items = {item.id: item for item in loop.store.items.many([p["item"] for p in pressed if p["item"] is not None])}
    wanted = [(p["item"], *meant(p["key"], items[p["item"]].predicted)) for p in pressed if p["item"] is not None]
    stored = [(entry.item_id, entry.verdict, entry.target) for entry in entries]
    wrong = sum(a != b for a, b in zip(wanted, stored, strict=False))
    return {"presses": len(pressed), "lost": len(pressed) - len(stored), "misplaced": wrong}


def run(rows: int, presses: int) -> Metrics:
    """All metrics of one sitting."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        url = f"sqlite:///{folder / 'bench.db'}"
        loop = project(url, rows)
        sys.stderr.write(f"{rows:,} items predicted\n")
        with opened(url, folder) as (page, pid):
            page.evaluate(WATCH)
            before, began = cpu_seconds(pid), time.perf_counter()
            type_keys(page, presses)
            typed = time.perf_counter() - began
            page.locator(".state[data-state=saved]").wait_for()
            cpu = cpu_seconds(pid) - before
            pressed = page.evaluate("window.pressed")
        entries = list(reversed(loop.store.feedback.latest(loop.project.id, 2 * presses)))
    times = sorted(p["ms"] for p in pressed if p["ms"] is not None)
    return {
        **compare(loop, pressed, entries),
        "median_ms": round(statistics.median(times), 1),
        "p95_ms": round(times[int(0.95 * (len(times) - 1))], 1),
        "server_cpu_ms_per_decision": round(1000 * cpu / max(len(entries), 1), 1),
        "open_items": rows,
        "presses_per_second": round(presses / typed, 1),
    }


def main() -> None:
    """Run and report."""
    options = arguments("The review deck under real keys in Chromium.")
    rows, presses = (5_000, 100) if options.quick else (1_000_000, 500)
    report("review_deck", run(rows, presses), {}, as_json=options.json)


if __name__ == "__main__":
    main()
