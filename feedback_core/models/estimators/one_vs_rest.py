"""Any classifier as a model of rows that bear several labels: one of it for each label, against the rest."""

from __future__ import annotations

import shutil
from copy import copy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import has_fit_parameter

from ... import multilabel
from ..native import Native
from .base import Array


class OneVsRest(BaseEstimator):
    """A classifier for each label, whose probabilities are taken to be independent (binary relevance).

    classes_: the k labels seen in training, in sorted order. A label that every training row bears has no classifier:
    its probability is the same for all rows, (n + 1) / (n + 2) after n of them; `unseen_` is that of a label that none
    bears, 1 / (n + 2). Source: Laplace's rule of succession.
    """

    def __init__(self, estimator: Any) -> None:
        """estimator: unfitted, cloned for each label; as it is seeded, so are all of them."""
        self.estimator = estimator

    def fit(self, X: Any, y: Any, sample_weight: Array | None = None) -> OneVsRest:
        """Learn rows from nothing. y: (n,) texts of label sets. Weights reach a classifier that takes them."""
        texts = list(y)
        self.classes_ = np.asarray(sorted({label for text in set(texts) for label in multilabel.parts(text)}), object)
        self.n_features_in_, self.unseen_ = X.shape[1], 1 / (len(texts) + 2)
        weighted = sample_weight is not None and has_fit_parameter(self.estimator, "sample_weight")
        extra = {"sample_weight": sample_weight} if weighted else {}
        bears = multilabel.indicator(texts, self.classes_.tolist()).T
        # A classifier needs both kinds of rows; there is no label here without a row that bears it.
        self.members_ = [None if own.all() else self._member(own).fit(X, own.astype(int), **extra) for own in bears]
        return self

    def _member(self, bears: Array) -> Any:
        """An unfitted classifier of one label."""
        member = clone(self.estimator)
        # Early stopping sets rows of both kinds aside, and takes two of each: one new label would stop them all.
        if min(bears.sum(), (~bears).sum()) < 2 and member.get_params().get("early_stopping"):
            member.set_params(early_stopping=False)
        return member

    def predict_proba(self, X: Any) -> Array:
        """Probability of each label by itself, (n, k), columns as `classes_`; rows do not sum to 1."""
        said = np.full((X.shape[0], len(self.members_)), 1 - self.unseen_)
        for k, member in enumerate(self.members_):
            if member is not None:
                said[:, k] = np.asarray(member.predict_proba(X), dtype=float)[:, 1]
        return said

    # What a framework writes beside model.skops, it writes for each label: see models.native.Native.

    @property
    def packages(self) -> tuple[str, ...]:
        """Whose versions a rebuild would need."""
        return tuple(dict.fromkeys(name for _, member in self._natives() for name in member.packages))

    @property
    def native_(self) -> list[Any]:
        """What skops does not write, of each label whose classifier has such a part."""
        return [member.native_ for _, member in self._natives()]

    @native_.setter
    def native_(self, _nothing: None) -> None:
        self.members_ = [_bare(member) for member in self.members_]

    def write_native(self, folder: Path) -> None:
        """Write the files of each label, its number in front of their names."""
        for k, member in self._natives():
            with TemporaryDirectory() as own:
                member.write_native(Path(own))
                for path in Path(own).iterdir():
                    shutil.move(path, folder / f"{k:03d}-{path.name}")

    def read_native(self, folder: Path) -> None:
        """Read them back."""
        for k, member in self._natives():
            with TemporaryDirectory() as own:
                for path in folder.glob(f"{k:03d}-*"):
                    shutil.copyfile(path, Path(own, path.name.partition("-")[2]))
                member.read_native(Path(own))

    def _natives(self) -> list[tuple[int, Native]]:
        return [(k, member) for k, member in enumerate(self.members_) if isinstance(member, Native)]


def _bare(member: Any) -> Any:
    if not isinstance(member, Native):
        return member
    bare = copy(member)
    bare.native_ = None
    return bare
