"""What a project whose target is a number has to know about it: unit, tolerance, and what is plausible."""

from dataclasses import fields, replace

import streamlit as st

from feedback_core.errors import InvalidSetting
from feedback_core.settings import Settings
from pages._shared import plain

SPECS = {spec.name: spec.metadata for spec in fields(Settings) if spec.metadata.get("task") == "regression"}


def number_settings(now: Settings, key: str, *, disabled: bool = False) -> Settings:
    """The settings with what the fields hold; as they were, and the reason told, where they do not go together."""
    columns = st.columns(len(SPECS))
    chosen = {
        name: FIELDS[name](column, name, getattr(now, name), f"setting-{name}-{key}", disabled)
        for column, name in zip(columns, SPECS, strict=True)
    }
    try:
        return replace(now, **chosen)
    except InvalidSetting as error:
        st.error(plain(str(error)))
        return now


def _text(column, name: str, value: str, key: str, disabled: bool) -> str:
    rule = SPECS[name]
    return column.text_input(
        rule["title"], value, max_chars=30, key=key, help=rule["help"], placeholder="such as EUR", disabled=disabled
    ).strip()


def _amount(column, name: str, value: float, key: str, disabled: bool) -> float:
    rule = SPECS[name]
    shown = column.number_input(
        rule["title"], rule["low"], rule["high"], value, None, "%.6g", key=key, help=rule["help"], disabled=disabled
    )
    return float(shown)


def _limit(column, name: str, value: float | None, key: str, disabled: bool) -> float | None:
    rule = SPECS[name]
    # Not as the field's value: Streamlit would bring it back as soon as somebody empties the field.
    st.session_state.setdefault(key, value)
    return column.number_input(
        rule["title"], rule["low"], rule["high"], None, None, "%.6g", key=key, help=rule["help"], disabled=disabled,
        placeholder="no limit",
    )  # fmt: skip


FIELDS = {"unit": _text, "tolerance": _amount, "plausible_low": _limit, "plausible_high": _limit}
