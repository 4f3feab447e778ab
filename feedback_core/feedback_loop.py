"""The short interface of the documents: feed entries one by one, retrain when enough have come in.

The storage is a plain list, or the durable store that the dashboard shows; the calls are the same.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .errors import CannotTrain, InvalidFeedback

FIELDS = ("input", "target", "corrected_prediction")


@dataclass(frozen=True, slots=True, repr=False)
class RetrainReport:
    """What `retrain_model` did. accuracy_before and accuracy_after: fractions on the holdout, None without one."""

    trained: bool
    collected: int
    threshold: int
    message: str
    version: int | None = None
    accuracy_before: float | None = None
    accuracy_after: float | None = None

    def __repr__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True, repr=False)
class ImportReport:
    """What became of a model from elsewhere. secret: what requests to its address are signed with, shown only here."""

    version: int
    champion: bool
    message: str
    secret: str = ""

    def __repr__(self) -> str:
        return self.message


class Storage(Protocol):
    """Where entries wait for the next retrain. model: what answers `predict` now."""

    model: Any

    def check(self, values: list[float], field: str, label: Any) -> None:
        """Raise InvalidFeedback when the entry does not fit what is known. field: where its label came from."""

    def add(self, values: list[float], label: Any) -> None:
        """Keep one checked entry."""

    def collected(self) -> int:
        """Entries since the last retrain."""

    def retrain(self, threshold: int) -> RetrainReport:
        """Fit on everything known and clear the waiting entries. Raises CannotTrain and then keeps them."""


class FeedbackLoop:
    """Collect feedback on a scikit-learn model and retrain it without forgetting.

    model: an estimator with fit and predict. feedback_storage: a list, or what `open_storage` returns; there the
    attribute `model` becomes the project's champion, and retrain_threshold the project's setting.
    base_data, holdout: (X (n, d), y (n,)); every retrain learns from base data plus all feedback so far, and reports
    its accuracy on the holdout, which it never learns from.
    """

    def __init__(
        self,
        model: Any,
        feedback_storage: Any,
        retrain_threshold: int = 5,
        *,
        base_data: tuple[Any, Any] | None = None,
        holdout: tuple[Any, Any] | None = None,
    ) -> None:
        if retrain_threshold < 1:
            raise InvalidFeedback(f"retrain_threshold={retrain_threshold} is below 1: give the entries to wait for.")
        self.feedback_storage = feedback_storage
        self.retrain_threshold = retrain_threshold
        self._storage: Storage = _storage(model, feedback_storage, base_data, holdout, retrain_threshold)
        self.model = self._storage.model

    def process_feedback(self, feedback_data: Mapping[str, Any]) -> None:
        """Check and keep one entry: `input` (d,), `target`, and optionally `corrected_prediction`.

        The label learned is `corrected_prediction` where given, else `target`. Raises ValueError naming the field, and
        then nothing is stored.
        """
        values, field, label = _entry(feedback_data)
        self._storage.check(values, field, label)
        self._storage.add(values, label)

    def retrain_model(self) -> RetrainReport:
        """Fit when the threshold is met, clear the storage, and say what happened."""
        collected = self._storage.collected()
        if collected < self.retrain_threshold:
            message = f"{collected}/{self.retrain_threshold} feedback entries collected: not retraining yet."
            report = RetrainReport(False, collected, self.retrain_threshold, message)
        else:
            try:
                report = self._storage.retrain(self.retrain_threshold)
            except CannotTrain as error:
                report = RetrainReport(False, collected, self.retrain_threshold, f"Not retrained. {error}")
        print(report.message)
        return report

    def import_model(
        self, model: Any, *, labels: Mapping[Any, str] | None = None, version: str | None = None
    ) -> ImportReport:
        """Make a version of a model that was fitted elsewhere, judge it, and say what happened; the first one serves.

        model: a fitted estimator of scikit-learn, LightGBM or XGBoost; the path of a file (.skops, .onnx; LightGBM's
        .txt, XGBoost's .json or .ubj); or the address of a server that predicts. labels: what it says -> label here,
        where they differ. version: what the server calls what it serves, for an address alone. Raises ValueError for
        what does not fit, and then nothing is stored.
        """
        report: ImportReport = self._durable("import_model").import_model(model, labels, version)
        print(report.message)
        return report

    def import_predictions(self, predictions: Any, version: str) -> ImportReport:
        """The same of what any model says about inputs that are here, given as predictions alone.

        predictions: a list of dicts, a frame, or the path of a CSV, Parquet or JSON Lines file, each row with `item`
        (key or id), `label` and, where there are any, probabilities. version: its name; more of it add to the version.
        """
        report: ImportReport = self._durable("import_predictions").import_predictions(predictions, version)
        print(report.message)
        return report

    def _durable(self, what: str) -> Any:
        if not hasattr(self._storage, what):
            raise InvalidFeedback(
                f"{what} keeps versions and judges them, which a plain list cannot: pass "
                'open_storage("sqlite:///feedback.db", project="name") as feedback_storage.'
            )
        return self._storage

    def find_wrong(self, X: Any, y: Any) -> list[dict[str, Any]]:
        """Feedback entries for the rows the model gets wrong: what a reviewer who knows y would send."""
        said = self.model.predict(X)
        return [
            {"input": list(map(float, row)), "target": truth}
            for row, truth, guess in zip(X, _plain(y), _plain(said), strict=True)
            # A durable store that was opened again knows the label 1 as "1".
            if truth != guess and str(truth) != str(guess)
        ]


class ListStorage:
    """Entries in a caller's list; what has been learned is remembered beside it, so no round forgets the last."""

    def __init__(
        self, model: Any, entries: list[Any], base: tuple[Any, Any] | None, holdout: tuple[Any, Any] | None
    ) -> None:
        self.model, self._entries, self._holdout = model, entries, holdout
        self._learned: list[tuple[list[float], Any]] = _rows(base)
        self._fixed_labels = {label for _, label in self._learned} or set(_plain(getattr(model, "classes_", ())))
        if self._learned:
            self._fit(self._learned)

    def check(self, values: list[float], field: str, label: Any) -> None:
        width = self._width()
        if width is not None and len(values) != width:
            raise InvalidFeedback(f"input has {len(values)} values: this model takes {width}.")
        if self._fixed_labels and label not in self._fixed_labels:
            known = ", ".join(map(repr, sorted(self._fixed_labels, key=str)))
            raise InvalidFeedback(f"{field}={label!r} is not a known label: use one of {known}.")

    def add(self, values: list[float], label: Any) -> None:
        self._entries.append({"input": values, "target": label})

    def collected(self) -> int:
        return len(self._entries)

    def retrain(self, threshold: int) -> RetrainReport:
        before, new = self._accuracy(), [(entry["input"], entry["target"]) for entry in self._entries]
        earlier = len(self._learned)
        if len({label for _, label in self._learned + new}) < 2:
            raise CannotTrain(
                f"All {len(new)} entries say {new[0][1]!r}: a model needs at least two classes to learn from."
            )
        # A later entry replaces the earlier label of the same input: both together would fight each other.
        learned = list({tuple(values): (values, label) for values, label in self._learned + new}.values())
        self._fit(learned)
        self._learned = learned
        self._entries.clear()
        after = self._accuracy()
        message = f"Retrained on {len(self._learned)} rows: {len(new)} new entries and {earlier} rows from before."
        if before is not None and after is not None:
            message += f" Holdout accuracy {before:.3f} -> {after:.3f}."
        return RetrainReport(True, len(new), threshold, message, None, before, after)

    def _fit(self, rows: list[tuple[list[float], Any]]) -> None:
        try:
            self.model.fit([values for values, _ in rows], [label for _, label in rows])
        except ValueError as error:
            raise CannotTrain(f"The model refused the training data: {error}") from error

    def _width(self) -> int | None:
        if self._learned or self._entries:
            first = self._learned[0][0] if self._learned else self._entries[0]["input"]
            return len(first)
        fitted = getattr(self.model, "n_features_in_", None)
        return None if fitted is None else int(fitted)

    def _accuracy(self) -> float | None:
        if self._holdout is None or not hasattr(self.model, "classes_"):
            return None
        X, y = self._holdout
        hits = [bool(a == b) for a, b in zip(_plain(self.model.predict(X)), _plain(y), strict=True)]
        return sum(hits) / len(hits)


def _storage(
    model: Any, given: Any, base: tuple[Any, Any] | None, holdout: tuple[Any, Any] | None, threshold: int
) -> Storage:
    if isinstance(given, list):
        return ListStorage(model, given, base, holdout)
    if hasattr(given, "bind"):
        bound: Storage = given.bind(model, base, holdout, threshold)
        return bound
    raise InvalidFeedback(
        f"feedback_storage={given!r} is neither a list nor a durable storage: "
        'pass [] or open_storage("sqlite:///feedback.db", project="name").'
    )


def _entry(feedback_data: Mapping[str, Any]) -> tuple[list[float], str, Any]:
    """The input, the label to learn, and between them the field that gave the label."""
    if not isinstance(feedback_data, Mapping):
        raise InvalidFeedback(f"feedback_data={feedback_data!r} is not a dict with input and target.")
    for name in feedback_data:
        if name not in FIELDS:
            raise InvalidFeedback(f"{name!r} is not a field of feedback: use {', '.join(FIELDS)}.")
    for name in ("input", "target"):
        if name not in feedback_data:
            raise InvalidFeedback(f"{name} is missing: feedback needs input and target.")
    target = _label("target", feedback_data["target"])
    corrected = feedback_data.get("corrected_prediction")
    values = _values(feedback_data["input"])
    if corrected is None:
        return values, "target", target
    return values, "corrected_prediction", _label("corrected_prediction", corrected)


def _values(given: Any) -> list[float]:
    plain = _plain(given)
    if not isinstance(plain, Sequence) or isinstance(plain, str | bytes) or not plain:
        raise InvalidFeedback(f"input={given!r} is not a list of numbers.")
    numbers = [_plain(value) for value in plain]
    for position, value in enumerate(numbers):
        # Not math.isfinite, which fails on a whole number that no float can hold; NaN compares as false here.
        finite = isinstance(value, int | float) and abs(value) <= sys.float_info.max
        if isinstance(value, bool) or not finite:
            raise InvalidFeedback(f"input[{position}]={value!r} is not a finite number.")
    return [float(value) for value in numbers]


def _label(field: str, value: Any) -> Any:
    value = _plain(value)
    if value is None or not isinstance(value, str | int | float | bool) or value != value:
        raise InvalidFeedback(f"{field}={value!r} is not a label: give a text or a number.")
    return value


def _rows(data: tuple[Any, Any] | None) -> list[tuple[list[float], Any]]:
    if data is None:
        return []
    X, y = data
    return [(_values(row), _label("base_data", label)) for row, label in zip(_plain(X), _plain(y), strict=True)]


def _plain(value: Any) -> Any:
    """NumPy and pandas values as plain Python ones."""
    return (
        value.tolist()
        if hasattr(value, "tolist")
        else value.to_numpy().tolist()
        if hasattr(value, "to_numpy")
        else value
    )
