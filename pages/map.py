"""Map: the pool on a plane, near where the model finds items similar; circle some and decide what to do with them."""

import streamlit as st

from feedback_core import charts, maps
from feedback_core.errors import ArtifactError
from feedback_core.loop import Loop
from pages import _bulk, _jobs
from pages._map.columns import GROUPS, NUMBERS, chosen_ids, columns_of
from pages._people import acting, locked, stay
from pages._shared import PAGES, ago, counted, loop_of, open_loop, plain, show_message, store, told

METHODS = {"PCA": "Overview (PCA)", "t-SNE": "Neighbourhoods (t-SNE)"}
METHOD_HELP = (
    "Overview: the two directions in which items differ most, drawn at once. Neighbourhoods: similar items lie close "
    "together, drawn by the worker in a minute or two; how far groups lie apart says little."
)
CONFIDENCE = "Confidence"


def drawn_by(loop: Loop, method: str) -> maps.Drawn | None:
    """The map by a method, or what to do to get one."""
    if method == "PCA":
        with st.spinner("Drawing the map"):
            try:
                return maps.at_once(loop)
            except ArtifactError as error:
                st.error(plain(str(error)), title="The map needs the champion's model")
                st.stop()
    drawn, live = maps.newest(loop, method), loop.store.jobs.live(loop.project.id)
    waiting = any(job.kind == "map" for job in live)
    champion = loop.store.versions.champion(loop.project.id)
    fresh = drawn is not None and champion is not None and drawn[0].version_id == champion.id
    with st.container(horizontal=True, vertical_alignment="center"):
        caption = "Draw it" if drawn is None else "Draw it again"
        lock = locked("study", loop, disabled=waiting)
        if st.button(caption, type="secondary" if fresh else "primary", key="map_draw", **lock):
            with told():
                maps.request(loop, method, acting("study", loop))
            st.rerun()
        if drawn is None:
            st.caption("The worker needs a minute or two; you can go on working meanwhile.")
        else:
            st.caption(f"Drawn {ago(drawn[0].created_at)}." + ("" if fresh else " The model has changed since."))
    if waiting:
        _jobs.follow(loop, live)
    return drawn


@st.fragment
def chart(project_id: int, drawn: maps.Drawn, colour: str) -> None:
    """The map and what is circled on it; runs alone, because a selection sends every point in it."""
    project = store().projects.get(project_id)
    stay("see", project)
    loop, (shown, points) = loop_of(project), drawn
    items = loop.store.items.outlines(shown.ids)
    unit = loop.project.settings.unit if loop.project.task == "regression" else None
    columns, groups = columns_of(shown.ids, points, items, colour, unit)
    if unit is not None and colour in NUMBERS:
        figure = charts.pool_map_by_number(columns, f"{colour} ({unit})" if unit else colour)
    elif colour == CONFIDENCE:
        figure = charts.pool_map_by_confidence(columns)
    else:
        figure = charts.pool_map(columns, groups)
    key = f"map-{loop.project.id}-{shown.method}-{int(shown.created_at)}-{colour}"
    event = st.plotly_chart(
        figure,
        key=key,
        on_select="rerun",
        selection_mode=("lasso", "box"),
        config={"displaylogo": False, "scrollZoom": True},
        alt=f"Map of {len(columns['id']):,} items, coloured by {colour.lower()}",
    )
    chosen = chosen_ids(event.selection.points, items)
    with st.container(border=True):
        if not chosen:
            st.caption(":material/lasso_select: Draw around items to review or decide them together.")
            return
        st.markdown(f"**{counted(len(chosen), 'item')} selected**")
        with st.container(horizontal=True):
            _bulk.review(loop, chosen, f"{counted(len(chosen), 'item')} from the map", key)
            _bulk.decide(loop, chosen, key)


loop = open_loop()
st.title("Map")
show_message()
_bulk.way_back(loop)
if loop.store.versions.champion(loop.project.id) is None:
    st.info(
        "A map shows items as the model sees them. Train the first version on Retrain.", icon=":material/scatter_plot:"
    )
    st.stop()
with st.container(horizontal=True):
    method = st.segmented_control(
        "Layout", list(METHODS), format_func=METHODS.get, default="PCA", required=True, help=METHOD_HELP,
        key="map_method", persist_state="session",
    )  # fmt: skip
    numbers = loop.project.task == "regression"
    colour = st.segmented_control(
        "Colour", [*NUMBERS, "State"] if numbers else [*GROUPS, CONFIDENCE], default="Prediction", required=True,
        key="map_colour_numbers" if numbers else "map_colour", persist_state="session",
        help="Error: how far the prediction is from the number a person has given." if numbers else None,
    )  # fmt: skip
drawn = drawn_by(loop, method)
if drawn is None:
    if method == "PCA":
        st.info("There is nothing to draw yet. Add rows without a label on Setup.", icon=":material/scatter_plot:")
    st.stop()
on_it, pool = len(drawn[0].ids), drawn[0].pool
st.caption(
    f"{counted(on_it, 'item')}, all that are not base data. "
    if on_it >= pool
    else f"{on_it:,} of {pool:,} items, a uniform random sample. "
)
chart(loop.project.id, drawn, colour)
st.page_link(PAGES["clusters"], label="Group these items", icon=":material/workspaces:")
