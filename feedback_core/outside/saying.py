"""What a model elsewhere says about items, from lines or a table to probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import orjson

from .. import intake, tables
from ..errors import InvalidFeedback, InvalidFile, InvalidInput

if TYPE_CHECKING:
    import pandas as pd

SUM_WITHIN = 0.02
"""By how much given probabilities may miss 1: rounded to two places, ten of them mostly miss it by 0.01."""

PROBA = "proba "
"""How a column of probabilities begins; the label follows, as `predict --to csv` writes it."""

FIELDS = ("item", "key", "label", "probabilities", "value", "spread", "version")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Said:
    """One prediction. item: an id or a key. place: where it stands, such as "line 3: ". value, spread: of a number, in
    its unit; a label, too, may be the number."""

    item: int | str
    label: str | None
    probabilities: Mapping[str, float] | None
    place: str = ""
    value: float | None = None
    spread: float | None = None


def from_lines(text: bytes) -> tuple[list[Said], str]:
    """Predictions of JSON Lines, and the version they name, "" for none. Raises InvalidFile naming the line."""
    said, versions = [], dict[str, int]()
    for number, line in enumerate(text.removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        if line.strip():
            row = _row(line, number)
            versions.setdefault(str(row.get("version") or ""), number)
            said.append(of_row(row, f"line {number:,}: "))
    return said, _one_version(versions)


def from_table(frame: pd.DataFrame) -> tuple[list[Said], str]:
    """Predictions of a table with the columns item (or key), label, `proba LABEL` and version; of numbers value and
    spread. Raises InvalidFile."""
    names = [str(name) for name in frame.columns]
    item = next((name for name in ("item", "key") if name in names), None)
    if item is None:
        raise InvalidFile("There is no column item or key: name the column that says which item a row is about.")
    proba = {name: name.removeprefix(PROBA) for name in names if name.startswith(PROBA)}
    if not {"label", "value"}.intersection(names) and not proba:
        raise InvalidFile(
            "There is neither a column label or value nor one such as 'proba yes': say what the model predicts."
        )
    columns = [frame[name].tolist() for name in (item, *proba)]
    plainly = {name: frame[name].tolist() for name in ("label", "value", "spread") if name in names}
    versions = frame["version"].tolist() if "version" in names else []
    said = []
    for n, row in enumerate(zip(*columns, strict=True), 1):
        given = {name: value for name, value in zip(proba.values(), row[1:], strict=True) if not _empty(value)}
        plain: dict[str, Any] = {name: values[n - 1] for name, values in plainly.items() if not _empty(values[n - 1])}
        said.append(of_row({"item": row[0], "probabilities": given or None, **plain}, f"row {n:,}: "))
    return said, _one_version({"" if _empty(each) else str(each): n for n, each in enumerate(versions, 1)})


def from_file(data: bytes, filename: str) -> tuple[list[Said], str]:
    """Predictions of a file of lines or of a table, by the ending of its name. Raises InvalidFile."""
    if filename.lower().endswith((".jsonl", ".ndjson")):
        return from_lines(data)
    return from_table(tables.read_table(data, filename))


def of_row(row: Mapping[str, Any], place: str) -> Said:
    """One prediction from its fields. Raises InvalidInput naming the place."""
    item = row.get("item") if row.get("item") is not None else row.get("key")
    if isinstance(item, bool) or not isinstance(item, (int, str, float)) or item == "" or item != item:
        raise InvalidInput(f"{place}item={item!r:.80} is neither a key nor an id: say which item this is about.")
    if isinstance(item, float):
        item = int(item) if item.is_integer() else str(item)
    if isinstance(item, int) and not 0 <= item < 2**63:
        raise InvalidInput(f"{place}item={item!r:.40} is no id: send a smaller number, or a key as text.")
    label, probabilities = _text(row.get("label"), place), _numbers(row.get("probabilities"), place)
    value, spread = (_number(row.get(name), name, place) for name in ("value", "spread"))
    return Said(item, label, probabilities, place, value, spread)


def values_of(said: Sequence[Said]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Value and spread of each (n, 2), and which came without a spread, whose place a 0 takes (n,).

    Raises InvalidInput naming the place.
    """
    found = np.asarray([[_value(each), each.spread or 0.0] for each in said], dtype=float).reshape(-1, 2)
    # They are kept in single precision, in which a number may be too large.
    with np.errstate(over="ignore"):
        bad = ~np.isfinite(found.astype(np.float32)).all(axis=1) | (found[:, 1] < 0)
    if bad.any():
        each = said[int(bad.argmax())]
        raise InvalidInput(
            f"{each.place}value={_value(each)!r}, spread={each.spread!r}: send a finite number, and a spread from 0 on."
        )
    return found, np.asarray([each.spread is None for each in said], dtype=bool)


def labels_of(said: Sequence[Said], labels: Sequence[str]) -> list[str]:
    """The label each prediction gives, in the project's words. Raises InvalidInput for an unknown one."""
    return [_label(each, labels) for each in said]


def probabilities(
    said: Sequence[Said], chosen: Sequence[str], labels: Sequence[str]
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Probabilities (n, k) in the order of labels, brought to a sum of 1, and which rows came without any (n,).

    chosen: the label of each. Raises InvalidInput naming the place.
    """
    place = {label: n for n, label in enumerate(labels)}
    proba = np.zeros((len(said), len(labels)))
    bare = np.asarray([each.probabilities is None for each in said], dtype=bool)
    for n, (each, label) in enumerate(zip(said, chosen, strict=True)):
        for name, value in (each.probabilities or {}).items():
            proba[n, place[_known(name, labels, each.place)]] = value
        if each.probabilities is not None:
            _check_row(proba[n], each, place[label], labels)
    sums = proba.sum(axis=1, keepdims=True)
    return np.divide(proba, sums, out=proba, where=sums > 0), bare


def assumed(right: int, known: int, k: int) -> float:
    """Probability of a label that came without one: the share that is right of those whose label is known, between
    just above 1/k, so that it stays the most probable one, and 0.99. One right and one wrong are added to both.

    Source: Laplace's rule of succession.
    """
    return float(min(max((right + 1) / (known + 2), 1 / k + 0.01), 0.99))


def fill(
    proba: Floats, bare: npt.NDArray[np.bool_], chosen: Sequence[str], labels: Sequence[str], probability: float
) -> None:
    """Give rows without probabilities this one for their label, and the rest to the others alike; in place."""
    place = {label: n for n, label in enumerate(labels)}
    for n in np.flatnonzero(bare).tolist():
        proba[n] = (1 - probability) / max(len(labels) - 1, 1)
        proba[n, place[chosen[n]]] = probability if len(labels) > 1 else 1.0


def _check_row(row: Floats, each: Said, chosen: int, labels: Sequence[str]) -> None:
    if not np.isfinite(row).all() or row.min() < 0 or row.max() > 1 + SUM_WITHIN:
        raise InvalidInput(f"{each.place}a probability lies outside 0 to 1: send probabilities, not scores.")
    if abs(row.sum() - 1) > SUM_WITHIN:
        raise InvalidInput(
            f"{each.place}the probabilities sum to {row.sum():.3g} instead of 1: send one for every label "
            f"({', '.join(labels[:10])}), or none at all."
        )
    if row[chosen] == row.max():
        row[chosen] += 1e-6  # of equals the first would be taken for the label
    else:
        raise InvalidInput(
            f"{each.place}the label is {labels[chosen]!r}, and {labels[int(row.argmax())]!r} is more probable: leave "
            "the label out, or correct one of them."
        )


def _label(each: Said, labels: Sequence[str]) -> str:
    if each.label is not None:
        return _known(each.label, labels, each.place)
    if not each.probabilities:
        raise InvalidInput(f"{each.place}label and probabilities are both missing: send one of them.")
    return _known(max(each.probabilities, key=lambda name: (each.probabilities or {})[name]), labels, each.place)


def _known(name: str, labels: Sequence[str], place: str) -> str:
    if name in labels:
        return name
    text = intake.label_text(name, labels)
    if text not in labels:
        raise InvalidInput(f"{place}{name!r:.80} is not a label of this project: use one of {', '.join(labels[:20])}.")
    return str(text)


def _row(line: bytes, number: int) -> Mapping[str, Any]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InvalidFile(f"line {number:,}: not valid JSON ({error}): write one object a line.") from None
    if not isinstance(row, dict):
        raise InvalidFile(f'line {number:,}: not an object: write {{"item": ..., "label": ...}}.')
    if unknown := sorted(set(row) - set(FIELDS)):
        raise InvalidFile(f"line {number:,}: {unknown[0]!r:.80} is not known: use {', '.join(FIELDS)}.")
    return row


def _text(label: Any, place: str) -> str | None:
    if label is None:
        return None
    try:
        return intake.label_text(label, ())
    except InvalidFeedback as error:
        raise InvalidInput(f"{place}{error}") from None


def _numbers(given: Any, place: str) -> Mapping[str, float] | None:
    if given is None:
        return None
    if not isinstance(given, Mapping) or not given:
        raise InvalidInput(f'{place}probabilities={given!r:.80}: send an object such as {{"yes": 0.8, "no": 0.2}}.')
    named = {str(name): _number(value, f"the probability of {name!r:.80}", place) for name, value in given.items()}
    return {name: math.nan if value is None else value for name, value in named.items()}


def _number(value: Any, what: str, place: str) -> float | None:
    try:
        if isinstance(value, bool):
            raise ValueError(value)
        return None if value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput(f"{place}{what} is {value!r:.40}: send a number.") from None


def _value(each: Said) -> float:
    value = each.value if each.value is not None else _number(each.label, "the value", each.place)
    if value is None:
        raise InvalidInput(f"{each.place}value is missing: send the number that is predicted.")
    return value


def _one_version(versions: Mapping[str, int]) -> str:
    if len(versions) > 1:
        one, other = list(versions)[:2]
        raise InvalidFile(f"There are predictions of {one!r} and of {other!r}: send the versions one after the other.")
    return next(iter(versions), "")


def _empty(value: Any) -> bool:
    return value is None or value == "" or value != value
