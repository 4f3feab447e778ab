import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback_core.errors import InvalidInput
from feedback_core.exports import FORMATS, export, write_csv, write_jsonl, write_parquet

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
FORMULA_STARTS = "=+-@\t\r\n＝＋－＠"


def lines(rows, columns, **options):
    return b"".join(write_csv(rows, columns, **options)).decode().split("\r\n")


def parquet(rows, columns):
    return pd.read_parquet(io.BytesIO(write_parquet(rows, columns)))


def test_csv_has_a_header_and_one_line_a_row():
    rows = [{"id": "a", "label": "cat"}, {"id": "b", "label": "dog"}]
    assert lines(rows, ["id", "label"]) == ["id,label", "a,cat", "b,dog", ""]


def test_csv_without_rows_is_the_header_alone():
    assert b"".join(write_csv([], ["id", "label"])) == b"id,label\r\n"


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1+1", "'+1+1"),
        ("-1+1", "'-1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", '"\'\rx"'),
        ("＝1+1", "'＝1+1"),
        ("=cmd|'/c calc'!A1", "'=cmd|'/c calc'!A1"),
        ("-1", "-1"),
        ("+3.5e2", "+3.5e2"),
        ("a=1", "a=1"),
        ("'=1", "'=1"),
    ],
)
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(cell, written):
    assert b"".join(write_csv([{"a": cell}], ["a"])).decode() == f"a\r\n{written}\r\n"


def test_a_formula_in_a_column_name_gets_an_apostrophe_too():
    assert lines([], ["=1+1", "b"])[0] == "'=1+1,b"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (-2.5, "-2.5"),
        (-3, "-3"),
        (np.float64(-0.25), "-0.25"),
        (True, "true"),
        (None, '""'),  # quoted, or the line would be blank and read as no row
        (float("nan"), '""'),
        ([1.0, None], '"[1.0,null]"'),
        (b'["x"]', '"[""x""]"'),
        (pd.Timestamp("2026-01-02"), "2026-01-02T00:00:00"),
    ],
)
def test_values_that_are_not_text_are_written_as_they_are(value, written):
    assert lines([{"a": value}], ["a"])[1] == written


def test_markup_and_accents_pass_unchanged():
    cell = '<script>alert("x")</script> é ü 漢字'
    assert list(csv.reader(lines([{"a": cell}], ["a"])))[1] == [cell]


def test_a_missing_field_is_an_empty_cell_and_an_extra_one_is_left_out():
    assert lines([{"a": 1, "c": 3}], ["a", "b"])[1] == "1,"


def test_the_byte_order_mark_is_written_only_on_request():
    assert b"".join(write_csv([], ["a"], bom=True)) == b"\xef\xbb\xbfa\r\n"
    assert b"".join(write_csv([], ["a"])) == b"a\r\n"


def test_csv_and_json_lines_stream_in_pieces_without_reading_all_rows_first():
    taken = []

    def rows():
        for n in range(2_500):
            taken.append(n)
            yield {"a": n}

    pieces = write_csv(rows(), ["a"])
    next(pieces), next(pieces)
    assert len(taken) == 1_000
    taken.clear()
    next(write_jsonl(rows(), ["a"]))
    assert len(taken) == 1_000


@given(st.lists(st.tuples(TEXT, TEXT), max_size=20))
def test_a_csv_read_again_gives_the_same_cells_apart_from_the_apostrophe(cells):
    rows = [{"a": a, "b": b} for a, b in cells]
    text = b"".join(write_csv(rows, ["a", "b"])).decode()
    read = list(csv.reader(io.StringIO(text, newline="")))[1:]
    assert [tuple(row) for row in read] == [tuple(escaped(cell) for cell in row) for row in cells]


def escaped(cell):
    return f"'{cell}" if cell.startswith(tuple(FORMULA_STARTS)) and not is_number(cell) else cell


def is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return cell.isascii() and cell == cell.strip() and "_" not in cell and cell[-1] in "0123456789."


@given(st.sampled_from(FORMULA_STARTS), TEXT)
def test_no_cell_of_text_starts_with_a_formula_character(start, rest):
    text = b"".join(write_csv([{"a": start + rest}], ["a"])).decode()
    cell = list(csv.reader(io.StringIO(text, newline="")))[1][0]
    assert cell[0] not in FORMULA_STARTS or is_number(cell)


def test_json_lines_hold_one_object_a_line_in_column_order():
    rows = [{"b": 1.5, "a": "=1+1"}, {"a": None, "b": float("nan")}]
    assert b"".join(write_jsonl(rows, ["a", "b"])) == b'{"a":"=1+1","b":1.5}\n{"a":null,"b":null}\n'


def test_json_lines_take_numpy_bytes_and_times():
    row = {"a": np.float32(0.5), "b": np.array([1, 2]), "c": b"x", "d": pd.Timestamp("2026-01-02")}
    expected = b'{"a":0.5,"b":[1,2],"c":"x","d":"2026-01-02T00:00:00"}\n'
    assert b"".join(write_jsonl([row], ["a", "b", "c", "d"])) == expected


def test_json_lines_hold_integers_beyond_64_bits_as_text():
    rows = [{"a": 2**64, "b": 2**64 - 1}, {"a": -(2**63) - 1, "b": -(2**63)}]
    expected = b"""{"a":"18446744073709551616","b":18446744073709551615}
{"a":"-9223372036854775809","b":-9223372036854775808}
"""
    assert b"".join(write_jsonl(rows, ["a", "b"])) == expected


def test_parquet_keeps_types_and_formulas_exactly():
    rows = [{"a": 0.1, "b": "=1+1", "c": 3, "d": [1.0, 2.0]}, {"a": None, "b": None, "c": -4, "d": [3.0, 4.0]}]
    frame = parquet(rows, ["a", "b", "c", "d"])
    assert frame["a"].iloc[0] == 0.1
    assert frame["b"].iloc[0] == "=1+1"
    assert frame["c"].tolist() == [3, -4]
    assert frame["d"].iloc[1].tolist() == [3.0, 4.0]
    assert frame.isna().sum().tolist() == [1, 1, 0, 0]


def test_a_parquet_column_of_mixed_types_becomes_text():
    rows = [{"a": 1, "b": {"x": 1}}, {"a": "two", "b": None}, {"a": 2**70, "b": None}]
    frame = parquet(rows, ["a", "b"])
    assert frame["a"].tolist() == ["1", "two", str(2**70)]
    assert frame["b"].iloc[0] == '{"x":1}'
    assert parquet([{"a": 2**70}], ["a"])["a"].tolist() == [str(2**70)]


def test_an_empty_parquet_column_is_text():
    assert parquet([{"a": None}], ["a"])["a"].dtype == "str"
    assert list(parquet([], ["a", "b"])) == ["a", "b"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_exports_through_the_same_door(name):
    data = export(iter([{"a": "x"}, {"a": "y"}]), ["a"], name)
    expected = {
        "csv": b"\xef\xbb\xbfa\r\nx\r\ny\r\n",
        "jsonl": b'{"a":"x"}\n{"a":"y"}\n',
    }
    assert data == expected.get(name, data)
    assert name != "parquet" or pd.read_parquet(io.BytesIO(data))["a"].tolist() == ["x", "y"]
    assert FORMATS[name].extension == f".{name}"
    assert "/" in FORMATS[name].mime


def test_an_unknown_format_is_refused_with_the_ones_there_are():
    with pytest.raises(InvalidInput, match=r"format='xlsx' is not known: choose one of csv, jsonl, parquet\."):
        export([], ["a"], "xlsx")
