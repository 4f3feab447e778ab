"""What reviewing asks of the store: second looks, flips, sessions, maps, archived projects, filters."""

from __future__ import annotations

from ..lightly import Database
from .registry import migrations, run

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
    run(db, _SECOND_LOOK)


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
    run(db, _FLIPS)


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
    run(db, _SESSIONS)


@migrations(name="0007_archived_projects")
def archived_projects(db: Database) -> None:
    """Projects that are hidden but kept."""
    run(db, "alter table projects add column archived_at real;")


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
    run(db, _HIDDEN)
