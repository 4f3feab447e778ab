"""A project is set to a model of each framework in the browser, trained, and promoted."""

from __future__ import annotations

import pytest

from feedback_core.loop import Loop
from feedback_core.models import BUILDERS, choices
from feedback_core.worker import run_next
from tests.conftest import page as page
from tests.test_pages import correct_wrongly, press, setup_section, texts

EACH = {BUILDERS[name].framework: name for name in choices("classification")}
"""One model of each framework."""


@pytest.mark.parametrize("name", [name for framework, name in sorted(EACH.items()) if framework != "scikit-learn"])
def test_a_project_is_set_to_a_framework_trained_and_promoted(page, trained: Loop, name: str) -> None:
    own = trained.project.id
    app = setup_section(page("setup"), "Settings")
    choice = app.selectbox(key=f"setting-estimator-{own}")
    assert any(text.startswith(f"{BUILDERS[name].title}: ") for text in choice.options)
    choice.select(name)
    press(app, "Save")
    correct_wrongly(trained, 3)
    press(page("retrain"), "Retrain now")
    run_next(trained.store, "test")
    app = page("retrain")
    version = trained.store.versions.all(own)[-1]
    assert (version.number, version.estimator) == (2, name)
    app.text_input(key=f"reason-{version.id}").set_value("tried out").run()
    press(app, "Promote version 2")
    champion = trained.store.versions.champion(own)
    assert (champion.number, champion.estimator) == (2, name)
    assert champion.metrics["holdout"]["accuracy"]["value"] > 0.8
    assert BUILDERS[name].title in texts(page())


def test_a_framework_that_is_missing_is_marked_and_refused_with_the_way_out(page, trained: Loop, monkeypatch) -> None:
    monkeypatch.setattr("feedback_core.models.registry.find_spec", lambda name: None if name == "xgboost" else name)
    own = trained.project.id
    app = setup_section(page("setup"), "Settings")
    choice = app.selectbox(key=f"setting-estimator-{own}")
    assert choice.options[-1] == "XGBoost: boosted trees, often the best on tables (not installed)"
    assert "For XGBoost, run `pip install '.[xgboost]'`" in choice.help
    choice.select("xgboost")
    app = press(app, "Save")
    assert "XGBoost needs XGBoost, which is not installed here: run" in texts(app).replace("\\", "")
    assert trained.store.projects.get(own).settings.estimator == "logistic_regression"
