"""How far the members of a fitted model differ about a number."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

Floats = npt.NDArray[np.float64]


def spread(model: Any, X: Any) -> tuple[Floats, Floats]:
    """Predicted numbers of a frame and the standard deviation over the model's members, both (n,).

    0 for a model without members, such as a linear one or boosting, whose trees are no opinions of their own, and for
    one from elsewhere that is no pipeline.
    """
    if not hasattr(model, "steps"):
        value = np.asarray(model.predict(X), dtype=float)
        return value, np.zeros(len(value))
    *_, last = model.named_steps.values()
    members = _members(last)
    with threadpool_limits(1):
        prepared = model[:-1].transform(X)
        value = np.asarray(last.predict(prepared), dtype=float)
        if len(members) < 2:
            return value, np.zeros(len(value))
        said = np.stack([np.asarray(member.predict(prepared), dtype=float) for member in members])
    return value, said.std(axis=0)


def _members(model: Any) -> list[Any]:
    from sklearn.ensemble import BaggingRegressor, ExtraTreesRegressor, RandomForestRegressor

    return (
        list(model.estimators_)
        if isinstance(model, (BaggingRegressor, ExtraTreesRegressor, RandomForestRegressor))
        else []
    )
