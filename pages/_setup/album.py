"""Uploaded pictures on their way in: stored by their content, shown small, and listed like the rows of a table."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from feedback_core import tables
from feedback_core.errors import FeedbackError
from feedback_core.pictures import is_reference, why_refused
from feedback_core.pictures.shelf import ROW_SIDE
from feedback_core.types import Column
from pages._shared import counted, photo, plain, store

SIDES = (8, 16, 24, 28, 32, 48, 64)
SHOWN = 12


def upload_pictures(label: str, key: str, lock: Mapping[str, Any]) -> tuple[str, Any, str] | None:
    """Name, table and digest of uploaded pictures; None while there are none. lock: as for `upload`."""
    uploaded = st.file_uploader(
        f"{label}: PNG or JPEG files, or a ZIP of them, up to 200 MB each",
        type=["png", "jpg", "jpeg", "zip", "csv"],
        accept_multiple_files=True,
        key=f"{key}-pictures",
        **lock,
    )
    if not uploaded:
        st.caption(
            "Labels come from the folders inside a ZIP (cats/1.png is a cat), or from a CSV among the files with a "
            "column of file names. Pictures without a label become the review queue. They are stored as they are "
            "read; until you create the project, no item refers to them."
        )
        return None
    digest = hashlib.sha256("/".join(file.file_id for file in uploaded).encode()).hexdigest()[:16]
    kept = st.session_state.get("album")
    if kept is None or kept[0] != digest:
        kept = st.session_state["album"] = (digest, _read(uploaded))
    frame = kept[1]
    for note in frame.attrs["notes"]:
        st.caption(f":material/info: {plain(note)}")
    _show(frame)
    return next((file.name for file in uploaded if file.name.lower().endswith(".zip")), "images"), frame, digest


def seen_size(column: Column, digest: str) -> Column:
    """The column with the size in which models see its pictures."""
    height, width = column.shape[:2]
    left, right = st.columns([3, 2])
    sides = sorted({*SIDES, height}) if height == width else [(height, width), *SIDES]
    side = left.select_slider(
        f"Models see {column.name} in a size of",
        sides,
        value=height if height == width else (height, width),
        format_func=lambda each: f"{each[0]} x {each[1]}" if isinstance(each, tuple) else f"{each} x {each}",
        key=f"side-{digest}-{column.name}",
        help="In pixels. Smaller is quicker and often as good; people always see the picture itself.",
    )
    colour = right.toggle(
        "in colour",
        len(column.shape) == 3,
        key=f"colour-{digest}-{column.name}",
        help="Three numbers a pixel, not one.",
    )
    shape = side if isinstance(side, tuple) else (side, side)
    return replace(column, shape=(*shape, 3) if colour else shape)


def _read(uploaded: Sequence[Any]) -> Any:
    bar = st.progress(0.0, "Reading the pictures")
    try:
        files = tables.gathered([(file.name, file.getvalue) for file in uploaded])
        return tables.read_album(files, store().shelf, "The upload", bar.progress)
    except FeedbackError:
        st.session_state.pop("album", None)
        raise
    finally:
        bar.empty()


def _show(frame: Any) -> None:
    """The first pictures as a reviewer will meet them."""
    cells = [column for column in frame.columns if any(map(_is_picture, frame[column].head(SHOWN)))]
    st.caption(f"{counted(len(frame), 'picture')}. The first ones:")
    first = frame.head(SHOWN).copy()
    for column in cells:
        first[column] = [photo(cell, ROW_SIDE) if is_reference(cell) else None for cell in first[column]]
    config = {column: st.column_config.ImageColumn(column, width="small") for column in cells}
    st.dataframe(first, hide_index=True, height=260, row_height=56, column_config=config, alt="The first pictures")


def _is_picture(cell: Any) -> bool:
    return is_reference(cell) or why_refused(cell) is not None
