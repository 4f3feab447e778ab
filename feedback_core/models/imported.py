"""A model that was fitted elsewhere, over the columns of a project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin

from ..errors import ArtifactError, InvalidInput
from ..types import Schema
from .booster_reading import Trees, read_trees, trees_of
from .class_names import called, check_labels
from .preprocessing import pixel_names
from .stand_in import SUM_WITHIN, summed_to_one


class Columns(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A decoded frame as the model takes it.

    form: frame (n, d), matrix of numbers (n, d), or texts (n,) of one column.
    """

    def __init__(self, names: Sequence[str] = (), form: str = "matrix") -> None:
        self.names, self.form = names, form

    def fit(self, X: Any, y: Any = None) -> Columns:  # scikit-learn's signature
        return self

    def transform(self, X: Any) -> Any:
        chosen = X[list(self.names)]
        if self.form == "texts":
            return chosen[self.names[0]]
        return chosen if self.form == "frame" else chosen.to_numpy(dtype=float)

    @property
    def output_indices_(self) -> dict[str, slice]:
        """Which columns are numbers, so that distances are measured in standard deviations."""
        return {"number": slice(0, len(self.names))} if self.form == "matrix" else {}

    def __sklearn_is_fitted__(self) -> bool:
        return True


class Relabelled(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A fitted classifier under the project's names of its classes, in its own order."""

    def __init__(self, estimator: Any = None, labels: Sequence[str] = ()) -> None:
        self.estimator, self.labels = estimator, labels

    def fit(self, X: Any, y: Any) -> Relabelled:
        """Fit the inner estimator anew; a committee does so on a clone."""
        self.estimator = self.estimator.fit(X, y)
        self.labels = [str(label) for label in self.estimator.classes_]
        return self

    @property
    def classes_(self) -> Any:
        return np.asarray(self.labels, dtype=object)

    def predict_proba(self, X: Any) -> Any:
        return summed_to_one(np.asarray(self.estimator.predict_proba(X), dtype=float))

    def predict(self, X: Any) -> Any:
        return self.classes_[np.asarray(self.predict_proba(X)).argmax(axis=1)]

    def __sklearn_is_fitted__(self) -> bool:
        return True


def over_columns(
    model: Any,
    schema: Schema,
    labels: Sequence[str],
    renamed: Mapping[Any, str] | None = None,
    task: str = "classification",
) -> Any:
    """A pipeline of `prepare` and `model` that gives a fitted model's probabilities, or numbers, for a project's rows.

    renamed: what the model says -> label of the project. Raises InvalidInput naming what does not fit.
    """
    from sklearn.pipeline import Pipeline

    model = deepcopy(getattr(model, "best_estimator_", model))
    steps = list(model.steps) if isinstance(model, Pipeline) else [("model", model)]
    trees = trees_of(steps[-1][1])
    if trees is not None and len(steps) == 1:
        return over_trees(trees, type(model).__name__, schema, labels, renamed, task)
    if trees is not None:
        last = read_trees(trees, type(steps[-1][1]).__name__, labels, renamed, task)[0]
    else:
        last = _last(model, steps[-1][1], labels, renamed, task)
    columns = _columns(model, steps, schema)
    if len(steps) == 1 and columns.form == "frame":
        # Alone it would hand a frame to whatever measures distances; its columns are numbers, or it could not be asked.
        columns = Columns(columns.names, "matrix")
        if hasattr(steps[0][1], "feature_names_in_"):
            del steps[0][1].feature_names_in_
    prepare = Pipeline([("columns", columns), *steps[:-1]]) if len(steps) > 1 else columns
    return Pipeline([("prepare", prepare), ("model", last)])


def over_trees(
    trees: Trees,
    subject: str,
    schema: Schema,
    labels: Sequence[str],
    renamed: Mapping[Any, str] | None = None,
    task: str = "classification",
) -> Any:
    """The same of a file of LightGBM or XGBoost, which gets the project's columns by the names in it.

    subject: the file in words. Raises InvalidFile or InvalidInput naming what does not fit.
    """
    from sklearn.pipeline import Pipeline

    step, about = read_trees(trees, subject, labels, renamed, task)
    columns = _of_trees(about["features"], about["width"], schema)
    return Pipeline([("prepare", columns), ("model", step)])


def _last(model: Any, step: Any, labels: Sequence[str], renamed: Mapping[Any, str] | None, task: str) -> Any:
    """The last step as it is kept: a classifier under the project's names of its classes, a regressor as it is."""
    name = type(model).__name__
    if task == "regression":
        if not hasattr(model, "predict") or hasattr(model, "classes_"):
            raise InvalidInput(f"{name} gives no numbers, and this project is about numbers: bring a regressor.")
        if not hasattr(model, "n_features_in_") and not hasattr(step, "n_features_in_"):
            raise InvalidInput(f"{name} is not fitted: call fit first, or let this project train it.")
        return step
    if not hasattr(model, "predict_proba"):
        raise InvalidInput(
            f"{name} gives no probabilities to rank the queue by: wrap it in CalibratedClassifierCV, "
            "or choose a classifier with predict_proba."
        )
    if not hasattr(model, "classes_"):
        raise InvalidInput(f"{name} is not fitted: call fit first, or let this project train it.")
    said = [called(each, renamed) for each in np.asarray(model.classes_).tolist()]
    check_labels(said, labels)
    return Relabelled(step, said)


def checked_proba(model: Any, X: Any, labels: int) -> None:
    """Try a model on decoded rows. Raises InvalidInput where it cannot be asked, or gives no probabilities."""
    try:
        proba = np.asarray(model.predict_proba(X), dtype=float)
    except (ValueError, TypeError, KeyError, AttributeError, ArtifactError) as error:
        raise InvalidInput(f"The model cannot be asked about this project's rows: {str(error)[:300]}") from error
    if proba.shape != (len(X), labels):
        raise InvalidInput(
            f"The model gives probabilities of shape {proba.shape} for {len(X):,} rows of {labels} labels: "
            f"({len(X)}, {labels}) is expected."
        )
    sums = proba.sum(axis=1)
    if not np.isfinite(proba).all() or proba.min() < -SUM_WITHIN or np.abs(sums - 1).max() > SUM_WITHIN:
        worst = sums[np.abs(sums - 1).argmax()]
        raise InvalidInput(f"What the model gives are no probabilities: a row sums to {worst:.3g} instead of 1.")


def checked_numbers(model: Any, X: Any) -> None:
    """Try a model of numbers on decoded rows. Raises InvalidInput where it cannot be asked, or gives none."""
    try:
        said = np.asarray(model.predict(X), dtype=float)
    except (ValueError, TypeError, KeyError, AttributeError, ArtifactError) as error:
        raise InvalidInput(f"The model cannot be asked about this project's rows: {str(error)[:300]}") from error
    if said.shape not in ((len(X),), (len(X), 1)) or not np.isfinite(said).all():
        raise InvalidInput(
            f"The model gives {said.shape} for {len(X):,} rows, or no finite numbers: one number a row is expected."
        )


def _columns(model: Any, steps: Sequence[tuple[str, Any]], schema: Schema) -> Columns:
    first = steps[0][1]
    named = getattr(model, "feature_names_in_", getattr(first, "feature_names_in_", None))
    if named is not None:
        return _by_name([str(name) for name in named], schema)
    if hasattr(first, "build_analyzer"):
        return _one_text(schema)
    return _matrix(getattr(model, "n_features_in_", getattr(first, "n_features_in_", None)), schema)


def _by_name(wanted: list[str], schema: Schema) -> Columns:
    known = _names(schema)
    if absent := [name for name in wanted if name not in known]:
        raise InvalidInput(
            f"The model was fitted on the column {absent[0]!r}, which this project does not have: "
            f"it has {', '.join(known[:10])}."
        )
    return Columns(wanted, "frame")


def _of_trees(features: Sequence[str] | None, width: int, schema: Schema) -> Columns:
    if features is None:
        return _matrix(width, schema)
    known = _names(schema)
    # LightGBM writes a name with an underscore for each space.
    written = {name.replace(" ", "_"): name for name in known} | {name: name for name in known}
    absent = [name for name in features if name not in written]
    if absent:
        unused = [name for name in known if name not in features and name.replace(" ", "_") not in features]
        raise InvalidInput(
            f"The model was trained on {_listed(absent)}, which this project does not have; "
            f"{f'it has {_listed(unused)}, which the model does not know' if unused else 'the others are there'}: "
            "train it on columns with this project's names."
        )
    names = [written[name] for name in features]
    others = {column.name for column in schema.columns if column.kind in ("category", "text")}
    if unfit := [name for name in names if name in others]:
        raise InvalidInput(
            f"The model was trained on numbers in {unfit[0]!r}, which holds none here: bring it as a scikit-learn "
            "pipeline that encodes this column."
        )
    return Columns(names, "matrix")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return ", ".join(map(repr, names[:5])) + more


def _one_text(schema: Schema) -> Columns:
    texts = schema.of_kind("text")
    if len(texts) != 1 or len(schema.columns) > 1:
        raise InvalidInput(
            f"The model takes one text, and this project has the columns {', '.join(schema.names[:10])}: fit it on a "
            "frame with these columns, through a ColumnTransformer."
        )
    return Columns([texts[0].name], "texts")


def _matrix(width: Any, schema: Schema) -> Columns:
    names = _names(schema)
    if others := [column.name for column in schema.columns if column.kind in ("category", "text")]:
        raise InvalidInput(
            f"The model was fitted on a matrix without column names, and {others[0]!r} holds no numbers: fit it on a "
            "frame with this project's columns."
        )
    if width is not None and int(width) != len(names):
        raise InvalidInput(
            f"The model takes {int(width):,} numbers a row, and this project has {len(names):,} "
            f"({', '.join(names[:10])}): fit it on these, in this order."
        )
    return Columns(names, "matrix")


def _names(schema: Schema) -> list[str]:
    return [name for each in schema.columns for name in (pixel_names(each) if each.shape else [each.name])]
