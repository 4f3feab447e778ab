"""Arguments, CPU timer and report shared by every benchmark."""

import argparse
import json
import platform
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata

PACKAGES = ("numpy", "pandas", "scikit-learn", "streamlit", "sqlite-utils", "plotly", "orjson")

Value = float | int | str | bool | None
Metrics = Mapping[str, Value | Mapping[str, Value]]
"""Either name: value, or row: {column: value}; one report may mix both."""


@dataclass
class Timer:
    """CPU seconds of a finished `cpu()` block."""

    seconds: float = 0.0


@contextmanager
def cpu() -> Iterator[Timer]:
    """Time a block in CPU seconds of this process, all threads, children excluded."""
    timer = Timer()
    start = time.process_time()
    try:
        yield timer
    finally:
        timer.seconds = time.process_time() - start


def arguments(description: str, *, seeded: bool = False) -> argparse.Namespace:
    """Parse --quick and --json, and --seed where the benchmark draws its seeds one after the other."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="smaller data, for a smoke run")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    if seeded:
        parser.add_argument("--seed", type=int, default=0, help="the first seed, to confirm a choice with others")
    return parser.parse_args()


def versions() -> dict[str, str]:
    """Versions of Python, the SQLite library and the packages that are installed."""
    installed = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    for package in PACKAGES:
        try:
            installed[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return installed


def report(name: str, metrics: Metrics, baselines: Metrics, *, as_json: bool) -> None:
    """Print the result as one JSON object, or as aligned tables."""
    if as_json:
        result = {"benchmark": name, "metrics": metrics, "baselines": baselines, "versions": versions()}
        # NaN is not JSON: a metric that could not be measured is None.
        sys.stdout.write(json.dumps(result, allow_nan=False) + "\n")
        return
    sections = {"metrics": metrics, "baselines": baselines, "versions": versions()}
    tables = [table(title, section) for title, section in sections.items() if section]
    sys.stdout.write("\n\n".join([name, *tables]) + "\n")


def table(title: str, metrics: Metrics) -> str:
    """Align one row per metric under the union of all columns, first seen first."""
    rows = {name: row if isinstance(row, Mapping) else {"value": row} for name, row in metrics.items()}
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    cells = [[title, *columns]]
    cells += [[name, *(text(row.get(column)) for column in columns)] for name, row in rows.items()]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(aligned(line, widths) for line in cells)


def aligned(line: list[str], widths: list[int]) -> str:
    """Pad the name on the right and the values on the left."""
    values = (cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))
    return "  ".join([line[0].ljust(widths[0]), *values]).rstrip()


def text(value: Value) -> str:
    """Write a value for a reader: thousands separated, small numbers with four digits."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,.0f}" if isinstance(value, int) or abs(value) >= 1000 else f"{value:.4g}"
    return value
