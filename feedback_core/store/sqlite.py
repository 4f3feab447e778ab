"""SQLite behind the driver protocol, through sqlite-utils."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from ..errors import StoreBusy, StoreError
from .driver import Params, Row, Session
from .lightly import Database
from .migrations import migrations

BUSY_S = 60.0
"""Seconds a writer waits for the lock; eight writers on a slow disk waited up to 6 s."""


class _SqliteSession:
    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    def query(self, sql: str, params: Params = ()) -> list[Row]:
        cursor = self._conn.execute(sql, params)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def columns(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        return list(zip(*self._conn.execute(sql, params), strict=True))

    def execute(self, sql: str, params: Params = ()) -> int:
        return self._conn.execute(sql, params).rowcount

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        return self._conn.executemany(sql, rows).rowcount


class SqliteDriver:
    """One file, WAL, one connection per thread, writers one after the other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()

    def migrate(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"The folder of {self.path} cannot be made ({error}): name another file.") from error
        _need_full_text()
        # Not sqlite-utils' atomic(): it begins deferred, and six processes on a fresh file would race.
        with self.writing():
            migrations.apply(self._database())

    @contextmanager
    def reading(self) -> Iterator[Session]:
        conn = self._conn()
        conn.execute("begin")
        try:
            yield _SqliteSession(conn)
        finally:
            conn.execute("rollback")

    @contextmanager
    def writing(self) -> Iterator[Session]:
        conn = self._conn()
        # Immediate: a deferred transaction that reads before it writes fails at once under concurrency.
        try:
            conn.execute("begin immediate")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:  # the low byte: busy, whatever the reason
                raise
            raise StoreBusy(
                f"Another program has kept {self.path} locked for {BUSY_S:.0f} s: close what holds it open."
            ) from error
        with ExitStack() as undo:
            undo.callback(conn.execute, "rollback")
            yield _SqliteSession(conn)
            undo.pop_all()
        conn.execute("commit")

    def _database(self) -> Database:
        if not hasattr(self._local, "database"):
            self._local.database = Database(_connect(self.path))
        database: Database = self._local.database
        return database

    def _conn(self) -> sqlite3.Connection:
        conn: sqlite3.Connection = self._database().conn
        return conn


def _need_full_text() -> None:
    with closing(sqlite3.connect(":memory:")) as conn:
        if conn.execute("select 1 from pragma_compile_options where compile_options = 'ENABLE_FTS5'").fetchall():
            return
    raise StoreError(
        f"SQLite {sqlite3.sqlite_version} in this process has no full-text search (FTS5). TensorFlow, which Keras may "
        "import, brings such a one: import feedback_core before them. Otherwise use a Python whose SQLite has FTS5."
    )


def _connect(path: Path) -> sqlite3.Connection:
    try:
        # isolation_level=None: transactions are begun by hand, never behind our back.
        conn = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        _use_wal(conn)
        # FULL: an acknowledged correction survives a power cut, not only a killed process.
        conn.execute("pragma synchronous=full")
        conn.execute("pragma foreign_keys=on")
        conn.execute("pragma journal_size_limit=67108864")
        # 64 MB of log between checkpoints: an import of a million rows takes 32 instead of 35 us of CPU a row.
        conn.execute("pragma wal_autocheckpoint=16000")
        conn.execute("pragma cache_size=-65536")
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path} cannot be opened as a SQLite database ({error}): name another file.") from error
    return conn


def _use_wal(conn: sqlite3.Connection) -> None:
    # While another process does it to a fresh file this fails at once: the busy timeout does not count here.
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            conn.execute("pragma journal_mode=wal")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.01)
