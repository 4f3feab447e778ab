"""How fast do files of other programs go out and come in, and in how much memory? Rates are rows per CPU second.

Rows are short texts with a number, every tenth answered by somebody. Memory is the most Python objects held at a time,
measured on a fiftieth and on a tenth of the rows: what streams holds about the same for both.
"""

import io
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks._report import Value, arguments, cpu, report
from feedback_core import incoming, intake, outgoing
from feedback_core.formats import FORMATS
from feedback_core.loop import Loop, create_project, silent
from feedback_core.settings import Settings
from feedback_core.store import open_store
from feedback_core.types import Column, Decision, Rows, Schema

ROWS, QUICK_ROWS = 100_000, 2_000
TEXTS = Schema((Column("text", "text"), Column("length", "number")))
LABELS = ("noun", "verb")
WORDS = ["quick", "brown", "foxes", "jump", "over", "lazy", "dogs", "and", "others", "stay", "at", "home", "in", "rain"]


def filled(folder: Path, name: str, n: int) -> Loop:
    """A project of n items, every tenth answered."""
    store = open_store(f"sqlite:///{folder / 'bench.db'}")
    loop = Loop(store, create_project(store, name, TEXTS, LABELS, Settings(), actor="bench", now=1.0, salt=1))
    bodies = [intake.encode_one([f"{n} {' '.join(WORDS[k % 7 : k % 7 + 8])}", k], TEXTS) for k in range(n)]
    loop.add_items(Rows(bodies, [None] * n, [None] * n), "bench")
    for items in store.items.export(loop.project.id):
        loop.record(*(Decision(each.id, "ana", "correct", LABELS[each.id % 2]) for each in items[::10]))
    return loop


def sizes(loop: Loop, name: str) -> tuple[float, int]:
    """Most megabytes of Python objects while a project is written, and bytes written."""
    tracemalloc.start()
    size = sum(map(len, outgoing.pieces(loop.store, loop.project, "items", name)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20, size


def measured(loop: Loop, small: Loop, least: Loop, name: str, n: int) -> dict[str, Value]:
    """Rates and memory of one format, out and in."""
    with cpu() as out:
        data = b"".join(outgoing.pieces(loop.store, loop.project, "items", name))
    row: dict[str, Value] = {"out_rows_per_cpu_s": round(n / out.seconds), "bytes_a_row": round(len(data) / n)}
    row |= {"out_mb_fiftieth": round(sizes(least, name)[0], 1), "out_mb_tenth": round(sizes(small, name)[0], 1)}
    if FORMATS[name].read is None:
        return row
    project = create_project(loop.store, f"from {name}", TEXTS, LABELS, Settings(), actor="bench", now=1.0, salt=1)
    fresh, choices = Loop(loop.store, project), incoming.Choices(name)
    with cpu() as look:
        found = incoming.look(loop.store, project, io.BytesIO(data), choices)
    with cpu() as take:
        taken = incoming.take(fresh, io.BytesIO(data), choices, "bench", len(data), silent)
    assert (found.new, taken.items, taken.entries) == (n, n, n // 10), name
    return row | {"look_rows_per_cpu_s": round(n / look.seconds), "in_rows_per_cpu_s": round(n / take.seconds)}


def main() -> None:
    given = arguments(__doc__ or "")
    n = QUICK_ROWS if given.quick else ROWS
    with TemporaryDirectory() as place:
        loop, small = filled(Path(place), "all", n), filled(Path(place), "tenth", n // 10)
        least = filled(Path(place), "fiftieth", n // 50)
        names = [name for name in FORMATS if FORMATS[name].says and FORMATS[name].write]
        rows = {name: measured(loop, small, least, name, n) for name in names}
    report("formats", rows, {}, as_json=given.json)


if __name__ == "__main__":
    main()
