"""What the loop needs to run by itself: triggers, jobs, real time, webhooks, people."""

from __future__ import annotations

from ..lightly import Database
from .registry import migrations, run

_TRIGGERS = """
create table trigger_states (
    project_id integer primary key references projects (id),
    regret real not null default 0,
    entries integer not null default 0,
    cost real not null default 0,
    upto integer not null default 0,
    champion_id integer,
    version_id integer,
    shadow_s real,
    armed text not null default '',
    armed_at real not null,
    drift text not null default '{}',
    trouble text not null default '',
    fired_at real,
    fired_job integer references jobs (id)
);
create table regret (
    feedback_id integer primary key references feedback (id),
    project_id integer not null references projects (id),
    champion_wrong integer not null,
    shadow_wrong integer not null,
    propensity real not null,
    total real not null,
    created_at real not null
);
create index regret_project on regret (project_id, feedback_id);
"""


@migrations(name="0014_triggers")
def triggers(db: Database) -> None:
    """Where each project's triggers stand, and the entries that its accumulated regret is the sum of."""
    run(db, _TRIGGERS)


_JOBS = """
-- Not before this time: a job that failed for a passing reason waits a while. Above 0 it has begun already, so a new
-- request is a job of its own.
alter table jobs add column not_before real not null default 0;
alter table jobs add column cancelled_by text;
drop index jobs_one_waiting;
create unique index jobs_one_waiting on jobs (project_id, kind, payload) where state = 'waiting' and not_before = 0;

create table job_lines (
    id integer primary key,
    job_id integer not null references jobs (id),
    at real not null,
    level text not null,
    text text not null
);
create index job_lines_job on job_lines (job_id);
"""


@migrations(name="0015_jobs")
def jobs(db: Database) -> None:
    """Jobs that are tried again later or cancelled while they run, and what each has had to say."""
    run(db, _JOBS)


# Items once drawn for the audit although an equal input had been learned are none of its sample, nor are their draws.
_LEARNED_INPUTS = """
create index items_input on items (project_id, input_hash);
create temp table no_audit as
    select a.item_id from (select item_id, min(created_at) as at from draws where audit = 1 group by item_id) a
    join items i on i.id = a.item_id
    where i.audit = 1 and exists (
        select 1 from items t where t.project_id = i.project_id and t.input_hash = i.input_hash and t.audit = 0
           and (t.split = 'train' and t.created_at <= a.at
                or t.split = 'pool' and exists (
                    select 1 from feedback f where f.item_id = t.id and f.target is not null
                       and f.created_at <= a.at)));
update items set audit = 0 where id in (select item_id from no_audit);
update draws set audit = 0 where audit = 1 and item_id in (select item_id from no_audit);
drop table no_audit;
"""


@migrations(name="0017_learned_inputs")
def learned_inputs(db: Database) -> None:
    """Items by their input, so that what was learned once is known when it is served again."""
    run(db, _LEARNED_INPUTS)


_REALTIME = """
alter table versions add column streamed integer not null default 0;
create table realtime (
    project_id integer primary key references projects (id),
    origin_id integer references versions (id),
    estimator text not null default '',
    lessons integer not null default 0,
    skipped integer not null default 0,
    upto integer not null default 0,
    asked_upto integer not null default 0,
    trouble text not null default '',
    updated_at real not null
);
create table realtime_steps (
    feedback_id integer primary key references feedback (id),
    project_id integer not null references projects (id),
    challenger_wrong integer not null,
    champion_wrong integer not null,
    propensity real,
    correction integer not null,
    given_at real not null,
    learned_at real not null
);
create index realtime_steps_project on realtime_steps (project_id, feedback_id);
create table realtime_versions (
    version_id integer primary key references versions (id),
    origin_id integer not null references versions (id),
    lessons text not null
);
"""


@migrations(name="0018_realtime")
def realtime(db: Database) -> None:
    """Challengers that learn entry by entry: where each stands, its steps, and the order behind a frozen one."""
    run(db, _REALTIME)


_WEBHOOKS = """
-- The secret itself, not a hash of it: every message is signed with it. old_secret signs beside it until old_until.
create table webhooks (
    id integer primary key,
    project_id integer not null references projects (id),
    url text not null,
    kinds text not null,
    secret text not null,
    old_secret text,
    old_until real,
    active integer not null default 1,
    paused text not null default '',
    event_upto integer not null,
    feedback_upto integer not null,
    created_by text not null,
    created_at real not null,
    removed_at real
);
create index webhooks_project on webhooks (project_id) where removed_at is null;
create table deliveries (
    id integer primary key,
    webhook_id integer not null references webhooks (id),
    message_id text not null,
    kind text not null,
    body text not null,
    state text not null check (state in ('waiting', 'delivered', 'failed', 'skipped')),
    attempts integer not null default 0,
    next_at real not null,
    leased_until real not null default 0,
    tried_at real,
    status integer,
    error text not null default '',
    seconds real,
    response text not null default '',
    created_at real not null,
    delivered_at real,
    resends integer
);
create index deliveries_webhook on deliveries (webhook_id);
create index deliveries_waiting on deliveries (webhook_id) where state = 'waiting';
"""


@migrations(name="0016_webhooks")
def webhooks(db: Database) -> None:
    """Where news is sent to, how far each address has been told, and every delivery with its last attempt."""
    run(db, _WEBHOOKS)


_PEOPLE = """
create table members (
    id integer primary key,
    project_id integer references projects (id),
    subject text not null,
    name text not null,
    role text not null check (role in ('viewer', 'reviewer', 'maintainer', 'admin')),
    added_at real not null,
    added_by text not null
);
-- Null is all projects, and no null equals another.
create unique index members_one on members (coalesce(project_id, 0), subject);
create index members_subject on members (subject);

create table tokens (
    id integer primary key,
    project_id integer references projects (id),
    name text not null unique,
    hash text not null unique,
    prefix text not null,
    role text not null check (role in ('viewer', 'reviewer', 'maintainer', 'admin')),
    may_act_for_others integer not null,
    created_by text not null,
    created_at real not null,
    expires_at real not null,
    revoked_at real,
    revoked_by text,
    last_used_at real
);
create trigger tokens_scope_immutable before update of project_id, name, hash, role, may_act_for_others, expires_at
    on tokens begin select raise(abort, 'a token keeps its scope: revoke it and make another'); end;
create trigger tokens_stay_revoked before update of revoked_at on tokens when old.revoked_at is not null
    begin select raise(abort, 'a revoked token stays revoked: make another'); end;
create trigger tokens_kept before delete on tokens
    begin select raise(abort, 'the audit trail names this token: revoke it instead'); end;

create table admin_events (
    id integer primary key,
    at real not null,
    actor text not null,
    kind text not null,
    details text not null default '{}'
);
create trigger admin_events_append_only before delete on admin_events
    begin select raise(abort, 'the audit trail is append-only'); end;
create trigger admin_events_immutable before update on admin_events
    begin select raise(abort, 'the audit trail is append-only'); end;
"""


@migrations(name="0019_people")
def people(db: Database) -> None:
    """Roles by person and project, tokens of programs, and events that concern no single project."""
    run(db, _PEOPLE)


_ACTED_FOR = """
alter table feedback add column via text not null default '';
create trigger feedback_via_immutable before update of via on feedback
    begin select raise(abort, 'feedback is append-only: record a new entry instead'); end;
"""


@migrations(name="0020_acted_for")
def acted_for(db: Database) -> None:
    """The token behind an entry that was recorded in somebody's name."""
    run(db, _ACTED_FOR)


_RETRAIN_COUNTS = """
delete from tallies where kind = 'pending';
insert into tallies (project_id, kind, name, n)
select f.project_id, 'pending', f.verdict, count(*) from feedback f join items i on i.id = f.item_id
where f.state = 'accepted' and f.verdict <> 'undo' and i.split = 'pool'
  and f.id > (select coalesce(max(v.feedback_upto), 0) from versions v
              where v.project_id = f.project_id and (v.streamed = 0 or v.promoted_at is not null))
group by f.project_id, f.verdict;
"""


@migrations(name="0021_retrain_counts")
def retrain_counts(db: Database) -> None:
    """What waits for a retrain, counted from the last version that is one: no longer from a refused real-time one."""
    run(db, _RETRAIN_COUNTS)
