"""What evidence rests on: gate reports, audit indexes, receipts, and the charts of Insights."""

from __future__ import annotations

from ..lightly import Database
from .registry import migrations, run

_EVIDENCE = """
create table flips (
    report_id integer not null references gate_reports (id),
    item_id integer not null references items (id),
    kind text not null check (kind in ('fixed', 'broken', 'moved')),
    sample text not null check (sample in ('holdout', 'audit', 'corrections')),
    truth text not null,
    before text not null,
    after text not null,
    primary key (report_id, item_id)
) without rowid;
create table studies (
    id integer primary key,
    project_id integer not null references projects (id),
    kind text not null,
    version_id integer references versions (id),
    body text not null,
    created_at real not null
);
create index studies_newest on studies (project_id, kind, version_id);
alter table projects add column refreshed_at real;
alter table projects add column refreshed_after integer not null default 0;
"""


@migrations(name="0009_evidence")
def evidence(db: Database) -> None:
    """What changed between two versions row by row, studies of versions, and the last refresh of the holdout."""
    run(db, _EVIDENCE)


_AUDIT_INDEXES = """
create index draws_audit on draws (project_id, created_at, item_id) where audit = 1;
create index items_audit on items (id, state, version_id, label, predicted) where audit = 1;
"""


@migrations(name="0011_audit_indexes")
def audit_indexes(db: Database) -> None:
    """The audit's draws by time and what became of its items, so that their accuracy is read from indexes alone."""
    run(db, _AUDIT_INDEXES)


_RECEIPTS = """
alter table versions add column half_life_days real not null default 0;

-- The newest earlier entry about the item that says something else, where time lies between the two.
alter table feedback add column reverses integer references feedback (id);
update feedback set reverses = (
    select max(e.id) from feedback e
    where e.item_id = feedback.item_id and e.id < feedback.id and e.target <> feedback.target
      and e.verdict in ('confirm', 'correct') and e.state in ('accepted', 'superseded')
      and (e.reviewer <> feedback.reviewer and e.created_at <= feedback.created_at - 86400
           or exists (select 1 from versions v where v.project_id = feedback.project_id
                      and v.feedback_upto >= e.id and v.feedback_upto < feedback.id)))
where verdict in ('confirm', 'correct')
  and exists (select 1 from items i where i.id = feedback.item_id and i.split = 'pool');
create trigger feedback_reverses_immutable before update of reverses on feedback
    begin select raise(abort, 'feedback is append-only: record a new entry instead'); end;
create index feedback_reversals on feedback (project_id, id)
    where reverses is not null and state = 'accepted' and ruling is null;
create index events_world on events (project_id) where kind = 'world changed';
"""


@migrations(name="0012_receipts")
def receipts(db: Database) -> None:
    """Labels that were turned round after a while, answers to why, and how fast a version let old labels fade."""
    run(db, _RECEIPTS)


_INSIGHTS = """
create index items_holdout_label on items (project_id, base_label) where split = 'holdout';
create index items_audit_label on items (project_id, label) where audit = 1;
create index feedback_drawn on feedback (project_id, created_at)
    where draw_id is not null and state = 'accepted' and verdict <> 'undo' and predicted is not null;
insert into tallies (project_id, kind, name, n)
select f.project_id, 'reviewer day', date(f.created_at, 'unixepoch') || '/' || f.reviewer || '/' || f.verdict, count(*)
from feedback f join items i on i.id = f.item_id
where f.state = 'accepted' and f.verdict <> 'undo' and i.split = 'pool' group by 1, 3;
insert into tallies (project_id, kind, name, n)
select f.project_id, 'gold day', date(f.created_at, 'unixepoch') || '/' || f.reviewer || '/'
    || iif(f.target = i.base_label, 'right', 'wrong'), count(*)
from feedback f join items i on i.id = f.item_id
where f.state = 'accepted' and f.verdict <> 'undo' and i.split <> 'pool' and f.target is not null group by 1, 3;
"""


@migrations(name="0013_insights")
def insights(db: Database) -> None:
    """Counts of reviewers by day; decisions from draws, and locked rows of a label, without a look at all others."""
    run(db, _INSIGHTS)
