"""Hugging Face `datasets` folder: Parquet by split beside a dataset card, which `datasets.load_dataset` reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from .. import multilabel
from ..types import Column, Project
from .dataset_reading import read
from .fields import takes_several
from .packing import packed
from .record import Format, Record, Source
from .registry import register

if TYPE_CHECKING:
    import pyarrow as pa

SPLITS = {"train": "train", "holdout": "test", "pool": "pool"}
"""Our splits by theirs: they call the rows that judge a model `test`."""

_CHUNK = 5_000
"""Rows of a row group, which is what one read takes."""

_OWN = ("key", "label", "state", "predicted", "confidence", "version", "answers")

_ANSWER = {"by": "string", "said": "string", "label": "string", "note": "string", "seconds": "float64"}


def own_names(project: Project) -> dict[str, str]:
    """Names of the columns that are no input; one that an input has already steps aside."""
    names = project.schema.names
    return {name: f"item_{name}" if name in names else name for name in _OWN}


def fill(source: Source, folder: Path) -> None:
    """Write card and data into an empty folder, a chunk of rows at a time."""
    from pyarrow import parquet

    schema, own = _schema(source.project), own_names(source.project)
    (folder / "data").mkdir()
    writers: dict[str, Any] = {}
    counts: dict[str, int] = {}
    records = iter(source.records())
    try:
        while chunk := list(islice(records, _CHUNK)):
            for split in dict.fromkeys(record.split for record in chunk):
                rows = [_row(record, source.project, own) for record in chunk if record.split == split]
                name = SPLITS[split]
                if name not in writers:
                    writers[name] = parquet.ParquetWriter(folder / "data" / f"{name}.parquet", schema)
                writers[name].write_table(_table(rows, schema))
                counts[name] = counts.get(name, 0) + len(rows)
    finally:
        for writer in writers.values():
            writer.close()
    (folder / "README.md").write_text(_card(source.project, counts), encoding="utf-8")


def write(source: Source) -> Iterator[bytes]:
    """The folder as a ZIP."""
    return packed(partial(fill, source))


def _row(record: Record, project: Project, own: Mapping[str, str]) -> dict[str, Any]:
    guess = record.guesses[0] if record.guesses else None
    answers = [{name: getattr(answer, name) for name in _ANSWER} for answer in record.answers]
    said = {
        "key": record.key,
        "label": _label(record.label, project),
        "state": record.state,
        "predicted": guess and guess.label,
        "confidence": guess and guess.score,
        "version": guess and guess.version,
        "answers": answers,
    }
    return dict(record.values) | {own[name]: value for name, value in said.items()}


def _label(label: str | None, project: Project) -> int | float | list[int] | None:
    """A class by its number, several as a list of these, a number as it is."""
    if takes_several(project):
        return None if label is None else [project.labels.index(each) for each in multilabel.parts(label)]
    if project.task == "regression":
        return None if label is None else float(label)
    return project.labels.index(label) if label in project.labels else None


def _schema(project: Project) -> pa.Schema:
    import pyarrow as pa

    own = own_names(project)
    features = {column.name: _feature(column) for column in project.schema.columns}
    values = {name: _value("float64" if name == "confidence" else "string") for name in _OWN}
    classes: dict[str, Any] = {"names": list(project.labels), "_type": "ClassLabel"}
    several = {"feature": classes, "_type": "List"} if takes_several(project) else classes
    values["label"] = _value("float64") if project.task == "regression" else several
    values["answers"] = {"feature": {name: _value(kind) for name, kind in _ANSWER.items()}, "_type": "List"}
    features |= {own[name]: feature for name, feature in values.items()}
    fields = [pa.field(name, _arrow_type(feature)) for name, feature in features.items()]
    # What `datasets` reads the kinds of columns from; without it a class would be a mere number.
    return pa.schema(fields, {"huggingface": orjson.dumps({"info": {"features": features}})})


def _feature(column: Column) -> dict[str, Any]:
    number = _value("float64")
    if column.kind == "image" and not column.files:
        return {"feature": number, "_type": "List"}
    return number if column.kind in ("number", "timestamp") else _value("string")


def _value(dtype: str) -> dict[str, Any]:
    return {"dtype": dtype, "_type": "Value"}


def _arrow_type(feature: Mapping[str, Any]) -> pa.DataType:
    import pyarrow as pa

    if feature["_type"] == "ClassLabel":
        return pa.int64()
    if feature["_type"] == "Value":
        return pa.float64() if feature["dtype"] == "float64" else pa.string()
    inner = feature["feature"]
    if "_type" in inner:
        return pa.list_(_arrow_type(inner))
    return pa.list_(pa.struct([(name, _arrow_type(each)) for name, each in inner.items()]))


def _table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_pylist(list(rows), schema)


def _unfit(project: Project) -> str:
    known = project.task in ("classification", "regression") or takes_several(project)
    return "" if known else f"The data set holds a class or a number a row, and this project is about {project.task}"


_SAYS = {
    "train": "labelled rows and answers a model may learn from",
    "test": "the locked holdout: a model that learned from it would judge itself",
    "pool": "rows that came in without a label; `label` is what reviewers have made of them, empty where it is open",
}


def _card(project: Project, counts: Mapping[str, int]) -> str:
    files = "\n".join(f"  - split: {name}\n    path: data/{name}.parquet" for name in counts)
    rows = "\n".join(f"| {name} | {n:,} | {_SAYS[name]} |" for name, n in counts.items())
    own = own_names(project)
    among = "any number" if takes_several(project) else "one"
    target = f"{among} of {len(project.labels)} classes" if project.labels else "a number"
    kind = "classification\ntask_ids:\n- multi-label-classification" if takes_several(project) else project.task
    title = orjson.dumps(project.name).decode()
    return f"""---
pretty_name: {title}
task_categories:
- {"text" if project.schema.of_kind("text") else "tabular"}-{kind}
configs:
- config_name: default
  data_files:
{files or "  []"}
---

# {project.name}

| split | rows | |
|---|---|---|
{rows}

`{own["label"]}` is {target}. `{own["answers"]}` holds what each reviewer said,
`{own["predicted"]}`, `{own["confidence"]}` and `{own["version"]}` what the model says, `{own["key"]}` the item's id.

Read it with `datasets.load_dataset("FOLDER")`.
"""


register(
    "huggingface",
    Format(
        "Hugging Face data set",
        "A folder (as a ZIP) with Parquet by split and a dataset card: datasets.load_dataset reads it. Zip a folder of "
        "save_to_disk, or of Parquet files, to bring it here.",
        ".zip",
        "application/zip",
        write,
        read,
        unfit=_unfit,
        accepts=(".zip", ".parquet"),
    ),
)
