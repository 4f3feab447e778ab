"""Marks on a card: what stands out from the learned rows, by hand-made columns."""

from __future__ import annotations

import pytest

from feedback_core.types import Column, Schema
from feedback_core.unusual import Mark, mark, usual

SCHEMA = Schema((Column("n", "number"), Column("c", "category"), Column("t", "text")))


def learned(n: int = 1000) -> list[tuple]:
    """Numbers 0 to n - 1; 'a' but for five 'b'; nothing missing."""
    return [(float(i), "b" if i < 5 else "a", "words") for i in range(n)]


@pytest.mark.parametrize(
    ("value", "word"), [(9.0, None), (8.9, "▼ low"), (500.0, None), (989.0, None), (989.1, "▲ high"), (-1e9, "▼ low")]
)
def test_a_number_beyond_the_outer_hundredths_is_marked(value: float, word: str | None) -> None:
    number, _, _ = usual(SCHEMA, learned())
    found = mark(number, value)
    assert (found.word if found else None) == word


def test_the_sentence_names_the_end_of_the_usual_span() -> None:
    number, _, _ = usual(SCHEMA, learned())
    assert mark(number, 2000.0) == Mark("▲ high", "Higher than in 99% of the learned rows, where it ends at 989.")


def test_rare_and_new_categories_and_gaps_are_marked() -> None:
    number, category, text = usual(SCHEMA, learned())
    assert mark(category, "a") is None
    assert mark(category, "b") == Mark("rare", "0.5% of the learned rows have this value.")
    assert mark(category, "z") == Mark("new", "None of the learned rows has this value.")
    assert mark(number, None) == Mark("rarely missing", "Missing in 0.0% of the learned rows.")
    assert mark(text, "anything") is None


def test_a_column_with_many_gaps_marks_none_of_them_and_too_few_rows_mark_nothing() -> None:
    often = [(None if i % 5 == 0 else 1.0, "a", "") for i in range(200)]
    number, _, _ = usual(SCHEMA, often)
    assert mark(number, None) is None
    assert mark(number, 1.0) is None
    assert usual(SCHEMA, learned(99)) == (None, None, None)
    assert usual(SCHEMA, []) == (None, None, None)


def test_a_constant_column_marks_every_other_value_only() -> None:
    number, _, _ = usual(SCHEMA, [(3.0, "a", "")] * 150)
    assert mark(number, 3.0) is None
    assert mark(number, 3.1).word == "▲ high"
