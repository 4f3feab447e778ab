"""The other programs' own packages read what goes out, and what they write is taken in."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from feedback_core import incoming
from feedback_core.formats import FORMATS, label_studio
from tests.test_formats import another, full, labels, looked, said, taken, trained_texts, written

__all__ = ["full", "trained_texts"]

# What these packages warn about at their import is theirs; the same in every process that uses them.
pytestmark = pytest.mark.filterwarnings("ignore")


# -- Label Studio --------------------------------------------------------------------------------------------------


def interface(loop):
    from label_studio_sdk.label_interface import LabelInterface

    return LabelInterface(label_studio.config(loop.project))


def test_label_studio_accepts_the_tasks_with_the_set_up_that_goes_with_them(trained_texts):
    said(trained_texts, "ana", {"a door": "noun"})
    config = interface(trained_texts)
    config.validate()
    tasks = json.loads(written(trained_texts, "label-studio"))
    assert len(tasks) == 43
    predictions = [each for task in tasks for each in task["predictions"]]
    annotations = [each for task in tasks for each in task["annotations"]]
    assert len(predictions) == 3
    assert len(annotations) == 1
    # Its check of a whole task calls itself wrongly where there are annotations: they are checked one by one below.
    assert [config.validate_task({"data": task["data"]}) for task in tasks] == [True] * 43
    assert [config.validate_prediction(each, return_errors=True) for each in predictions] == [[]] * 3
    assert config.validate_annotation(annotations[0]) in (True, None)


def test_label_studio_refuses_a_label_that_its_set_up_lacks(trained_texts):
    """The check above can fail."""
    config = interface(trained_texts)
    prediction = json.loads(written(trained_texts, "label-studio"))[-1]["predictions"][0]
    prediction["result"][0]["value"]["choices"] = ["adverb"]
    assert config.validate_prediction(prediction, return_errors=True) != []


def test_what_label_studio_makes_of_a_task_is_taken_in(full, clock):
    """Tasks and annotations drawn by its own generator, completed by two people of it."""
    config = interface(full)
    fresh = another(full, clock)
    tasks = []
    for number in range(4):
        data = {"definition": f"a thing {number}", "length": number}
        annotation = config.generate_sample_annotation()
        annotation |= {"id": 70 + number, "completed_by": {"id": 3, "email": "cleo@example.org"}, "lead_time": 4.5}
        guess = config.generate_sample_prediction() | {"model_version": "bert-2", "score": 0.8}
        tasks.append({"id": number, "data": data, "annotations": [annotation], "predictions": [guess]})
    expected = [each["annotations"][0]["result"][0]["value"]["choices"][0] for each in tasks]
    result = taken(fresh, json.dumps(tasks).encode(), "label-studio")
    assert result.report.problems == []
    found = labels(fresh)
    assert [found[f"a thing {number}"][1] for number in range(4)] == expected
    (version,) = fresh.store.versions.all(fresh.project.id)
    items = {item.values[0]: item.id for chunk in fresh.store.items.export(fresh.project.id) for item in chunk}
    told = fresh.store.predictions.labels_of(version.id, items.values())
    guessed = [each["predictions"][0]["result"][0]["value"]["choices"][0] for each in tasks]
    assert [told[items[f"a thing {number}"]] for number in range(4)] == [(each, pytest.approx(0.8)) for each in guessed]
    assert {who for _, _, said in found.values() for who, _ in said} == {"cleo@example.org"}


# -- Hugging Face --------------------------------------------------------------------------------------------------


@pytest.fixture
def offline(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")


def unpacked(data: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(folder)
    return folder


def test_datasets_loads_the_folder_with_splits_and_classes(full, tmp_path, offline):
    import datasets

    folder = unpacked(written(full, "huggingface"), tmp_path / "set")
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "hf"))
    assert {name: len(split) for name, split in loaded.items()} == {"train": 2, "pool": 4}
    assert loaded["pool"].features["label"].names == ["noun", "verb"]
    cat = next(row for row in loaded["pool"] if row["definition"] == "a cat")
    assert loaded["pool"].features["label"].int2str(cat["label"]) == "noun"
    assert [(each["by"], each["label"]) for each in cat["answers"]] == [("ana", "noun"), ("ben", "noun")]
    assert next(row for row in loaded["pool"] if row["definition"] == "to sit")["label"] is None


def test_a_data_set_of_theirs_is_taken_in_from_either_layout(full, clock, tmp_path, offline):
    import datasets

    kinds = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["verb", "noun"])}
        | {"length": datasets.Value("int64")}
    )
    rows = {"text": ["a fox", "to fly", "hm"], "label": [1, 0, -1], "length": [5, 6, 2]}
    theirs = datasets.Dataset.from_dict(rows, features=kinds)
    theirs.to_parquet(str(tmp_path / "plain.parquet"))
    datasets.DatasetDict(train=theirs).save_to_disk(str(tmp_path / "saved"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted((tmp_path / "saved").rglob("*.*")):
            archive.write(path, path.relative_to(tmp_path))
    fresh = another(full, clock)
    for number, data in enumerate(((tmp_path / "plain.parquet").read_bytes(), packed.getvalue())):
        fields = incoming.fields(io.BytesIO(data), fresh.project, "huggingface")
        columns = incoming.matched(fresh.project, fields)
        assert columns == {"definition": "text"}
        result = taken(fresh, data, "huggingface", columns=columns)
        assert result.items == (3, 0)[number]
    found = {text: label for text, (_, label, _) in labels(fresh).items()}
    assert found == {"a fox": "noun", "to fly": "verb", "hm": None}


# -- Argilla -------------------------------------------------------------------------------------------------------


def test_argilla_reads_the_records_and_its_own_export_comes_back(full, clock, tmp_path):
    from argilla.records._io._json import JsonIO

    path = tmp_path / "records.json"
    path.write_bytes(written(full, "argilla"))
    records = JsonIO._records_from_json(path)
    cat = next(record for record in records if record.fields["definition"] == "a cat")
    assert [response.value for response in cat.responses] == ["noun", "noun"]
    assert len(records) == 6
    again = JsonIO.to_json(records, tmp_path / "again.json")
    fresh = another(full, clock)
    result = taken(fresh, again.read_bytes(), "argilla")
    assert result.report.problems == []
    assert labels(fresh) == labels(full)


# -- spaCy ---------------------------------------------------------------------------------------------------------


def test_spacy_trains_a_classifier_on_the_texts_that_go_out(trained_texts, tmp_path):
    import spacy
    from spacy.tokens import DocBin
    from spacy.training import Example

    folder = unpacked(written(trained_texts, "spacy"), tmp_path / "bin")
    language = spacy.blank("en")
    docs = {
        name: list(DocBin().from_disk(folder / f"{name}.spacy").get_docs(language.vocab)) for name in ("train", "dev")
    }
    assert len(docs["train"]) + len(docs["dev"]) == 40
    assert docs["train"][0].cats == {"noun": 1.0, "verb": 0.0}
    language.add_pipe("textcat", config={"model": BAG_OF_WORDS})
    examples = [Example.from_dict(language.make_doc(doc.text), {"cats": doc.cats}) for doc in docs["train"]]
    language.initialize(lambda: examples)
    for _ in range(10):
        language.update(examples)
    assert language("to do7").cats["verb"] > 0.5 > language("a thing7").cats["verb"]


BAG_OF_WORDS = {
    "@architectures": "spacy.TextCatBOW.v3",
    "exclusive_classes": True,
    "ngram_size": 1,
    "no_output_layer": False,
    "length": 1024,
}


def test_spacy_reads_the_cats_of_prodigys_lines(full):
    """What `spacy convert`-like code does with them: text and accepted label."""
    lines = [json.loads(line) for line in written(full, "prodigy").splitlines()]
    accepted = {(line["text"], line["label"]) for line in lines if line.get("answer") == "accept"}
    assert ("a dog", "noun") in accepted
    assert {line["_annotator_id"] for line in lines if "_annotator_id" in line} == {"ana", "ben"}
    assert {line["answer"] for line in lines if "answer" in line} == {"accept", "ignore"}


def test_every_format_with_a_package_names_an_extra_that_there_is():
    import tomllib

    extras = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    assert {FORMATS[name].package for name in FORMATS} - {""} <= set(extras)


def test_a_look_at_their_set_up_shows_what_is_missing(full, clock):
    tasks = [{"data": {"review": "a fox"}, "annotations": []}]
    look = looked(another(full, clock), json.dumps(tasks).encode(), "label-studio")
    assert look.new == 0
    assert "say which field holds the column 'definition'" in look.report.problems[0].what
