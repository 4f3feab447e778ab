import datetime
import math
import unicodedata
from decimal import Decimal

import numpy as np
import orjson
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback_core.errors import InvalidFeedback, InvalidFile
from feedback_core.intake import (
    check,
    classes,
    decode,
    encode_one,
    feature_names,
    holdout_side,
    input_hash,
    match,
    propose,
    unfit_label,
)
from feedback_core.types import Column, Problem, Schema
from tests.conftest import printed

NUMBER = Schema((Column("x", "number"),))
MIXED = Schema(
    (
        Column("age", "number"),
        Column("city", "category"),
        Column("note", "text"),
        Column("img", "image", (2, 2)),
        Column("size", "number"),
    )
)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
MIXED_ROW = st.tuples(
    FINITE | st.none(),
    TEXT | st.none(),
    TEXT | st.none(),
    st.lists(st.floats(-3e38, 3e38), min_size=4, max_size=4),
    FINITE,
)


def table(**columns):
    """A frame as read_table makes it from a CSV file: all text."""
    return pd.DataFrame({name: pd.Series(cells, dtype="str") for name, cells in columns.items()})


def mixed_frame(rows):
    return pd.DataFrame({name: pd.Series([row[n] for row in rows], dtype=object) for n, name in enumerate(MIXED.names)})


def kinds(proposal):
    return {column.name: column.kind for column in proposal.columns}


# -- proposal ------------------------------------------------------------------------------------------------------


def test_kinds_label_and_id_are_guessed():
    frame = table(
        id=["a1", "a2", "a3", "a4"],
        age=["31", " 40", "", "nan"],
        city=["Rome", "Oslo", "Rome", "Oslo"],
        review=["I liked it a lot", "This was not for me", "Would buy it again soon", "Not worth the money, sorry"],
        label=["good", "bad", "good", "bad"],
    )
    proposal = propose(frame)
    assert kinds(proposal) == {"age": "number", "city": "category", "review": "text"}
    assert (proposal.id_column, proposal.label_column, proposal.task) == ("id", "label", "classification")
    assert proposal.why == "'label' holds 2 different values: bad, good"
    assert proposal.notes == ()


def test_a_column_with_infinity_is_still_a_number():
    assert kinds(propose(table(a=["1", "inf", "NaN"], b=["x y", "z", "w"]))) == {"a": "number", "b": "category"}


@pytest.mark.parametrize("name", ["Label", "TARGET", "class", "y", "species"])
def test_the_label_is_found_by_name_wherever_it_stands(name):
    proposal = propose(table(**{name: ["a", "b", "a", "b"], "z": ["p", "q", "q", "p"]}))
    assert proposal.label_column == name


def test_a_last_column_that_alone_has_gaps_is_the_label():
    sex = ["1", "2"] * 10
    amounts = [f"{n}.5" if n < 14 else "" for n in range(20)]
    proposal = propose(table(sex=sex, progression=amounts))
    assert (proposal.label_column, proposal.task) == ("progression", "regression")
    assert propose(table(sex=sex, progression=[f"{n}.5" for n in range(20)])).label_column == "sex"
    assert propose(table(sex=[*sex[:-3], "", "", ""], progression=amounts)).label_column == "sex"


def test_without_a_telling_name_the_last_column_with_few_values_is_the_label():
    few = ["ham", "spam", "ham", "spam"]
    proposal = propose(table(first=few, kind=few, n=["1.5", "2.5", "3.5", "4.5"]))
    assert proposal.label_column == "kind"


def test_nothing_fits_means_no_label_and_no_task():
    proposal = propose(table(a=["1.5", "2.5", "3.5"], b=["0.1", "0.2", "0.3"]))
    assert (proposal.label_column, proposal.task) == (None, "none")
    assert proposal.why.startswith("no column looks like a label")


def test_a_label_of_many_numbers_means_regression():
    proposal = propose(table(a=["1", "2", "3"], target=["10.5", "11.2", "9.9"]))
    assert (proposal.task, proposal.why) == ("regression", "'target' holds 3 different numbers")


def test_an_empty_label_column_means_no_task_yet():
    proposal = propose(table(a=["1", "2"], label=["", ""]))
    assert (proposal.label_column, proposal.task) == ("label", "none")
    assert "is empty: every row waits for a reviewer" in proposal.why


def test_one_class_only_is_noted():
    frame = table(a=["1", "2"], label=["cat", "cat"])
    assert classes(frame, "label") == ("cat",)
    assert propose(frame).notes == ("Every label in 'label' is 'cat': a model needs at least two classes to learn.",)


def test_constant_and_empty_columns_are_noted_and_kept():
    proposal = propose(table(a=["1", "2"], b=["7", "7"], c=["", ""], label=["p", "q"]))
    assert list(kinds(proposal)) == ["a", "b", "c"]
    assert proposal.notes == (
        "'b' is constant and cannot help: consider leaving it out.",
        "'c' is empty and cannot help: consider leaving it out.",
    )


def test_nine_numbers_in_ten_cells_make_a_number_column_whose_other_rows_are_problems():
    frame = table(a=[*map(str, range(18)), "five", "six", "", "NA"], label=["p", "q"] * 11)
    proposal = propose(frame)
    assert kinds(proposal) == {"a": "number"}
    assert proposal.notes == (
        "'a' is a number, but 2 of its cells are not, such as five: those rows are listed as problems; "
        "choose category if they are meant.",
    )
    rows, problems = check(frame, Schema(proposal.columns), label_column="label")
    assert [(p.row, p.value) for p in problems if p.blocking] == [(19, "five"), (20, "six")]
    assert len(rows.inputs) == 19  # the two empty cells make one input


def test_one_odd_cell_is_noted_by_its_value():
    assert propose(table(a=[*map(str, range(10)), "-inf"], label=["p", "q"] * 5 + ["p"])).notes == (
        "'a' is a number, but 1 of its cells is not, -inf: that row is listed as a problem; "
        "choose category if it is meant.",
    )


def test_fewer_than_nine_numbers_in_ten_cells_stay_a_category():
    cells = [*map(str, range(17)), "five", "six"]
    assert kinds(propose(table(a=cells, label=["p", "q"] * 9 + ["p"]))) == {"a": "category"}
    proposal = propose(table(a=["1", "2", "x", *[""] * 7], label=["p", "q"] * 5))
    assert kinds(proposal) == {"a": "category"}
    assert proposal.notes == ("'a' is a category because 1 of its cells are no numbers, such as x.",)


def test_ids_of_which_a_few_have_letters_are_still_ids():
    frame = table(id=[*map(str, range(19)), "7a"], a=["1.5", "2.5"] * 10)
    assert propose(frame).id_column == "id"


def test_a_label_with_a_few_words_among_whole_numbers_still_means_classes():
    proposal = propose(table(a=[f"{n}.5" for n in range(20)], label=["1", "2"] * 9 + ["1", "none of them"]))
    assert (proposal.label_column, proposal.task) == ("label", "classification")
    assert proposal.why == "'label' holds 3 different values: 1, 2, none of them"
    assert proposal.notes == ()


def test_pixels_with_a_few_mistakes_are_still_an_image():
    pixels = {f"pixel{n}": ["0"] * 19 + ["x" if n == 3 else "0"] for n in range(16)}
    frame = table(label=["p", "q"] * 10, **pixels)
    proposal = propose(frame)
    assert kinds(proposal) == {"pixel": "image"}
    problems = check(frame, Schema(proposal.columns))[1]
    assert [(p.row, p.column, p.value) for p in problems if p.blocking] == [(20, "pixel3", "x")]


@pytest.mark.parametrize(
    ("cells", "numbers", "note"),
    [
        (["1,5", "2,25", "3"], [1.5, 2.25, 3.0], "decimal commas: 1,5 is read as 1.5."),
        (["1.234,5", "-7,0", " 8,25 "], [1234.5, -7.0, 8.25], "decimal commas: 1.234,5 is read as 1234.5."),
        (["0,123", "0,456", ""], [0.123, 0.456, None], "decimal commas: 0,123 is read as 0.123."),
        (["1\u202f234,56", "5,1", "7"], [1234.56, 5.1, 7.0], "decimal commas: 1\u202f234,56 is read as 1234.56."),
        (
            ["1,234,567", "2,000", "3"],
            [1234567.0, 2000.0, 3.0],
            "commas between thousands: 1,234,567 is read",
        ),
        (["1,234.5", "2", "3.5"], [1234.5, 2.0, 3.5], "commas between thousands: 1,234.5 is read as 1234.5"),
    ],
)
def test_numbers_with_commas_are_read_and_said(cells, numbers, note):
    frame = table(a=cells, label=["p", "q", "p"])
    proposal = propose(frame)
    assert kinds(proposal) == {"a": "number"}
    assert proposal.notes[0].startswith(f"'a' is written with {note}")
    read, problems = check(frame, Schema(proposal.columns), label_column="label", labels=("p", "q"))
    assert [orjson.loads(body)[0] for body in read.inputs] == numbers
    assert not [problem for problem in problems if problem.blocking]


@pytest.mark.parametrize("cells", [["1,234", "5,678", "9"], ["1,5", "2.5", "3"], ["1,5", "1,234,567", "2"]])
def test_commas_that_nobody_can_read_are_blocked_row_by_row(cells):
    frame = table(a=cells, label=["p", "q", "p"])
    proposal = propose(frame)
    assert kinds(proposal) == {"a": "number"}
    assert "whose comma may be a decimal sign or group thousands" in proposal.notes[0]
    problems = check(frame, Schema(proposal.columns), label_column="label", labels=("p", "q"))[1]
    blocked = [(p.row, p.value) for p in problems if p.blocking]
    assert blocked == [(row, cell) for row, cell in enumerate(cells, 1) if "," in cell]
    assert all("may be a decimal comma or a thousands separator" in p.what for p in problems if p.blocking)


@pytest.mark.parametrize("cells", [["Smith, Jo", "Ray, Al", "Poe, Ed"], ["a,b", "1,5", "c,d"], ["1,2,3", "4,5,6", "7"]])
def test_commas_in_words_and_lists_make_no_numbers(cells):
    assert kinds(propose(table(a=cells, label=["p", "q", "p"]))) == {"a": "category"}


def test_a_single_mistake_among_decimal_commas_is_one_problem_row():
    cells = [f"{n},5" for n in range(20)] + ["n,a"]
    frame = table(a=cells, label=["p", "q", "p"] * 7)
    schema = Schema(propose(frame).columns)
    problems = check(frame, schema, label_column="label", labels=("p", "q"))[1]
    assert [(p.row, p.value) for p in problems if p.blocking] == [(21, "n,a")]


@settings(deadline=None)
@given(st.lists(st.decimals(-10_000, 10_000, places=2), min_size=1, max_size=30))
def test_a_decimal_comma_changes_nothing_but_the_sign(values):
    points, commas = ([f"{value:.2f}".replace(".", sign) for value in values] for sign in ".,")
    schema = Schema((Column("a", "number"),))
    assert check(table(a=points), schema)[0] == check(table(a=commas), schema)[0]


def test_a_category_of_mostly_different_values_is_noted():
    proposal = propose(table(a=[f"w{n}" for n in range(100)], label=["p", "q"] * 50))
    assert proposal.notes == ("'a' has 100 different values, too many for a category: consider leaving it out.",)


def test_whole_numbers_too_large_for_a_float_are_noted():
    assert "beyond 2^53" in propose(table(a=["9007199254740994", "1"], label=["p", "q"])).notes[0]


@pytest.mark.parametrize("name", ["id", "ID", "user_id", "PassengerId", "rowid", "key", "order-key", "uuid"])
def test_ids_are_found_by_name(name):
    assert propose(table(**{name: ["1", "2", "3"]}, a=["1.5", "2.5", "2.5"])).id_column == name


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("paid", ["1", "2", "3"]),
        ("acid", ["1", "2", "3"]),
        ("id", ["1", "1", "2"]),
        ("id", ["1", "", "2"]),
        ("id", ["1.5", "2.5", "3.5"]),
    ],
)
def test_what_only_looks_like_an_id_stays_an_input(name, cells):
    assert propose(table(**{name: cells}, a=["1.5", "2.5", "2.5"])).id_column is None


def test_a_run_of_pixel_columns_becomes_one_image():
    pixels = {f"pixel_{n}": ["0", "0"] for n in range(64)}
    proposal = propose(table(label=["3", "8"], **pixels))
    assert proposal.columns == (Column("pixel", "image", (8, 8), tuple(pixels)),)
    assert proposal.label_column == "label"
    assert proposal.notes == ("'pixel_0' to 'pixel_63' are taken as one image of 8 x 8 pixels.",)


@pytest.mark.parametrize(
    "columns",
    [
        {f"v{n}": ["-1", "1"] for n in range(16)},  # below zero: measurements
        {f"pixel{n}": ["0", "1"] for n in range(17)},  # no square
        {f"pixel{2 * n}": ["0", "1"] for n in range(16)},  # gaps
        {f"pixel{n}": ["0", ""] for n in range(16)},  # missing
        {f"pixel{n}": ["0", "x"] for n in range(16)},  # no numbers
    ],
)
def test_other_numbered_columns_stay_apart(columns):
    assert len(propose(table(label=["p", "q"], **columns)).columns) == len(columns)


def test_bare_numbers_as_names_give_an_image_named_image():
    assert propose(table(**{str(n): ["0", "1"] for n in range(16)})).columns[0].name == "image"


@pytest.mark.parametrize(
    ("cell", "shape"),
    [([0] * 16, (4, 4)), ([0] * 12, (2, 2, 3)), ([0] * 7, (1, 7)), ([[0, 1, 2], [3, 4, 5]], (2, 3))],
)
def test_a_column_of_lists_is_an_image(cell, shape):
    proposal = propose(pd.DataFrame({"a": [cell, cell], "label": ["p", "q"]}))
    assert proposal.columns == (Column("a", "image", shape),)
    assert bool(proposal.notes) == (shape in [(2, 2, 3), (1, 7)])


def test_lists_of_different_lengths_are_refused():
    with pytest.raises(InvalidFile, match="'a' has lists of different lengths"):
        propose(pd.DataFrame({"a": [[1, 2], [1, 2, 3]]}))


def test_notes_of_the_file_come_first():
    frame = table(a=["1", "2"], label=["p", "p"])
    frame.attrs["notes"] = ["Cells are separated by semicolons."]
    assert propose(frame).notes[0] == "Cells are separated by semicolons."


def test_typed_columns_are_guessed_too():
    frame = pd.DataFrame({"a": [1, 2], "b": [True, False], "c": pd.array([1, None], "Int64"), "label": [0.0, np.nan]})
    assert kinds(propose(frame)) == {"a": "number", "b": "category", "c": "number"}


def test_a_column_name_twice_is_refused():
    with pytest.raises(InvalidFile, match="'a' is there more than once"):
        propose(pd.DataFrame([[1, 2]], columns=["a", "a"]))


# -- classes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["10", "2", "", "1"], ("1", "2", "10")),
        ([3.0, 1.0, np.nan], ("1", "3")),
        (["3.0", "1.0"], ("1", "3")),
        (["1.0", "1.1"], ("1.0", "1.1")),
        (["-1", "1", "0.5"], ("-1", "0.5", "1")),
        (["item 10", "item 9", "Item 1"], ("Item 1", "item 9", "item 10")),
        ([True, False], ("false", "true")),
        ([" é ", "e\u0301"], ("é",)),
        (["<b>", "=1"], ("<b>", "=1")),
    ],
)
def test_classes_are_distinct_text_in_natural_order(cells, expected):
    assert classes(pd.DataFrame({"label": cells}), "label") == expected


# -- check ---------------------------------------------------------------------------------------------------------


def test_checked_rows_are_canonical_inputs_keys_and_labels():
    frame = table(key=["a", "b"], x=["1", "2.50"], label=["no", "yes"])
    rows, problems = check(frame, NUMBER, label_column="label", labels=("yes", "no"), id_column="key")
    assert (rows.inputs, rows.keys, rows.labels) == ([b"[1.0]", b"[2.5]"], ["a", "b"], ["no", "yes"])
    assert problems == []


def test_a_bad_number_names_row_column_and_value_and_the_other_rows_stay():
    rows, problems = check(table(x=["1", "abc", "inf", "1_0", "2"]), NUMBER)
    assert rows.inputs == [b"[1.0]", b"[2.0]"]
    assert [(p.row, p.column, p.value, p.blocking) for p in problems] == [
        (2, "x", "abc", True),
        (3, "x", "inf", True),
        (4, "x", "1_0", True),
    ]
    assert problems[0].what == "is not a number: correct the cell, or make the column a category"
    assert problems[1].what == "is infinite: write a number, or leave the cell empty"


def test_missing_values_are_counted_once_per_column_and_do_not_block():
    rows, problems = check(table(x=["", "NA", "n/a", "NaN", "7"]), NUMBER)
    assert rows.inputs == [b"[null]", b"[7.0]"]
    assert problems[0] == Problem(None, "x", "4", "cells are empty and count as missing", blocking=False)


def test_an_unseen_label_blocks_its_row_only():
    frame = table(x=["1", "2", "3"], label=["cat", "cow", ""])
    rows, problems = check(frame, NUMBER, label_column="label", labels=("cat", "dog"))
    assert (rows.inputs, rows.labels) == ([b"[1.0]", b"[3.0]"], ["cat", None])
    assert problems == [
        Problem(None, "label", "1", "rows have no label and go to the pool for review", blocking=False),
        Problem(2, "label", "cow", "is none of the labels cat, dog: correct it, or add it to the project's labels"),
    ]


def test_whole_labels_match_however_they_are_written():
    frame = pd.DataFrame({"x": [1, 2, 3], "label": [3.0, np.nan, 4.0]})
    assert check(frame, NUMBER, label_column="label", labels=("3", "4"))[0].labels == ["3", None, "4"]
    text = table(x=["1", "2"], label=["3.0", "4"])
    assert check(text, NUMBER, label_column="label", labels=("3", "4"))[0].labels == ["3", "4"]


def test_without_given_labels_every_label_counts():
    rows, problems = check(table(x=["1", "2"], label=["b", "a"]), NUMBER, label_column="label")
    assert (rows.labels, problems) == (["b", "a"], [])


def test_equal_inputs_are_merged_and_counted():
    rows, problems = check(table(x=["1", "1.0", "2"], label=["a", "a", "b"]), NUMBER, label_column="label")
    assert (rows.inputs, rows.labels) == ([b"[1.0]", b"[2.0]"], ["a", "b"])
    assert problems == [
        Problem(None, None, "1", "rows repeat the input of an earlier row and are merged with it", blocking=False)
    ]


def test_an_unlabelled_repeat_takes_the_label_of_its_twin():
    assert check(table(x=["1", "1"], label=["", "a"]), NUMBER, label_column="label")[0].labels == ["a"]


def test_one_input_with_two_labels_goes_in_without_a_label():
    frame = table(x=["1", "2", "2", "1"], label=["a", "a", "b", "a"])
    rows, problems = check(frame, NUMBER, label_column="label")
    assert (rows.inputs, rows.labels) == ([b"[1.0]", b"[2.0]"], ["a", None])
    what = "are different labels for the same input: it goes in once, without a label"
    assert problems[1:] == [Problem(2, "label", "a / b", what, blocking=False)]


def test_missing_and_reused_ids_block():
    frame = table(key=["a", "", "a", "a", "b"], x=["1", "2", "3", "1", "4"])
    rows, problems = check(frame, NUMBER, id_column="key")
    assert (rows.keys, rows.inputs) == (["a", "b"], [b"[1.0]", b"[4.0]"])
    assert [(p.row, p.value, p.blocking) for p in problems] == [(None, "1", False), (2, "", True), (3, "a", True)]


def test_a_missing_column_blocks_everything():
    rows, problems = check(table(y=["1"]), NUMBER, label_column="label")
    assert rows.inputs == []
    assert [(p.row, p.column, p.blocking) for p in problems] == [(None, "x", True), (None, "label", True)]


def test_an_image_cell_of_wrong_length_blocks():
    schema = Schema((Column("img", "image", (1, 2)),))
    cells = pd.Series([[1, 2], [1, 2, 3], None, [1, None], "[3, 4]", [[5, 6]], [1, math.inf], 7], dtype=object)
    rows, problems = check(pd.DataFrame({"img": cells}), schema)
    assert rows.inputs == [b"[[1.0,2.0]]", b"[[3.0,4.0]]", b"[[5.0,6.0]]"]
    assert [(p.row, p.what) for p in problems] == [(row, "is not a list of 2 numbers") for row in (2, 3, 4, 7, 8)]


def test_an_image_is_assembled_from_its_file_columns():
    schema = Schema((Column("p", "image", (1, 2), ("p1", "p0")),))
    rows, problems = check(table(p0=["1", "3", ""], p1=["2", "x", "0"]), schema)
    assert rows.inputs == [b"[[2.0,1.0]]"]
    assert [(p.row, p.column, p.value) for p in problems] == [(2, "p1", "x"), (3, "p0", "")]


def test_at_most_limit_problems_are_listed_and_the_rest_counted():
    problems = check(table(x=["a", "b", "c", "", "d"]), NUMBER, limit=3)[1]
    assert [p.row for p in problems] == [None, 1, 2, None]
    assert problems[-1] == Problem(None, None, "", "2 more problems are not listed.", blocking=True)


def test_problems_of_several_columns_are_listed_row_by_row():
    schema = Schema((Column("a", "number"), Column("b", "number")))
    problems = check(table(a=["1", "x", "y"], b=["z", "1", "w"]), schema)[1]
    assert [(p.row, p.column) for p in problems] == [(1, "b"), (2, "a"), (3, "a"), (3, "b")]


def test_two_thousand_columns_are_checked():
    frame = pd.DataFrame({f"c{n}": ["1", "2"] for n in range(2_000)})
    rows, problems = check(frame, Schema(tuple(Column(name, "number") for name in frame)))
    assert [body.count(b",") for body in rows.inputs] == [1_999, 1_999]
    assert problems == []


def test_rows_beyond_one_chunk_are_all_encoded():
    frame = pd.DataFrame({"x": np.arange(100_003.0)})
    assert check(frame, NUMBER)[0].inputs == [b"[%d.0]" % n for n in range(100_003)]
    mixed = Schema((Column("x", "number"), Column("x", "category")))
    assert check(frame, mixed)[0].inputs == [b'[%d.0,"%d"]' % (n, n) for n in range(100_003)]


def test_a_project_without_input_columns_is_refused():
    with pytest.raises(InvalidFile, match="no input column"):
        check(table(x=["1"]), Schema(()))


def test_markup_formulas_and_long_values_pass_as_text():
    schema = Schema((Column("t", "text"),))
    cells = ["<script>alert(1)</script>", "=1+1", "x" * 10_000]
    rows, problems = check(table(t=cells), schema)
    assert decode(rows.inputs, schema)["t"].tolist() == cells
    assert problems == []


def test_a_category_takes_any_single_value_as_text():
    moment = datetime.datetime(2026, 1, 2)
    cells = pd.Series([1, 1.0, True, "é", "e\u0301 ", Decimal("2.5"), moment, None, "", [1]], dtype=object)
    frame = pd.DataFrame({"c": cells, "key": [str(n) for n in range(10)]})
    rows, problems = check(frame, Schema((Column("c", "category"),)), id_column="key")
    assert [body.decode() for body in rows.inputs] == [
        '["1"]',
        '["true"]',
        '["é"]',
        '["2.5"]',
        '["2026-01-02T00:00:00"]',
        "[null]",
    ]
    assert problems[-1].row == 10


def test_a_bool_is_no_number():
    frame = pd.DataFrame({"x": pd.Series([1, True, 0.0], dtype=object)})
    assert [p.row for p in check(frame, NUMBER)[1]] == [2]
    assert [p.row for p in check(pd.DataFrame({"x": [True]}), NUMBER)[1]] == [1]


@pytest.mark.parametrize("value", [10**400, "1e999", Decimal("Infinity"), -math.inf])
def test_numbers_beyond_any_float_are_infinite(value):
    problem = check(pd.DataFrame({"x": pd.Series([value], dtype=object)}), NUMBER)[1][0]
    assert problem.what.startswith("is infinite")


# -- one input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [1, 1.0, "1", " 1.00 ", "1e0", "+1", Decimal(1), np.int64(1), np.float32(1)])
def test_one_number_has_one_form(value):
    assert encode_one({"x": value}, NUMBER) == b"[1.0]"


@pytest.mark.parametrize("value", [0, -0.0, "-0", "0.000"])
def test_zero_has_no_sign(value):
    assert encode_one([value], NUMBER) == b"[0.0]"


@pytest.mark.parametrize("value", [None, "", " ", "NA", "null"])
def test_a_missing_number_is_null(value):
    assert encode_one([value], NUMBER) == b"[null]"


def test_one_mixed_input():
    values = {"age": 3, "city": True, "note": " e\u0301 <b> ", "img": [[0, 1], [2, 3]], "size": None}
    expected = '[3.0,"true","é <b>",[0.0,1.0,2.0,3.0],null]'.encode()
    assert encode_one(values, MIXED) == expected
    assert encode_one(list(values.values()), MIXED) == expected


def test_an_image_may_be_given_by_its_file_columns():
    schema = Schema((Column("p", "image", (1, 2), ("p0", "p1")), Column("x", "number")))
    expected = b"[[5.0,6.0],1.0]"
    assert encode_one({"p0": 5, "p1": 6, "x": 1}, schema) == expected
    assert encode_one({"p": [5, 6], "x": 1}, schema) == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"x": "abc"}, "input: column 'x' holds 'abc': send a finite number or null."),
        ({"x": True}, "input: column 'x' holds True: send a finite number or null."),
        ({"x": math.nan}, "input: column 'x' holds nan: send a finite number or null."),
        ({"x": "inf"}, "input: column 'x' holds 'inf': send a finite number or null."),
        ({"x": 10**400}, "input: column 'x' holds 1000"),
        ({"x": [1]}, "input: column 'x' holds [1]: send a finite number or null."),
        ({}, "input lacks the column 'x': send null if its value is missing."),
        ({"x": 1, "z": 2}, "input has an unknown column 'z': leave it out, or send one of x."),
        ([1, 2], "input has 2 values, expected 1: give x."),
        ("1", "input is '1': send an object of columns, or a list in their order."),
        (5, "input is 5: send an object of columns, or a list in their order."),
        (None, "input is None: send"),
    ],
)
def test_an_input_that_does_not_fit_is_refused_in_words(values, message):
    with pytest.raises(InvalidFeedback) as caught:
        encode_one(values, NUMBER)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "value",
    [[1, 2, 3], [1, 2, 3, math.nan], [1, 2, 3, "4"], [True] * 4, [1, 2, 3, 1e39], None, "x", [[1], [2, 3, 4]], {}],
)
def test_an_image_that_does_not_fit_is_refused(value):
    with pytest.raises(InvalidFeedback, match=r"column 'img' holds .*: send a list of 4 finite numbers\."):
        encode_one({"img": value}, Schema((Column("img", "image", (2, 2)),)))


@pytest.mark.parametrize("value", [[1], {"a": 1}, b"x", "\ud800", math.nan])
def test_a_category_that_is_no_single_value_is_refused(value):
    with pytest.raises(InvalidFeedback, match=r"column 'c' holds .*: send text or null\."):
        encode_one([value], Schema((Column("c", "category"),)))


@given(MIXED_ROW)
def test_a_file_and_the_api_make_the_same_bytes_of_the_same_values(row):
    rows, problems = check(mixed_frame([row]), MIXED)
    assert rows.inputs == [encode_one(row, MIXED)]
    assert not any(problem.blocking for problem in problems)


@given(FINITE)
def test_typed_numbers_and_their_text_make_the_same_bytes(value):
    expected = [encode_one([value], NUMBER)]
    assert check(pd.DataFrame({"x": [value]}), NUMBER)[0].inputs == expected
    assert check(table(x=[repr(value)]), NUMBER)[0].inputs == expected
    assert check(table(x=[repr(value), "odd"]), NUMBER)[0].inputs == expected
    assert encode_one([repr(value)], NUMBER) == expected[0]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=6))
def test_a_file_and_the_api_agree_on_what_is_a_number(cell):
    rows = check(table(x=[cell]), NUMBER)[0]
    try:
        expected = [encode_one([cell], NUMBER)]
    except InvalidFeedback:
        expected = []
    assert rows.inputs == expected


# -- decode --------------------------------------------------------------------------------------------------------


def test_decode_gives_one_typed_column_per_feature():
    frame = decode([b'[1.5,"Rome","hi",[0,1,2,3],2.0]', "[null,null,null,[4,5,6,7],null]"], MIXED)
    names = ["age", "city", "note", "img_0000", "img_0001", "img_0002", "img_0003", "size"]
    assert list(frame) == feature_names(MIXED) == names
    assert [str(kind) for kind in frame.dtypes] == ["float64", "object", "object", *["float32"] * 4, "float64"]
    assert frame["age"].tolist()[0] == 1.5
    assert frame["city"].tolist() == ["Rome", pytest.approx(math.nan, nan_ok=True)]
    assert frame["note"].tolist() == ["hi", ""]
    assert frame["img_0002"].tolist() == [2.0, 6.0]
    assert frame["size"].isna().tolist() == [False, True]


def test_decode_of_nothing_keeps_the_columns():
    frame = decode([], MIXED)
    assert (len(frame), list(frame)) == (0, feature_names(MIXED))
    assert str(frame["age"].dtype) == "float64"


def test_decode_joins_its_chunks():
    count = 250_001
    frame = decode([b"[%d,null]" % n for n in range(count)], Schema((Column("a", "number"), Column("b", "number"))))
    assert frame["a"].tolist() == list(range(count))
    assert frame["b"].isna().all()


def test_decode_reads_images_and_numbers_without_text():
    schema = Schema((Column("a", "image", (1, 2)), Column("x", "number"), Column("b", "image", (1, 1))))
    frame = decode(["[[1,2],null,[3]]", "[[4,5],6,[7]]"], schema)
    assert frame.fillna(-1).to_numpy().tolist() == [[1, 2, -1, 3], [4, 5, 6, 7]]


def test_decoded_columns_train_scikit_learn_with_missing_values():
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import OneHotEncoder

    schema = Schema((Column("c", "category"), Column("t", "text")))
    frame = decode([b'["a","good day"]', b"[null,null]", b'["b","bad day"]'], schema)
    assert OneHotEncoder().fit_transform(frame[["c"]]).toarray().tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert TfidfVectorizer().fit(frame["t"]).get_feature_names_out().tolist() == ["bad", "day", "good"]


@given(st.lists(MIXED_ROW, min_size=1, max_size=5))
def test_decoding_what_was_encoded_gives_the_values_back(rows):
    frame = decode([encode_one(row, MIXED) for row in rows], MIXED)
    for n, (age, city, note, img, size) in enumerate(rows):
        got = frame.iloc[n].tolist()
        assert got[0] == age or (age is None and math.isnan(got[0]))
        assert got[1] == clean(city) or (clean(city) is None and math.isnan(got[1]))
        assert got[2] == (clean(note) or "")
        assert got[3:7] == np.array(img).astype(np.float32).tolist()
        assert got[7] == size


def clean(text):
    return unicodedata.normalize("NFC", text).strip() or None if text is not None else None


# -- holdout -------------------------------------------------------------------------------------------------------


def test_the_hash_of_an_input_never_changes():
    assert input_hash(b"[1.0]") == "903fc4102be262530626a2435eb25517"


def test_the_side_of_an_input_never_changes():
    hashes = [input_hash(b"[%d.0]" % n) for n in range(8)]
    assert holdout_side(hashes, salt=7, share=0.5).tolist() == [False, True, False, False, False, False, True, True]


def test_the_share_of_the_holdout_is_near_the_one_asked_for():
    hashes = [input_hash(b"[%d.0]" % n) for n in range(20_000)]
    for salt, share in [(0, 0.05), (1, 0.2), (2**63, 0.5), (-5, 0.9)]:
        assert abs(holdout_side(hashes, salt, share).mean() - share) < 0.015


@given(st.lists(st.binary(max_size=4), max_size=30), st.integers(), st.randoms())
def test_equal_inputs_fall_on_the_same_side_in_any_order(inputs, salt, random):
    hashes = [input_hash(body) for body in inputs]
    side = dict(zip(hashes, holdout_side(hashes, salt, 0.5).tolist(), strict=True))
    shuffled = [*hashes, *hashes]
    random.shuffle(shuffled)
    assert holdout_side(shuffled, salt, 0.5).tolist() == [side[digest] for digest in shuffled]


def test_a_larger_share_keeps_every_row_that_was_locked():
    hashes = [input_hash(b"%d" % n) for n in range(1_000)]
    assert not (holdout_side(hashes, 3, 0.2) & ~holdout_side(hashes, 3, 0.3)).any()


def test_another_salt_draws_another_holdout():
    hashes = [input_hash(b"%d" % n) for n in range(10_000)]
    both = holdout_side(hashes, 0, 0.5) & holdout_side(hashes, 1, 0.5)
    assert abs(both.mean() - 0.25) < 0.02


def test_importing_the_module_does_not_import_pandas():
    modules = "feedback_core.intake, feedback_core.tables, feedback_core.exports"
    code = f"import sys, {modules}; print('pandas' in sys.modules, 'pyarrow' in sys.modules)"
    assert printed(code).split() == ["False", "False"]


# -- the label of more rows, and what cannot be one ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([f"{n}.5" for n in range(300)], "'y' holds 300 different numbers: an amount on a scale"),
        (["0,5", "1,5", "0,5"], "'y' holds 2 different numbers: an amount on a scale"),
        ([str(n) for n in range(60)] * 2, "'y' holds 60 different numbers: an amount on a scale"),
        ([f"name {n}" for n in range(300)], "'y' holds 300 different values in 300 rows, so hardly any class"),
        ([[1, 2], [3, 4]], "'y' holds lists of numbers, not labels"),
    ],
)
def test_a_column_that_no_classifier_can_learn_is_refused_as_label(cells, words):
    assert unfit_label(pd.DataFrame({"y": cells}), "y").startswith(words)


@pytest.mark.parametrize(
    "cells", [["1", "2", "3"] * 30, ["1.0", "2.0", ""], ["yes", "no", "no"], ["", ""], ["only"] * 3]
)
def test_a_column_of_classes_fits_as_label(cells):
    assert unfit_label(table(y=cells), "y") == ""


def test_label_and_id_of_more_rows_are_found_beside_the_features():
    schema = Schema((Column("a", "number"), Column("kind", "category")))
    frame = table(a=["1", "2"], kind=["p", "q"], row_id=["r1", "r2"], verdict=["p", ""], remark=["p", "other"])
    assert match(frame, schema, ("p", "q")) == ("verdict", "row_id")
    assert match(frame.assign(label=["q", "q"], zone=["p", "p"]), schema, ("p", "q")) == ("label", "row_id")
    assert match(frame[["a", "kind", "remark"]], schema, ("p", "q")) == (None, None)


def test_pixels_of_an_image_are_no_label_of_more_rows():
    schema = Schema((Column("pixel", "image", (1, 2), ("pixel0", "pixel1")),))
    assert match(table(pixel0=["1", "0"], pixel1=["0", "1"]), schema, ("0", "1")) == (None, None)
