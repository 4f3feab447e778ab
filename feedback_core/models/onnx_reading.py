"""An ONNX file that a user brings: looked through before it runs, and compared with the project's columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeVar

from ..confined import Confined
from ..errors import ArtifactError, InvalidFile, InvalidInput
from ..types import Column, Schema
from .class_names import called, check_labels
from .onnx_scoring import NUMBERS, TEXT, OnnxNumbers, OnnxScoring, require
from .preprocessing import pixel_names

M = TypeVar("M", OnnxScoring, OnnxNumbers)

Feed = tuple[str, str, Sequence[int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Side:
    """An input or output of a graph. shape: None at a free side, and as a whole for what is no array."""

    name: str
    type: str
    shape: list[int | None] | None


def read_onnx(
    data: bytes,
    filename: str,
    schema: Schema,
    labels: Sequence[str],
    renamed: Mapping[Any, str] | None = None,
    task: str = "classification",
) -> OnnxScoring | OnnxNumbers:
    """The model in a file, over a project's columns; `prepare` is still to be set.

    Nothing of it runs before it has been looked through. Raises InvalidFile, InvalidInput or NotInstalled.
    """
    require()
    confined = Confined("onnx", data)
    try:
        about = confined.about()
    except ArtifactError as error:
        raise InvalidFile(f"{filename} {error}") from error
    inputs, outputs = ([Side(**each) for each in about[name]] for name in ("inputs", "outputs"))
    feeds, channels_first = _feeds(inputs, schema)
    output = _output(outputs, task)
    if task == "regression":
        return _held(OnnxNumbers(inputs=feeds, output=output.name, channels_first=channels_first), data, confined)
    names = about["classes"] or _numbered(output, len(labels))
    said = [called(name, renamed) for name in names]
    check_labels(said, labels)
    return _held(OnnxScoring(said, names, feeds, output.name, channels_first=channels_first), data, confined)


def _held(model: M, data: bytes, confined: Confined) -> M:
    model.native_, model._confined = data, confined
    return model


def _feeds(inputs: Sequence[Side], schema: Schema) -> tuple[list[Feed], bool]:
    """What goes into each input of the graph, and whether an image's colours come first."""
    for each in inputs:
        if each.type not in NUMBERS and each.type != TEXT:
            raise InvalidInput(f"The model's input {each.name!r} is a {each.type}: numbers or texts are given here.")
        if each.shape and each.shape[0] not in (None, 1):
            raise InvalidInput(
                f"The model's input {each.name!r} takes {each.shape[0]} rows at a time: export it with a free first "
                "dimension (dynamic axes)."
            )
        if each.shape and each.shape[0] == 1:
            raise InvalidInput(
                f"The model's input {each.name!r} takes one row at a time: export it with a free first dimension "
                "(dynamic axes)."
            )
    if len(inputs) == 1:
        return _one_input(inputs[0], schema)
    return [_named_input(each, schema) for each in inputs], False


def _one_input(given: Side, schema: Schema) -> tuple[list[Feed], bool]:
    shape, columns = _row_shape(given), schema.columns
    if len(columns) == 1 and columns[0].shape:
        return _image(given, shape, columns[0])
    if len(columns) == 1 and columns[0].name == given.name:
        return [_named_input(given, schema)], False
    if given.type == TEXT:
        texts = [column.name for column in columns if column.kind in ("text", "category")]
        if len(texts) < len(columns):
            raise _unlike(given, f"{len(texts)} columns of text", schema)
        return [(given.name, given.type, _filled(shape, len(texts), given, schema), texts)], False
    if others := [column.name for column in columns if column.kind not in ("number", "image")]:
        raise InvalidInput(
            f"The model takes one matrix of numbers, and {others[0]!r} holds none: export it with one input for each "
            "column, named like it."
        )
    names = [name for column in columns for name in (pixel_names(column) if column.shape else [column.name])]
    return [(given.name, given.type, _filled(shape, len(names), given, schema), names)], False


def _image(given: Side, shape: Sequence[int | None], column: Column) -> tuple[list[Feed], bool]:
    height, width, *colours = column.shape
    free = [side if side is not None else -1 for side in shape]
    turned = [3, height, width]
    fits = {
        (height * width * prod(colours),): False,
        (height, width): False,
        (1, height, width): False,
        (height, width, 1): False,
        (height, width, 3): False,
        (3, height, width): True,
    }
    wanted = [
        (sides, first)
        for sides, first in fits.items()
        if prod(sides) == prod(column.shape) and len(sides) == len(free)
        and all(side in (-1, known) for side, known in zip(free, sides, strict=True))
    ]  # fmt: skip
    if not wanted:
        raise InvalidInput(
            f"The model takes {_spelled(shape)} for an image, and {column.name!r} holds {_spelled(column.shape)}: "
            "export it for images of this size."
        )
    sides, first = wanted[0]
    return [(given.name, given.type, list(turned if first else sides), pixel_names(column))], first


def _named_input(given: Side, schema: Schema) -> Feed:
    column = next((each for each in schema.columns if each.name == given.name), None)
    if column is None:
        raise InvalidInput(
            f"The model takes an input {given.name!r}, which is no column of this project: it has "
            f"{', '.join(schema.names[:10])}. Name the inputs like the columns, or export one matrix."
        )
    if column.shape or (column.kind == "number") != (given.type != TEXT):
        raise InvalidInput(f"The model takes {given.name!r} as {given.type}, and here it is a {column.kind}.")
    return given.name, given.type, [1 if side is None else side for side in _row_shape(given)], [column.name]


def _filled(shape: Sequence[int | None], width: int, given: Side, schema: Schema) -> list[int]:
    if not shape and width == 1:
        return []
    if len(shape) != 1 or shape[0] not in (None, width):
        raise _unlike(given, f"{_spelled(shape)} a row", schema)
    return [width]


def _unlike(given: Side, takes: str, schema: Schema) -> InvalidInput:
    return InvalidInput(
        f"The model's input {given.name!r} takes {takes}, and this project has {len(schema.columns):,} columns "
        f"({', '.join(schema.names[:10])}): export it for these, in this order."
    )


def _row_shape(given: Side) -> list[int | None]:
    return (given.shape or [])[1:]


def _spelled(shape: Sequence[int | None]) -> str:
    return " x ".join("any" if side is None else str(side) for side in shape) or "one value"


def _output(outputs: Sequence[Side], task: str) -> Side:
    """The output that holds probabilities, or numbers. Raises InvalidInput."""
    maps = [each for each in outputs if each.type.startswith("seq(map(")]
    floats = [each for each in outputs if each.type in ("tensor(float)", "tensor(double)", "tensor(float16)")]
    named = [each for each in floats if "prob" in each.name.lower()]
    found = (*maps, *named, *floats)
    if task == "regression":
        found = tuple(each for each in floats if (each.shape or [None])[1:] in ([], [1], [None]))
        if not found or maps:
            listed = ", ".join(f"{each.name} ({each.type})" for each in outputs)
            raise InvalidInput(f"The model gives no single number a row: it gives {listed}. Export a regressor.")
    if not found:
        listed = ", ".join(f"{each.name} ({each.type})" for each in outputs)
        raise InvalidInput(f"No output of the model holds probabilities: it gives {listed}.")
    return found[0]


def _numbered(output: Side, k: int) -> list[Any]:
    """Numbers of the classes, where the file does not name them."""
    width = output.shape[-1] if output.shape else None
    width = k if width is None else width
    return list(range(2 if width == 1 else width))
