"""Draws: an item lent to one reviewer for a while."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from ..errors import Stale
from ..types import Draw, Wish
from .driver import Driver, Row, Session, noun
from .holdout import LEARNABLE
from .sessions import decided_in_session
from .uniform import Urn, base_items, open_items

# An expired lease counts as free, so a closed tab blocks nothing.
_FREE = """
not exists (select 1 from draws d where d.item_id = i.id and d.done = 0 and d.leased_until > :now
            and d.reviewer <> :reviewer)
and not exists (select 1 from feedback f where f.item_id = i.id and f.reviewer = :reviewer and f.state = 'accepted'
                and f.verdict <> 'undo')
"""

# A hand of many cards must not hold one item twice, so here the reviewer's own live draws count as taken too.
_FREE_OF_ALL = _FREE.replace("\n            and d.reviewer <> :reviewer)", ")")

# Above a certified confidence nothing is asked for by its priority.
_UNSURE = "and (:sure is null or confidence < :sure)"

_CHOICES = {
    "second opinion": """
        select id, audit from items i where project_id = :project and state = 'conflict' and {free} limit :limit""",
    # What was once drawn for the audit is left to chance: reached by its priority, it would make the sample a hard one.
    "priority": """
        select id, audit from items i where project_id = :project and state = 'open' and priority is not null
        and +audit = 0 {unsure} and {free} order by priority desc, id limit :limit""".replace("{unsure}", _UNSURE),
}

FEW = 2_000
"""Items below a certified confidence, from which down they are sorted: a walk down all priorities to find what the
hands have left of so few took 0.6 s at 300,000 items, while nobody else could write."""

_COUNT_UNSURE = """
select count(*) as n from (
    select 1 from items indexed by items_confidence
    where project_id = :project and state = 'open' and confidence < :sure and audit = 0 limit :most)
"""

_OF_FEW = """
select id, audit from items i indexed by items_confidence where project_id = :project and state = 'open'
and confidence < :sure and audit = 0 and priority is not null and {free} order by priority desc, id limit :limit
"""
_NEXT = {name: sql.replace("{free}", _FREE) for name, sql in _CHOICES.items()}
_NEXT_OF_HAND = {name: sql.replace("{free}", _FREE_OF_ALL) for name, sql in _CHOICES.items()}
_OF_FEW_NEXT, _OF_FEW_OF_HAND = (_OF_FEW.replace("{free}", free) for free in (_FREE, _FREE_OF_ALL))

_CHOSEN = """
select id, audit from items i where id = :wanted and project_id = :project and split = 'pool'
and not exists (select 1 from draws d where d.item_id = i.id and d.done = 0 and d.leased_until > :now
                and d.reviewer <> :reviewer)
"""

_LEASE = """
insert into draws (project_id, item_id, reviewer, strategy, propensity, audit, blind, leased_until, session_id,
                   created_at)
values (:project, :item, :reviewer, :strategy, :propensity, :audit, :blind, :until, :session, :now) returning *
"""

_LABELLED_BEFORE = "select 1 from feedback where item_id = ? and verdict in ('confirm', 'correct') limit 1"

# By its input, not its id: the same text served twice is known the second time. What equals nothing but other items of
# the audit sample is learned by nobody.
_LEARNED_BEFORE = f"""
select 1 from items asked join items i indexed by items_input
    on i.project_id = asked.project_id and i.input_hash = asked.input_hash
where asked.id = ? and {LEARNABLE} limit 1
"""

# The decided item of an old draw must not come back, nor one whose lease somebody else holds by now.
_MINE = """
select d.* from draws d join items i on i.id = d.item_id
where d.project_id = :project and d.reviewer = :reviewer and d.done = 0 and d.leased_until > :now
  and d.session_id is :session
  and (d.strategy in ('chosen', 'slice', 'gold') or i.state in ('open', 'conflict')) order by d.id desc limit 1
"""

# A card chosen by hand comes first; the others keep the order they were drawn in.
_HAND = _MINE.replace("order by d.id desc limit 1", "order by d.strategy <> 'chosen', d.id")

# Whoever comes back after the lease ran out keeps the cards nobody else has taken meanwhile.
_KEEP = """
update draws set leased_until = :until where project_id = :project and reviewer = :reviewer and done = 0
and session_id is :session
and not exists (select 1 from review_sessions s where s.id = :session and s.closed_at is not null)
and not exists (select 1 from draws d where d.item_id = draws.item_id and d.done = 0 and d.leased_until > :now
                and d.reviewer <> :reviewer)
"""

_LET_GO = """
update draws set done = 1 where project_id = :project and reviewer = :reviewer and done = 0
and (leased_until <= :now
    or strategy not in ('chosen', 'slice', 'gold') and exists (
        select 1 from items i where i.id = draws.item_id and i.state not in ('open', 'conflict'))
    or strategy = 'slice' and exists (
        select 1 from review_sessions s where s.id = draws.session_id and {decided}))
""".replace("{decided}", decided_in_session("draws.item_id"))

# Whoever goes to another queue frees the cards of the last one, but not before its last decisions have arrived.
_PUT_DOWN = """
update draws set leased_until = min(leased_until, :now + :grace)
where project_id = :project and reviewer = :reviewer and done = 0 and session_id is not :session
and strategy <> 'chosen'
"""
GRACE_S = 30.0

# Of whatever state: to look again at what is decided is what a session may be for.
_OF_SESSION = """
select i.id, i.audit from review_sessions s join session_items si on si.session_id = s.id
join items i on i.id = si.item_id
where s.id = :session and s.project_id = :project and s.closed_at is null and i.audit = 0 and not {decided}
and not exists (select 1 from draws d where d.item_id = i.id and d.done = 0 and d.leased_until > :now)
and not exists (select 1 from feedback f where f.item_id = i.id and f.id > s.after_feedback and f.reviewer = :reviewer
                and f.state = 'accepted' and f.verdict = 'skip')
order by si.position limit :limit
""".replace("{decided}", decided_in_session("i.id"))


class Draws:
    """Who has which item in hand."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def current(self, project_id: int, reviewer: str, now: float) -> Draw | None:
        """The live draw of a reviewer, so that a reload shows the same card."""
        with self._driver.reading() as session:
            rows = session.query(_MINE, {"project": project_id, "reviewer": reviewer, "now": now, "session": None})
        return _draw(rows[0]) if rows else None

    def take(
        self,
        project_id: int,
        reviewer: str,
        *,
        wish: Wish,
        below: Callable[[int], int],
        now: float,
        lease_s: float,
        propensity: Callable[[str, int], float],
        sure: float | None = None,
    ) -> Draw | None:
        """Lease the next item to one reviewer; None when nothing is free.

        wish: what to draw, if there is any; else the next best. below: n -> a uniform whole number from 0 to n - 1.
        propensity: (strategy, items a uniform choice could fall on) -> probability of the choice. sure: confidence from
        which on items are left to the audit and to sessions. The choice and the lease are one transaction, so two
        callers never get the same item.
        """
        params: dict[str, Any] = {"project": project_id, "reviewer": reviewer, "now": now, "until": now + lease_s}
        params |= {"session": None, "sure": sure}
        with self._driver.writing() as session:
            session.execute(
                "update draws set done = 1 where project_id = :project and reviewer = :reviewer and done = 0", params
            )
            waiting = _waiting(session, params | {"limit": 1}, _NEXT, _OF_FEW_NEXT)
            return _grant(session, wish, waiting, _urns(session, params, below, [wish]), params, propensity)

    def hand(self, project_id: int, reviewer: str, now: float, session_id: int | None = None) -> list[Draw]:
        """Every live draw of a reviewer from the whole queue, or from one session, in the order of the cards."""
        params = {"project": project_id, "reviewer": reviewer, "now": now, "session": session_id}
        with self._driver.reading() as session:
            rows = session.query(_HAND, params)
        return [_draw(row) for row in rows]

    def fill(
        self,
        project_id: int,
        reviewer: str,
        *,
        wishes: Sequence[Wish],
        below: Callable[[int], int],
        now: float,
        lease_s: float,
        propensity: Callable[[str, int], float],
        session_id: int | None = None,
        sure: float | None = None,
    ) -> list[Draw]:
        """Renew a reviewer's leases and draw until the hand holds one card for each wish; gives the hand.

        wishes: one for each card; those beyond what is missing are let go. below, propensity, sure: as for `take`; what
        is in the hand is not free. session_id: draw the items of this session instead, in its order and nothing else.
        All of it is one transaction.
        """
        params: dict[str, Any] = {"project": project_id, "reviewer": reviewer, "now": now, "until": now + lease_s}
        params |= {"session": session_id, "grace": GRACE_S, "sure": sure}
        with self._driver.writing() as session:
            session.execute(_PUT_DOWN, params)
            session.execute(_KEEP, params)
            session.execute(_LET_GO, params)
            held = session.query(_HAND, params)
            missing = max(0, len(wishes) - len(held))
            if session_id is not None:
                chosen = session.query(_OF_SESSION, params | {"limit": missing})
                params["propensity"] = propensity("slice", 0)
                return [_draw(row) for row in held] + [_lease(session, item, "slice", params) for item in chosen]
            waiting = _waiting(session, params | {"limit": missing}, _NEXT_OF_HAND, _OF_FEW_OF_HAND)
            urns = _urns(session, params, below, wishes[:missing])
            new = [_grant(session, wish, waiting, urns, params, propensity) for wish in wishes[:missing]]
            return [_draw(row) for row in held] + [draw for draw in new if draw is not None]

    def release(self, project_id: int, reviewer: str, draw_ids: Sequence[int]) -> int:
        """Put cards back for others, undecided; gives how many of them were in this reviewer's hand."""
        with self._driver.writing() as session:
            return session.execute(
                """update draws set done = 1 where id in (select value from json_each(?)) and project_id = ?
                and reviewer = ? and done = 0""",
                (orjson.dumps(list(draw_ids)).decode(), project_id, reviewer),
            )

    def in_other_hands(self, reviewer: str, item_ids: Sequence[int], now: float) -> frozenset[int]:
        """Those of the items that somebody else is deciding at this moment."""
        with self._driver.reading() as session:
            columns = session.columns(
                """select d.item_id from json_each(?) wanted join draws d on d.item_id = wanted.value
                where d.done = 0 and d.leased_until > ? and d.reviewer <> ?""",
                (orjson.dumps(list(item_ids)).decode(), now, reviewer),
            )
        return frozenset(columns[0] if columns else ())

    def held_by(self, project_id: int, now: float) -> dict[str, int]:
        """Reviewer -> number of items in hand at this moment."""
        with self._driver.reading() as session:
            rows = session.query(
                """select reviewer, count(*) as n from draws
                where project_id = ? and done = 0 and leased_until > ? group by reviewer""",
                (project_id, now),
            )
        return {row["reviewer"]: row["n"] for row in rows}

    def lend(self, project_id: int, reviewer: str, item_id: int, *, now: float, lease_s: float) -> Draw:
        """Lease a chosen item to one reviewer. Raises Stale when somebody else has it in hand.

        Its draw is marked as chosen: it says nothing about the items nobody chose.
        """
        params: dict[str, Any] = {"project": project_id, "reviewer": reviewer, "now": now, "wanted": item_id}
        params["session"] = None
        with self._driver.writing() as session:
            rows = session.query(_CHOSEN, params)
            if not rows:
                raise Stale("Somebody else has this item in hand, or it is base data: take the next one.")
            if rows[0]["audit"]:
                raise Stale("This item belongs to the audit sample, which only chance may draw: it comes up by itself.")
            # Only this item's own draw gives way: the rest of the reviewer's hand waits behind the chosen card.
            session.execute(
                "update draws set done = 1 where item_id = :wanted and reviewer = :reviewer and done = 0", params
            )
            return _lease(session, rows[0], "chosen", params | {"until": now + lease_s, "propensity": 1.0})


_ORDERS = {
    "audit": ("audit", "second opinion"),
    "gold": ("gold", "second opinion", "priority", "random"),
    "priority": ("second opinion", "priority", "random"),
}
"""What is drawn for each kind of wish: the first of these that there is."""


def _waiting(session: Session, params: dict[str, Any], choices: Mapping[str, str], of_few: str) -> dict[str, list[Row]]:
    """The first items that are free, by how they come to be chosen. of_few: the walk where few are below `sure`."""
    if params["sure"] is not None:
        [found] = session.query(_COUNT_UNSURE, params | {"most": FEW + 1})
        choices = {**choices, "priority": of_few} if found["n"] <= FEW else choices
    return {name: session.query(sql, params) for name, sql in choices.items()}


def _urns(
    session: Session, params: dict[str, Any], below: Callable[[int], int], wishes: Sequence[Wish]
) -> dict[str, Urn]:
    """What uniform draws of each strategy choose from; base items only where one is wished for."""
    free = open_items(session, params, below)
    base = {"gold": base_items(session, params, below)} if any(wish.kind == "gold" for wish in wishes) else {}
    return {"audit": free, "random": free} | base


def _grant(
    session: Session,
    wish: Wish,
    waiting: dict[str, list[Row]],
    urns: Mapping[str, Urn],
    params: dict[str, Any],
    propensity: Callable[[str, int], float],
) -> Draw | None:
    """Lease the item of one wish, else the next best; what is leased neither waits nor is free any more."""
    order = _ORDERS[wish.kind]
    if params["sure"] is not None and wish.kind == "priority":
        order = order[:-1]  # chance would bring back what is not to be reviewed
    for strategy in order:
        # A draw by priority takes its item from among the open ones too, though not by chance.
        urn = urns.get(strategy, urns["random"])
        item = urn.choose() if strategy in urns else next(iter(waiting[strategy]), None)
        if item is None:
            continue
        chance = propensity(strategy, urn.n)
        if strategy != "second opinion":
            urn.take(item["id"])
        for rows in waiting.values():
            rows[:] = [row for row in rows if row["id"] != item["id"]]
        return _lease(session, item, strategy, params | {"propensity": chance}, blind=wish.blind)
    return None


def _lease(session: Session, item: Row, strategy: str, params: dict[str, Any], *, blind: bool = False) -> Draw:
    # What was labelled before may have been learned from: no evidence about what is coming in.
    audit = strategy == "audit" and not session.query(_LABELLED_BEFORE, (item["id"],))
    # An item of the audit sample keeps inputs equal to its own out of training, so they can only have come later.
    audit = audit and bool(item["audit"] or not session.query(_LEARNED_BEFORE, (item["id"],)))
    if audit:
        session.execute("update items set audit = 1 where id = ?", (item["id"],))
    # An item once drawn for the audit stays blind, whoever sees it next.
    hidden = strategy in ("audit", "gold") or item["audit"] or (blind and strategy == "priority")
    marks = {"item": item["id"], "strategy": strategy, "audit": int(audit), "blind": int(bool(hidden))}
    return _draw(session.query(_LEASE, params | marks)[0])


def _draw(row: Row) -> Draw:
    return noun(Draw, row, audit=bool(row["audit"]), blind=bool(row["blind"]))
