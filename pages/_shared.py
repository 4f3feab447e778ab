"""What every page needs: the store, the open project, and how things are shown."""

import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from feedback_core import tasks
from feedback_core.cache import Cache
from feedback_core.environment import sign_in
from feedback_core.errors import FeedbackError
from feedback_core.loop import Loop
from feedback_core.pictures.shelf import CARD_SIDE, ROW_SIDE
from feedback_core.types import GATE, Column, Interval, Item, Project, Version
from feedback_core.wording import counted as counted
from feedback_core.wording import instant
from pages._people import acting, store

STATE_NAMES = {
    "open": "Open",
    "labelled": "Reviewed",
    "conflict": "Conflict",
    "flagged": "Flagged",
    "base": "Base data",
}
VERBS = {"confirm": "confirmed", "correct": "corrected to", "skip": "skipped", "flag": "flagged", "undo": "undid"}
PAGES = {
    name: f"{name}.py"
    for name in ("overview", "review", "feedback", "retrain", "predictions", "map", "clusters", "insights", "setup")
}


@st.cache_resource(show_spinner=False)
def _cache() -> Cache:
    return Cache()


def loop_of(project: Project) -> Loop:
    """The loop of a project; what is dear to compute is kept between pages. Raises Forbidden for those who may not
    see it."""
    acting("see", project)
    return Loop(store(), project, cache=_cache())


def open_loop(*, learns: bool = True) -> Loop:
    """The loop of the chosen project; without any project the page ends here, saying what to do.

    learns: the page is about what a model learns: it ends here for a project in which none does.
    """
    name = st.session_state.get("project")
    if name is None:
        st.info(
            "A project holds one model, its data and its feedback. Create the first one from a file of yours, or run "
            "`python -m feedback_core demo` for four sample projects.",
            title="There is no project yet",
            icon=":material/rocket_launch:",
        )
        st.page_link("setup.py", label="Create a project", icon=":material/add:")
        st.stop()
    loop = loop_of(store().projects.named(name))
    if learns:
        need_model(loop)
    return loop


def need_model(loop: Loop) -> None:
    """End the page here for a project in which nothing is predicted, saying where to go."""
    if not tasks.of(loop.project).learns:
        st.info(
            "This project groups its items: there are no labels, and no model predicts any. See the groups, and say "
            "which items belong together.",
            title="Nothing is predicted here",
            icon=":material/workspaces:",
        )
        st.page_link(PAGES["clusters"], label="Open Groups", icon=":material/workspaces:")
        st.stop()


@contextmanager
def told(done: str = "") -> Iterator[None]:
    """Errors of the core become a warning on the page, here and nowhere else; `done` is said when there was none."""
    try:
        yield
    except FeedbackError as error:
        st.session_state["message"] = str(error)
    else:
        if done:
            tell_done(done)


def tell_done(what: str) -> None:
    """Say on the next drawing that something worked."""
    st.session_state["done"] = what


def show_message() -> None:
    """What the last action had to say, once: green when it worked, yellow when it did not or not all of it."""
    # A place of its own, with or without a message: what stands below would else move up when the message goes, and a
    # fold that moves is closed.
    with st.container():
        if done := st.session_state.pop("done", None):
            st.success(plain(done), icon=":material/check_circle:")
        if message := st.session_state.pop("message", None):
            st.warning(plain(message), icon=":material/info:")


def plain(text: str) -> str:
    """Text of users and data with every Markdown and HTML sign made harmless."""
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]()#+-!|<>~$:" else sign for sign in text)


def ago(then: float | None) -> str:
    """How long since a time, in the largest fitting unit."""
    if then is None:
        return "never"
    seconds = max(0.0, time.time() - then)
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{counted(round(seconds / size), unit)} ago"
    return "just now"


def decider(name: str | None) -> str:
    """Who has decided, inside a sentence."""
    return "the gate" if name == GATE else plain(name or "")


def learned_from(project: Project, version: Version) -> str:
    """How much a version has learned from, in words."""
    if tasks.of(project).background:
        return f"learned what is usual from the items themselves, and from {counted(version.n_feedback, 'answer')}"
    return f"learned from {counted(version.n_base, 'base row')} and {counted(version.n_feedback, 'reviewed item')}"


def spread(share: Interval) -> str:
    """A share with its 95 % interval in short: 71 % (64 to 77)."""
    return f"{share.value:.0%} ({100 * share.low:.0f} to {100 * share.high:.0f})"


def title_of(item: Item) -> str:
    """A short name for an item: its key, cut when it is a hash."""
    return item.key if len(item.key) <= 24 else f"{item.key[:10]}…"


def preview(project: Project, item: Item) -> str:
    """An input in one line; images are left to `thumbnail`."""
    pairs = zip(project.schema.columns, item.values, strict=True)
    cells = [
        str(value) if column.kind == "text" else f"{column.name} {cell_text(value, column)}"
        for column, value in pairs
        if column.kind != "image"
    ]
    text = " · ".join(cells)
    return text if len(text) <= 160 else text[:159] + "…"


def thumbnail(project: Project, item: Item) -> str | None:
    """The first image of an item as a data address, None when it has none."""
    for column, value in zip(project.schema.columns, item.values, strict=True):
        if column.kind == "image" and value is not None:
            return photo(value, ROW_SIDE) if column.files else picture(column, value, 48)
    return None


def photo(reference: str, side: int) -> str | None:
    """A small copy of a picture file as a data address; None when the file is gone, which the page survives."""
    try:
        data, kind = store().shelf.small(reference, side)
    except FeedbackError:
        return None
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def whole_photo(project: Project, reference: str) -> str | None:
    """Where a browser gets a picture file itself; None with sign-in, where the API wants a token no page has."""
    return None if sign_in() else f"/api/projects/{project.id}/pictures/{reference.removeprefix('sha256:')}"


def image_of(column: Column, value: Any, side: int) -> str | None:
    """An image, be it a file or pixels, as a data address. side: of pixels, as in `pixels`."""
    return photo(value, CARD_SIDE) if column.files else picture(column, value, side)


def picture(column: Column, values: list[float], side: int) -> str:
    """An image as a data address; side as in `pixels`."""
    buffer = BytesIO()
    Image.fromarray(pixels(column, values, side)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def pixels(column: Column, values: list[float], side: int) -> np.ndarray:
    """An image as bytes, enlarged to about `side` pixels without smoothing."""
    image = np.asarray(values, dtype=float).reshape(column.shape)
    span = image.max() - image.min()
    grey = ((image - image.min()) / (span or 1) * 255).astype(np.uint8)
    factor = max(1, side // column.shape[0])
    return grey.repeat(factor, axis=0).repeat(factor, axis=1)


def show_input(project: Project, item: Item) -> None:
    """One input, rendered for what it is."""
    table = []
    for column, value in zip(project.schema.columns, item.values, strict=True):
        if column.files:
            _show_photo(column, value, item)
        elif column.kind == "image" and value is not None:
            st.image(pixels(column, value, 256), width=256, alt=f"{column.name} of item {title_of(item)}")
        elif column.kind == "text":
            st.markdown(f"#### {plain(str(value)) if value is not None else '—'}")
        else:
            table.append({"Column": column.name, "Value": cell_text(value, column)})
    if table:
        st.dataframe(table, hide_index=True, height=min(420, 38 + 35 * len(table)), alt="Values of the input")


def _show_photo(column: Column, reference: str, item: Item) -> None:
    name = f"{column.name} of item {title_of(item)}"
    if address := photo(reference, CARD_SIDE):
        st.image(address, width=256, alt=name)
    else:
        st.warning(f"The picture file of {plain(name)} is not on this server.", icon=":material/broken_image:")


def cell_text(value: Any, column: Column) -> str:
    """A value of an input as people read it."""
    if value is None:
        return "missing"
    if column.kind == "timestamp":
        return instant(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
