"""Ranks of entries for a second look: the facts they are computed from, the ranks, and pages of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..types import EntryFilter, RankCursor, RankedEntry, RankRun
from .driver import Driver, Row, Session
from .searching import own_word, words
from .standing import feedback_of

BATCH = 5_000
"""Ranks per transaction."""

SCAN = 20_000
"""Ranked entries one page looks through for those that match; the next page goes on from there."""

FEW = 2_000
"""Entries found by a word in their note or by their ruling are sorted; of more the newest."""

COUNT_CAP = 10_000
"""Newer entries are counted up to here."""

PARTS = ("suspicious", "contradicted", "low_agreement", "far", "effect")
"""Columns of the parts, in the order in which they are shown."""

_RANK = "r.score, " + ", ".join(f"r.{name}" for name in PARTS)

_FACTS = """
select f.id, f.item_id, f.version_id, f.reviewer, f.verdict, f.target, f.state, p.proba,
    (select i.base_label from draws d join items i on i.id = d.item_id where d.id = f.draw_id and d.strategy = 'gold')
        as gold
from feedback f left join predictions p on p.item_id = f.item_id and p.version_id = f.version_id
where f.project_id = ? and f.id > ? and f.verdict in ('confirm', 'correct', 'flag')
  and f.state in ('accepted', 'quarantined')
order by f.id limit ?
"""

_INSERT = f"""
insert or replace into entry_ranks (feedback_id, project_id, run, person, verdict, score, {", ".join(PARTS)})
values (?, ?, ?, ?, ?, ?, {", ".join("?" for _ in PARTS)})
"""

_SWEEP = """
delete from entry_ranks where feedback_id in (
    select feedback_id from entry_ranks where project_id = ? and run <> ? limit ?)
"""

_NEWER = """
select count(*) as n from (
    select 1 from feedback where project_id = ? and id > ? and verdict in ('confirm', 'correct', 'flag')
    and state = 'accepted' limit ?)
"""

_STATES = {
    # What was outvoted or overruled is no part of any label: there is nothing to decide about it.
    "waiting": """f.state = 'accepted' and f.ruling is null and not exists (
        select 1 from items i where i.id = f.item_id and i.state = 'labelled' and i.label <> f.target)""",
    "accept": "f.ruling = 'accept'",
    "reject": "f.ruling = 'reject'",
    "ask": "f.ruling = 'ask'",
    "any": "1",
}


class Ranks:
    """Entries in the order in which a maintainer should look at them."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def facts(self, project_id: int, size: int = 20_000) -> Iterator[list[Row]]:
        """Standing and rejected entries in the order they were given, with what the version they saw said.

        Chunk by chunk, each its own short snapshot. gold: the true label where the draw was a gold question.
        """
        last = 0
        while True:
            with self._driver.reading() as session:
                rows = session.query(_FACTS, (project_id, last, size))
            if not rows:
                return
            yield rows
            last = rows[-1]["id"]

    def save(self, project_id: int, run: int, rows: Sequence[tuple[Any, ...]]) -> None:
        """Store ranks (feedback id, person, verdict, score, then PARTS) of one run, in short transactions."""
        for start in range(0, len(rows), BATCH):
            batch = ((row[0], project_id, run, *row[1:]) for row in rows[start : start + BATCH])
            with self._driver.writing() as session:
                session.many(_INSERT, batch)

    def finish(self, project_id: int, found: RankRun) -> None:
        """Make a run the one that pages show, and drop ranks of entries that no longer stand."""
        with self._driver.writing() as session:
            session.execute(
                "insert or replace into entry_rank_runs values (?, ?, ?, ?, ?, ?)",
                (project_id, found.run, found.entries, found.without_model, found.feedback_upto, found.created_at),
            )
        while True:
            with self._driver.writing() as session:
                if session.execute(_SWEEP, (project_id, found.run, BATCH)) < BATCH:
                    return

    def run(self, project_id: int) -> RankRun | None:
        """The last ranking; None before the first."""
        with self._driver.reading() as session:
            rows = session.query("select * from entry_rank_runs where project_id = ?", (project_id,))
        return RankRun(**{name: value for name, value in rows[0].items() if name != "project_id"}) if rows else None

    def newer(self, project_id: int, feedback_upto: int) -> int:
        """Standing entries given since; COUNT_CAP + 1 stands for more than COUNT_CAP."""
        with self._driver.reading() as session:
            return int(session.query(_NEWER, (project_id, feedback_upto, COUNT_CAP + 1))[0]["n"])

    def people(self, project_id: int) -> list[str]:
        """Everybody with standing entries, those with most first."""
        with self._driver.reading() as session:
            rows = session.query(
                """select name, n from tallies where project_id = ? and kind = 'reviewer' and n > 0
                order by n desc limit 5000""",
                (project_id,),
            )
        return list(dict.fromkeys(row["name"].rpartition("/")[0] for row in rows))

    def page(
        self, project_id: int, wanted: EntryFilter, *, after: RankCursor | None = None, limit: int = 50
    ) -> tuple[list[RankedEntry], RankCursor | None]:
        """One page by keyset, and where the next one begins, None when there is none.

        A page looks through at most SCAN ranked entries, so a filter that few of them pass may give a short page
        with more behind it.
        """
        params = _params(project_id, wanted) | {"limit": limit, "scan": SCAN, "few": FEW}
        if after is not None:
            params |= {"after": after.score, "after_id": after.feedback_id}
        chosen = wanted.search.strip() or wanted.state in ("accept", "reject", "ask")
        with self._driver.reading() as session:
            return (_sorted if chosen else _walked)(session, wanted, params, after is not None)


Page = tuple[list[RankedEntry], RankCursor | None]


def _walked(session: Session, wanted: EntryFilter, params: dict[str, Any], further: bool) -> Page:
    """Along the ranks, highest first."""
    own = [f"{name} = :{name}" for name in ("person", "verdict") if getattr(wanted, name) is not None]
    # One of the two is served by an index in the order of the score; the + leaves the other to be looked at.
    terms = ["project_id = :project", *own[:1], *(f"+{term}" for term in own[1:])]
    if further:
        terms.append("score <= :after and (score < :after or feedback_id > :after_id)")
    window = f"select * from entry_ranks where {' and '.join(terms)} order by score desc, feedback_id limit :scan"
    # No second `order by`: it would sort the whole window first. The join runs along the window, which is ordered.
    rows = session.query(
        f"""select f.*, {_RANK} from ({window}) r cross join feedback f on f.id = r.feedback_id
        where {" and ".join([_STATES[wanted.state], *_cuts(wanted)])} limit :limit""",
        params,
    )
    found = [_ranked(row) for row in rows]
    if len(rows) == params["limit"]:
        return found, RankCursor(rows[-1]["score"], rows[-1]["id"])
    last = session.query(f"select score, feedback_id from ({window}) limit 1 offset :scan - 1", params)
    return found, RankCursor(last[0]["score"], last[0]["feedback_id"]) if last else None


_OF_POOL = "exists (select 1 from items i where i.id = f.item_id and i.split = 'pool')"
"""Answers to questions with a known answer are no entries to doubt."""


def _sorted(session: Session, wanted: EntryFilter, params: dict[str, Any], further: bool) -> Page:
    """Few enough to sort: those whose note holds the words, or that bear a ruling."""
    ids = "select id from feedback where project_id = :project and ruling = :ruling order by id desc limit :few"
    if wanted.search.strip():
        ids = "select rowid from notes_text where notes_text match :words order by rowid desc limit :few"
    terms = [f"f.id in ({ids})", "f.project_id = :project", "f.verdict <> 'undo'", _OF_POOL]
    terms += [_STATES[wanted.state], *_cuts(wanted)]
    terms += ["f.reviewer = :person"] if wanted.person is not None else []
    terms += ["f.verdict = :verdict"] if wanted.verdict is not None else []
    # Entries newer than the last ranking come last.
    place = "coalesce(r.score, -1)"
    terms += [f"({place} < :after or {place} = :after and f.id > :after_id)"] if further else []
    rows = session.query(
        f"""select f.*, {_RANK}, {place} as place from feedback f left join entry_ranks r on r.feedback_id = f.id
        where {" and ".join(terms)} order by place desc, f.id limit :limit""",
        params,
    )
    more = len(rows) == params["limit"]
    return [_ranked(row) for row in rows], RankCursor(rows[-1]["place"], rows[-1]["id"]) if more else None


def _params(project_id: int, wanted: EntryFilter) -> dict[str, Any]:
    return {f"cut_{name}": value for name, value in wanted.above} | {
        "project": project_id,
        "person": wanted.person,
        "verdict": wanted.verdict,
        "ruling": wanted.state,
        "words": f"{own_word(project_id)} AND {words(wanted.search)}",
    }


def _cuts(wanted: EntryFilter) -> list[str]:
    given = dict(wanted.above)
    return [f"r.{name} >= :cut_{name}" for name in PARTS if name in given]


def _ranked(row: Row) -> RankedEntry:
    return RankedEntry(feedback_of(row), row["score"], {name: row[name] for name in PARTS})
