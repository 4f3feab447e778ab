"""Texts as features: near means similar, and word vectors that come with a package of their own."""

from __future__ import annotations

import numpy as np
import pytest

from feedback_core import datasets, intake
from feedback_core.errors import InvalidSetting, NotInstalled
from feedback_core.models import BUILDERS, artifacts, seeing
from feedback_core.models.features import TOPICS, Features
from feedback_core.models.preprocessing import preprocessor
from feedback_core.neighbours import nearest
from feedback_core.training import aligned_proba, fit
from feedback_core.types import Column, Schema

TEXT = Schema((Column("said", "text"),))
MIXED = Schema((Column("price", "number"), Column("said", "text"), Column("bought", "timestamp")))
WORDLLAMA = {"text_embedding": "wordllama"}


def frame(schema, rows):
    return intake.decode([intake.encode_one(row, schema) for row in rows], schema)


@pytest.fixture(scope="module")
def definitions():
    found = datasets.load("definitions")
    order = np.random.default_rng(0).permutation(len(found.frame))[:1_200]
    texts = found.frame["definition"].to_numpy(object)[order]
    return frame(found.schema, [[text] for text in texts]), found.frame["kind"].to_numpy(object)[order], found.schema


def same_class_nearby(points, labels, learned):
    places, _ = nearest(points[:learned], points[learned:], 3)
    return float((labels[:learned][places] == labels[learned:, None]).mean())


def test_the_nearest_definitions_are_mostly_of_the_same_kind(definitions) -> None:
    texts, kinds, schema = definitions
    prepare = preprocessor(schema)
    prepared = prepare.fit_transform(texts.iloc[:800])
    features = Features(prepare, prepared)
    points = features.of(prepare.transform(texts))
    assert points.shape == (1_200, TOPICS)
    assert np.linalg.norm(points, axis=1) == pytest.approx(1, abs=1e-5)
    share = same_class_nearby(points, kinds, 800)
    assert share > 0.5, "a Gaussian projection of the same weights finds 0.33, chance 0.18"


def test_numbers_keep_their_own_features_beside_a_text() -> None:
    words = ["red", "green", "blue", "round", "square", "oval", "flat", "tall", "wide", "thin"]
    rows = [[float(n), " ".join(words[(n * k) % 10] for k in (1, 3, 7)), 1.7e9 + n] for n in range(80)]
    prepare = preprocessor(MIXED)
    prepared = prepare.fit_transform(frame(MIXED, rows))
    points = Features(prepare, prepared).of(prepared)
    assert np.corrcoef(points[:, TOPICS : TOPICS + 1].ravel(), np.arange(80))[0, 1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"text_embedding": "bert"}, "text_embedding='bert' is not known: choose one of tfidf, wordllama."),
        ({"text_embedding": 3}, "text_embedding=3 is not known: choose one of tfidf, wordllama."),
    ],
)
def test_a_way_there_is_not_is_refused_with_those_there_are(params, error) -> None:
    with pytest.raises(InvalidSetting, match=error):
        BUILDERS["logistic_regression"](TEXT, 0, params)


def test_without_the_package_the_extra_is_named(monkeypatch) -> None:
    monkeypatch.setattr(seeing, "find_spec", lambda _: None)
    with pytest.raises(NotInstalled, match=r"pip install '\.\[wordllama\]'"):
        BUILDERS["logistic_regression"](TEXT, 0, WORDLLAMA)


def test_the_default_ways_change_nothing_and_reach_no_estimator() -> None:
    schema, rest = seeing.seen(TEXT, {"text_embedding": "tfidf", "C": 2})
    assert (schema, rest) == (TEXT, {"C": 2})


def test_word_vectors_learn_meaning_that_was_never_seen_and_are_saved_by_name(tmp_path) -> None:
    pytest.importorskip("wordllama")
    said = ["dog", "cat", "horse", "cow", "sheep", "goat", "table", "chair", "sofa", "desk", "shelf", "lamp"] * 4
    rows = [[float(n % 3), f"a {word}", 1.7e9] for n, word in enumerate(said)]
    labels = (["animal"] * 6 + ["furniture"] * 6) * 4
    model = fit(BUILDERS["logistic_regression"](MIXED, 0, WORDLLAMA), frame(MIXED, rows), labels, np.ones(48))
    new = frame(MIXED, [[1.0, "a pig", 1.7e9], [1.0, "a wardrobe", 1.7e9], [None, None, None]])
    proba = aligned_proba(model, new, ("animal", "furniture"))
    assert proba[0, 0] > 0.5 > proba[1, 0]
    saved = artifacts.save(model, tmp_path, "p")
    assert saved.size < 2_000_000, "the vectors themselves stay in their package"
    loaded = artifacts.load(tmp_path, saved.name, saved.sha256)
    assert (aligned_proba(loaded, new, ("animal", "furniture")) == proba).all()
