"""The filters: which items, in which order."""

from datetime import UTC, datetime
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from feedback_core.loop import Loop
from feedback_core.multilabel import NONE
from feedback_core.store.finding import SCAN
from feedback_core.types import Column, FeatureFilter, ItemFilter, Project
from pages._label_sets import is_set
from pages._shared import STATE_NAMES

SORT_NAMES = {"priority": "Ask first", "confidence": "Least confident", "newest": "Newest"}
MARKS = {"wrong": "The model is wrong", "flipped": "Flipped since the last version"}
KEPT = "session"  # a choice outlives a look at another page
SUGGESTED = 200  # items whose categories are offered for choice; others can be typed


def choose(loop: Loop) -> tuple[ItemFilter, str]:
    """The filter rows; their choices are what the database is asked for."""
    _forget_other_projects(loop.project.id)
    with st.container(horizontal=True):
        marks = st.session_state.get("items_marks", [])
        state = st.segmented_control(
            "State",
            list(STATE_NAMES),
            format_func=STATE_NAMES.get,
            default="open",
            required=True,
            disabled="wrong" in marks,
            key="items_state",
            persist_state=KEPT,
        )
        sort = st.segmented_control(
            "Order",
            list(SORT_NAMES),
            format_func=SORT_NAMES.get,
            default="priority",
            required=True,
            key="items_sort",
            persist_state=KEPT,
        )
    # Numbers hardly ever agree to the last digit: nearly every item would be marked.
    marks = (
        []
        if loop.project.task == "regression"
        else st.pills(
            "Disagreement",
            list(MARKS),
            format_func=MARKS.get,
            selection_mode="multi",
            key="items_marks",
            persist_state=KEPT,
            help="Wrong: reviewers gave another label than the model gives today, so only reviewed items are shown. "
            "Flipped: the version before gave another label.",
        )
    )
    left, middle, right, more = st.columns([3, 3, 3, 2], vertical_alignment="bottom")
    is_number = loop.project.task == "regression"
    predicted, holds = (None, None) if is_number else _said(loop.project, left)
    below = (
        100
        if is_number
        else middle.slider(
            "Confidence at most", 0, 100, 100, 5, format="%d %%", key="items_confidence", persist_state=KEPT
        )
    )
    search = (left if is_number else right).text_input(
        "Search", placeholder="words or key", key="items_search", type="search", persist_state=KEPT
    )
    with middle if is_number else more:
        features = _features(loop)
    states = ("labelled",) if "wrong" in marks else (state,)
    ranked = states != ("base",) and loop.store.versions.champion(loop.project.id) is not None
    limit = below / 100 if below < 100 else None
    wanted = ItemFilter(states, predicted, limit, search, "wrong" in marks, "flipped" in marks, features, holds)
    return wanted, sort if ranked else "newest"


def _said(project: Project, place: DeltaGenerator) -> tuple[str | None, str | None]:
    """What the model says: as a whole, or one of several labels."""
    sets = is_set(project)
    chosen = place.selectbox(
        "Predicted with" if sets else "Predicted",
        [None, *project.labels, *([NONE] if sets else [])],
        format_func=lambda label: "no label at all" if sets and label == NONE else label or "any",
        key="items_predicted",
        persist_state=KEPT,
        help="Items that the model gives this label, alone or beside others." if sets else None,
    )
    return (None, chosen) if sets and chosen != NONE else (chosen, None)


def _forget_other_projects(project_id: int) -> None:
    if st.session_state.get("items_of", project_id) != project_id:
        for name in [name for name in st.session_state if str(name).startswith("items_")]:
            del st.session_state[name]
    st.session_state["items_of"] = project_id


def _features(loop: Loop) -> tuple[FeatureFilter, ...]:
    """Bounds on numbers and choices of categories, in a popover of their own."""
    columns = {
        place: column
        for place, column in enumerate(loop.project.schema.columns)
        if column.kind in ("number", "category", "timestamp")
    }
    chosen = [place for place in st.session_state.get("items_features", []) if place in columns]
    label = "Values" if not chosen else f"Values ({len(chosen)})"
    if not columns:
        return ()
    with st.popover(label, icon=":material/tune:", width="stretch"):
        chosen = st.multiselect(
            "Where the value of",
            list(columns),
            format_func=lambda place: columns[place].name,
            key="items_features",
            persist_state=KEPT,
            help=f"Looked for among the first {SCAN:,} items in the order of the page.",
        )
        found = [_bounds(loop, place, columns[place]) for place in chosen]
    return tuple(feature for feature in found if feature != FeatureFilter(feature.place))


def _bounds(loop: Loop, place: int, column: Column) -> FeatureFilter:
    if column.kind == "category":
        options = _categories(loop, place)
        value = st.selectbox(
            f"{column.name} is",
            options,
            index=None,
            accept_new_options=True,
            placeholder="choose or type",
            key=f"items_is_{place}",
            persist_state=KEPT,
        )
        return FeatureFilter(place, equals=value)
    low, high = st.columns(2)
    if column.kind == "timestamp":
        return FeatureFilter(
            place,
            _seconds(low.datetime_input(f"{column.name} from (UTC)", **_free(f"items_from_{place}"))),
            _seconds(high.datetime_input("to (UTC)", **_free(f"items_to_{place}"))),
        )
    return FeatureFilter(
        place,
        low.number_input(f"{column.name} from", value=None, key=f"items_low_{place}", persist_state=KEPT),
        high.number_input("to", value=None, key=f"items_high_{place}", persist_state=KEPT),
    )


def _free(key: str) -> dict[str, Any]:
    """Options of a field for any time, empty at first."""
    return {"value": None, "min_value": datetime(1900, 1, 1), "max_value": datetime(2999, 12, 31), "key": key,
            "persist_state": KEPT}  # fmt: skip


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.replace(tzinfo=UTC).timestamp()


def _categories(loop: Loop, place: int) -> list[str]:
    seen = loop.store.items.page(loop.project.id, ItemFilter(()), sort="newest", limit=SUGGESTED)
    values = {str(item.values[place]) for item in seen if item.values[place] is not None}
    # A typed value stays on offer, or the choice would be lost with the next run.
    typed = st.session_state.get(f"items_is_{place}")
    return sorted(values | ({typed} if typed else set()))
