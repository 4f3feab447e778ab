"""The sample data sets: complete, small, described, and rebuilt by data/build.py."""

import gzip
import re
import runpy

import pytest

from feedback_core import datasets
from feedback_core.errors import NotFound
from feedback_core.multilabel import parts

FILES = sorted(path for path in datasets.FOLDER.iterdir() if path.suffix in {".gz", ".txt", ".py"})
README = (datasets.FOLDER / "README.md").read_text(encoding="utf-8")

every_set = pytest.mark.parametrize("name", datasets.names())


@pytest.fixture(scope="module")
def builder():
    return runpy.run_path(str(datasets.FOLDER / "build.py"))


def stored_text(name):
    return gzip.decompress((datasets.FOLDER / f"{name}.csv.gz").read_bytes()).decode()


def test_names_are_the_files_in_the_folder():
    assert sorted(datasets.names()) == sorted(
        path.name.removesuffix(".csv.gz") for path in FILES if path.suffix == ".gz"
    )


@pytest.mark.parametrize(
    ("name", "shape"),
    [("digits", (1797, 65)), ("churn", (5000, 16)), ("definitions", (3000, 2)), ("senses", (1798, 2))],
)
def test_shapes(name, shape):
    assert datasets.load(name).frame.shape == shape


@every_set
def test_nothing_is_missing_and_no_input_occurs_twice(name):
    dataset = datasets.load(name)
    assert not dataset.frame.isna().any(axis=None)
    assert not dataset.frame.drop(columns=dataset.label_column).duplicated().any()


@every_set
def test_labels_are_strings_and_all_of_them_occur(name):
    dataset = datasets.load(name)
    assert {type(label) for label in dataset.frame[dataset.label_column]} == {str}
    held = dataset.frame[dataset.label_column]
    several = dataset.task == "multilabel"
    assert (
        tuple(sorted({label for text in set(held) for label in (parts(text) if several else (text,))}))
        == dataset.labels
    )


@every_set
def test_schema_and_label_name_every_column_of_the_frame(name):
    dataset = datasets.load(name)
    read = [source for column in dataset.schema.columns for source in column.sources or (column.name,)]
    assert [*read, dataset.label_column] == list(dataset.frame.columns)


@every_set
def test_number_columns_hold_numbers_and_the_others_strings(name):
    dataset = datasets.load(name)
    for column in dataset.schema.columns:
        for source in column.sources or (column.name,):
            is_number = dataset.frame[source].dtype.kind in "if"
            assert is_number == (column.kind in ("number", "image")), source


def test_digits_are_one_8x8_image_with_values_from_0_to_16():
    dataset = datasets.load("digits")
    (image,) = dataset.schema.columns
    assert (image.name, image.kind, image.shape, len(image.sources)) == ("image", "image", (8, 8), 64)
    pixels = dataset.frame[list(image.sources)]
    assert (pixels.min(axis=None), pixels.max(axis=None)) == (0, 16)


def test_churn_mixes_numbers_and_categories_and_one_in_seven_left():
    dataset = datasets.load("churn")
    assert [column.name for column in dataset.schema.of_kind("category")] == [
        "state",
        "area_code",
        "international_plan",
        "voice_mail_plan",
    ]
    assert len(dataset.schema.of_kind("number")) == 11
    assert dataset.frame["churned"].value_counts().to_dict() == {"no": 4293, "yes": 707}


def test_no_definition_contains_a_label_word():
    dataset = datasets.load("definitions")
    words = re.compile(r"\b(animal|body|food|object|person|plant)s?\b", re.IGNORECASE)
    assert [text for text in dataset.frame["definition"] if words.search(text)] == []


def test_definitions_are_15_to_140_characters_without_usage_examples_or_leading_remarks():
    texts = datasets.load("definitions").frame["definition"]
    assert texts.str.len().between(15, 140).all()
    assert not texts.str.contains('"').any()
    assert not texts.str.startswith("(").any()


def test_kinds_of_definition_are_uneven():
    counts = datasets.load("definitions").frame["kind"].value_counts()
    assert (counts.max(), counts.min()) == (650, 300)


def test_a_word_names_any_number_of_kinds_in_the_order_of_their_labels():
    dataset = datasets.load("senses")
    held = dataset.frame["kinds"].map(parts)
    assert held.map(len).value_counts().to_dict() == {1: 900, 2: 482, 0: 400, 3: 15, 4: 1}
    assert all(list(kinds) == sorted(kinds) for kinds in held)
    assert dataset.frame["meanings"].str.count(" / ").between(1, 4).all()


def test_unknown_name_lists_the_choices():
    with pytest.raises(NotFound, match=r"'irises'.*digits, churn, definitions, senses"):
        datasets.load("irises")


def test_missing_file_names_the_way_out(monkeypatch, tmp_path):
    monkeypatch.setattr(datasets, "FOLDER", tmp_path)
    with pytest.raises(NotFound, match=r"digits\.csv\.gz: run from a checkout"):
        datasets.load("digits")


def test_two_loads_are_equal_although_frames_cannot_be_compared():
    assert datasets.load("digits") == datasets.load("digits")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_under_300_kb_and_listed_in_the_readme(path):
    assert path.stat().st_size < 300_000
    assert f"`{path.name}`" in README


@every_set
def test_readme_states_rows_licence_and_estimator(name):
    dataset = datasets.load(name)
    (line,) = [line for line in README.splitlines() if line.startswith(f"| `{name}.csv.gz` |")]
    assert f"| {len(dataset.frame):,} |" in line
    assert dataset.licence in line
    assert f"| {dataset.title.lower()} | **{dataset.estimator}** |" in README


def test_wordnet_licence_text_stands_beside_the_data():
    text = (datasets.FOLDER / "LICENSE-wordnet.txt").read_text(encoding="utf-8")
    assert "WordNet 3.0 Copyright 2006 by Princeton University.  All rights reserved." in text


def test_archives_carry_no_time_stamp():
    # Bytes 4-7 of a gzip header are the modification time: zero, so a rebuild changes nothing in git.
    assert {path.read_bytes()[4:8] for path in FILES if path.suffix == ".gz"} == {b"\0\0\0\0"}


def test_digits_rebuild_to_the_stored_file(builder):
    assert builder["digits"]().to_csv(index=False, lineterminator="\n") == stored_text("digits")


def test_definitions_rebuild_to_the_stored_file(builder):
    if not builder["WORDNET_NOUNS"].exists():
        pytest.skip("needs the Debian package wordnet-base")
    assert builder["definitions"]().to_csv(index=False, lineterminator="\n") == stored_text("definitions")


@pytest.mark.parametrize(
    ("gloss", "definition"),
    [
        ("hand tool having a toothed blade for cutting", "hand tool having a toothed blade for cutting"),
        ('a thief who grabs and runs; "a purse snatcher"', "a thief who grabs and runs"),
        ("(nautical) (usually plural): a rope", "a rope"),
        ('a "tool" of sorts', ""),
    ],
)
def test_definition_is_the_gloss_without_examples_and_leading_remarks(builder, gloss, definition):
    assert builder["plain_definition"](gloss) == definition


def test_build_refuses_an_unknown_name_and_writes_nothing(builder, capsys):
    assert builder["main"](["irises"]) == 2
    assert "No data set irises: choose from digits, churn, definitions, senses." in capsys.readouterr().err
