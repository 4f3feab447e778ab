"""spaCy's DocBin: labelled texts with `cats`, to train and to judge a text classifier of spaCy."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import multilabel
from ..errors import InvalidInput
from ..types import Project
from .fields import only_labels, takes_several, text_column
from .packing import packed
from .record import Format, Record, Source
from .registry import register

if TYPE_CHECKING:
    from spacy.tokens import DocBin

LANGUAGE = "xx"
"""Of many languages: cuts texts at blanks and punctuation, which a pipeline of another language does anew."""


def fill(source: Source, folder: Path) -> None:
    """Write `train.spacy` and `dev.spacy` into a folder; dev holds the locked rows.

    Every labelled text is in memory, as tokens' hashes: 100,000 definitions take 60 MB.
    """
    spacy = _spacy()
    language, bins = spacy.blank(LANGUAGE), {"train": spacy.tokens.DocBin(), "dev": spacy.tokens.DocBin()}
    column = text_column(source.project)
    for record in source.records():
        if record.label is not None and record.values[column]:
            _add(bins["dev" if record.split == "holdout" else "train"], language, record, column, source.project)
    for name, kept in bins.items():
        kept.to_disk(folder / f"{name}.spacy")


def write(source: Source) -> Iterator[bytes]:
    """Both files in a ZIP. Raises InvalidInput where spaCy is not installed."""
    _spacy()
    return packed(partial(fill, source))


def _spacy() -> Any:
    try:
        import spacy
        import spacy.tokens
    except ImportError:
        raise InvalidInput(
            "spaCy is not installed: pip install 'ai-feedback-loop[spacy]', or choose Prodigy JSON Lines."
        ) from None
    return spacy


def _add(kept: DocBin, language: Any, record: Record, column: str, project: Project) -> None:
    doc = language.make_doc(record.values[column])
    bears = multilabel.parts(str(record.label)) if takes_several(project) else (record.label,)
    doc.cats = {label: float(label in bears) for label in project.labels}
    kept.add(doc)


def _unfit(project: Project) -> str:
    missing = "" if text_column(project) else "spaCy classifies texts, and this project has no text column"
    return only_labels(project, "A DocBin") or missing


register(
    "spacy",
    Format(
        "spaCy DocBin",
        "A ZIP of train.spacy and dev.spacy with every labelled text, for spacy train; dev holds the locked rows.",
        ".zip",
        "application/zip",
        write,
        unfit=_unfit,
        package="spacy",
    ),
)
