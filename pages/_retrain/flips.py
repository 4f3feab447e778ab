"""The rows that flip between two versions: listed by kind and sample, opened one by one, reviewed again together."""

from collections import Counter
from typing import Any

import streamlit as st

from feedback_core.loop import Loop
from feedback_core.number_views import told
from feedback_core.store.sessions import MOST
from feedback_core.types import Flip, GateReport, Item, Project
from pages import _bulk
from pages._paging import pager, start_of
from pages._predictions import details
from pages._shared import counted, plain, preview, thumbnail, title_of

PAGE_ROWS = 50

KINDS = {"fixed": "Fixed", "broken": "Broken", "moved": "Moved between wrong labels"}
NEARER = {"fixed": "Improved", "broken": "Worsened"}
SAMPLES = {"holdout": "Holdout", "audit": "Audit sample", "corrections": "Earlier corrections"}


def show_flips(loop: Loop, report: GateReport, place: str) -> None:
    """What changed between challenger and champion, row by row; nothing where nothing did.

    place: where on the page, as a report may be shown twice.
    """
    counts, key = loop.store.flips.counts(report.id), f"flips-{place}-{report.id}"
    if not counts:
        return
    kinds, samples = Counter(), Counter()
    for (sample, kind), n in counts.items():
        kinds[kind] += n
        samples[sample] += n
    tolerance = told(loop.project, str(loop.project.settings.tolerance))
    st.caption(
        f"**Rows improved or worsened** by more than the tolerance of {plain(tolerance)}, the most first, on locked "
        "rows and earlier corrections."
        if loop.project.task == "regression"
        else "**Rows that flip** between the champion and this version, on locked rows and earlier corrections."
    )
    with st.container(horizontal=True):
        kind = _choice("Kind", kinds_of(loop.project), kinds, f"{key}-kind")
        sample = _choice("Sample", SAMPLES, samples, f"{key}-sample")
    trail = f"{key}-{kind}-{sample}"
    is_number = loop.project.task == "regression"
    read = loop.store.flips.most if is_number else loop.store.flips.page
    page = read(report.id, kind, sample, after=start_of(trail) or 0, limit=PAGE_ROWS)
    if not page:
        st.caption("No row flips like this.")
        return
    opened = _table(loop, page, trail)
    further = (start_of(trail) or 0) + PAGE_ROWS if is_number else page[-1].item_id
    pager(trail, further if len(page) == PAGE_ROWS else None, key)
    _review_again(loop, report, kind, sample, key)
    if opened is not None:
        details.show(loop, opened)


def kinds_of(project: Project) -> dict[str, str]:
    """What the kinds of flips are called: numbers come nearer to the truth or move away from it."""
    return NEARER if project.task == "regression" else KINDS


def _choice(label: str, names: dict[str, str], found: Counter, key: str) -> Any:
    """One of the names that occur, each with its number; None for all of them."""
    return st.segmented_control(
        label, [name for name in names if found[name]], format_func=lambda name: f"{names[name]} ({found[name]:,})",
        key=key, help="Nothing chosen shows all.",
    )  # fmt: skip


def _table(loop: Loop, page: list[Flip], trail: str) -> Item | None:
    items = {item.id: item for item in loop.store.items.many([flip.item_id for flip in page])}
    rows = [_row(loop, flip, items[flip.item_id]) for flip in page]
    # The key carries the ids: a selection is positional, and must not survive a change of the rows under it.
    chosen = st.dataframe(
        rows,
        key=f"{trail}-{hash(tuple(items))}",
        on_select="rerun",
        selection_mode="single-row",
        hide_index=True,
        height=min(38 + 35 * len(rows), 320),
        alt="Rows on which the two versions differ",
        column_config={"Image": st.column_config.ImageColumn("Image", width="small")},
    )
    picked = chosen.selection.rows
    if not picked or picked[0] >= len(page):
        st.caption("Select a row to open it.")
        return None
    return items[page[picked[0]].item_id]


def _row(loop: Loop, flip: Flip, item: Item) -> dict[str, Any]:
    images = any(column.kind == "image" for column in loop.project.schema.columns)
    return {
        **({"Image": thumbnail(loop.project, item)} if images else {"Input": preview(loop.project, item)}),
        "Change": kinds_of(loop.project)[flip.kind],
        "Sample": SAMPLES[flip.sample],
        "Truth": told(loop.project, flip.truth),
        "Champion said": told(loop.project, flip.before),
        "New version says": told(loop.project, flip.after),
        "Item": title_of(item),
    }


def _review_again(loop: Loop, report: GateReport, kind: Any, sample: Any, key: str) -> None:
    """A review session of those that can be reviewed; locked rows cannot, and the page says why."""
    wanted = [] if sample in ("holdout", "audit") else loop.store.flips.page(report.id, kind, "corrections", limit=MOST)
    if not wanted:
        st.caption("Locked rows are not reviewed again: base rows came with their labels, audit items come by chance.")
        return
    st.caption(
        f"{counted(len(wanted), 'earlier correction')} of them can be reviewed again. Locked rows are left out: base "
        "rows came with their labels, audit items come by chance."
    )
    name = f"{kinds_of(loop.project)[kind] if kind else 'Flipped'} by version judged in report {report.id}"
    _bulk.review(loop, [flip.item_id for flip in wanted], plain(name), key)
