"""Numbered schema changes; a released one is never edited, only followed by the next."""

from __future__ import annotations

import sqlite3

from .lightly import Database, Migrations

migrations = Migrations("feedback_core")

# The two checks of items are spelt out: for `in` and three values SQLite builds a table, for every row inserted. At a
# million rows of plain inserts that was 10 of 39 us of CPU a row (python -m benchmarks.store, with either check).
_TABLES = """
create table projects (
    id integer primary key,
    name text not null unique,
    task text not null,
    labels text not null,
    schema text not null,
    settings text not null,
    salt integer not null,
    simulated integer not null default 0,
    anchor_id integer,
    created_at real not null
);
create table items (
    id integer primary key,
    project_id integer not null references projects (id),
    key text not null,
    input_hash text not null,
    split text not null check (split = 'pool' or split = 'train' or split = 'holdout'),
    state text not null check (
        state = 'open' or state = 'base' or state = 'labelled' or state = 'conflict' or state = 'flagged'),
    audit integer not null default 0,
    base_label text,
    label text,
    shuffle integer not null,
    version_id integer,
    predicted text,
    confidence real,
    priority real,
    created_at real not null,
    input text not null
);
create unique index items_key on items (project_id, key);
create index items_shuffle on items (project_id, shuffle) where state = 'open';
create index items_priority on items (project_id, state, priority desc) where priority is not null;
create index items_confidence on items (project_id, state, confidence, id, predicted) where confidence is not null;
create index items_predicted on items (project_id, state, predicted, priority desc) where predicted is not null;
create index items_newest on items (project_id, state);
create index items_train on items (project_id) where split = 'train';
create index items_locked on items (project_id, input_hash) where split = 'holdout' or audit = 1;
create virtual table items_text using fts5 (text, content='', columnsize=0, tokenize='unicode61');

create table predictions (
    item_id integer not null references items (id),
    version_id integer not null references versions (id),
    label text not null,
    proba blob not null,
    confidence real not null,
    priority real,
    parts blob,
    primary key (item_id, version_id)
) without rowid;
create table prediction_runs (
    version_id integer primary key references versions (id),
    project_id integer not null,
    rows integer not null,
    part_names text not null,
    histogram text not null,
    created_at real not null
);

create table draws (
    id integer primary key,
    project_id integer not null references projects (id),
    item_id integer not null references items (id),
    reviewer text not null,
    strategy text not null,
    propensity real not null,
    audit integer not null,
    blind integer not null,
    leased_until real not null,
    done integer not null default 0,
    created_at real not null
);
create index draws_leased on draws (item_id, leased_until) where done = 0;
create index draws_reviewer on draws (project_id, reviewer) where done = 0;

create table feedback (
    id integer primary key,
    project_id integer not null references projects (id),
    item_id integer not null references items (id),
    version_id integer references versions (id),
    reviewer text not null,
    verdict text not null check (verdict in ('confirm', 'correct', 'skip', 'flag', 'undo')),
    target text,
    predicted text,
    note text not null default '',
    seconds real,
    draw_id integer references draws (id),
    undoes integer references feedback (id),
    state text not null check (state in ('accepted', 'quarantined', 'superseded', 'withdrawn')),
    idempotency_key text,
    created_at real not null
);
create unique index feedback_idempotency on feedback (project_id, idempotency_key) where idempotency_key is not null;
create index feedback_project on feedback (project_id);
create index feedback_item on feedback (item_id);
create index feedback_reviewer on feedback (project_id, reviewer);
create trigger feedback_append_only before delete on feedback
    begin select raise(abort, 'feedback is append-only: record an undo instead'); end;
create trigger feedback_immutable before update of
    id, project_id, item_id, version_id, reviewer, verdict, target, predicted, note, seconds, draw_id, undoes,
    idempotency_key, created_at on feedback
    begin select raise(abort, 'feedback is append-only: record a new entry instead'); end;

create table versions (
    id integer primary key,
    project_id integer not null references projects (id),
    number integer not null,
    parent_id integer references versions (id),
    job_id integer unique,
    estimator text not null,
    params text not null,
    seed integer not null,
    status text not null check (status in ('candidate', 'champion', 'retired', 'refused')),
    artifact text not null,
    sha256 text not null,
    size integer not null,
    environment text not null,
    n_base integer not null,
    n_feedback integer not null,
    feedback_upto integer not null,
    metrics text not null,
    created_by text not null,
    created_at real not null,
    promoted_at real,
    unique (project_id, number)
);
create unique index versions_champion on versions (project_id) where status = 'champion';
create table lineage (
    version_id integer primary key references versions (id),
    rows blob not null
);
create table gate_reports (
    id integer primary key,
    project_id integer not null references projects (id),
    challenger_id integer not null references versions (id),
    champion_id integer references versions (id),
    finding text not null,
    action text not null,
    reasons text not null,
    numbers text not null,
    policy text not null,
    decision text,
    decided_by text,
    decision_reason text,
    created_at real not null,
    decided_at real
);
create index gate_reports_challenger on gate_reports (challenger_id);
create index gate_reports_project on gate_reports (project_id);
create trigger gate_reports_kept before delete on gate_reports
    begin select raise(abort, 'gate reports are never deleted'); end;
create trigger gate_reports_immutable before update of
    id, project_id, challenger_id, champion_id, finding, action, reasons, numbers, policy, created_at on gate_reports
    begin select raise(abort, 'the evidence of a gate report never changes: judge again instead'); end;

create table jobs (
    id integer primary key,
    project_id integer not null references projects (id),
    kind text not null,
    state text not null check (state in ('waiting', 'running', 'done', 'failed', 'cancelled')),
    trigger text not null,
    requested_by text not null,
    payload text not null default '{}',
    worker text,
    lease_until real,
    heartbeat_at real,
    progress real not null default 0,
    message text not null default '',
    attempts integer not null default 0,
    error text,
    result text not null default '{}',
    created_at real not null,
    started_at real,
    finished_at real
);
create unique index jobs_one_waiting on jobs (project_id, kind, payload) where state = 'waiting';
create index jobs_live on jobs (state) where state in ('waiting', 'running');
create index jobs_project on jobs (project_id);

create table events (
    id integer primary key,
    project_id integer not null references projects (id),
    at real not null,
    actor text not null,
    kind text not null,
    version_id integer,
    details text not null
);
create index events_project on events (project_id);
create table tallies (
    project_id integer not null references projects (id),
    kind text not null,
    name text not null,
    n integer not null,
    primary key (project_id, kind, name)
) without rowid;
"""

_UNIFORM_DRAWS = """
drop index items_shuffle;
alter table items drop column shuffle;
create index feedback_skips on feedback (project_id, reviewer, item_id) where verdict = 'skip' and state = 'accepted';
"""


@migrations(name="0001_the_loop")
def the_loop(db: Database) -> None:
    """All nouns of the loop."""
    _run(db, _TABLES)


@migrations(name="0002_uniform_draws")
def uniform_draws(db: Database) -> None:
    """Uniform draws pick an id: no random place a row, whose index cost 7 of 26 us of CPU at every insert."""
    _run(db, _UNIFORM_DRAWS)


_SECOND_LOOK = """
alter table feedback add column ruling text check (ruling is null or ruling in ('accept', 'reject', 'ask'));
alter table feedback add column ruled_by text;
alter table feedback add column ruled_at real;
alter table feedback add column ruled_after integer;
alter table feedback add column ruling_id integer references events (id);
create index feedback_ruling on feedback (project_id, ruling) where ruling is not null;
create index events_rulings on events (project_id) where kind = 'entries ruled';
create trigger events_append_only before delete on events
    begin select raise(abort, 'the audit trail is append-only'); end;
create trigger events_immutable before update on events
    begin select raise(abort, 'the audit trail is append-only'); end;

create table entry_ranks (
    feedback_id integer primary key references feedback (id),
    project_id integer not null references projects (id),
    run integer not null,
    person text not null,
    verdict text not null,
    score real not null,
    suspicious real,
    contradicted real,
    far real,
    low_agreement real,
    effect real
);
create index entry_ranks_score on entry_ranks (project_id, score desc, feedback_id);
create index entry_ranks_person on entry_ranks (project_id, person, score desc, feedback_id);
create index entry_ranks_verdict on entry_ranks (project_id, verdict, score desc, feedback_id);
create table entry_rank_runs (
    project_id integer primary key references projects (id),
    run integer not null,
    entries integer not null,
    without_model integer not null,
    feedback_upto integer not null,
    created_at real not null
);

-- The private-use character makes a word of the project's own that nobody types: a match begins at its short list.
create virtual table notes_text using fts5 (text, content='', columnsize=0, tokenize='unicode61');
create trigger feedback_note after insert on feedback when new.note <> ''
    begin insert into notes_text (rowid, text) values (new.id, char(57344) || new.project_id || ' ' || new.note); end;
insert into notes_text (rowid, text)
    select id, char(57344) || project_id || ' ' || note from feedback where note <> '';
"""


@migrations(name="0003_second_look")
def second_look(db: Database) -> None:
    """Rulings on entries, ranks of the entries worth a second look, and search in notes."""
    _run(db, _SECOND_LOOK)


_FLIPS = """
alter table items add column was text;
create index items_flipped on items (project_id, state, priority desc, predicted, confidence, was)
    where was <> predicted;
create index items_wrong on items (project_id, state, priority desc, predicted, confidence, label)
    where label <> predicted;
"""


@migrations(name="0004_flips")
def flips(db: Database) -> None:
    """What the version before said about an item, and quick ways to the items it and the reviewers disagree on."""
    _run(db, _FLIPS)


_SESSIONS = """
create table review_sessions (
    id integer primary key,
    project_id integer not null references projects (id),
    name text not null,
    size integer not null,
    after_feedback integer not null,
    created_by text not null,
    created_at real not null,
    closed_at real
);
create index review_sessions_live on review_sessions (project_id) where closed_at is null;
create table session_items (
    session_id integer not null references review_sessions (id),
    position integer not null,
    item_id integer not null references items (id),
    primary key (session_id, position)
) without rowid;
alter table draws add column session_id integer references review_sessions (id);
create table maps (
    project_id integer not null references projects (id),
    method text not null,
    version_id integer not null references versions (id),
    ids blob not null,
    points blob not null,
    pool integer not null,
    created_at real not null,
    primary key (project_id, method)
) without rowid;
"""


@migrations(name="0005_sessions_and_maps")
def sessions_and_maps(db: Database) -> None:
    """Items that somebody put together for review, and the newest map of a pool by each slow method."""
    _run(db, _SESSIONS)


@migrations(name="0007_archived_projects")
def archived_projects(db: Database) -> None:
    """Projects that are hidden but kept."""
    _run(db, "alter table projects add column archived_at real;")


_HIDDEN = """
drop index items_confidence;
drop index items_predicted;
drop index items_flipped;
create index items_confidence on items (project_id, state, confidence, id, predicted, audit)
    where confidence is not null;
create index items_predicted on items (project_id, state, predicted, priority desc, id, audit)
    where predicted is not null;
create index items_flipped on items (project_id, state, priority desc, predicted, confidence, was, audit)
    where was <> predicted;
"""


@migrations(name="0008_hidden_from_filters")
def hidden_from_filters(db: Database) -> None:
    """Filters leave out what the audit hides: counted from the index alone, not by looking up ten thousand rows."""
    _run(db, _HIDDEN)


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
    _run(db, _EVIDENCE)


_AUDIT_INDEXES = """
create index draws_audit on draws (project_id, created_at, item_id) where audit = 1;
create index items_audit on items (id, state, version_id, label, predicted) where audit = 1;
"""


@migrations(name="0011_audit_indexes")
def audit_indexes(db: Database) -> None:
    """The audit's draws by time and what became of its items, so that their accuracy is read from indexes alone."""
    _run(db, _AUDIT_INDEXES)


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
    _run(db, _RECEIPTS)


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
    _run(db, _INSIGHTS)


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
    _run(db, _TRIGGERS)


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
    _run(db, _JOBS)


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
    _run(db, _LEARNED_INPUTS)


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
    _run(db, _REALTIME)


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
    _run(db, _WEBHOOKS)


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
    _run(db, _PEOPLE)


_ACTED_FOR = """
alter table feedback add column via text not null default '';
create trigger feedback_via_immutable before update of via on feedback
    begin select raise(abort, 'feedback is append-only: record a new entry instead'); end;
"""


@migrations(name="0020_acted_for")
def acted_for(db: Database) -> None:
    """The token behind an entry that was recorded in somebody's name."""
    _run(db, _ACTED_FOR)


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
    _run(db, _RETRAIN_COUNTS)


_OUTSIDE = """
create unique index versions_outside on versions (project_id, json_extract(params, '$.name'))
    where estimator in ('http', 'predictions');

create table endpoints (
    project_id integer primary key references projects (id),
    url text not null,
    train_url text not null default '',
    secret text not null,
    timeout_s real not null,
    batch integer not null,
    created_by text not null,
    created_at real not null
);

create table training_requests (
    id integer primary key,
    project_id integer not null references projects (id),
    job_id integer unique,
    rows blob not null,
    n_base integer not null,
    n_feedback integer not null,
    feedback_upto integer not null,
    asked_by text not null,
    asked_at real not null,
    version_id integer references versions (id),
    failed text not null default ''
);
create index training_requests_project on training_requests (project_id, id);
"""


@migrations(name="0023_outside")
def outside(db: Database) -> None:
    """Models that live elsewhere: their names, where they answer, and what they were asked to learn from."""
    _run(db, _OUTSIDE)


_DOUBTED = """
alter table feedback add column doubt text not null default '';
create trigger feedback_doubt_immutable before update of doubt on feedback
    begin select raise(abort, 'feedback is append-only: record a new entry instead'); end;
"""


@migrations(name="0024_doubted")
def doubted(db: Database) -> None:
    """Why an entry has to wait for a second person, such as a number that looks like a mistake of its unit."""
    _run(db, _DOUBTED)


_PICTURES = """
create table pictures (
    project_id integer not null references projects (id),
    digest text not null,
    primary key (project_id, digest)
) without rowid;
create index pictures_digest on pictures (digest);
"""


@migrations(name="0025_pictures")
def pictures(db: Database) -> None:
    """Which picture files, by SHA-256, a project's items refer to."""
    _run(db, _PICTURES)


_CLUSTERS = """
create table clusterings (
    id integer primary key,
    project_id integer not null references projects (id),
    number integer not null,
    parent_id integer references clusterings (id),
    method text not null,
    k integer not null,
    seed integer not null,
    status text not null check (status in ('candidate', 'champion', 'retired', 'refused')),
    upto integer not null,
    items integer not null,
    sample integer not null,
    metrics text not null,
    borders text not null,
    heeded text not null,
    job_id integer,
    created_by text not null,
    created_at real not null,
    promoted_at real
);
create unique index clusterings_number on clusterings (project_id, number);
create unique index clusterings_champion on clusterings (project_id) where status = 'champion';
create unique index clusterings_job on clusterings (job_id) where job_id is not null;
create trigger clusterings_kept before delete on clusterings
    begin select raise(abort, 'a clustering is kept for good: refuse it instead'); end;
create trigger clusterings_immutable before update of project_id, number, parent_id, method, k, seed, upto, items,
    sample, metrics, borders, heeded, job_id, created_by, created_at on clusterings
    begin select raise(abort, 'a clustering does not change: make another'); end;
create table clusters (
    clustering_id integer not null references clusterings (id),
    number integer not null,
    name text not null,
    size integer not null,
    prototypes text not null,
    representatives text not null,
    odd text not null,
    primary key (clustering_id, number)
) without rowid;
-- ids (int64, ascending) and prototypes (int16) of up to 20,000 items a row.
create table cluster_items (
    clustering_id integer not null references clusterings (id),
    first_id integer not null,
    ids blob not null,
    prototypes blob not null,
    primary key (clustering_id, first_id)
);
create table cluster_maps (
    clustering_id integer primary key references clusterings (id),
    ids blob not null,
    points blob not null,
    clusters blob not null
);
create table cluster_draws (
    id integer primary key,
    project_id integer not null references projects (id),
    clustering_id integer not null references clusterings (id),
    item_a integer not null references items (id),
    item_b integer not null references items (id),
    audit integer not null,
    propensity real not null,
    reviewer text not null,
    drawn_at real not null,
    decided_at real
);
create index cluster_draws_open on cluster_draws (project_id, reviewer) where decided_at is null;
create index cluster_draws_audit on cluster_draws (item_a, item_b) where audit = 1;
create table cluster_feedback (
    id integer primary key,
    project_id integer not null references projects (id),
    clustering_id integer references clusterings (id),
    kind text not null check (kind in ('together', 'apart', 'skip', 'merge', 'split', 'rename', 'undo')),
    item_a integer references items (id),
    item_b integer references items (id),
    cluster_a integer,
    cluster_b integer,
    name text not null default '',
    undoes integer references cluster_feedback (id),
    draw_id integer references cluster_draws (id),
    audit integer not null default 0,
    reviewer text not null,
    note text not null default '',
    seconds real,
    idempotency_key text,
    created_at real not null
);
create index cluster_feedback_project on cluster_feedback (project_id, id);
create index cluster_feedback_reviewer on cluster_feedback (project_id, reviewer, id);
create index cluster_feedback_about on cluster_feedback (clustering_id, id) where cluster_a is not null;
create unique index cluster_feedback_undoes on cluster_feedback (undoes) where undoes is not null;
create unique index cluster_feedback_key on cluster_feedback (project_id, idempotency_key)
    where idempotency_key is not null;
create trigger cluster_feedback_append_only before delete on cluster_feedback
    begin select raise(abort, 'feedback is append-only: record an undo instead'); end;
create trigger cluster_feedback_immutable before update on cluster_feedback
    begin select raise(abort, 'feedback is append-only: record a new entry instead'); end;
create table cluster_reports (
    id integer primary key,
    project_id integer not null references projects (id),
    challenger_id integer not null references clusterings (id),
    champion_id integer references clusterings (id),
    finding text not null,
    action text not null,
    reasons text not null,
    numbers text not null,
    created_at real not null,
    decision text,
    decided_by text,
    decided_reason text,
    decided_at real
);
create index cluster_reports_challenger on cluster_reports (challenger_id);
create index cluster_reports_project on cluster_reports (project_id);
create trigger cluster_reports_kept before delete on cluster_reports
    begin select raise(abort, 'a report is never deleted'); end;
create trigger cluster_reports_immutable before update of project_id, challenger_id, champion_id, finding, action,
    reasons, numbers, created_at on cluster_reports
    begin select raise(abort, 'a report does not change: compare once more'); end;
"""


@migrations(name="0027_clusters")
def clusters(db: Database) -> None:
    """Versions of a clustering with every item's place, pairs drawn, what people said, and reports."""
    _run(db, _CLUSTERS)


_DRIFT_ALERTS = """
create table drift_alerts (
    id integer primary key,
    project_id integer not null references projects (id),
    version_id integer not null references versions (id),
    column_name text not null,
    direction text not null,
    place text,
    measure text not null,
    effect real not null,
    p real not null,
    level real not null,
    share_before real not null,
    share_now real not null,
    look integer not null,
    after integer not null,
    upto integer not null,
    created_at real not null,
    seen_at real not null
);
create index drift_alerts_project on drift_alerts (project_id);
create trigger drift_alerts_kept before delete on drift_alerts
    begin select raise(abort, 'drift alerts are kept: answer them'); end;
create table drift_answers (
    id integer primary key,
    alert_id integer not null references drift_alerts (id),
    answer text not null check (answer in ('accept', 'dismiss', 'undo')),
    answered_by text not null,
    answered_at real not null,
    note text not null default ''
);
create index drift_answers_alert on drift_answers (alert_id);
create trigger drift_answers_append_only before delete on drift_answers
    begin select raise(abort, 'answers are append-only: take one back by a new one'); end;
create trigger drift_answers_immutable before update on drift_answers
    begin select raise(abort, 'answers are append-only: take one back by a new one'); end;
"""


@migrations(name="0026_drift_alerts")
def drift_alerts(db: Database) -> None:
    """Drifts that were told, and what people answered: kinds that are dismissed ask for more."""
    _run(db, _DRIFT_ALERTS)


_BACKGROUNDS = """
-- ids: differences of neighbouring item ids as int64, compressed. among: rows there were to choose from.
create table backgrounds (
    version_id integer primary key references versions (id),
    ids blob not null,
    among integer not null
);
create trigger backgrounds_kept before delete on backgrounds
    begin select raise(abort, 'a version is rebuilt from its background'); end;
create trigger backgrounds_immutable before update on backgrounds
    begin select raise(abort, 'a version is rebuilt from its background'); end;
"""


@migrations(name="0031_backgrounds")
def backgrounds(db: Database) -> None:
    """The rows without a label that a version has learned from, such as those that tell a detector what is usual."""
    _run(db, _BACKGROUNDS)


def _run(db: Database, script: str) -> None:
    # Not executescript(): it commits the surrounding transaction first.
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            db.conn.execute(statement)
            statement = ""
