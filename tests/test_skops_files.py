"""Models are read without the frameworks that happen to be installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from tests.conftest import printed

PROGRAM = """
import sys
from feedback_core.models.skops_files import skops_io
io = skops_io()
from skops.io._trusted_types import SKLEARN_ESTIMATOR_TYPE_NAMES
print(io is sys.modules["skops.io"], "torch" in sys.modules, len(SKLEARN_ESTIMATOR_TYPE_NAMES) > 150)
import sklearn.externals.array_api_compat.torch
print("torch" in sys.modules)
"""


@pytest.mark.skipif(find_spec("torch") is None, reason="needs PyTorch to leave it out")
def test_a_model_is_read_without_pytorch_which_scikit_learn_may_still_use_afterwards() -> None:
    assert printed(PROGRAM).splitlines() == ["True False True", "True"]
