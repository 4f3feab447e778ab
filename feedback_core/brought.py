"""Models and predictions from elsewhere, as page, command line and REST bring them, and what has to follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import outside
from .comparison import LEAST_COVERED
from .errors import InvalidInput
from .loop import Loop, silent
from .outside import Said, Taken
from .types import Job, Progress, Version
from .wording import counted


@dataclass(frozen=True, slots=True)
class Brought:
    """A version from elsewhere and the job that follows. says: what was stored and what comes next, in sentences."""

    version: Version
    job: Job | None
    says: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Heard(Brought):
    """The same of predictions, with how much they cover."""

    taken: Taken


def model(loop: Loop, data: bytes, filename: str, by: str, labels: Mapping[str, str] | None = None) -> Brought:
    """Store the model in a user's file and have it judged. Raises InvalidFile or InvalidInput; then nothing is stored.

    labels: what the model says -> label of the project.
    """
    version = outside.import_file(loop.store, loop.project, data, filename, by, loop.clock(), labels=labels)
    says = (f"{filename} is version {version.number}. It was trained elsewhere; on which rows is not known.",)
    return Brought(version, loop.request_judgement(version, by), says)


def predictions(loop: Loop, said: Sequence[Said], name: str, by: str, progress: Progress = silent) -> Heard:
    """Store predictions under a version's name; once enough locked rows have one, the version is judged.

    Of the champion the queue is brought in order anew. Raises as `outside.import_predictions` does.
    """
    taken = outside.import_predictions(loop.store, loop.project, name, said, by, loop.clock(), progress)
    version = taken.version
    job = None
    if version.status == "champion":
        job = loop.request_rescore(by, "new predictions")
    elif judgeable(taken) and loop.store.versions.report_on(version.id) is None:
        job = loop.request_judgement(version, by)
    return Heard(version, job, tuple(_told(taken, job)), taken)


def version(loop: Loop, name: str, by: str, request: int | None = None) -> Brought:
    """Make a version of what the connected model calls so, and have it judged. Raises as `outside.register` does.

    request: the training request that it has learned from.
    """
    found = outside.register(loop.store, loop.project, name, by, loop.clock(), request)
    says = [f"{name} is version {found.number}; the model is asked about the locked rows, and then it is judged."]
    if not found.lineage_known:
        says.append("On which rows it was trained is not known.")
    judged = loop.store.versions.report_on(found.id) is not None
    return Brought(found, None if judged else loop.request_judgement(found, by), tuple(says))


def renamed(text: str) -> dict[str, str]:
    """What a model says -> label of the project, from words such as `0=no, 1=yes`. Raises InvalidInput."""
    pairs = [part.strip() for part in text.replace("\n", ",").split(",") if part.strip()]
    if bad := next((part for part in pairs if not all(map(str.strip, part.partition("=")[::2]))), None):
        raise InvalidInput(f"{bad!r:.80} does not say which label is which: write it as 0=no, 1=yes.")
    return {name.strip(): label.strip() for name, _, label in (part.partition("=") for part in pairs)}


def judgeable(taken: Taken) -> bool:
    """Whether enough locked rows have a prediction of the version."""
    return taken.locked.covered >= LEAST_COVERED * taken.locked.all


def _told(taken: Taken, job: Job | None) -> list[str]:
    number, locked = taken.version.number, taken.locked
    says = [f"{counted(taken.stored, 'prediction')} of version {number} ({taken.version.params['name']}) stored."]
    if taken.bare and taken.assumed is None:
        says.append(f"{counted(taken.bare, 'prediction')} came without a spread, and so do not order the queue.")
    elif taken.bare:
        says.append(
            f"{counted(taken.bare, 'prediction')} came without probabilities: each counts with {taken.assumed:.0%} for "
            "its label, the share of such labels that is right where it is known, and so they do not order the queue."
        )
    if locked.all:
        says.append(f"{locked.covered:,} of {locked.all:,} locked rows, which judge versions, have a prediction.")
    if not judgeable(taken):
        says.append(f"At least {LEAST_COVERED:.0%} of them are needed before it is judged: send the others as well.")
    elif job is None:
        says.append("It has been judged already: judge it again for another look.")
    return says
