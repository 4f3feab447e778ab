"""What a choice of items is called."""

from __future__ import annotations

import pytest

from feedback_core.slices import described
from feedback_core.types import FeatureFilter, ItemFilter

COLUMNS = ("tenure", "plan", "fee")


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (ItemFilter(), "all open items"),
        (ItemFilter(predicted="3", max_confidence=0.5), "predicted 3, confidence at most 50 %"),
        (ItemFilter(holds="new", max_confidence=0.5), "predicted with new, confidence at most 50 %"),
        (ItemFilter(("labelled",), wrong=True), "reviewed, the model is wrong"),
        (ItemFilter(search=" refund ", flipped=True), "“refund” in text or key, flipped since the last version"),
        (
            ItemFilter(features=(FeatureFilter(0, 3, 12.5), FeatureFilter(1, equals="gold"))),
            "tenure from 3 to 12.5, plan is gold",
        ),
        (ItemFilter(features=(FeatureFilter(0, 3), FeatureFilter(2, high=9))), "tenure at least 3, fee at most 9"),
    ],
)  # fmt: skip
def test_a_filter_is_named_in_words(wanted: ItemFilter, words: str) -> None:
    assert described(wanted, COLUMNS) == words
