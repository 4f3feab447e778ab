"""Projects, items, predictions, draws, feedback, versions: the loop itself."""

from __future__ import annotations

from ..lightly import Database
from .registry import migrations, run

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
    run(db, _TABLES)


@migrations(name="0002_uniform_draws")
def uniform_draws(db: Database) -> None:
    """Uniform draws pick an id: no random place a row, whose index cost 7 of 26 us of CPU at every insert."""
    run(db, _UNIFORM_DRAWS)
