"""A project's rows on their way out, in any registered format, read chunk by chunk as they are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from . import insights
from .errors import InvalidInput
from .formats import FORMATS, Answer, Format, Guess, Record, Source
from .store import Store
from .types import Feedback, Item, Prediction, Project

_CHUNK = 1_000
"""Items whose predictions and entries are in memory together."""


def chosen(name: str, what: str, project: Project) -> Format:
    """A format that can hold `what` of a project. Raises InvalidInput where it cannot, or NotFound for another name."""
    format = FORMATS[name]
    if format.write is None:
        raise InvalidInput(f"format={name!r} is only read here: choose another one.")
    if what not in format.holds:
        raise InvalidInput(f"{format.title} holds {' or '.join(format.holds)} with what was said, not {what}.")
    if why := format.unfit(project):
        raise InvalidInput(f"{why}: choose another format.")
    return format


def pieces(store: Store, project: Project, what: str, name: str, *, hidden: bool = False) -> Iterator[bytes]:
    """The file piece by piece. hidden: predictions too that must not be shown before their item is decided.

    Raises as `chosen` does, at once.
    """
    format = chosen(name, what, project)
    assert format.write is not None
    return format.write(source(store, project, what, hidden=hidden))


def filename(project: Project, what: str, name: str) -> str:
    """What the file is called."""
    format = FORMATS[name]
    own = "" if format.extension == f".{name}" else f"-{name}"
    return f"{project.name}-{what}{own}{format.extension}"


def source(store: Store, project: Project, what: str, *, hidden: bool = False) -> Source:
    """Where a format reads a project from."""
    return Source(
        project,
        insights.export_columns(project, what),
        partial(insights.export_rows, store, project, what, hidden=hidden),
        partial(records, store, project, hidden=hidden),
    )


def records(store: Store, project: Project, *, hidden: bool = False) -> Iterator[Record]:
    """Every item with its shown prediction and the standing answers of people, in id order."""
    for items in store.items.export(project.id, _CHUNK):
        ids = [item.id for item in items]
        shown, entries = store.predictions.shown(ids), store.feedback.of_items(ids)
        for item in items:
            guess = None if item.hidden and not hidden else shown.get(item.id)
            yield _record(project, item, guess, entries[item.id])


def _record(project: Project, item: Item, guess: Prediction | None, entries: Sequence[Feedback]) -> Record:
    # An answer to a question with a known answer is about its reviewer, not about the item.
    heard = _heard(entries) if item.split == "pool" else []
    return Record(
        f"item {item.id}",
        dict(zip(project.schema.names, item.values, strict=True)),
        key=item.key,
        label=item.base_label if item.label is None else item.label,
        answers=tuple(map(_answer, heard)),
        guesses=() if guess is None else (_guess(guess, project),),
        split=item.split,
        state=item.state,
    )


def _heard(entries: Sequence[Feedback]) -> list[Feedback]:
    """What counts for the label: standing answers, of which only accepted ones where a maintainer has accepted some."""
    standing = [entry for entry in entries if entry.state == "accepted" and entry.verdict != "undo"]
    return [entry for entry in standing if entry.ruling == "accept"] or standing


def _answer(entry: Feedback) -> Answer:
    said = entry.verdict if entry.verdict in ("skip", "flag") else "label"
    return Answer(entry.reviewer, said, entry.target, entry.note, entry.seconds, str(entry.id), entry.id)


def _guess(said: Prediction, project: Project) -> Guess:
    proba = dict(zip(project.labels, said.proba, strict=False))
    return Guess(said.label, f"v{said.version_number}", round(said.confidence, 6), proba)
