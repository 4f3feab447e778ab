"""Finding items: from a filter and an order to SQL that an index answers, whatever the number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import orjson

from ..multilabel import BETWEEN
from ..types import Cursor, ItemFilter, ItemState
from .searching import own_word, words

COUNT_CAP = 10_000
"""A filtered count stops here: nobody reads the digits beyond, and counting a million rows costs 50 ms."""

SCAN = 20_000
"""Items, in the order of the page, that a filter on a feature looks at: it has no index, and this many take 0.1 s."""

FEW = 5_000
"""Rows sorted for a page rather than looked for along an index; at most 20 ms of a million rows either way."""

FEW_FOUND = 10_000
"""The same for the rows of a search, whose ids all have to be listed before an index is walked for them."""

SORTS = {
    "priority": ("priority", "desc", "<"),
    "confidence": ("confidence", "", ">"),
    "newest": ("id", "desc", "<"),
}

_FILTERS = {
    "predicted": "predicted = :predicted",
    "holds": "predicted in (select value from json_each(:held))",
    "max_confidence": "confidence <= :max_confidence",
    "wrong": "label <> predicted",
    "flipped": "was <> predicted",
}
HIDDEN = "+audit = 1 and +state in ('open', 'conflict')"
"""Items whose prediction must not be shown yet."""

_PARTIAL = {"wrong": "items_wrong", "flipped": "items_flipped"}
"""Indexes that hold only the rows of one filter."""
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


def held_sql(wanted: ItemFilter) -> str:
    """Every set of labels that the wanted items are predicted with and that holds :holds, as `text`.

    One step along an index for each set that occurs: thousands of sets take milliseconds, however many items have them.
    """
    states = range(len(_states(wanted)))
    first, further = (
        f"select min(predicted) from items where project_id = :project and state = :state{{n}} and predicted {beyond}"
        for beyond in ("is not null", "> text")
    )
    walks = [
        f"""select text from (with recursive walk (text) as (
            select ({first.format(n=n)}) union all select ({further.format(n=n)}) from walk where text is not null)
            select text from walk)"""
        for n in states
    ]
    own, sought = (f"'{BETWEEN}' || {text} || '{BETWEEN}'" for text in ("text", ":holds"))
    return f"select distinct text from ({' union all '.join(walks)}) where instr({own}, {sought})"


def params(
    project_id: int, wanted: ItemFilter, after: Cursor | None = None, held: Sequence[str] = ()
) -> dict[str, Any]:
    """Values for the parameters of `page_sql` and `count_sql`, but for `limit` and `cap`.

    held: what `held_sql` gives.
    """
    search = wanted.search.strip()
    return (
        {f"state{n}": state for n, state in enumerate(_states(wanted))}
        | {
            "project": project_id,
            "predicted": wanted.predicted,
            "holds": wanted.holds,
            "held": orjson.dumps(held).decode(),
            "max_confidence": wanted.max_confidence,
            "words": words(search),
            "own_words": f"{own_word(project_id)} AND {words(search)}",
            "key": search,
            "key_end": search + "\U0010ffff",
            "few": FEW,
            "few_found": FEW_FOUND,
            "scan": SCAN,
        }
        | _feature_params(wanted)
        | ({} if after is None else {"after": after.value, "after_id": after.item_id})
    )


def _feature_params(wanted: ItemFilter) -> dict[str, Any]:
    return {
        f"{name}{n}": value
        for n, feature in enumerate(wanted.features)
        for name, value in (
            ("path", f"$[{feature.place}]"),
            ("low", feature.low),
            ("high", feature.high),
            ("equals", feature.equals),
        )
    }


def _features(wanted: ItemFilter) -> str:
    terms = ["1"]
    for n, feature in enumerate(wanted.features):
        value = f"json_extract(input, :path{n})"
        bounds = ((feature.low, ">=", "low"), (feature.high, "<=", "high"), (feature.equals, "=", "equals"))
        terms += [f"{value} {sign} :{name}{n}" for bound, sign, name in bounds if bound is not None]
    return " and ".join(terms)


def page_sql(wanted: ItemFilter, sort: str, further: bool) -> str:
    """Whole rows in an order, at most :limit of them. further: those after :after and :after_id."""
    column, direction, beyond = SORTS[sort]
    order = f"{column} {direction}" + ("" if column == "id" else ", id")
    terms = _terms(wanted, _SERVED.get(sort), tells=sort == "confidence")
    if column != "id":
        terms.append(f"{column} is not null")
    if further and column == "id":
        terms.append(f"id {beyond} :after_id")
    elif further:
        terms.append(f"{column} {beyond}= :after and ({column} {beyond} :after or id > :after_id)")
    parts, long = [], ["1"]
    for ids in _narrow(wanted, _SERVED.get(sort)):
        # The condition stands in the limit because there it is looked at first, and nothing else when it fails.
        where = " and ".join(
            [f"id in ({ids})", _within(wanted, "+"), *terms, *_searched(wanted, ids), _features(wanted)]
        )
        now = " and ".join([*long, _short(ids)])
        parts.append(f"select * from (select * from items where {where} limit iif({now}, -1, 0))")
        long.append(f"not {_short(ids)}")
    for n in range(len(_states(wanted))):
        # One ordered index walk per state, merged: `state in (...)` would sort the whole table instead.
        where = " and ".join(["project_id = :project", f"state = :state{n}", *terms, *_searched(wanted)])
        now, most = " and ".join(long), ":scan" if wanted.features else ":limit"
        walk = f"select * from items where {where} order by {order} limit iif({now}, {most}, 0)"
        parts.append(f"select * from ({walk}) where {_features(wanted)}")
    first = _FIRST_FOUND if _searched(wanted) else ""
    return first + " union all ".join(parts) + f" order by {order} limit :limit"


def count_sql(wanted: ItemFilter) -> str:
    """The number of matches as `n`, counted up to :cap; filters on features are left aside."""
    partial = next((name for name in _PARTIAL if getattr(wanted, name)), None)
    by_label = "predicted" if wanted.holds is None else "holds"
    served = partial or (by_label if wanted.max_confidence is None else "max_confidence")
    terms, searched = _terms(wanted, served), _searched(wanted)
    through = f"indexed by {_PARTIAL[partial]}" if partial else ""
    if only_searched := searched and not terms:
        # Counted as they are found: before the first row of `in` all the ids that a common word gives would be listed.
        many = f"""select 1 from items_text cross join items on id = items_text.rowid
            where {_BY_WORD} and (key < :key or key >= :key_end) and {_within(wanted, "+")}
            union all select 1 from items where {_BY_KEY} and {_within(wanted, "+")}"""
    else:
        many = f"select 1 from items {through} where {' and '.join([_within(wanted), *terms, *searched])}"
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
    given = {name: sql for name, sql in _given(wanted).items() if name != served}
    ids = [
        f"{own.replace('from items', f'from items indexed by {_PARTIAL[name]}') if name in _PARTIAL else own} and {sql}"
        for name, sql in given.items()
    ]
    return [_FEW_FOUND for _ in search] + ids + [own for _ in search]


def _given(wanted: ItemFilter) -> dict[str, str]:
    return {name: sql for name, sql in _FILTERS.items() if getattr(wanted, name) not in (None, False)}


def _short(ids: str) -> str:
    few = ":few_found" if ids == _FEW_FOUND else ":few"
    return f"(select count(*) from (select 1 from ({ids}) limit {few})) < {few}"


def _within(wanted: ItemFilter, unindexed: str = "") -> str:
    # The + keeps SQLite from choosing an index for a term.
    states = ", ".join(f":state{n}" for n in range(len(_states(wanted))))
    return f"{unindexed}project_id = :project and {unindexed}state in ({states})"


def _terms(wanted: ItemFilter, served: str | None, *, tells: bool = False) -> list[str]:
    """Conditions of the filters. tells: the order itself goes by what the model says."""
    terms = [sql if name == served else f"+{sql}" for name, sql in _given(wanted).items()]
    # Whoever could find an item of the audit by what the model says of it would know its hidden prediction.
    hides = (tells or terms) and not {"open", "conflict"}.isdisjoint(_states(wanted))
    return [*terms, f"not ({HIDDEN})"] if hides else terms


def _searched(wanted: ItemFilter, ids: str = "") -> list[str]:
    """The term of the search box, if it is filled and `ids` are not its answer already."""
    return [f"+id in ({_FOUND})"] if wanted.search.strip() and ids != _FEW_FOUND else []


def _states(wanted: ItemFilter) -> tuple[ItemState, ...]:
    return wanted.states or get_args(ItemState)
