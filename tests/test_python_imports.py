"""The short Python interface brings models from elsewhere: objects, files, predictions, an address."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from lightgbm import LGBMClassifier
from sklearn.linear_model import LogisticRegression

from feedback_core import FeedbackLoop, Loop, open_storage
from feedback_core.errors import NotFound
from tests.test_model_elsewhere import Elsewhere, elsewhere

__all__ = ["elsewhere"]

X = np.random.default_rng(0).normal(size=(120, 2))
Y = (X.sum(axis=1) > 0).astype(int)
FAR = np.asarray([[4.0, 4.0], [-4.0, -4.0]])


@pytest.fixture
def brought(url: str) -> FeedbackLoop:
    """The short interface on a durable store with labelled rows and no version."""
    return FeedbackLoop(LogisticRegression(), open_storage(url, project="points"), base_data=(X, Y))


def test_a_fitted_object_serves_and_a_file_and_trees_are_judged_against_it(
    brought: FeedbackLoop, url: str, tmp_path: Path, capsys
) -> None:
    first = brought.import_model(LogisticRegression().fit(X, Y))
    assert (first.version, first.champion) == (1, True)
    assert "Version 1 is imported; it is the champion now." in capsys.readouterr().out
    assert brought.model.predict(FAR).tolist() == [1, 0]  # labels as the caller writes them
    skops.io.dump(LogisticRegression().fit(X, 1 - Y), tmp_path / "upside_down.skops")
    worse = brought.import_model(tmp_path / "upside_down.skops")
    assert (worse.version, worse.champion) == (2, False)
    assert worse.message.startswith("Version 2 is imported; the champion stays: ")
    trees = brought.import_model(LGBMClassifier(n_estimators=3, verbose=-1, n_jobs=1).fit(X, Y))
    assert trees.version == 3
    with pytest.raises(ValueError, match="labels are '0', '1': say which is which"):
        brought.import_model(LogisticRegression().fit(X, np.where(Y, "up", "down")))
    named = brought.import_model(
        LogisticRegression().fit(X, np.where(Y, "up", "down")), labels={"up": "1", "down": "0"}
    )
    assert named.version == 4
    loop = Loop.open(url, "points")
    assert [version.estimator for version in loop.store.versions.all(loop.project.id)] == ["imported"] * 4


def test_predictions_serve_what_they_cover(brought: FeedbackLoop, url: str, tmp_path: Path) -> None:
    loop = Loop.open(url, "points")
    items = [item for chunk in loop.store.items.export(loop.project.id) for item in chunk]
    rows = [{"item": item.key, "label": str(int(sum(item.values) > 0))} for item in items]
    part = brought.import_predictions(rows[:10], "rules-1")
    assert (part.champion, part.message.split(":")[0]) == (False, "Version 1 has 10 predictions more")
    pd.DataFrame(rows).to_csv(tmp_path / "said.csv", index=False)
    whole = brought.import_predictions(tmp_path / "said.csv", "rules-1")
    assert (whole.version, whole.champion) == (1, True)
    known = np.asarray([items[0].values])
    assert brought.model.predict(known).tolist() == [int(known.sum() > 0)]
    with pytest.raises(Exception, match="is stored predictions alone and has none for 2 of 2 inputs"):
        brought.model.predict(FAR)


def test_an_address_is_connected_and_asked_once_its_server_knows_the_secret(url: str, elsewhere: Elsewhere) -> None:
    named = np.where(Y, "b", "a")
    brought = FeedbackLoop(LogisticRegression(), open_storage(url, project="points"), base_data=(X, named))
    elsewhere.secret_file.write_text("whsec_" + "AAAA" * 8)
    first = brought.import_model(elsewhere.at("predict"), version="poor")
    assert (first.champion, first.secret[:6]) == (False, "whsec_")
    assert "Give it to the server, then call this again. The model at 127.0.0.1" in first.message
    elsewhere.secret_file.write_text(first.secret)
    again = brought.import_model(elsewhere.at("predict"), version="poor")
    assert (again.version, again.champion, again.secret) == (1, True, "")
    once_more = brought.import_model(elsewhere.at("predict"), version="poor")
    assert (once_more.champion, once_more.message) == (True, "Version 1 is the champion already.")
    assert brought.model.predict(FAR).tolist() == ["b", "a"]  # nothing is stored about these inputs: it is asked
    loop = Loop.open(url, "points")
    own = loop.retrain("ana")
    loop.judge(own)
    loop.promote(own, "ana", "it is ours")
    judged = brought.import_model(elsewhere.at("predict"), version="poor")
    assert (judged.champion, judged.message[:34]) == (False, "Version 1 has been judged already:")
    assert len(loop.store.versions.reports(loop.project.id)) == 2


def test_what_a_list_cannot_keep_and_what_is_not_there_is_said(url: str) -> None:
    with pytest.raises(ValueError, match=r"import_model keeps versions and judges them, which a plain list cannot"):
        FeedbackLoop(LogisticRegression(), []).import_model(LogisticRegression().fit(X, Y))
    with pytest.raises(NotFound, match="has no rows yet: pass base_data"):
        FeedbackLoop(LogisticRegression(), open_storage(url, project="new")).import_model("model.onnx")
