"""The project's settings, drawn from what the core says about each."""

import time
from dataclasses import Field, fields, replace
from typing import Any

import streamlit as st

from feedback_core.loop import Loop
from feedback_core.models import BUILDERS
from feedback_core.settings import Settings
from feedback_core.types import Project
from pages._people import acting, locked
from pages._setup.judging import judging
from pages._setup.models import model_choice
from pages._setup.numbers import SPECS, number_settings
from pages._shared import store, tell_done

FIXED = ("holdout_share",)
"""Settable at creation only: rows are locked away by it as they come in."""

TIMES = {"%": 100, "points": 100}
"""By how much a stored fraction is multiplied to be shown in a unit."""


def settings_form(loop: Loop) -> None:
    """Every setting with its reason, and one button."""
    now = loop.project.settings
    with st.form("settings", border=False):
        shown = [
            spec
            for spec in fields(Settings)
            if spec.metadata.get("title") and spec.name not in FIXED and "page" not in spec.metadata
            if spec.metadata.get("task", loop.project.task) == loop.project.task and spec.name not in SPECS
        ]
        columns = st.columns(2)
        changed = {}
        for number, spec in enumerate(shown):
            with columns[number % 2]:
                changed[spec.name] = setting(spec, getattr(now, spec.name), str(loop.project.id), loop.project)
        changed |= judging(loop)
        numbers = number_settings(now, str(loop.project.id)) if loop.project.task == "regression" else now
        st.caption(f"The holdout share, {now.holdout_share:.0%}, was fixed when the project was created.")
        if st.form_submit_button("Save", type="primary", **locked("settings", loop)):
            BUILDERS[changed["estimator"]].require()
            params = now.params if changed["estimator"] == now.estimator else {}
            settings = replace(numbers, **changed, params=params)
            store().projects.update(loop.project, settings=settings, now=time.time(), actor=acting("settings", loop))
            tell_done("Settings saved.")
            st.rerun()


def setting(spec: Field[Any], value: Any, key: str, project: Project | None = None) -> Any:
    """The widget of one setting; gives its value as stored. key: keeps projects and files apart.

    project: needed for the choice of a model alone.
    """
    rule, key = spec.metadata, f"setting-{spec.name}-{key}"
    if spec.name == "estimator" and project is not None:
        return model_choice(project.task, project.schema, value, key, rule["title"], rule["help"])
    if isinstance(value, bool):
        return st.checkbox(rule["title"], value, key=key, help=rule["help"])
    if "choices" in rule:
        return st.segmented_control(
            rule["title"], rule["choices"], default=value, required=True, key=key, help=rule["help"]
        )
    return _number(rule, value, key)


def _number(rule: Any, value: float, key: str) -> float:
    """A field in the setting's unit. Whole numbers stay whole."""
    times, kind = TIMES.get(rule["unit"], 1), type(value)
    low, high, now = (kind(round(times * number, 6)) for number in (rule["low"], rule["high"], value))
    unit = f" ({rule['unit']})" if rule["unit"] else ""
    step, form = (1, "%d") if kind is int else (1.0, "%.0f" if rule["unit"] == "s" else "%.1f")
    shown = st.number_input(rule["title"] + unit, low, high, now, step, form, key=key, help=rule["help"])
    return kind(round(shown / times, 6))
