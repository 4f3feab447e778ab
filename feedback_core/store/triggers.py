"""What the triggers of a project know: the regret entry by entry, and the facts that the rules ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from ..types import TRIGGER, Answered, Job, RegretRow, TriggerState
from . import drift_alerts, events
from .driver import Driver, Row, Session, noun
from .jobs import ask

_ARM = """
insert into trigger_states (project_id, upto, armed, armed_at) values (:project, :upto, :armed, :now)
on conflict (project_id) do update set armed = :armed, armed_at = :now, shadow_s = null
where armed <> :armed
"""

# An item that was decided before may be among what the shadow has learned: its second entry is no test of it.
_ANSWERED = """
select f.id as feedback_id, f.item_id, f.version_id, f.predicted, f.target, d.strategy, f.created_at,
       f.state = 'accepted' and f.verdict in ('confirm', 'correct') and i.split = 'pool' and f.predicted is not null
       and not exists (select 1 from feedback e where e.item_id = f.item_id and e.id < f.id
                       and e.verdict in ('confirm', 'correct')) as counts
from feedback f join items i on i.id = f.item_id left join draws d on d.id = f.draw_id
where f.project_id = ? and f.id > ? order by f.id limit ?
"""

_BY_CHANCE = """
select count(*) as n from feedback f join draws d on d.id = f.draw_id
where f.project_id = ? and f.id > ? and f.state = 'accepted' and d.strategy in ('audit', 'random')
"""

# In the transaction of the job itself: a crash leaves both or none, and the next tick begins from what there is.
_LIVE = """
select 1 from jobs where project_id = ? and kind in ('retrain', 'import') and state in ('waiting', 'running')
"""

_AUDITED = """
select f.target <> f.predicted as wrong from feedback f join draws d on d.id = f.draw_id
where f.project_id = :project and f.id > :after and f.version_id = :version and f.created_at >= :since and d.audit = 1
  and f.state = 'accepted' and f.verdict in ('confirm', 'correct')
order by f.id limit :limit
"""

# A subquery a state: the index gives the newest of each at once, and the rows of other projects are never read.
_NEWEST = " union all ".join(
    f"select * from (select id, input from items where project_id = :project and state = '{state}' and id <= :upto "
    "and id > :after order by id desc limit :limit)"
    for state in ("open", "labelled", "conflict", "flagged")
)

_SECONDS = """
select seconds from feedback
where project_id = ? and verdict = 'correct' and seconds > 0 and id > ? order by id desc limit ?
"""


class Triggers:
    """One row a project for where it stands, one row an entry for what the regret is the sum of."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def state(self, project_id: int) -> TriggerState | None:
        """Where the triggers stand; None before they were armed."""
        with self._driver.reading() as session:
            rows = session.query("select * from trigger_states where project_id = ?", (project_id,))
        return noun(TriggerState, rows[0], drift=orjson.loads(rows[0]["drift"])) if rows else None

    def arm(self, project_id: int, armed: str, *, upto: int, now: float) -> TriggerState:
        """Note the recipe and schedule in force; what is known already keeps its time. upto: entries learned so far."""
        known = self.state(project_id)
        if known is not None and known.armed == armed:
            return known
        with self._driver.writing() as session:
            session.execute(_ARM, {"project": project_id, "armed": armed, "upto": upto, "now": now})
            row = session.query("select * from trigger_states where project_id = ?", (project_id,))[0]
        return noun(TriggerState, row, drift=orjson.loads(row["drift"]))

    def restart(
        self, state: TriggerState, *, champion_id: int | None, version_id: int | None, upto: int, now: float
    ) -> TriggerState:
        """Begin the regret anew, because there is another champion or a newer version; the old sums are logged."""
        with self._driver.writing() as session:
            row = session.query(
                """update trigger_states set regret = 0, entries = 0, upto = max(upto, ?), champion_id = ?,
                version_id = ? where project_id = ? returning *""",
                (upto, champion_id, version_id, state.project_id),
            )[0]
            if state.entries:
                events.log(session, state.project_id, now, "worker", "regret restarted", _sums(state))
        return noun(TriggerState, row, drift=orjson.loads(row["drift"]))

    def price(self, state: TriggerState, cost: float, reasons: Mapping[str, Any], now: float) -> None:
        """Change the cost that the regret is compared with; logged with the sums of that moment and its reasons."""
        with self._driver.writing() as session:
            changed = session.execute(
                "update trigger_states set cost = ? where project_id = ? and cost <> ?", (cost, state.project_id, cost)
            )
            if changed:
                details = _sums(state) | {"from": state.cost, "to": cost} | dict(reasons)
                events.log(session, state.project_id, now, "worker", "threshold changed", details)

    def answered(self, project_id: int, after: int, limit: int) -> list[Answered]:
        """The next entries after one, in the order they were given."""
        with self._driver.reading() as session:
            rows = session.query(_ANSWERED, (project_id, after, limit))
        return [noun(Answered, row, counts=bool(row["counts"])) for row in rows]

    def items_after(self, project_id: int, after: int) -> frozenset[int]:
        """Items about which something was said after an entry."""
        with self._driver.reading() as session:
            columns = session.columns(
                "select item_id from feedback where project_id = ? and id > ?", (project_id, after)
            )
        return frozenset(columns[0] if columns else ())

    def by_chance(self, project_id: int, after: int) -> int:
        """Standing entries after one whose item was drawn uniformly."""
        with self._driver.reading() as session:
            return int(session.query(_BY_CHANCE, (project_id, after))[0]["n"])

    def add_regret(
        self, state: TriggerState, rows: Sequence[RegretRow], *, upto: int, shadow_s: float | None, now: float
    ) -> bool:
        """Store entries with the regret after each, and that all entries up to one have been looked at.

        False when another worker was quicker, or the regret was restarted meanwhile; then nothing is stored.
        """
        total = rows[-1].total if rows else state.regret
        values = (total, len(rows), upto, shadow_s, state.project_id, state.upto, state.champion_id, state.version_id)
        with self._driver.writing() as session:
            mine = session.execute(
                """update trigger_states set regret = ?, entries = entries + ?, upto = ?, shadow_s = ?
                where project_id = ? and upto = ? and champion_id is ? and version_id is ?""",
                values,
            )
            if mine:
                session.many(
                    "insert into regret values (?, ?, ?, ?, ?, ?, ?)",
                    [
                        (r.feedback_id, state.project_id, r.champion_wrong, r.shadow_wrong, r.propensity, r.total, now)
                        for r in rows
                    ],
                )
        return bool(mine)

    def regret(self, project_id: int, limit: int = 1_000) -> list[RegretRow]:
        """The newest entries of the regret, oldest first."""
        with self._driver.reading() as session:
            rows = session.query(
                "select * from regret where project_id = ? order by feedback_id desc limit ?", (project_id, limit)
            )
        flags = ("champion_wrong", "shadow_wrong")
        return [noun(RegretRow, row, **{name: bool(row[name]) for name in flags}) for row in reversed(rows)]

    def save_drift(
        self, project_id: int, drift: Mapping[str, Any], alerts: Sequence[Row] = (), now: float = 0.0
    ) -> None:
        """Keep the last look at the inputs, together with the alerts it gives rise to."""
        with self._driver.writing() as session:
            session.execute(
                "update trigger_states set drift = ? where project_id = ?", (orjson.dumps(drift).decode(), project_id)
            )
            drift_alerts.tell(session, project_id, alerts, now)

    def trouble(self, project_id: int, what: str) -> None:
        """Note why the last tick broke off; empty when it did not."""
        with self._driver.reading() as session:
            # Every few seconds for every project: the write lock only when there is something to write.
            changed = session.query(
                "select 1 from trigger_states where project_id = ? and trouble <> ?", (project_id, what)
            )
        if not changed:
            return
        with self._driver.writing() as session:
            session.execute(
                "update trigger_states set trouble = ? where project_id = ? and trouble <> ?", (what, project_id, what)
            )

    def fire(self, state: TriggerState, cause: str, details: Mapping[str, Any], now: float) -> Job | None:
        """Ask for a retrain and note it, in one transaction; None when one is live, or another worker was quicker."""
        with self._driver.writing() as session:
            if session.query(_LIVE, (state.project_id,)):
                return None
            fired = session.execute(
                """update trigger_states set fired_at = ?, regret = 0, entries = 0
                where project_id = ? and fired_at is ?""",
                (now, state.project_id, state.fired_at),
            )
            if not fired:
                return None
            job = ask(session, state.project_id, "retrain", trigger=cause, by=TRIGGER, now=now)
            session.execute("update trigger_states set fired_job = ? where project_id = ?", (job.id, state.project_id))
            log = _sums(state) | {"cause": cause, "job": job.id} | dict(details)
            events.log(session, state.project_id, now, TRIGGER, "retrain triggered", log)
        return job

    def news(self, project_id: int, learned: int) -> tuple[float | None, float | None]:
        """(time of the oldest standing entry after the learned ones, time of the newest entry of all)."""
        with self._driver.reading() as session:
            oldest = session.query(
                """select created_at from feedback where project_id = ? and id > ? and state = 'accepted'
                and verdict in ('confirm', 'correct') order by id limit 1""",
                (project_id, learned),
            )
            newest = session.query(
                "select created_at from feedback where project_id = ? order by id desc limit 1", (project_id,)
            )
        return _first(oldest, "created_at"), _first(newest, "created_at")

    def retrains(self, project_id: int, limit: int = 5) -> list[Job]:
        """The newest retrain jobs first."""
        with self._driver.reading() as session:
            rows = session.query(
                "select * from jobs where project_id = ? and kind = 'retrain' order by id desc limit ?",
                (project_id, limit),
            )
        return [
            noun(Job, row, payload=orjson.loads(row["payload"]), result=orjson.loads(row["result"])) for row in rows
        ]

    def correction_seconds(self, project_id: int, limit: int = 200) -> list[float]:
        """Seconds that the newest corrections took, where they were measured."""
        with self._driver.reading() as session:
            top = session.query("select max(id) as id from feedback where project_id = ?", (project_id,))[0]["id"] or 0
            columns = session.columns(_SECONDS, (project_id, top - 50 * limit, limit))
        return list(columns[0]) if columns else []

    def audited(self, project_id: int, version_id: int, since: float, limit: int = 5_000) -> list[bool]:
        """Whether the version was wrong on each audit row decided since a time, oldest first."""
        params = {"project": project_id, "version": version_id, "since": since, "limit": limit}
        with self._driver.reading() as session:
            params["after"] = _newest_at(session, "feedback", since - 1)
            return [bool(row["wrong"]) for row in session.query(_AUDITED, params)]

    def item_at(self, then: float) -> int:
        """Newest item id of any project stored up to a time; 0 when there is none."""
        with self._driver.reading() as session:
            return _newest_at(session, "items", then)

    def items_between(self, project_id: int, after: int, upto: int, limit: int) -> list[tuple[int, str]]:
        """(id, input) of the newest pool items with after < id <= upto, oldest first."""
        params = {"project": project_id, "after": after, "upto": upto, "limit": limit}
        with self._driver.reading() as session:
            rows = session.query(f"select id, input from ({_NEWEST}) order by id desc limit :limit", params)
        return [(row["id"], row["input"]) for row in reversed(rows)]

    def base_inputs(self, project_id: int, limit: int) -> list[str]:
        """Inputs of base rows, spread evenly over those there are."""
        with self._driver.reading() as session:
            columns = session.columns(
                "select id from items where project_id = ? and split = 'train' order by id", (project_id,)
            )
            ids = columns[0] if columns else ()
            chosen = [ids[n * len(ids) // limit] for n in range(limit)] if len(ids) > limit else list(ids)
            rows = session.columns(
                "select input from items where id in (select value from json_each(?))", (orjson.dumps(chosen).decode(),)
            )
        return list(rows[0]) if rows else []


def _first(rows: list[Row], name: str) -> float | None:
    return rows[0][name] if rows else None


def _sums(state: TriggerState) -> dict[str, Any]:
    return {"regret": state.regret, "entries": state.entries, "cost": state.cost}


def _newest_at(session: Session, table: str, then: float) -> int:
    """Newest id of a table up to a time. Rows come in the order of time: twenty looks at a million find it by halving,
    where no index of times is kept."""
    low, high = 0, session.query(f"select coalesce(max(id), 0) as id from {table}")[0]["id"]
    while low < high:
        middle = (low + high + 1) // 2
        row = session.query(f"select id, created_at from {table} where id >= ? order by id limit 1", (middle,))[0]
        low, high = (row["id"], high) if row["created_at"] <= then else (low, middle - 1)
    return int(low)
