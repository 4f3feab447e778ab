"""Items: adding them in bulk, and reading pages of them by index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import orjson

from ..errors import NotFound
from ..types import Cursor, Item, ItemFilter, Locked, Outline, Project, TrainingRows
from . import finding, tallies
from .driver import Driver, Row, Session, noun
from .pictures import refer
from .searching import own_word

BATCH = 5_000
"""Rows per transaction of a bulk write; behind 50,000 a small writer waited 1.1 s."""

NewItem = tuple[str, bytes, str, str, str | None]
"""key, input, input hash, split, base label."""

_INSERT = """
insert or ignore into items (id, project_id, key, input, input_hash, split, state, base_label, created_at)
values (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

# An input equal to a locked one stays out too, whatever its id: the hash decides.
_TRAINING = """
select id, input, coalesce(base_label, label), split = 'pool', {date} as date from items i
where project_id = :project and (split = 'train' or state = 'labelled' and split = 'pool' and audit = 0)
  and not exists (
      select 1 from items h where h.project_id = :project and h.input_hash = i.input_hash
         and (h.split = 'holdout' or h.audit = 1))
order by id
"""

# The newest entry that gives the effective label dates it: whoever says it again says that it still holds. Looked up
# only where labels fade: at 200,000 rows, half of them feedback, 0.9 instead of 0.5 s of CPU.
_DATED = """
iif(split = 'pool', coalesce((select max(f.created_at) from feedback f where f.item_id = i.id and f.state = 'accepted'
    and f.target = i.label), created_at), created_at)
"""

_OUTLINES = f"""
select id, key, state, label, predicted, confidence, priority, {finding.HIDDEN} as blind
from items where id in (select value from json_each(?))
"""

_LOCKED = """
select id, input, coalesce(label, base_label), audit from items
where project_id = ? and (split = 'holdout' or audit = 1) and coalesce(label, base_label) is not null
order by id
"""


_TWO_LABELS = """
select distinct label from (
    select base_label as label from items where project_id = :project and split = 'train'
    union all
    select label from items where project_id = :project and state = 'labelled' and audit = 0
) where label is not null limit 2
"""


class Items:
    """Inputs of a project and the state each is in."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def add(self, project: Project, batch: Sequence[NewItem], now: float) -> int:
        """Store up to BATCH items in one transaction; known keys are left as they are. Gives the number added."""
        with self._driver.writing() as session:
            first = session.query("select coalesce(max(id), 0) + 1 as first from items")[0]["first"]
            added = session.many(_INSERT, _insert_rows(project.id, first, batch, now))
            if not added:
                return 0
            new = list(enumerate(batch, first))
            if added < len(batch):
                ids = session.columns("select id from items where id >= ?", (first,))[0]
                new = [(item_id, batch[item_id - first]) for item_id in ids]
            _index_texts(session, project, new)
            refer(session, project, (body for _, (_, body, *_) in new))
            splits = Counter(split for _, (_, _, _, split, _) in new)
            counts = {"pool/open" if split == "pool" else f"{split}/base": n for split, n in splits.items()}
            tallies.add(session, project.id, "items", counts)
        return added

    def get(self, item_id: int) -> Item:
        found = self.many([item_id])
        if not found:
            raise NotFound(f"There is no item {item_id}: it may belong to another database.")
        return found[0]

    def many(self, ids: Sequence[int], project_id: int | None = None) -> list[Item]:
        """Items by id, in the order asked for; unknown ids are left out, and those of other projects than the given."""
        with self._driver.reading() as session:
            rows = session.query(
                """select * from items where id in (select value from json_each(:ids))
                and (:project is null or project_id = :project)""",
                {"ids": orjson.dumps(ids).decode(), "project": project_id},
            )
        by_id = {row["id"]: item_of(row) for row in rows}
        return [by_id[item_id] for item_id in ids if item_id in by_id]

    def inputs(self, ids: Sequence[int]) -> list[str]:
        """Stored inputs by id, in the order asked for. Raises NotFound when one is missing."""
        with self._driver.reading() as session:
            columns = session.columns(
                "select id, input from items where id in (select value from json_each(?))",
                (orjson.dumps(list(ids)).decode(),),
            )
        by_id = dict(zip(*columns, strict=True)) if columns else {}
        if len(by_id) < len(set(ids)):
            raise NotFound(f"{len(set(ids)) - len(by_id)} items are gone: they may belong to another database.")
        return [by_id[item_id] for item_id in ids]

    def sources(self, ids: Sequence[int]) -> dict[int, tuple[str, str, str | None]]:
        """Item id -> (input, input hash, base label), for the ids there are."""
        with self._driver.reading() as session:
            columns = session.columns(
                "select id, input, input_hash, base_label from items where id in (select value from json_each(?))",
                (orjson.dumps(list(ids)).decode(),),
            )
        return {row[0]: row[1:] for row in zip(*columns, strict=True)} if columns else {}

    def input_hashes(self, ids: Sequence[int]) -> dict[int, str]:
        """Item id -> the hash its input was stored with, for the ids there are."""
        with self._driver.reading() as session:
            columns = session.columns(
                "select id, input_hash from items where id in (select value from json_each(?))",
                (orjson.dumps(list(ids)).decode(),),
            )
        return dict(zip(*columns, strict=True)) if columns else {}

    def keys(self, ids: Sequence[int]) -> dict[int, str]:
        """Item id -> its key, for the ids there are."""
        with self._driver.reading() as session:
            rows = session.query(
                "select id, key from items where id in (select value from json_each(?))",
                (orjson.dumps(list(ids)).decode(),),
            )
        return {row["id"]: row["key"] for row in rows}

    def by_key(self, project_id: int, key: str) -> Item | None:
        with self._driver.reading() as session:
            rows = session.query("select * from items where project_id = ? and key = ?", (project_id, key))
        return item_of(rows[0]) if rows else None

    def page(
        self, project_id: int, wanted: ItemFilter, *, sort: str, after: Cursor | None = None, limit: int = 100
    ) -> list[Item]:
        """One page by keyset, never by offset. sort: one of SORTS."""
        with self._driver.reading() as session:
            params = _params(session, project_id, wanted, after) | {"limit": limit}
            return [item_of(row) for row in session.query(finding.page_sql(wanted, sort, after is not None), params)]

    def count(self, project_id: int, wanted: ItemFilter) -> int:
        """How many items match; COUNT_CAP + 1 stands for more than COUNT_CAP. Filters on features are left aside."""
        with self._driver.reading() as session:
            params = _params(session, project_id, wanted) | {"cap": finding.COUNT_CAP + 1}
            return int(session.query(finding.count_sql(wanted), params)[0]["n"])

    def scan_end(self, project_id: int, wanted: ItemFilter, *, sort: str, after: Cursor | None = None) -> Cursor | None:
        """Where a filter on features stopped looking; None when it has seen all that passes the other filters."""
        if not wanted.features:
            return None
        column = finding.SORTS[sort][0]
        page = finding.page_sql(replace(wanted, features=()), sort, after is not None)
        with self._driver.reading() as session:
            params = _params(session, project_id, wanted, after) | {"limit": finding.SCAN}
            rows = session.query(
                f"select id, {column} as value from ({page}) limit 1 offset {finding.SCAN - 1}", params
            )
        return Cursor(rows[0]["value"], rows[0]["id"]) if rows else None

    def training_rows(self, project_id: int, *, dated: bool = False) -> TrainingRows:
        """One snapshot of base rows and effective feedback; never a row equal to a locked one.

        dated: look up when each label was given, which fading labels need.
        """
        sql = _TRAINING.replace("{date}", _DATED if dated else "null")
        with self._driver.reading() as session:
            upto = session.query("select coalesce(max(id), 0) as n from feedback where project_id = ?", (project_id,))
            columns = session.columns(sql, {"project": project_id})
        ids, inputs, labels, fed, dates = columns or [(), (), (), (), ()]
        return TrainingRows(ids, inputs, labels, tuple(map(bool, fed)), upto[0]["n"], dates if dated else ())

    def two_labels(self, project_id: int) -> tuple[str, ...]:
        """Up to two different labels among the rows a version may learn from; reading stops at the second."""
        with self._driver.reading() as session:
            return tuple(row["label"] for row in session.query(_TWO_LABELS, {"project": project_id}))

    def locked_rows(self, project_id: int) -> Locked:
        """The labelled holdout and audit rows."""
        with self._driver.reading() as session:
            ids, inputs, truth, audit = session.columns(_LOCKED, (project_id,)) or [(), (), (), ()]
        return Locked(ids, inputs, truth, tuple(map(bool, audit)))

    def pool_chunks(
        self, project_id: int, size: int = 20_000
    ) -> Iterator[tuple[tuple[int, ...], tuple[str, ...], tuple[bool, ...]]]:
        """(ids, inputs, open or not) of every pool item, chunk by chunk, each its own short snapshot."""
        last = 0
        while True:
            with self._driver.reading() as session:
                # The + keeps SQLite from sorting the whole project once per chunk.
                columns = session.columns(
                    """select id, input, state = 'open' from items
                    where +project_id = ? and id > ? and split = 'pool' order by id limit ?""",
                    (project_id, last, size),
                )
            if not columns:
                return
            yield columns[0], columns[1], tuple(map(bool, columns[2]))
            last = columns[0][-1]

    def outlines(self, ids: Sequence[int]) -> dict[int, Outline]:
        """Items by id without their inputs; unknown ids are left out."""
        with self._driver.reading() as session:
            rows = session.query(_OUTLINES, (orjson.dumps(list(ids)).decode(),))
        return {row["id"]: noun(Outline, row, blind=bool(row["blind"])) for row in rows}

    def decided_ids(self, project_id: int) -> tuple[int, ...]:
        """Ids of the pool items that somebody has decided on, conflicts and flags included."""
        with self._driver.reading() as session:
            columns = session.columns(
                "select id from items where project_id = ? and state in ('labelled', 'conflict', 'flagged')",
                (project_id,),
            )
        return columns[0] if columns else ()

    def first_ids(self, project_id: int, limit: int) -> tuple[int, ...]:
        """Ids of the open items that are asked about first, in that order."""
        with self._driver.reading() as session:
            columns = session.columns(
                """select id from items where project_id = ? and state = 'open' and priority is not null
                order by priority desc, id limit ?""",
                (project_id, limit),
            )
        return columns[0] if columns else ()

    def open_ids(self, project_id: int) -> tuple[int, ...]:
        """Ids of all open items, in order, read from an index alone: 0.2 s of a million."""
        with self._driver.reading() as session:
            columns = session.columns(
                "select id from items where project_id = ? and state = 'open' order by id", (project_id,)
            )
        return columns[0] if columns else ()

    def export(self, project_id: int, size: int = 5_000) -> Iterator[list[Item]]:
        """Every item of a project in id order, chunk by chunk."""
        last = 0
        while True:
            with self._driver.reading() as session:
                rows = session.query(
                    "select * from items where +project_id = ? and id > ? order by id limit ?", (project_id, last, size)
                )
            if not rows:
                return
            yield [item_of(row) for row in rows]
            last = rows[-1]["id"]


def _params(session: Session, project_id: int, wanted: ItemFilter, after: Cursor | None = None) -> dict[str, Any]:
    params = finding.params(project_id, wanted, after)
    if wanted.holds is None:
        return params
    held = [row["text"] for row in session.query(finding.held_sql(wanted), params)]
    return finding.params(project_id, wanted, after, held)


def item_of(row: Row) -> Item:
    """An item from its table row."""
    return Item(
        id=row["id"],
        key=row["key"],
        values=tuple(orjson.loads(row["input"])),
        split=row["split"],
        state=row["state"],
        audit=bool(row["audit"]),
        base_label=row["base_label"],
        label=row["label"],
        version_id=row["version_id"],
        predicted=row["predicted"],
        confidence=row["confidence"],
        priority=row["priority"],
        created_at=row["created_at"],
        was=row["was"],
    )


def _insert_rows(project_id: int, first: int, batch: Sequence[NewItem], now: float) -> Iterator[tuple[Any, ...]]:
    for row_id, (key, body, digest, split, label) in enumerate(batch, first):
        state = "open" if split == "pool" else "base"
        yield row_id, project_id, key, body.decode(), digest, split, state, label, now


def _index_texts(session: Session, project: Project, items: Iterable[tuple[int, NewItem]]) -> None:
    columns = [n for n, column in enumerate(project.schema.columns) if column.kind in ("text", "category")]
    if not columns:
        return

    def text(body: bytes) -> str:
        values = orjson.loads(body)
        return " ".join([own_word(project.id), *(str(values[n]) for n in columns if values[n] is not None)])

    rows = ((item_id, text(body)) for item_id, (_, body, *_) in items)
    session.many("insert into items_text (rowid, text) values (?, ?)", rows)
