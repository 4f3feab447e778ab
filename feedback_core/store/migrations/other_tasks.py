"""Models from elsewhere, and data and feedback of other kinds than one class a row."""

from __future__ import annotations

from ..lightly import Database
from .registry import migrations, run

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
    run(db, _OUTSIDE)


_DOUBTED = """
alter table feedback add column doubt text not null default '';
create trigger feedback_doubt_immutable before update of doubt on feedback
    begin select raise(abort, 'feedback is append-only: record a new entry instead'); end;
"""


@migrations(name="0024_doubted")
def doubted(db: Database) -> None:
    """Why an entry has to wait for a second person, such as a number that looks like a mistake of its unit."""
    run(db, _DOUBTED)


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
    run(db, _PICTURES)


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
    run(db, _CLUSTERS)


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
    run(db, _DRIFT_ALERTS)


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
    run(db, _BACKGROUNDS)
