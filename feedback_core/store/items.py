"""Items: adding them in bulk, and reading pages of them by index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, get_args

import orjson

from ..errors import NotFound
from ..types import Cursor, Item, ItemFilter, ItemState, Locked, Project, TrainingRows
from . import tallies
from .driver import Driver, Row, Session

BATCH = 5_000
"""Rows per transaction of a bulk write; behind 50,000 a small writer waited 1.1 s."""

COUNT_CAP = 10_000
"""A filtered count stops here: nobody reads the digits beyond, and counting a million rows costs 50 ms."""

FEW = 5_000
"""Rows sorted for a page rather than looked for along an index; at most 20 ms of a million rows either way."""

FEW_FOUND = 10_000
"""The same for the rows of a search, whose ids all have to be listed before an index is walked for them."""

NewItem = tuple[str, bytes, str, str, str | None]
"""key, input, input hash, split, base label."""

_INSERT = """
insert or ignore into items (id, project_id, key, input, input_hash, split, state, base_label, created_at)
values (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_SORTS = {
    "priority": ("priority", "desc", "<"),
    "confidence": ("confidence", "", ">"),
    "newest": ("id", "desc", "<"),
}
SORTS = tuple(_SORTS)

_FILTERS = {"predicted": "predicted = :predicted", "max_confidence": "confidence <= :max_confidence"}
_SERVED = {"priority": "predicted", "confidence": "max_confidence"}
"""The filter that the index of a sort order can answer too."""

_BY_KEY = "project_id = :project and key >= :key and key < :key_end"
# In a project with most of the rows its own word only doubles the work; the rows of the others fall out later.
_BY_WORD = """
items_text match iif((select 2 * sum(n) from tallies where project_id = :project and kind = 'items')
                     > (select max(id) from items), :words, :own_words)
"""
_FOUND = f"select rowid from items_text where {_BY_WORD} union all select id from items where {_BY_KEY}"
# Listed once for a statement: two common words take 15 ms of a million texts each time they are looked for.
_FIRST_FOUND = f"with found (id) as materialized (select rowid from ({_FOUND}) limit :few_found) "
_FEW_FOUND = "select id from found"

# An input equal to a locked one stays out too, whatever its id: the hash decides.
_TRAINING = """
select id, input, coalesce(base_label, label), split = 'pool' from items i
where project_id = :project and (split = 'train' or state = 'labelled' and split = 'pool' and audit = 0)
  and not exists (
      select 1 from items h where h.project_id = :project and h.input_hash = i.input_hash
         and (h.split = 'holdout' or h.audit = 1))
order by id
"""

_LOCKED = """
select id, input, coalesce(label, base_label), audit from items
where project_id = ? and (split = 'holdout' or audit = 1) and coalesce(label, base_label) is not null
order by id
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
            splits = Counter(split for _, (_, _, _, split, _) in new)
            counts = {"pool/open" if split == "pool" else f"{split}/base": n for split, n in splits.items()}
            tallies.add(session, project.id, "items", counts)
        return added

    def get(self, item_id: int) -> Item:
        found = self.many([item_id])
        if not found:
            raise NotFound(f"There is no item {item_id}: it may belong to another database.")
        return found[0]

    def many(self, ids: Sequence[int]) -> list[Item]:
        """Items by id, in the order asked for; unknown ids are left out."""
        with self._driver.reading() as session:
            rows = session.query(
                "select * from items where id in (select value from json_each(?))", (orjson.dumps(ids).decode(),)
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

    def by_key(self, project_id: int, key: str) -> Item | None:
        with self._driver.reading() as session:
            rows = session.query("select * from items where project_id = ? and key = ?", (project_id, key))
        return item_of(rows[0]) if rows else None

    def page(
        self, project_id: int, wanted: ItemFilter, *, sort: str, after: Cursor | None = None, limit: int = 100
    ) -> list[Item]:
        """One page by keyset, never by offset. sort: one of SORTS."""
        params = _params(project_id, wanted) | {"limit": limit}
        if after is not None:
            params |= {"after": after.value, "after_id": after.item_id}
        with self._driver.reading() as session:
            return [item_of(row) for row in session.query(_page_sql(wanted, sort, after is not None), params)]

    def count(self, project_id: int, wanted: ItemFilter) -> int:
        """How many items match; COUNT_CAP + 1 stands for more than COUNT_CAP."""
        params = _params(project_id, wanted) | {"cap": COUNT_CAP + 1}
        with self._driver.reading() as session:
            return int(session.query(_count_sql(wanted), params)[0]["n"])

    def training_rows(self, project_id: int) -> TrainingRows:
        """One snapshot of base rows and effective feedback; never a row equal to a locked one."""
        with self._driver.reading() as session:
            upto = session.query("select coalesce(max(id), 0) as n from feedback where project_id = ?", (project_id,))
            columns = session.columns(_TRAINING, {"project": project_id})
        ids, inputs, labels, fed = columns or [(), (), (), ()]
        return TrainingRows(ids, inputs, labels, tuple(map(bool, fed)), upto[0]["n"])

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
        return " ".join([_own_word(project.id), *(str(values[n]) for n in columns if values[n] is not None)])

    rows = ((item_id, text(body)) for item_id, (_, body, *_) in items)
    session.many("insert into items_text (rowid, text) values (?, ?)", rows)


def _params(project_id: int, wanted: ItemFilter) -> dict[str, Any]:
    search = wanted.search.strip()
    return {f"state{n}": state for n, state in enumerate(_states(wanted))} | {
        "project": project_id,
        "predicted": wanted.predicted,
        "max_confidence": wanted.max_confidence,
        "words": _words(search),
        "own_words": f"{_own_word(project_id)} AND {_words(search)}",
        "key": search,
        "key_end": search + "\U0010ffff",
        "few": FEW,
        "few_found": FEW_FOUND,
    }


def _page_sql(wanted: ItemFilter, sort: str, further: bool) -> str:
    column, direction, beyond = _SORTS[sort]
    order = f"{column} {direction}" + ("" if column == "id" else ", id")
    terms = _terms(wanted, _SERVED.get(sort))
    if column != "id":
        terms.append(f"{column} is not null")
    if further and column == "id":
        terms.append(f"id {beyond} :after_id")
    elif further:
        terms.append(f"{column} {beyond}= :after and ({column} {beyond} :after or id > :after_id)")
    parts, long = [], ["1"]
    for ids in _narrow(wanted, _SERVED.get(sort)):
        # The condition stands in the limit because there it is looked at first, and nothing else when it fails.
        where = " and ".join([f"id in ({ids})", _within(wanted, "+"), *terms, *_searched(wanted, ids)])
        now = " and ".join([*long, _short(ids)])
        parts.append(f"select * from (select * from items where {where} limit iif({now}, -1, 0))")
        long.append(f"not {_short(ids)}")
    for n in range(len(_states(wanted))):
        # One ordered index walk per state, merged: `state in (...)` would sort the whole table instead.
        where = " and ".join(["project_id = :project", f"state = :state{n}", *terms, *_searched(wanted)])
        now = " and ".join(long)
        parts.append(f"select * from (select * from items where {where} order by {order} limit iif({now}, :limit, 0))")
    first = _FIRST_FOUND if _searched(wanted) else ""
    return first + " union all ".join(parts) + f" order by {order} limit :limit"


def _count_sql(wanted: ItemFilter) -> str:
    served, searched = "predicted" if wanted.max_confidence is None else "max_confidence", _searched(wanted)
    terms = _terms(wanted, served)
    if only_searched := searched and not terms:
        # Counted as they are found: before the first row of `in` all the ids that a common word gives would be listed.
        many = f"""select 1 from items_text cross join items on id = items_text.rowid
            where {_BY_WORD} and (key < :key or key >= :key_end) and {_within(wanted, "+")}
            union all select 1 from items where {_BY_KEY} and {_within(wanted, "+")}"""
    else:
        many = f"select 1 from items where {' and '.join([_within(wanted), *terms, *searched])}"
    narrow = [ids for ids in _narrow(wanted, served) if not (only_searched and ids == _FEW_FOUND)]
    cases = []
    for ids in narrow:
        where = " and ".join([f"id in ({ids})", _within(wanted, "+"), *terms, *_searched(wanted, ids)])
        cases.append(f"when {_short(ids)} then (select count(*) from items where {where})")
    first = _FIRST_FOUND if _FEW_FOUND in narrow else ""
    return f"{first}select case {' '.join(cases)} when 1 then (select count(*) from ({many} limit :cap)) end as n"


def _narrow(wanted: ItemFilter, served: str | None) -> list[str]:
    """Queries for the ids that pass one filter, each answered by one index.

    When one of them gives few ids, their rows are sorted; else the ordered index is walked, as enough of its rows pass.
    served: the filter that this index serves itself.
    """
    own, search = f"select id from items where {_within(wanted)}", _searched(wanted)
    given = [sql for name, sql in _FILTERS.items() if name != served and getattr(wanted, name) is not None]
    return [_FEW_FOUND for _ in search] + [f"{own} and {sql}" for sql in given] + [own for _ in search]


def _short(ids: str) -> str:
    few = ":few_found" if ids == _FEW_FOUND else ":few"
    return f"(select count(*) from (select 1 from ({ids}) limit {few})) < {few}"


def _within(wanted: ItemFilter, unindexed: str = "") -> str:
    # The + keeps SQLite from choosing an index for a term.
    states = ", ".join(f":state{n}" for n in range(len(_states(wanted))))
    return f"{unindexed}project_id = :project and {unindexed}state in ({states})"


def _terms(wanted: ItemFilter, served: str | None) -> list[str]:
    given = {name: sql for name, sql in _FILTERS.items() if getattr(wanted, name) is not None}
    return [sql if name == served else f"+{sql}" for name, sql in given.items()]


def _searched(wanted: ItemFilter, ids: str = "") -> list[str]:
    """The term of the search box, if it is filled and `ids` are not its answer already."""
    return [f"+id in ({_FOUND})"] if wanted.search.strip() and ids != _FEW_FOUND else []


def _states(wanted: ItemFilter) -> tuple[ItemState, ...]:
    return wanted.states or get_args(ItemState)


def _words(search: str) -> str:
    """The search box as an FTS query: every word quoted, so no character is an operator, and open at its end."""
    # A NUL ends the query for FTS, and a word of punctuation alone matches nothing.
    words = [word for word in search.replace('"', " ").replace("\0", " ").split() if any(map(str.isalnum, word))]
    return " AND ".join(f'"{word}"*' for word in words or [""])


def _own_word(project_id: int) -> str:
    # Lets one index serve all projects: a match starts from its short list. The private-use character counts as a
    # letter, and nobody searches for it: as "project1" it answered every search for "pro".
    return f"\ue000{project_id}"
