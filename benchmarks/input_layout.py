"""How should the inputs of items be stored in SQLite? Rates are rows per CPU second, higher is better.

Numbers are standard normal float64 at full precision and names are `x0`, `x1`, ...: the first is the worst case for
every JSON layout, the second the best case for JSON objects.
"""

import json
import sqlite3
import struct
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import orjson

from benchmarks._report import Value, arguments, cpu, report

BATCH = 5_000  # rows a transaction
REPEATS = 2  # runs of the full size; the best is kept, because noise of the machine only ever adds CPU time
FEATURES = 20
WIDE = 2_000
LOW, HIGH = -0.5, 0.5
SPECIAL = {
    "nan": np.nan,
    "inf": np.inf,
    "-inf": -np.inf,
    "-0.0": -0.0,
    "0.1": 0.1,
    "5e-324": 5e-324,
    "1.7e308": 1.7e308,
}
CHOSEN = "json_array_orjson"

Rows = list[tuple]
Flat = list | np.ndarray
Filter = tuple[int, str, tuple[Value, ...], int]
Result = dict[str, Value]


@dataclass(frozen=True)
class Layout:
    """One way to store a row of features.

    encode: (m, d) matrix to m parameter tuples. flatten: m selected rows and d to m * d values, row by row.
    expression: position of a feature to the SQL that reads it. text_factory: what SQLite hands text out as.
    """

    name: str
    encode: Callable[[np.ndarray], Iterable[Sequence]]
    flatten: Callable[[Rows, int], Flat]
    expression: Callable[[int], str]
    column: str | None = "input text"
    text_factory: type = str
    mixed: bool = True


@dataclass(frozen=True)
class Case:
    """A matrix to store: the first `numeric` features are numbers, the rest strings; None is missing."""

    name: str
    matrix: np.ndarray
    numeric: int


def names(d: int) -> list[str]:
    """Feature names."""
    return [f"x{i}" for i in range(d)]


def encode_object(matrix: np.ndarray) -> Iterator[Sequence]:
    """One JSON object a row."""
    keys = names(matrix.shape[1])
    return ((orjson.dumps(dict(zip(keys, row, strict=True))).decode(),) for row in matrix.tolist())


def flatten_object(rows: Rows, d: int) -> list:
    """Parse all objects at once, then pick by name: the order of keys in a row is not to be trusted."""
    parsed = orjson.loads(b"[" + b",".join([row for (row,) in rows]) + b"]")
    return list(chain.from_iterable(map(itemgetter(*names(d)), parsed)))


def encode_array(matrix: np.ndarray) -> Iterator[Sequence]:
    """One JSON array a row."""
    return ((orjson.dumps(row).decode(),) for row in matrix.tolist())


def flatten_array(rows: Rows, _d: int) -> list:
    """Drop the brackets and parse all rows as one flat array, which is faster than a list of lists."""
    return orjson.loads(b"[" + b",".join([row[1:-1] for (row,) in rows]) + b"]")


def encode_array_stdlib(matrix: np.ndarray) -> Iterator[Sequence]:
    """One JSON array a row, by the standard library."""
    encode = json.JSONEncoder(separators=(",", ":")).encode
    return ((encode(row),) for row in matrix.tolist())


def flatten_array_stdlib(rows: Rows, _d: int) -> list:
    """Parse all rows as one flat array."""
    return json.loads("[" + ",".join([row[1:-1] for (row,) in rows]) + "]")


def encode_blob(dtype: str, matrix: np.ndarray) -> Iterator[Sequence]:
    """Raw little-endian bytes a row, sliced from one buffer."""
    buffer = memoryview(np.ascontiguousarray(matrix, dtype=dtype)).cast("B")
    width = len(buffer) // len(matrix)
    return ((buffer[start : start + width],) for start in range(0, len(buffer), width))


def flatten_blob(dtype: str, rows: Rows, _d: int) -> np.ndarray:
    """View the joined bytes."""
    return np.frombuffer(b"".join([row for (row,) in rows]), dtype)


def flatten_columns(rows: Rows, _d: int) -> list:
    """Chain the selected tuples."""
    return list(chain.from_iterable(rows))


def blob(name: str, dtype: str) -> Layout:
    """A BLOB layout of one dtype, read in SQL by a Python function named after its bytes a number."""
    encode, flatten = partial(encode_blob, dtype), partial(flatten_blob, dtype)
    return Layout(name, encode, flatten, f"{function(dtype)}(input, {{}})".format, "input blob", mixed=False)


def function(dtype: str) -> str:
    """The SQL name of the unpacker of one dtype."""
    return f"feature_{dtype[1:]}"


OBJECT, ARRAY = "json_extract(input, '$.x{}')", "json_extract(input, '$[{}]')"
LAYOUTS = (
    Layout("json_object_orjson", encode_object, flatten_object, OBJECT.format, text_factory=bytes),
    Layout("json_array_orjson", encode_array, flatten_array, ARRAY.format, text_factory=bytes),
    Layout("json_array_stdlib", encode_array_stdlib, flatten_array_stdlib, ARRAY.format),
    blob("blob_float32", "<f4"),
    blob("blob_float64", "<f8"),
    Layout("typed_columns", np.ndarray.tolist, flatten_columns, "x{}".format, column=None),
)


@contextmanager
def database(layout: Layout, d: int, numeric: int) -> Iterator[sqlite3.Connection]:
    """A WAL database in a temporary folder with an empty table of this layout."""
    typed = ", ".join(f"{name} {'real' if i < numeric else 'text'}" for i, name in enumerate(names(d)))
    with TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder, "b.db"), isolation_level=None)) as db:
        db.execute("pragma journal_mode = wal")
        db.execute(f"create table items (id integer primary key, {layout.column or typed})")
        db.text_factory = layout.text_factory
        for dtype in ("<f4", "<f8"):
            db.create_function(function(dtype), 2, unpacker(dtype), deterministic=True)
        yield db


def unpacker(dtype: str) -> Callable[[bytes, int], float]:
    """A function from a BLOB row and a position to the number there."""
    code, width = ("<f", 4) if dtype == "<f4" else ("<d", 8)
    unpack_from = struct.Struct(code).unpack_from
    return lambda row, index: unpack_from(row, index * width)[0]


def columns(layout: Layout, d: int) -> list[str]:
    """The columns that hold the input."""
    return ["input"] if layout.column else names(d)


def write(db: sqlite3.Connection, layout: Layout, matrix: np.ndarray) -> None:
    """Insert all rows in transactions of BATCH rows."""
    held = columns(layout, matrix.shape[1])
    insert = f"insert into items ({', '.join(held)}) values ({', '.join('?' * len(held))})"
    for start in range(0, len(matrix), BATCH):
        db.execute("begin immediate")
        db.executemany(insert, layout.encode(matrix[start : start + BATCH]))
        db.execute("commit")


def read(db: sqlite3.Connection, layout: Layout, case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Read all rows in order: numbers (n, numeric) as float64 with NaN for missing, strings (n, rest) as objects."""
    n, d = case.matrix.shape
    numbers, strings = np.empty((n, case.numeric)), np.empty((n, d - case.numeric), dtype=object)
    cursor = db.execute(f"select {', '.join(columns(layout, d))} from items order by id")
    start = 0
    while rows := cursor.fetchmany(BATCH):
        flat, stop = layout.flatten(rows, d), start + len(rows)
        if case.numeric == d:
            numbers[start:stop] = np.asarray(flat, dtype=float).reshape(-1, d)
        else:
            split(flat, numbers[start:stop], strings[start:stop])
        start = stop
    return numbers, strings


def split(flat: Flat, numbers: np.ndarray, strings: np.ndarray) -> None:
    """Fill both matrices from flat rows, feature by feature."""
    numeric, d = numbers.shape[1], numbers.shape[1] + strings.shape[1]
    for i in range(numeric):
        numbers[:, i] = np.asarray(flat[i::d], dtype=float)
    for i in range(numeric, d):
        strings[:, i - numeric] = flat[i::d]


def count(db: sqlite3.Connection, where: str, *values: Value) -> int:
    """Count the rows a filter keeps."""
    return db.execute(f"select count(*) from items where {where}", values).fetchone()[0]


def size(db: sqlite3.Connection) -> int:
    """Bytes of the database without its WAL."""
    return db.execute("pragma page_count").fetchone()[0] * db.execute("pragma page_size").fetchone()[0]


def check(layout: Layout, case: Case, numbers: np.ndarray, strings: np.ndarray) -> None:
    """Refuse a rate for data that came back different."""
    want = case.matrix[:, : case.numeric].astype("<f4" if layout.name == "blob_float32" else float)
    if not np.array_equal(numbers, want, equal_nan=True):
        raise RuntimeError(f"{layout.name}: numbers of {case.name!r} changed on the way")
    if not np.array_equal(strings, case.matrix[:, case.numeric :]):
        raise RuntimeError(f"{layout.name}: strings of {case.name!r} changed on the way")


def filters(case: Case) -> dict[str, Filter]:
    """Filters of a case by measure: feature, condition, values, and the count NumPy gets."""
    i = case.numeric // 2
    number = case.matrix[:, i].astype(float)
    between = int(((number >= LOW) & (number <= HIGH)).sum())
    kept: dict[str, Filter] = {"filter": (i, "between ? and ?", (LOW, HIGH), between)}
    if case.numeric < case.matrix.shape[1]:
        i = case.numeric + 1
        kept["equals"] = (i, "= ?", ("level 3",), int((case.matrix[:, i] == "level 3").sum()))
    return kept


def run(layout: Layout, case: Case) -> dict[str, int]:
    """Measure one layout on one case once."""
    n, d = case.matrix.shape
    with database(layout, d, case.numeric) as db:
        with cpu() as writing:
            write(db, layout, case.matrix)
        with cpu() as reading:
            numbers, strings = read(db, layout, case)
        check(layout, case, numbers, strings)
        rates = {"write": round(n / writing.seconds), "read": round(n / reading.seconds)}
        for name, (i, condition, values, expected) in filters(case).items():
            with cpu() as filtering:
                got = count(db, f"{layout.expression(i)} {condition}", *values)
            if got != expected:
                raise RuntimeError(f"{layout.name}: {name} kept {got} rows, NumPy keeps {expected}")
            rates[name] = round(n / filtering.seconds)
        return {**rates, "bytes": round(size(db) / n)}


def measure(layout: Layout, case: Case, repeats: int) -> Result:
    """The best of some runs, measure by measure, or the reason why SQLite refuses the table."""
    try:
        runs = [run(layout, case) for _ in range(repeats)]
    except sqlite3.OperationalError as error:
        return {"note": str(error)}
    return {key: (min if key == "bytes" else max)(run[key] for run in runs) for key in runs[0]}


def round_trip(layout: Layout, matrix: np.ndarray) -> np.ndarray:
    """Write and read a float matrix."""
    case = Case("round trip", matrix, matrix.shape[1])
    with database(layout, matrix.shape[1], matrix.shape[1]) as db:
        write(db, layout, matrix)
        return read(db, layout, case)[0]


def survives(layout: Layout, value: float) -> bool:
    """Whether one value comes back with the same bits, any NaN counting as NaN."""
    got = round_trip(layout, np.full((1, 2), value))[0, 0]
    return bool(np.isnan(got)) if np.isnan(value) else got.tobytes() == np.float64(value).tobytes()


def exactness(layout: Layout) -> Result:
    """Whether finite float64 of every magnitude keep their bits, and which special values do not."""
    bits = np.random.default_rng(1).integers(0, 2**64, size=(5_000, FEATURES), dtype=np.uint64)
    anything = bits.view(float)
    finite = np.where(np.isfinite(anything), anything, 1.0)
    with np.errstate(over="ignore"):
        exact = round_trip(layout, finite).tobytes() == finite.tobytes()
        lost = [name for name, value in SPECIAL.items() if not survives(layout, value)]
    broken = [name for name, value in SPECIAL.items() if not still_filters(layout, value)]
    return {"exact": exact, "lost": " ".join(lost) or "none", "breaks SQL": " ".join(broken) or "none"}


def still_filters(layout: Layout, value: float) -> bool:
    """Whether a filter still runs over a table that holds this value."""
    with database(layout, 2, 2) as db, np.errstate(over="ignore"):
        write(db, layout, np.full((1, 2), value))
        try:
            count(db, f"{layout.expression(0)} between ? and ?", LOW, HIGH)
        except sqlite3.OperationalError:
            return False
        return True


def indexed(layout: Layout, case: Case) -> Result:
    """What an index on the expression costs to build (rows per CPU second) and how fast it filters."""
    n, d = case.matrix.shape
    i, condition, values, _ = filters(case)["filter"]
    with database(layout, d, case.numeric) as db:
        write(db, layout, case.matrix)
        before = size(db)
        with cpu() as building:
            db.execute(f"create index by_feature on items ({layout.expression(i)})")
        with cpu() as filtering:
            count(db, f"{layout.expression(i)} {condition}", *values)
        rates = {"write": round(n / building.seconds), "filter": round(n / filtering.seconds)}
        return {**rates, "bytes": round((size(db) - before) / n), "note": "index alone"}


def most_columns() -> int:
    """The widest typed table SQLite accepts beside the key, found by creating tables."""
    return bisect_left(range(1, 10 * WIDE), True, key=lambda d: not creates(d))


def creates(d: int) -> bool:
    """Whether a typed table of d features can be created."""
    try:
        with database(LAYOUTS[-1], d, d):
            return True
    except sqlite3.OperationalError:
        return False


def mixed_matrix(n: int, rng: np.random.Generator) -> np.ndarray:
    """8 numbers, 8 categories of 10 levels and 4 texts of 8 words, 2% missing, shape (n, 20)."""
    words = np.array([f"{a}{b}" for a in ("re", "de", "un", "pro", "in") for b in ("port", "form", "pay", "sort", "é")])
    texts = np.array([" ".join(rng.choice(words, 8)) for _ in range(10_000)], dtype=object)
    levels = np.array([f"level {i}" for i in range(10)], dtype=object)
    numbers = rng.standard_normal((n, 8)).astype(object)
    matrix = np.hstack([numbers, rng.choice(levels, (n, 8)), rng.choice(texts, (n, 4))])
    matrix[rng.random(matrix.shape) < 0.02] = None
    return matrix


def cases(n: int) -> Iterator[Case]:
    """The three inputs compared: numbers, mixed types, and rows of WIDE numbers (as many values as n / 20 rows)."""
    rng = np.random.default_rng(0)
    yield Case("numbers", rng.standard_normal((n, FEATURES)), FEATURES)
    yield Case("mixed", mixed_matrix(n, rng), 8)
    yield Case("wide", rng.standard_normal((n // 200, WIDE)), WIDE)


def compare(n: int, repeats: int) -> dict[str, Result]:
    """Every layout on every case it can hold, by "case layout"."""
    results: dict[str, Result] = {}
    for case in cases(n):
        for layout in LAYOUTS:
            if case.name == "mixed" and not layout.mixed:
                results[f"mixed {layout.name}"] = {"note": "strings need a dictionary"}
                continue
            sys.stderr.write(f"{case.name} {layout.name}\n")
            results[f"{case.name} {layout.name}"] = measure(layout, case, repeats)
            if case.name == "numbers":
                results[f"numbers {layout.name}"] |= exactness(layout)
                if layout.name == CHOSEN:
                    results[f"numbers {layout.name} indexed"] = indexed(layout, case)
    return results


def main() -> None:
    """Run and report."""
    options = arguments("Layouts of item inputs in SQLite; rows per CPU second.")
    n, repeats = (100_000, 1) if options.quick else (1_000_000, REPEATS)
    results = compare(n, repeats)
    chosen = {name: row for name, row in results.items() if CHOSEN in name}
    others = {name: row for name, row in results.items() if name not in chosen}
    report(
        "input_layout",
        {"rows": n, **chosen},
        {**others, "typed_columns, most features": most_columns()},
        as_json=options.json,
    )


if __name__ == "__main__":
    main()
