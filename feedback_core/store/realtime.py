"""What real-time challengers have learned: where each stands, one row a lesson, and the order behind a frozen one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from ..types import TRIGGER, Job, Lesson, LiveState, LiveStep, News
from .driver import Driver, Session, noun
from .jobs import ask

# What can change the order of lessons: an entry, a ruling or a refresh (events), another champion, a new locked item.
_SIGNALS = """
select p.id, (select max(id) from feedback where project_id = p.id),
       (select max(id) from events where project_id = p.id),
       (select max(id) from items),
       (select id from versions where project_id = p.id and status = 'champion')
from projects p where p.archived_at is null and json_extract(p.settings, '$.realtime') = 1
"""

_MARK = """
select (select coalesce(max(id), 0) from feedback where project_id = :project) as entry,
       (select coalesce(max(id), 0) from events where project_id = :project) as event,
       (select coalesce(max(id), 0) from items) as item
"""

# An item that is equal to one that has changed may have become equal to a locked one.
_TOUCHED = """
select id from items where project_id = :project and input_hash in (
    select i.input_hash from feedback f join items i on i.id = f.item_id where f.project_id = :project and f.id > :entry
    union
    select input_hash from items where id > :item and project_id = :project)
"""

# The first entry that gives an item its effective label, unless that was learned; never a locked item, nor one equal to
# one. An entry may be older than the champion and stand only now: a conflict was resolved, a ruling taken back.
_LESSONS = """
select f.id as feedback_id, f.item_id, i.label, f.version_id, f.predicted, d.strategy, f.created_at
from items i cross join feedback f on f.item_id = i.id left join draws d on d.id = f.draw_id
where i.project_id = :project and {which} and i.id not in (select value from json_each(:learned))
  and f.state = 'accepted' and f.verdict in ('confirm', 'correct')
  and f.target = i.label and i.state = 'labelled' and i.split = 'pool' and i.audit = 0
  and not exists (
      select 1 from feedback e where e.item_id = f.item_id and e.id < f.id and e.state = 'accepted'
         and e.verdict in ('confirm', 'correct') and e.target = f.target)
  and not exists (
      select 1 from items h where h.project_id = :project and h.input_hash = i.input_hash
         and (h.split = 'holdout' or h.audit = 1))
order by f.id
"""

_SOME = "i.id in (select value from json_each(:items))"

_STANDING = """
select id, coalesce(base_label, label) from items i
where id in (select value from json_each(:ids))
  and (split = 'train' or state = 'labelled' and split = 'pool' and audit = 0)
"""

MOST_TOUCHED = 1_000
"""Changed items that are looked at alone; beyond them all are."""

_SAVE = """
insert into realtime (project_id, origin_id, estimator, lessons, skipped, upto, trouble, updated_at)
values (:project, :origin, :estimator, :lessons, :skipped, :upto, '', :now)
on conflict (project_id) do update set origin_id = :origin, estimator = :estimator, lessons = :lessons,
    skipped = :skipped, upto = :upto, trouble = '', updated_at = :now
"""

# When it was learned first stays: a restart or an undo learns it again, which says nothing about how late it was. So
# does a known chance of its report, but not beyond a change of champion: it tells whether the present one was asked.
_STEP = """
insert into realtime_steps (feedback_id, project_id, challenger_wrong, champion_wrong, propensity, correction,
                            given_at, learned_at)
values (?, ?, ?, ?, ?, ?, ?, ?)
on conflict (feedback_id) do update set challenger_wrong = excluded.challenger_wrong,
    champion_wrong = excluded.champion_wrong, correction = excluded.correction,
    propensity = iif(excluded.propensity is null, null, coalesce(realtime_steps.propensity, excluded.propensity))
"""

_TROUBLE = """
insert into realtime (project_id, trouble, updated_at) values (:project, :what, :now)
on conflict (project_id) do update set trouble = :what, updated_at = :now where trouble <> :what
"""

# Since the last time it was asked to judge one, and since the newest one that anybody has had judged.
_SINCE = """
select count(*) as n from realtime_steps where project_id = :project and correction = 1 and feedback_id > max(
    (select asked_upto from realtime where project_id = :project),
    coalesce((select max(feedback_upto) from versions where project_id = :project and streamed > 0), 0))
"""


class Realtime:
    """Learning entry by entry, beside the champion."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def signals(self) -> dict[int, tuple[Any, ...]]:
        """Project id -> what changes when there may be something to learn, for the projects that learn in real time."""
        with self._driver.reading() as session:
            columns = session.columns(_SIGNALS)
        return {row[0]: row[1:] for row in zip(*columns, strict=True)} if columns else {}

    def news(self, project_id: int, known: Mapping[int, str], since: tuple[int, int, int] | None = None) -> News:
        """What a champion has not learned. known: label by item of the reviewed rows it has.

        since: mark of an earlier look at the same champion, so that only what has changed after it is looked at, unless
        there was an event.
        """
        with self._driver.reading() as session:
            mark = tuple(session.query(_MARK, {"project": project_id})[0].values())
            items = _touched(session, project_id, since, mark) if since is not None else None
            ids = list(known) if items is None else [item_id for item_id in items if item_id in known]
            columns = session.columns(_STANDING, {"ids": _list(ids)})
            standing = dict(zip(*columns, strict=True)) if columns else {}
            fallen = frozenset(item_id for item_id in ids if standing.get(item_id) != known[item_id])
            params = {"project": project_id, "learned": _list(n for n in ids if n not in fallen)}
            if items is None:
                rows = session.query(_LESSONS.format(which="i.state = 'labelled'"), params)
            else:
                rows = session.query(_LESSONS.format(which=_SOME), params | {"items": _list(items)})
        return News(mark, items, fallen, tuple(noun(Lesson, row) for row in rows))

    def reviewed(self, labels: Mapping[int, str]) -> dict[int, str]:
        """Those of some labels by item that reviewers gave, not the base data."""
        with self._driver.reading() as session:
            columns = session.columns(
                "select id from items where id in (select value from json_each(?)) and split = 'pool'",
                (orjson.dumps(list(labels)).decode(),),
            )
        return {item_id: labels[item_id] for item_id in columns[0]} if columns else {}

    def state(self, project_id: int) -> LiveState | None:
        """Where a project's challenger stands; None before it has learned for the first time."""
        with self._driver.reading() as session:
            rows = session.query("select * from realtime where project_id = ?", (project_id,))
        return noun(LiveState, rows[0]) if rows else None

    def save(
        self,
        project_id: int,
        state: Mapping[str, Any],
        steps: Sequence[LiveStep],
        *,
        standing: Sequence[int] | None,
        now: float,
    ) -> None:
        """Store where the challenger stands, and further steps.

        state: origin, estimator, lessons, skipped, upto. standing: ids of all entries that teach something now, where
        some may not any more: the steps of others go.
        """
        with self._driver.writing() as session:
            if standing is not None:
                session.execute(
                    """delete from realtime_steps where project_id = ?
                    and feedback_id not in (select value from json_each(?))""",
                    (project_id, _list(standing)),
                )
            session.many(_STEP, [_values(project_id, step) for step in steps])
            session.execute(_SAVE, {**state, "project": project_id, "now": now})

    def trouble(self, project_id: int, what: str, now: float) -> None:
        """Note why nothing can be learned at present."""
        with self._driver.writing() as session:
            session.execute(_TROUBLE, {"project": project_id, "what": what, "now": now})

    def steps(self, project_id: int, limit: int = 5_000) -> list[LiveStep]:
        """The newest steps since the origin, oldest first."""
        with self._driver.reading() as session:
            rows = session.query(
                "select * from realtime_steps where project_id = ? order by feedback_id desc limit ?",
                (project_id, limit),
            )
        flags = ("challenger_wrong", "champion_wrong", "correction")
        return [noun(LiveStep, row, **{name: bool(row[name]) for name in flags}) for row in reversed(rows)]

    def unlearned(self, project_id: int, upto: int) -> float | None:
        """Time of the oldest entry after one; None when there is none."""
        with self._driver.reading() as session:
            rows = session.query(
                "select created_at from feedback where project_id = ? and id > ? order by id limit 1",
                (project_id, upto),
            )
        return rows[0]["created_at"] if rows else None

    def corrections_since(self, project_id: int) -> int:
        """Corrections learned since a challenger was last judged, or asked to be."""
        with self._driver.reading() as session:
            return _since(session, project_id)

    def ask_when_due(self, project_id: int, every: int, now: float) -> Job | None:
        """Ask for a verdict on the challenger when so many corrections were learned since the last; noted together."""
        with self._driver.reading() as session:
            if _since(session, project_id) < every:
                return None
        with self._driver.writing() as session:
            n = _since(session, project_id)
            if n < every:
                return None
            session.execute("update realtime set asked_upto = upto where project_id = ?", (project_id,))
            cause = f"{n:,} corrections learned in real time"
            return ask(session, project_id, "real time", trigger=cause, by=TRIGGER, now=now)

    def taught(self, version_id: int) -> tuple[int, list[tuple[int, int, str]]]:
        """(origin, lessons in order) of a version that was learned entry by entry."""
        with self._driver.reading() as session:
            row = session.query("select origin_id, lessons from realtime_versions where version_id = ?", (version_id,))
        return row[0]["origin_id"], [tuple(lesson) for lesson in orjson.loads(row[0]["lessons"])]


def remember(session: Session, version_id: int, origin_id: int, lessons: Sequence[tuple[int, int, str]]) -> None:
    """Keep the order a version was learned in, in the transaction of the version."""
    session.execute(
        "insert into realtime_versions values (?, ?, ?)", (version_id, origin_id, orjson.dumps(lessons).decode())
    )


def _touched(
    session: Session, project_id: int, since: tuple[int, int, int], mark: tuple[Any, ...]
) -> frozenset[int] | None:
    """Ids of the items that may have changed since a mark; None where all may."""
    entry, event, item = since
    if mark[1] != event or mark[2] - item > MOST_TOUCHED or mark[0] - entry > MOST_TOUCHED:
        return None
    columns = session.columns(_TOUCHED, {"project": project_id, "entry": entry, "item": item})
    return frozenset(columns[0]) if columns else frozenset()


def _list(ids: Iterable[int]) -> str:
    return orjson.dumps(list(ids)).decode()


def _since(session: Session, project_id: int) -> int:
    return int(session.query(_SINCE, {"project": project_id})[0]["n"])


def _values(project_id: int, step: LiveStep) -> tuple[Any, ...]:
    return (
        step.feedback_id,
        project_id,
        step.challenger_wrong,
        step.champion_wrong,
        step.propensity,
        step.correction,
        step.given_at,
        step.learned_at,
    )
