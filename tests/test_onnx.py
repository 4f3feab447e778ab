"""ONNX files: looked through before they run, compared with the columns, scored, and never trained."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
import skops.io
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from feedback_core import brought, intake, outside
from feedback_core.confined import process
from feedback_core.errors import ArtifactError, CannotTrain, InvalidFile, InvalidInput
from feedback_core.loop import Loop, create_project
from feedback_core.models import BUILDERS, artifacts
from feedback_core.models.onnx_reading import read_onnx
from feedback_core.models.onnx_scoring import OnnxScoring
from feedback_core.settings import Settings
from feedback_core.store import Store
from feedback_core.types import Column, Rows, Schema
from tests.conftest import TWO_NUMBERS
from tests.test_bringing import run
from tests.test_outside import points, work

AB = ("a", "b")


def exported(model, X, *, zipmap: bool = True) -> bytes:
    options = {} if zipmap else {"options": {id(model): {"zipmap": False}}}
    return to_onnx(model, X.astype(np.float32), **options).SerializeToString()


def linear(width: int, shape=None, *, classes: int = 2, batch="n", softmax: bool = True, name: str = "x") -> bytes:
    """A graph of one layer, as exported from a network: no class names."""
    weights = numpy_helper.from_array(np.eye(width, classes, dtype=np.float32), "w")
    nodes = [
        helper.make_node("Flatten", [name], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["logits" if softmax else "out"]),
        *([helper.make_node("Softmax", ["logits"], ["out"], axis=1)] if softmax else []),
    ]
    given = helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, *(shape or [width])])
    gives = helper.make_tensor_value_info("out", TensorProto.FLOAT, [batch, classes])
    graph = helper.make_graph(nodes, "net", [given], [gives], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString()


@pytest.mark.parametrize("zipmap", [True, False])
def test_an_onnx_classifier_scores_serves_and_is_challenged_by_what_is_trained_here(
    loop: Loop, tmp_path, zipmap
) -> None:
    X, y = points(loop, "train")
    fitted = RandomForestClassifier(10, random_state=0).fit(X.astype(np.float32), y)
    (tmp_path / "model.onnx").write_bytes(exported(fitted, X, zipmap=zipmap))
    done = run(loop.store.url, "import-model", str(tmp_path / "model.onnx"), "--by", "ana")
    assert done.exit_code == 0, done.output
    version = loop.store.versions.champion(loop.project.id)
    assert (version.estimator, version.params["source"], version.environment["onnxruntime"][:2]) == (
        "onnx",
        "model.onnx",
        "1.",
    )
    assert len(version.sha256) == 64
    again = Loop(loop.store, loop.project)
    pool, _ = points(loop, "pool")
    said = again.store.predictions.proba_of(version.id, again.store.items.open_ids(loop.project.id))[1]
    assert said == pytest.approx(fitted.predict_proba(pool.astype(np.float32)), abs=1e-5)
    loop.request_retrain("ana")
    assert all("failed" not in state for state in work(loop))
    assert [v.estimator for v in loop.store.versions.all(loop.project.id)] == ["onnx", "logistic_regression"]
    (loop.store.artifacts / version.artifact / "model.onnx").write_bytes(b"other")
    with pytest.raises(ArtifactError, match="has changed"):
        again.model(version)


def test_inputs_named_like_the_columns_get_them_texts_too() -> None:
    schema = Schema((Column("amount", "number"), Column("city", "category")))
    frame = pd.DataFrame({"city": ["Rome", "Oslo"] * 20, "amount": np.arange(40, dtype=np.float32)})
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["city"]), (StandardScaler(), ["amount"])
    )
    model = make_pipeline(columns, LogisticRegression()).fit(frame, ["no"] * 20 + ["yes"] * 20)
    read = read_onnx(to_onnx(model, frame[:1]).SerializeToString(), "m.onnx", schema, ("yes", "no"))
    X = intake.decode([intake.encode_one(row, schema) for row in ([30.0, "Oslo"], [2.0, None])], schema)
    expected = model.predict_proba(pd.DataFrame({"city": ["Oslo", ""], "amount": np.float32([30, 2])}))
    assert read.predict_proba(X) == pytest.approx(expected, abs=1e-5)
    assert read.classes_.tolist() == ["no", "yes"]


@pytest.mark.parametrize(("shape", "first"), [([2, 3], 0.0), ([1, 2, 3], 0.0), ([6], 0.0)])
def test_an_image_goes_in_as_the_graph_takes_it(shape, first) -> None:
    schema = Schema((Column("picture", "image", (2, 3)),))
    model = read_onnx(linear(6, shape, classes=3), "net.onnx", schema, ("0", "1", "2"))
    frame = intake.decode([intake.encode_one([[0.0, 5.0, 0.0, 0.0, 0.0, 0.0]], schema)], schema)
    assert model.predict(frame).tolist() == ["1"]


def test_colours_come_first_where_the_graph_wants_them_so() -> None:
    schema = Schema((Column("picture", "image", (1, 2, 3)),))
    model = read_onnx(linear(6, [3, 1, 2], classes=6), "net.onnx", schema, tuple("012345"))
    # Pixels (left red, left green, left blue, right red, ...): the green of the right one is fourth by colours.
    frame = intake.decode([intake.encode_one([[0.0, 0.0, 0.0, 0.0, 9.0, 0.0]], schema)], schema)
    assert model.predict(frame).tolist() == ["3"]


def external() -> bytes:
    model = onnx.ModelProto.FromString(linear(2))
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    tensor.ClearField("raw_data")
    return model.SerializeToString()


def inner_external() -> bytes:
    """The same within a branch, where a look at the top alone would miss it."""
    hidden = onnx.ModelProto.FromString(external()).graph
    branch = helper.make_graph([helper.make_node("Identity", ["w"], ["out"])], "b", [], [], list(hidden.initializer))
    model = onnx.ModelProto.FromString(linear(2))
    model.graph.node.append(helper.make_node("If", ["c"], ["never"], then_branch=branch, else_branch=branch))
    return model.SerializeToString()


BAD = [
    (external(), InvalidFile, "keeps weights in other files, which are not read here"),
    (inner_external(), InvalidFile, "keeps weights in other files, which are not read here"),
    (b"nonsense", InvalidFile, "^m.onnx is no ONNX model"),
    (linear(3), InvalidInput, r"takes 3 a row, and this project has 2 columns \(x0, x1\)"),
    (linear(2, batch=4), InvalidInput, "takes 4 rows at a time: export it with a free first dimension"),
    (linear(2), InvalidInput, "^The model says '0', '1', and this project's labels are 'a', 'b': .* 0=a"),
]


@pytest.mark.parametrize(("data", "kind", "words"), BAD)
def test_a_file_that_does_not_fit_is_refused_by_name(data: bytes, kind, words: str) -> None:
    with pytest.raises(kind, match=words):
        read_onnx(data, "m.onnx", TWO_NUMBERS, AB)


def test_a_graph_within_a_skops_file_reads_no_file_of_this_server(loop: Loop) -> None:
    feeds = [("x", "tensor(float)", [2], ["x0", "x1"])]
    ours = OnnxScoring(AB, [0, 1], feeds, "out")
    ours.native_ = external()
    with pytest.raises(InvalidFile, match=r"^m\.skops holds types that cannot be read safely \(feedback_core\."):
        brought.model(loop, skops.io.dumps(ours), "m.skops", "ana")
    with pytest.raises(ArtifactError, match=r"^The ONNX graph keeps weights in other files"):
        ours.predict_proba(pd.DataFrame([[1.0, 2.0]], columns=["x0", "x1"]))


def test_the_process_that_opens_a_file_has_no_folder_to_find_others_in() -> None:
    held = process.Confined("onnx", linear(2))
    assert held.about()["inputs"] == [{"name": "x", "type": "tensor(float)", "shape": [None, 2]}]
    assert str(Path(f"/proc/{held._process.pid}/cwd").readlink()).endswith(" (deleted)")


def test_a_file_that_was_not_read_is_read_anew_for_the_next_question() -> None:
    held = process.Confined("onnx", b"nonsense")
    with pytest.raises(ArtifactError, match=r"^is no ONNX model"):
        held.about()
    with pytest.raises(ArtifactError, match=r"^is no ONNX model"):
        held.ask({"output": "out", "names": [0, 1]}, {"x": np.zeros((1, 2), dtype=np.float32)})


def test_the_answer_to_a_question_that_was_broken_off_is_given_to_no_other(monkeypatch) -> None:
    model = read_onnx(linear(2), "m.onnx", TWO_NUMBERS, AB, {0: "a", 1: "b"})
    first, second = (pd.DataFrame([values], columns=["x0", "x1"]) for values in ([0.0, 9.0], [9.0, 0.0]))
    with monkeypatch.context() as patch:
        patch.setattr(process._Reply, "read", lambda *_: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            model.predict(first)
    assert model.predict(second).tolist() == ["a"]


def test_outputs_that_are_no_probabilities_are_refused_and_classes_can_be_declared(loop: Loop) -> None:
    given = (loop.store, loop.project)
    with pytest.raises(InvalidInput, match=r"^What the model gives are no probabilities: a row sums to"):
        outside.import_file(*given, linear(2, softmax=False), "m.onnx", "ana", 0.0, labels={"0": "a", "1": "b"})
    assert loop.store.versions.all(loop.project.id) == []
    version = outside.import_file(*given, linear(2), "m.onnx", "ana", 0.0, labels=brought.renamed("0=b, 1=a"))
    assert loop.model(version).classes_.tolist() == ["b", "a"]


def graph(*nodes, constants=()) -> bytes:
    """A graph over two numbers a row."""
    given, gives = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2]) for name in ("x", "out"))
    whole = helper.make_graph(list(nodes), "g", [given], [gives], list(constants))
    return helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()


def test_a_run_that_does_not_end_is_broken_off_and_the_next_one_begins_anew(monkeypatch) -> None:
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Identity", ["v"], ["w2"])],
        "body",
        [value("i", TensorProto.INT64, []), value("go", TensorProto.BOOL, []), value("v", TensorProto.FLOAT, None)],
        [value("on", TensorProto.BOOL, []), value("w2", TensorProto.FLOAT, None)],
    )
    yes = numpy_helper.from_array(np.array(True), "yes")
    most = numpy_helper.from_array(np.array(2**60, dtype=np.int64), "most")
    data = graph(helper.make_node("Loop", ["most", "yes", "x"], ["out"], body=body), constants=[yes, most])
    model = read_onnx(data, "m.onnx", TWO_NUMBERS, AB, {0: "a", 1: "b"})
    frame = pd.DataFrame(np.ones((1, 2)), columns=["x0", "x1"])
    monkeypatch.setattr(process, "RUN_S", 0.3)
    for _ in range(2):
        with pytest.raises(ArtifactError, match=r"^The ONNX graph was not done within 0\.3 s"):
            model.predict_proba(frame)


def test_a_graph_that_wants_more_memory_than_it_may_have_is_refused_and_nothing_else_notices(loop: Loop) -> None:
    # 2 ** 34 numbers, 64 GB
    side = numpy_helper.from_array(np.array([2**17, 2**17], dtype=np.int64), "side")
    fill = helper.make_node("ConstantOfShape", ["side"], ["all"])
    least = helper.make_node("ReduceMax", ["all"], ["least"], keepdims=0)
    data = graph(fill, least, helper.make_node("Add", ["x", "least"], ["out"]), constants=[side])
    with pytest.raises(InvalidInput, match=r": The ONNX graph needs more memory than a model may take here"):
        outside.import_file(loop.store, loop.project, data, "m.onnx", "ana", 0.0, labels={"0": "a", "1": "b"})
    assert loop.store.versions.all(loop.project.id) == []


def test_rows_that_want_too_much_memory_together_go_in_smaller_parts() -> None:
    # 100,000 numbers a row, whose least is 0 times the first value
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["wide"]),
        helper.make_node("ReduceMin", ["wide"], ["least"], axes=[1], keepdims=1),
        helper.make_node("Add", ["x", "least"], ["sum"]),
        helper.make_node("Softmax", ["sum"], ["out"], axis=1),
    ]
    data = graph(*nodes, constants=[numpy_helper.from_array(np.zeros((2, 100_000), dtype=np.float32), "w")])
    model = read_onnx(data, "m.onnx", TWO_NUMBERS, AB, {0: "a", 1: "b"})
    model._confined = process.Confined("onnx", data, memory=100 * 2**20)
    frame = pd.DataFrame(np.tile([[0.0, np.log(3)]], (1_000, 1)), columns=["x0", "x1"])  # 400 MB at once
    assert model.predict_proba(frame) == pytest.approx(np.tile([[0.25, 0.75]], (1_000, 1)))
    assert model._most < 250


def test_pictures_go_in_by_their_bytes(monkeypatch) -> None:
    asked = []

    def ask(_self, _head, arrays):
        asked.append(arrays["x"].shape)
        return np.full((len(arrays["x"]), 2), 0.5)

    monkeypatch.setattr(process.Confined, "ask", ask)
    names = [str(n) for n in range(3 * 256 * 256)]
    model = OnnxScoring(AB, [0, 1], [("x", "tensor(float)", [3, 256, 256], names)], "out")
    assert len(model.predict_proba(pd.DataFrame(np.zeros((50, len(names))), columns=names))) == 50
    assert asked == [(42, 3, 256, 256), (8, 3, 256, 256)]  # 32 MiB


def test_nothing_is_trained_as_onnx() -> None:
    with pytest.raises(CannotTrain, match="only scores"):
        BUILDERS["onnx"](TWO_NUMBERS, 0, {})


def test_a_committee_stands_in_for_a_model_that_knows_fewer_labels_than_the_project(store: Store) -> None:
    settings = Settings(weights={"committee": 1.0}, holdout_share=0.5)
    loop = Loop(store, create_project(store, "three", TWO_NUMBERS, ("a", "b", "c"), settings, actor="test", salt=1))
    X = np.random.default_rng(0).normal(size=(120, 2)).round(4)
    y = np.asarray(["a", "b", "c"])[np.digitize(X[:, 0], [-0.4, 0.4])]
    inputs = [intake.encode_one(row, TWO_NUMBERS) for row in X.tolist()]
    loop.add_items(Rows(inputs, [None] * 120, [label if n % 4 else None for n, label in enumerate(y.tolist())]), "test")
    two = LogisticRegression().fit(X[y != "c"], y[y != "c"])
    found = brought.model(loop, exported(two, X), "m.onnx", "ana")
    assert work(loop) == ["judge: done", "predict: done"]
    assert loop.model(found.version).classes_.tolist() == ["a", "b"]


def test_a_saved_graph_gives_the_same_in_a_fresh_read(loop: Loop, tmp_path) -> None:
    X, y = points(loop, "train")
    model = read_onnx(exported(LogisticRegression().fit(X, y), X), "m.onnx", TWO_NUMBERS, AB)
    artifact = artifacts.save(model, tmp_path, "p")
    frame = pd.DataFrame(X, columns=["x0", "x1"])
    before = model.predict_proba(frame)
    assert (artifacts.load(tmp_path, artifact.name, artifact.sha256).predict_proba(frame) == before).all()
    assert json.loads((tmp_path / artifact.name / "manifest.json").read_text())["environment"]["onnxruntime"]
