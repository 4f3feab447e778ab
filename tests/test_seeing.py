"""How models see images: edges counted by hand, and a convolutional network beside other columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback_core import intake
from feedback_core.errors import InvalidSetting
from feedback_core.explain import Explainer
from feedback_core.lineup import request
from feedback_core.loop import Loop, create_project
from feedback_core.models import BUILDERS, artifacts, choices, for_task
from feedback_core.models.brightness import Brightness
from feedback_core.models.hog import Hog, _blocks
from feedback_core.reproduce import reproduce
from feedback_core.settings import Settings
from feedback_core.training import fit
from feedback_core.types import Column, Rows, Schema
from tests.conftest import TWO_NUMBERS

HOG = {"image_features": "hog"}
PHOTO = Schema((Column("photo", "image", (8, 8)),))
BESIDE = Schema((Column("age", "number"), Column("photo", "image", (6, 5, 3)), Column("said", "text"),
                 Column("icon", "image", (2, 2)), Column("colour", "category")))  # fmt: skip
QUICK = {"epochs": 12, "filters": 4}


def hog(image) -> np.ndarray:
    """Features of one image."""
    image = np.asarray(image, float)
    return Hog(image.shape).fit(image.reshape(1, -1)).transform(image.reshape(1, -1))[0]


def stripes(n: int, seed: int = 0) -> tuple[pd.DataFrame, list[str]]:
    """Images of 8 x 8 with a bright bar somewhere, which stands or lies."""
    rng = np.random.default_rng(seed)
    images, labels = rng.uniform(0, 3, size=(n, 8, 8)), []
    for image in images:
        place, stands = rng.integers(1, 6), rng.integers(2)
        (image.T if stands else image)[place : place + 2] += rng.uniform(4, 12)
        labels.append("stands" if stands else "lies")
    inputs = [intake.encode_one([image.ravel().round(2).tolist()], PHOTO) for image in images]
    return intake.decode(inputs, PHOTO), labels


# -- edges ---------------------------------------------------------------------------------------------------------


def test_an_upright_edge_counts_for_the_two_orientations_beside_it() -> None:
    # Dark left, bright right: the middle columns differ by 1 to the right, at 0 degrees, halfway between the bins
    # around 10 and 170. Each of four cells holds two such pixels, so 1 for both bins, and 8 of them in one block are
    # 1 / sqrt(8) each; clipped at 0.2 and normalised again they are the same.
    votes = hog([[0, 0, 1, 1]] * 4).reshape(9, 4)
    assert votes[[0, 8]] == pytest.approx(np.full((2, 4), 8**-0.5), abs=1e-6)
    assert votes[1:8] == pytest.approx(0)


def test_a_level_edge_counts_for_the_middle_orientation_alone() -> None:
    # 90 degrees is the centre of bin 4, of nine: four cells with 2 each are 1/2 each in their block.
    votes = hog([[0] * 4, [0] * 4, [1] * 4, [1] * 4]).reshape(9, 4)
    assert votes[4] == pytest.approx(np.full(4, 0.5), abs=1e-6)
    assert np.delete(votes, 4, axis=0) == pytest.approx(0)


def test_a_strong_edge_is_clipped() -> None:
    # 3 and 4 in a block are 0.6 and 0.8 of its length 5, both clipped to 0.2, and of length 1 again 0.707 each.
    cells = np.zeros((1, 2, 2, 9), np.float32)
    cells[0, 0, 0, 4], cells[0, 1, 1, 2] = 3, 4
    (block,) = _blocks(cells)
    assert sorted(block[block > 0].tolist()) == pytest.approx([0.5**0.5] * 2)


def test_colour_counts_where_it_changes_most() -> None:
    grey = np.array([[0, 0, 1, 1]] * 4, float)
    coloured = np.stack([0.1 * grey, grey, np.zeros_like(grey)], axis=2)
    assert hog(coloured) == pytest.approx(hog(grey))


@given(st.lists(st.integers(0, 255), min_size=64, max_size=64), st.floats(0.01, 100), st.integers(-500, 500))
@settings(max_examples=25, deadline=None)
def test_neither_brightness_nor_contrast_changes_what_is_seen(pixels, contrast, brightness) -> None:
    image = np.asarray(pixels, float).reshape(8, 8)
    assert hog(contrast * image + brightness) == pytest.approx(hog(image), abs=2e-3)
    assert hog(image) == pytest.approx(hog(255 - image), abs=2e-3)


@pytest.mark.parametrize(
    ("shape", "width"),
    [((1, 1), 9), ((2, 2, 3), 9), ((5, 7), 72), ((8, 8), 324), ((32, 32, 3), 324), ((256, 256), 8_100)],
)
def test_images_of_any_size_have_cells(shape, width) -> None:
    model = Hog(shape)
    assert len(model.get_feature_names_out()) == width
    assert model.fit(np.zeros((0, 1))).transform(np.zeros((0, int(np.prod(shape))))).shape == (0, width)
    assert (model.transform(np.full((2, int(np.prod(shape))), 7.0)) == np.zeros((2, width))).all(), "nothing changes"


@pytest.mark.parametrize("name", ["logistic_regression", "random_forest"])
def test_a_model_learns_from_edges_and_its_file_answers_the_same(name, tmp_path) -> None:
    X, labels = stripes(120)
    model = fit(BUILDERS[name](PHOTO, 0, HOG), X, labels, np.ones(120))
    new, truth = stripes(60, seed=1)
    assert (model.predict(new) == truth).mean() > 0.9
    saved = artifacts.save(model, tmp_path, "p")
    assert (artifacts.load(tmp_path, saved.name, saved.sha256).predict_proba(new) == model.predict_proba(new)).all()


def test_columns_beside_images_that_are_seen_by_their_edges_stay() -> None:
    names = [name for name, *_ in BUILDERS["sgd"](BESIDE, 0, HOG).named_steps["prepare"].transformers]
    assert names == ["number", "category", "image_0", "image_1", "text_0"]


def test_as_many_features_as_pixels_are_not_taken_for_pixels() -> None:
    # 18 x 18 pixels have 324 features: 4 x 4 cells, 9 blocks of 36.
    schema, rng = Schema((Column("photo", "image", (18, 18)),)), np.random.default_rng(0)
    pixels = rng.uniform(0, 4, size=(60, 18, 18)).round(2)
    said = [("flat", "edge")[n] for n in rng.integers(2, size=60)]
    pixels[[label == "edge" for label in said], 2:6, 13:15] = 90
    frame = intake.decode([intake.encode_one([row.ravel().tolist()], schema) for row in pixels], schema)
    model = fit(BUILDERS["logistic_regression"](schema, 0, HOG), frame, said, np.ones(60))
    assert model.named_steps["model"].n_features_in_ == 324
    found = Explainer(model, schema, ("flat", "edge"), frame, 0, "linear").explain(
        frame.iloc[[said.index("edge")]], "edge"
    )
    heat = np.array(found.details[0].heat)
    assert heat.shape == (6, 6), "patches that were exchanged, not single pixels"
    assert heat[:3, 3:].sum() > 0.5 * np.abs(heat).sum()
    assert found.way == "linear"


# -- the convolutional network -------------------------------------------------------------------------------------


def test_the_network_needs_an_image_and_names_the_models_that_do_not() -> None:
    with pytest.raises(
        InvalidSetting,
        match=r"^Convolutional network needs a column of the kind image, and there is none among x0, x1: choose one of "
        r".*Logistic regression",
    ):
        BUILDERS["cnn"](TWO_NUMBERS, 0, {})
    with pytest.raises(InvalidSetting, match=r"looks at pixels: leave image_features out"):
        BUILDERS["cnn"](PHOTO, 0, HOG)


def test_the_network_is_offered_where_there_are_images_alone(loop: Loop) -> None:
    assert "cnn" in choices("classification", PHOTO)
    assert "cnn" not in choices("classification", TWO_NUMBERS)
    assert set(for_task("regression")) - set(for_task("regression", TWO_NUMBERS)) == {"cnn"}


def test_the_network_finds_what_stands_wherever_it_stands() -> None:
    X, labels = stripes(150)
    model = fit(BUILDERS["cnn"](PHOTO, 0, QUICK), X, labels, np.ones(150))
    new, truth = stripes(60, seed=1)
    assert (model.predict(new) == truth).mean() > 0.9


def test_columns_beside_the_images_count_too() -> None:
    rng = np.random.default_rng(0)
    rows = [[float(rng.normal()), rng.integers(0, 255, 90).tolist(), "some words", rng.integers(0, 255, 4).tolist(),
             str(rng.choice(["red", "blue"]))] for _ in range(120)]  # fmt: skip
    labels = ["b" if row[0] > 0 else "a" for row in rows]
    X = intake.decode([intake.encode_one(row, BESIDE) for row in rows], BESIDE)
    model = fit(BUILDERS["cnn"](BESIDE, 0, {"epochs": 30, "filters": 4}), X, labels, np.ones(120))
    assert (model.predict(X) == labels).mean() > 0.95
    assert model.named_steps["prepare"].output_indices_["image_0"] == slice(0, 90)


def test_pixels_stay_comparable_with_their_neighbours() -> None:
    seen = Brightness().fit_transform(np.array([[0.0, 10.0], [20.0, 30.0]]))
    assert seen.tolist() == [[pytest.approx(-1.3416408), pytest.approx(-0.4472136)],
                             [pytest.approx(0.4472136), pytest.approx(1.3416408)]]  # fmt: skip
    assert (Brightness().fit_transform(np.full((2, 2), 3.0)) == np.zeros((2, 2))).all()


def test_a_project_of_images_retrains_with_it_and_the_version_is_rebuilt_bit_for_bit(store, clock) -> None:
    X, labels = stripes(80)
    inputs = [intake.encode_one([row.tolist()], PHOTO) for row in X.to_numpy()]
    chosen = Settings(estimator="cnn", params=QUICK, holdout_share=0.4)
    project = create_project(store, "bars", PHOTO, ("lies", "stands"), chosen, actor="test", now=clock(), salt=1)
    loop = Loop(store, project, clock=clock)
    loop.add_items(Rows(inputs, [None] * 80, labels), "test")
    version = loop.retrain("test")
    loop.judge(version)
    loop.promote(version, "test")
    judged = store.versions.get(version.id)
    assert judged.metrics["holdout"]["accuracy"]["value"] > 0.8
    assert reproduce(store, project, version).same
    assert len(request(loop, ["cnn", "sgd"], "ana")) == 2


def test_a_table_without_images_cannot_be_set_to_it(trained: Loop) -> None:
    with pytest.raises(InvalidSetting, match="needs a column of the kind image"):
        trained.change(replace(trained.project.settings, estimator="cnn"), "test")
