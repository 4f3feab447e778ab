"""A project that has been used for a year: as many entries as items, many versions, some refused."""

from pathlib import Path

from benchmarks._world import DAY_S, LABELS, START, Clock, build
from feedback_core import comparison, fitting, scoring
from feedback_core.loop import Loop
from feedback_core.store import open_store
from feedback_core.types import Version

REVIEWERS = 20
DAYS = 365

# A tenth of the items stays open, a tenth is decided by two people, the rest by one: as many entries as items. Seven of
# ten decisions confirm; chance draws a tenth of the items, blind. What follows is written as the loop writes it.
_CHOSEN = "select id, row_number() over (order by id) as place, count(*) over () as n from items where split = 'pool'"
_SCRIPT = f"""
create temp table chosen as {_CHOSEN};
create temp table said as
select c.id as item, r.round, 'reviewer ' || ((c.id + r.round) % {REVIEWERS}) as reviewer, i.predicted,
    iif(c.id % 100 = 7, 'skip', iif(c.id % 10 < 7, 'confirm', 'correct')) as verdict,
    iif(c.id % 10 < 7, i.predicted, (select min(value) from json_each(:labels) where value <> i.predicted)) as target,
    {START} + {DAY_S} * {DAYS} * c.place / c.n as at, c.id % 10 = 3 as audit
from chosen c join items i on i.id = c.id join (select 0 as round union all select 1) r
where c.place % 10 <> 0 and (r.round = 0 or c.place % 10 = 1);
create index temp.said_item on said (item, reviewer);
insert into draws (project_id, item_id, reviewer, strategy, propensity, audit, blind, leased_until, done, created_at)
    select :project, item, reviewer, iif(audit, 'audit', 'priority'), iif(audit, 0.1 / 1000, 1), audit,
        audit or item % 20 = 4, at, 1, at - 5 from said order by at, round;
insert into feedback (project_id, item_id, version_id, reviewer, verdict, target, predicted, seconds, draw_id, state,
                      created_at)
    select :project, s.item, :version, s.reviewer, s.verdict, iif(s.verdict = 'skip', null, s.target), s.predicted,
        1 + s.item % 9, d.id, 'accepted', s.at
    from draws d join said s on s.item = d.item_id and s.reviewer = d.reviewer order by d.id;
update items set audit = said.audit, label = iif(said.verdict = 'skip', null, said.target),
    state = iif(said.verdict = 'skip', 'open', 'labelled')
    from said where said.round = 0 and items.id = said.item;
delete from tallies where project_id = :project;
insert into tallies select :project, 'items', split || '/' || state, count(*) from items group by split, state;
insert into tallies select :project, 'pending', verdict, count(*) from feedback group by verdict;
insert into tallies select :project, 'total', verdict, count(*) from feedback group by verdict;
insert into tallies select :project, 'reviewer', reviewer || '/' || verdict, count(*) from feedback group by 3;
insert into tallies select :project, 'day', date(created_at, 'unixepoch') || '/' || verdict, count(*)
    from feedback group by 3;
insert into tallies select :project, 'reviewer day', date(created_at, 'unixepoch') || '/' || reviewer || '/' || verdict,
    count(*) from feedback group by 3;
drop table said;
drop table chosen;
"""


def build_lived_in(folder: Path, items: int, versions: int) -> tuple[str, int]:
    """A database with `items` predicted items and as many entries over a year; gives its address and project id.

    The base rows train and judge real versions, every third of which was refused. The entries are written in bulk,
    because through the loop they would take an hour; items, draws and running counts follow from them as from the loop,
    and the champion is judged on what has become the audit sample.
    """
    url, project_id = build(folder, items, 0, versions)
    store = open_store(url)
    project = store.projects.get(project_id)
    loop = Loop(store, project, clock=Clock(START + DAYS * DAY_S))
    for version in store.versions.all(project_id)[1:-1:3]:
        _refuse_afterwards(loop, version.id)
    champion = store.versions.champion(project_id)
    with store.items._driver.writing() as session:
        for statement in _SCRIPT.split(";"):
            if statement.strip():
                session.execute(statement, {"project": project_id, "version": champion.id, "labels": _labels()})
    _score_again(loop, champion)
    return url, project_id


def _score_again(loop: Loop, champion: Version) -> None:
    """Score the champion on what has become its audit sample, as a later judgement would."""
    project = loop.store.projects.get(loop.project.id)
    locked = loop.store.items.locked_rows(project.id)
    proba = fitting.proba(loop.model(champion), locked.inputs, project)
    loop.store.predictions.save(champion.id, scoring.plain(locked.ids, proba, project.labels))
    loop.store.versions.set_metrics(champion.id, comparison.metrics(locked, proba, project))


def _refuse_afterwards(loop: Loop, version_id: int) -> None:
    with loop.store.items._driver.writing() as session:
        session.execute("update versions set status = 'refused', promoted_at = null where id = ?", (version_id,))


def _labels() -> str:
    return "[" + ", ".join(f'"{label}"' for label in LABELS) + "]"
