import gzip
import io
import sys
import tracemalloc
import zipfile

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyarrow import parquet

from feedback_core.errors import InvalidFile
from feedback_core.tables import check_size, limits, read_table

CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


def rows(data, filename="rows.csv"):
    return read_table(data, filename).to_dict("list")


def notes(data, filename="rows.csv"):
    return read_table(data, filename).attrs["notes"]


def refusal(data, filename="rows.csv"):
    with pytest.raises(InvalidFile) as caught:
        read_table(data, filename)
    return str(caught.value)


def packed(table):
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()


# -- size ----------------------------------------------------------------------------------------------------------


def test_a_file_of_one_gigabyte_is_refused_with_the_limit_named():
    with pytest.raises(InvalidFile, match=r"big\.csv has 1,024 MB, more than the limit of 200 MB: split it"):
        check_size(2**30, "big.csv")


def test_a_file_of_exactly_the_limit_is_accepted():
    check_size(200 * 2**20, "big.csv")
    with pytest.raises(InvalidFile):
        check_size(200 * 2**20 + 1, "big.csv")


@pytest.mark.parametrize("data", [b"", b"\n  \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(data):
    with pytest.raises(InvalidFile, match="is empty"):
        check_size(0, "rows.csv")
    assert refusal(data) == "rows.csv is empty: upload a file with a header line and at least one row."


@pytest.mark.parametrize("data", [b"a,b", b"a,b\n", b"a,b\n\n\n"])
def test_a_header_without_rows_is_refused(data):
    assert refusal(data) == "rows.csv has a header but no rows: add at least one row below it."


def test_a_gzip_bomb_is_stopped_at_the_limit(monkeypatch):
    monkeypatch.setattr(limits, "MAX_BYTES", 2**20)
    bomb = gzip.compress(b"a" * 2**25, mtime=0)
    assert len(bomb) < 50_000
    tracemalloc.start()
    assert "rows.csv.gz unpacks to more than the limit of 1 MB" in refusal(bomb, "rows.csv.gz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23


def test_a_gzip_file_is_read_like_the_file_inside():
    assert rows(gzip.compress(b"a,b\n1,2\n", mtime=0), "ROWS.CSV.GZ") == {"a": ["1"], "b": ["2"]}
    assert rows(gzip.compress(b'{"a": 1}', mtime=0), "rows.jsonl.gz") == {"a": [1]}


@pytest.mark.parametrize("data", [b"a,b\n1,2\n", gzip.compress(b"a,b\n1,2\n", mtime=0)[:-9]])
def test_a_broken_gzip_file_is_refused(data):
    assert refusal(data, "rows.csv.gz").startswith("rows.csv.gz is no complete gzip file")


# -- CSV: delimiter and encoding -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sign", "note"),
    [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")],
)
def test_another_delimiter_is_found_and_noted(sign, note):
    data = f"a{sign}b\n1,5{sign}2\n3,5{sign}4\n".encode()
    assert rows(data) == {"a": ["1,5", "3,5"], "b": ["2", "4"]}
    assert notes(data) == [f"Cells are separated by {note}."]


def test_commas_need_no_note():
    assert notes(b"a,b\n1,2\n") == []


def test_a_delimiter_inside_one_header_name_does_not_mislead():
    assert rows(b"size (cm; in),label\n3,yes\n4,no\n") == {"size (cm; in)": ["3", "4"], "label": ["yes", "no"]}


def test_the_delimiter_that_fits_the_rows_wins_over_more_header_cells():
    data = b"name, first, last;n\nLee, Ann;1\nRay;2\n"
    assert rows(data) == {"name, first, last": ["Lee, Ann", "Ray"], "n": ["1", "2"]}


def test_a_single_column_with_a_semicolon_in_its_name_stays_one_column():
    assert rows(b"a;b\nx\ny\n") == {"a;b": ["x", "y"]}


def test_a_single_column_of_sentences_with_semicolons_stays_one_column():
    assert rows(b"text\nhello; you\nworld\n") == {"text": ["hello; you", "world"]}


def test_times_and_names_in_a_single_column_stay_one_column():
    assert rows(b"time\n12:30\n13:10\n") == {"time": ["12:30", "13:10"]}
    assert rows(b"full name\nAnn Lee\nBob Ray\n") == {"full name": ["Ann Lee", "Bob Ray"]}


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"a b c\n1 2 3\n4 5 6\n", "spaces"),
        (b"a:b\n1:2\n3:4\n", "colons"),
        (b"Report 2026\na;b\n1;2\n", "semicolons"),
        (b'"a,b"\n"1,2"\n"3,4"\n', "commas"),
    ],
)
def test_one_column_that_looks_like_several_is_refused(data, word):
    assert f"but its cells look separated by {word}" in refusal(data)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_files_are_read_with_and_without_a_byte_order_mark(encoding):
    data = "näme,größe\né,漢\n".encode(encoding)
    assert rows(data) == {"näme": ["é"], "größe": ["漢"]}
    assert notes(data) == []


def test_an_old_windows_file_is_read_with_a_note():
    data = "name,price\nJosé,5 €\n".encode("cp1252")
    assert rows(data) == {"name": ["José"], "price": ["5 €"]}
    assert notes(data) == [
        "The file is not UTF-8 and was read as Windows-1252: check that accents and signs look right."
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_ending_is_understood(end):
    assert rows(end.join(["a,b", "1,2", "3,4"]).encode()) == {"a": ["1", "3"], "b": ["2", "4"]}


# -- CSV: what is no table -----------------------------------------------------------------------------------------


def workbook():
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return sink.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (workbook(), "looks like an Excel workbook: open it and save it as CSV (UTF-8)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", "looks like an Excel workbook"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "looks like a picture"),
        (b"<!doctype html><html>", "looks like a web page"),
        (b"a,b\n1,\0\n", "is not text"),
        (b"\x81\x8d\x8f\x90", "is not text"),
    ],
)
def test_a_file_that_is_no_table_is_refused_by_what_it_is(data, message):
    assert message in refusal(data)


def test_an_excel_ending_is_refused_with_the_way_out():
    expected = "rows.xlsx cannot be read as a table: it is an Excel workbook: open it and save it as CSV (UTF-8)."
    assert refusal(workbook(), "rows.xlsx") == expected


def test_an_unknown_ending_is_refused_with_the_known_ones():
    assert "use csv, tsv, txt, jsonl, ndjson, json, parquet" in refusal(b"a,b\n1,2\n", "rows.dat")


# -- CSV: header and rows ------------------------------------------------------------------------------------------


def test_a_duplicate_column_is_named():
    assert "has the column 'a' more than once" in refusal(b"a,b, a\n1,2,3\n")


def test_a_column_without_a_name_is_numbered():
    assert "column 2 has no name" in refusal(b"a,,c\n1,2,3\n")
    assert "column 1 has no name" in refusal(b",a\n0,2\n")


def test_a_header_that_looks_like_data_is_noted():
    assert notes(b"1.5,2.5\n3,4\n") == [
        "The first line was taken as column names, and '1.5' looks like data: is a header missing?"
    ]


def test_ragged_rows_are_listed_with_what_they_have():
    expected = (
        "rows.csv: the header has 2 cells, but row 1 has 1, row 3 has 3: "
        "add or remove cells there, and put cells that contain the separator in quotation marks."
    )
    assert refusal(b"a,b\n1\n2,3\n4,5,6\n") == expected


def test_rows_are_counted_by_rows_not_lines():
    assert "but row 2 has 1" in refusal(b'"a\nb",c\n"x\ny",2\n3\n')


def test_at_most_ten_ragged_rows_are_listed():
    message = refusal(b"a,b\n" + b"1\n" * 12)
    assert "row 10 has 1 and 2 more rows differ" in message
    assert "row 11" not in message


def test_quoted_newlines_commas_and_quotation_marks_stay_in_their_cell():
    data = b'a,b\n"line 1\nline 2",1\n"he said ""hi"", twice",2\n'
    assert rows(data) == {"a": ["line 1\nline 2", 'he said "hi", twice'], "b": ["1", "2"]}


@pytest.mark.parametrize("data", [b'a,b\n1,2\n3,"x\n4,5\n', b'a,b\n1,2\n"x,3\n4,5\n'])
def test_a_quotation_mark_never_closed_is_found(data):
    assert "a quotation mark is opened in row 2 and never closed" in refusal(data)


def test_a_quotation_mark_inside_a_plain_cell_is_no_problem():
    assert rows(b'a,b\n1,5" pipe\n2,x\n') == {"a": ["1", "2"], "b": ['5" pipe', "x"]}


def test_a_cell_larger_than_the_sample_is_read():
    assert len(rows(b"text,n\n" + b"x" * 3_000_000 + b",1\nshort,2\n")["text"][0]) == 3_000_000


def test_every_cell_stays_text_and_an_empty_one_is_empty():
    assert rows(b"a,b\n007,\n1e5,NA\n") == {"a": ["007", "1e5"], "b": ["", "NA"]}


def test_markup_and_formulas_pass_unchanged():
    assert rows(b"a,b\n<script>alert(1)</script>,=1+1\n") == {"a": ["<script>alert(1)</script>"], "b": ["=1+1"]}


def test_two_thousand_columns_are_read():
    names = [f"c{n}" for n in range(2_000)]
    data = (",".join(names) + "\n" + ",".join("1" for _ in names) + "\n").encode()
    assert read_table(data, "wide.csv").shape == (1, 2_000)


def test_too_many_columns_are_refused_with_the_limit():
    data = (",".join(f"c{n}" for n in range(5_001)) + "\n" + "1," * 5_000 + "1\n").encode()
    assert "has more than 5,000 columns" in refusal(data)


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=10))
@example([("a;b", "c|d"), ("1\r\n2", '"')])
def test_what_a_csv_writer_writes_is_read_back(cells):
    frame = pd.DataFrame(cells, columns=["first", "second"], dtype=object)
    data = frame.to_csv(index=False, quoting=1).encode()
    assert read_table(data, "rows.csv").to_numpy().tolist() == [list(row) for row in cells]


@given(st.binary(max_size=300), st.sampled_from(["x.csv", "x.jsonl", "x.json", "x.parquet", "x.csv.gz"]))
def test_any_bytes_are_a_table_or_a_clear_refusal(data, filename):
    try:
        message = f"{filename} has {len(read_table(data, filename))} rows"
    except InvalidFile as error:
        message = str(error)
    assert filename in message
    assert not message.endswith(" 0 rows")


# -- JSON ----------------------------------------------------------------------------------------------------------


def test_json_lines_keep_types_and_fill_missing_fields():
    data = b'{"a": 1, "b": "x"}\n\n{"b": null, "c": true}\n'
    assert rows(data, "rows.jsonl") == {"a": [1, None], "b": ["x", None], "c": [None, True]}


def test_a_json_list_of_objects_is_a_table():
    assert rows(b' [{"a": 1}, {"a": 2.5}]', "rows.json") == {"a": [1, 2.5]}
    assert rows(b'{"a": 1}\n{"a": 2}', "rows.json") == {"a": [1, 2]}


def test_lists_of_numbers_are_kept():
    assert rows(b'{"a": [0, 1.5]}\n{"a": [[1, 2], [3, 4]]}', "x.ndjson") == {"a": [[0, 1.5], [[1, 2], [3, 4]]]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"a": 1}\n[1]\n', "x.jsonl, line 2 is not an object"),
        (b'{"a": 1}\n\n{a: 1}\n', "x.jsonl, line 3 is not valid JSON"),
        (b'{"a": NaN}\n', "x.jsonl, line 1: NaN and Infinity are not JSON: write null"),
        (b'{"a": -Infinity}\n', "x.jsonl, line 1: NaN and Infinity are not JSON"),
        (b'{"a": 1}\n{"a": {"b": 1}}\n', "x.jsonl, field 'a', line 2 holds an object"),
        (b'{"a": [1, "x"]}\n', "x.jsonl, field 'a', line 1 holds a list that is not all numbers"),
        (b'{"a": [[1], [1, 2]]}\n', "field 'a', line 1 holds a list that is not all numbers"),
        (b'{"a": [true]}\n', "field 'a', line 1 holds a list that is not all numbers"),
        (b'{"a": 1, "": 2}\n', "column 2 has no name"),
        (b'{"a": 1, "a ": 2}\n', "has the column 'a' more than once"),
        (b"{}\n", "x.jsonl has no fields"),
        (b'{"a": "\xff"}\n', "x.jsonl, line 1 is not valid JSON"),
    ],
)
def test_json_lines_that_are_no_rows_are_refused_by_line_and_field(data, message):
    assert message in refusal(data, "x.jsonl")


def test_a_json_list_names_the_object_that_is_none():
    assert "x.json, object 2 is not an object" in refusal(b'[{"a": 1}, 3]', "x.json")


@pytest.mark.parametrize("depth", [40, 500, sys.getrecursionlimit() * 10, 1_000_000])
def test_deep_nesting_is_refused_without_a_crash(depth):
    assert "x.jsonl" in refusal(b'{"a":' + b"[" * depth + b"]" * depth + b"}", "x.jsonl")


# -- Parquet -------------------------------------------------------------------------------------------------------


def test_parquet_keeps_types():
    table = pa.table({"i": [1, None, 2**53 + 1], "f": [0.5, None, 1.0], "s": ["x", None, "y"], "l": [[1], [2], [3]]})
    frame = read_table(packed(table), "rows.parquet")
    assert int(frame["i"].iloc[2]) == 2**53 + 1
    assert frame["f"].iloc[0] == 0.5
    assert frame["s"].iloc[0] == "x"
    assert frame["l"].iloc[1].tolist() == [2]
    assert frame.isna().sum().tolist() == [1, 1, 1, 0]


def test_row_numbers_that_pandas_stored_are_left_out():
    sink = io.BytesIO()
    pd.DataFrame({"a": pd.Categorical(["x", "y"])}, index=["p", "q"]).to_parquet(sink)
    assert rows(sink.getvalue(), "rows.parquet") == {"a": ["x", "y"]}


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([{"x": 1}], "struct<x: int64>"),
        ([[[1]]], "list<element: list<element: int64>>"),
        ([["a"]], "list<element: string>"),
        ([b"\x89PNG"], "binary"),
    ],
)
def test_nested_and_binary_parquet_columns_are_refused_by_name(cells, kind):
    message = refusal(packed(pa.table({"ok": [1], "a": cells})), "rows.parquet")
    assert f"column 'a' holds {kind}" in message


def test_a_parquet_column_name_twice_is_refused():
    assert "has the column 'a' more than once" in refusal(
        packed(pa.table([[1], [2]], names=["a", "a"])), "rows.parquet"
    )


def test_a_short_parquet_file_that_repeats_a_long_text_is_refused(monkeypatch):
    monkeypatch.setattr(limits, "MAX_BYTES", 2**22)
    data = packed(pa.table({"a": ["x" * 100_000] * 1_000}))
    assert len(data) < 20_000
    assert "unpacks to 95 MB and 1,000 cells, more than the limit of 4 MB" in refusal(data, "rows.parquet")


def test_a_short_parquet_file_that_repeats_a_number_is_refused(monkeypatch):
    monkeypatch.setattr(limits, "MAX_CELLS", 100_000)
    data = packed(pa.table({"a": [1] * 100_001}))
    assert len(data) < 2_000
    assert "100,001 cells, more than the limit" in refusal(data, "rows.parquet")


def test_a_broken_parquet_file_is_refused():
    data = packed(pa.table({"a": list(range(1_000))}))
    assert "is no readable Parquet file" in refusal(data[:-20], "rows.parquet")
    assert "is no readable Parquet file" in refusal(b"PAR1xxxxPAR1", "rows.parquet")


def test_a_parquet_file_without_rows_is_refused():
    assert "has a header but no rows" in refusal(packed(pa.table({"a": pa.array([], pa.int64())})), "rows.parquet")
