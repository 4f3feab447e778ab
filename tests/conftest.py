"""Fixtures: every path in a temporary folder, every clock in the test's hand."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings as hypothesis_settings

from feedback_core import intake
from feedback_core.loop import Loop, create_project
from feedback_core.settings import Settings
from feedback_core.store import Store, flips, open_store
from feedback_core.types import Column, Flip, Rows, Schema

# The same examples in every run, so that a red run is about the change, not about luck; and no deadline by the clock.
hypothesis_settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=40)
hypothesis_settings.load_profile("repeatable")

ROOT = Path(__file__).parent.parent
TWO_NUMBERS = Schema((Column("x0", "number"), Column("x1", "number")))


@pytest.fixture(scope="session", autouse=True)
def _quick_pages() -> None:
    """What Streamlit does around each run of a page, and which no test is about, once or never.

    It reads the metadata of every installed package for each AppTest, half a second, and collects garbage after each
    run: among the million objects of all frameworks another. app.py spares the state of Keras in the same way.
    """
    from streamlit import config
    from streamlit.components.v2 import manifest_scanner

    from pages._between_runs import spare_models

    manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)
    config.set_option("runner.postScriptGC", False)
    spare_models()


@dataclass
class Clock:
    """A clock that stands still until told otherwise."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture
def store(url: str) -> Store:
    return open_store(url)


def raw(store: Store, sql: str, params: Iterable[object] = ()) -> list[tuple]:
    """A statement past the store, on a connection of its own."""
    with closing(sqlite3.connect(store.url.removeprefix("sqlite:///"))) as conn, conn:
        return conn.execute(sql, tuple(params)).fetchall()


def printed(script: str) -> str:
    """What a script prints in a process of its own."""
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def rows(n: int, seed: int = 0, labelled: bool = True, noise: float = 0.0) -> tuple[Rows, dict[str, str]]:
    """n points in the plane, 'b' above the diagonal and 'a' below, with the truth by item key."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, 2)).round(4)
    inputs = [intake.encode_one(point.tolist(), TWO_NUMBERS) for point in points]
    labels = ["b" if x + y + noise * rng.normal() > 0 else "a" for x, y in points]
    truth = {intake.input_hash(body): label for body, label in zip(inputs, labels, strict=True)}
    return Rows(inputs, [None] * n, list(labels) if labelled else [None] * n), truth


def save_flips(store: Store, report_id: int, changed: list[Flip]) -> None:
    """Give a report flips of the test's own; the loop stores them together with the report."""
    with store.flips._driver.writing() as session:
        flips.keep(session, report_id, changed)


def make_loop(store: Store, clock: Clock, **settings: object) -> Loop:
    """A loop over points in the plane, empty."""
    values = {"holdout_share": 0.5, "audit_share": 0.0, "blind_share": 0.0, "retrain_threshold": 5} | settings
    project = create_project(
        store, "points", TWO_NUMBERS, ("a", "b"), Settings(**values), actor="test", now=clock(), salt=1
    )
    return Loop(store, project, clock=clock, rng=np.random.default_rng(0))


@pytest.fixture
def loop(store: Store, clock: Clock) -> Loop:
    """200 labelled points (about half locked) and 100 open ones; nothing trained."""
    loop = make_loop(store, clock)
    loop.add_items(rows(200)[0], "test")
    loop.add_items(rows(100, seed=1, labelled=False)[0], "test")
    return loop


@pytest.fixture
def trained(loop: Loop) -> Loop:
    """The same with a first version promoted and the pool predicted."""
    version = loop.retrain("test")
    loop.judge(version)
    loop.promote(version, "test")
    loop.predict()
    return loop


@pytest.fixture
def page(url: str, monkeypatch: pytest.MonkeyPatch):
    """Opens a page of the app as ana on the test's database."""
    from streamlit.testing.v1 import AppTest  # not with every test: its import takes longer than most of them

    monkeypatch.setenv("FEEDBACK_DATABASE", url)
    monkeypatch.setenv("USER", "ana")
    monkeypatch.chdir(ROOT)

    def open_page(name: str = "overview") -> AppTest:
        app = AppTest.from_file(str(ROOT / "pages" / "_frame.py"), default_timeout=60).run()
        assert not app.exception
        if name != "overview":
            app.switch_page(f"{name}.py").run()
        assert not app.exception
        return app

    return open_page
