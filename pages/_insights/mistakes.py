"""Where one version goes wrong, what changed against the champion before, and whether its confidence holds."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from feedback_core import charts, headlines, insights, version_scores
from feedback_core.loop import Loop
from feedback_core.scope import Scope
from feedback_core.types import GateReport, JudgedRow, Version
from pages._insights import address
from pages._insights.panel import follow, panel, to_predictions
from pages._people import stay
from pages._shared import loop_of, plain, preview, store, thumbnail, title_of

MOST_CLASSES = 12
MOST_ROWS = 50
INK = {"light": "#0F1324", "dark": "#E8EAF4"}  # the text colours of .streamlit/config.toml
NAMES = headlines.SAMPLE_NAMES
UNMEASURED = {
    "holdout": "add labelled rows on Setup, a share of them is locked away.",
    "audit": "chance draws its items on Review; versions judged after they are labelled are measured on them.",
}


def show(loop: Loop, version: Version, before: Version | None, report: GateReport | None, scope: Scope) -> None:
    """Confusion and recall side by side, the rows behind a cell, calibration."""
    audited = version.metrics.get("audit", {}).get("accuracy", {}).get("n", 0)
    address.choose_sample(scope, audited)
    measured = version.metrics.get(scope.sample, {}).get("accuracy", {}).get("n", 0)
    if not measured:
        st.info(
            f"v{version.number} has not been measured on the {NAMES[scope.sample]}: {UNMEASURED[scope.sample]}",
            icon=":material/insights:",
        )
        return
    changes = insights.changes(loop.store, report, scope.sample)
    labels = loop.project.labels
    wrong = version_scores.mistakes(version, scope.sample, labels, changes)
    left, right = st.columns([5, 4])
    with left:
        _confusion(version, before, report, scope, wrong, version_scores.matrix(
            version, scope.sample, labels, changes, MOST_CLASSES), measured, len(labels))  # fmt: skip
    with right:
        _recall(loop, version, before, scope)
    if wrong:
        rows_behind(loop.project.id, version, before, scope, wrong)
    show_calibration(version, scope)


def _confusion(
    version: Version,
    before: Version | None,
    report: GateReport | None,
    scope: Scope,
    wrong: Mapping[str, Sequence[Any]],
    cells: Mapping[str, Sequence[Any]],
    measured: int,
    classes: int,
) -> None:
    counts = report.numbers.get("samples", {}).get(scope.sample, {}) if report else {}
    compared = ""
    if before is not None and counts.get("n"):
        compared = headlines.changes(counts["gained"], counts["lost"], version.number, before.number)
        if any(change is not None for change in cells["change"]):
            compared += f". Small numbers: change against v{before.number}, green where it is for the better"
        compared = compared[:1].upper() + compared[1:] + ". "
    some = f"The {MOST_CLASSES} classes with the most mistakes are drawn. " if classes > MOST_CLASSES else ""
    panel(
        headlines.mistakes(wrong, measured, scope.sample),
        "insights_confusion",
        charts.confusion(cells, INK.get(st.context.theme.type or "")),
        wrong or cells,
        f"{compared}{some}{measured:,} rows of the {NAMES[scope.sample]}, as v{version.number} was judged. Click a "
        "cell to see its rows below.",
        columns={"share": st.column_config.NumberColumn("share of the true label", format="percent")},
        on_select=_choose_cell,
        selection_mode="points",
    )


def _choose_cell() -> None:
    """A click on a cell chooses the rows to be shown; a click beside any leaves them."""
    points = st.session_state["insights_confusion"].selection.points
    if points and points[0].get("customdata"):
        truth, said = points[0]["customdata"][:2]
        st.session_state["insights_cell"] = (truth, said)


def _recall(loop: Loop, version: Version, before: Version | None, scope: Scope) -> None:
    rows = version_scores.recall(version, scope.sample, before)
    compared = before is not None and any(share is not None for share in rows["before"])
    worst = min(zip(rows["found"], rows["label"], strict=True))[1]
    panel(
        headlines.recall(rows),
        "insights_recall",
        charts.recall(rows),
        rows,
        "Lines are 95 % intervals (Wilson)."
        + (f" Grey marks: v{before.number}, on as many rows of the class." if compared and before else "")
        + (" The 20 lowest are drawn." if len(rows["label"]) > 20 else ""),
        [to_predictions(f"Open items predicted {worst}", loop.project.id, predicted=worst)],
        {name: st.column_config.NumberColumn(format="percent") for name in ("found", "low", "high", "before")},
    )


@st.fragment
def rows_behind(
    project_id: int, version: Version, before: Version | None, scope: Scope, wrong: Mapping[str, Sequence[Any]]
) -> None:
    """The rows of one cell; runs alone when another one is chosen."""
    project = store().projects.get(project_id)
    stay("see", project)
    loop = loop_of(project)
    pairs = list(zip(wrong["truth"], wrong["said"], strict=True))
    counts = dict(zip(pairs, wrong["rows"], strict=True))
    chosen = st.session_state.get("insights_cell")
    if chosen is not None and chosen not in counts and chosen[0] in loop.project.labels:
        pairs.insert(0, chosen)
    st.session_state["insights_cell"] = chosen if chosen in pairs else pairs[0]
    with st.container(border=True):
        st.subheader("The rows behind a number")
        truth, said = st.selectbox(
            "Cell", pairs, key="insights_cell",
            format_func=lambda pair: f"{pair[0]} predicted as {pair[1]}"
            + (f" ({counts[pair]:,})" if pair in counts else ""),
        )  # fmt: skip
        rows = loop.store.judged.of(
            project_id, version.id, audit=scope.sample == "audit", truth=truth, said=said,
            before=before.id if before else None, limit=MOST_ROWS,
        )  # fmt: skip
        _rows_table(loop, rows, truth, said, before)
        with st.container(horizontal=True):
            follow(to_predictions(f"Open items predicted {said}", project_id, predicted=said), "insights_open")
            follow(
                to_predictions(f"Reviewed items wrongly predicted {said}", project_id, predicted=said, marks=["wrong"]),
                "insights_wrong",
            )


def _rows_table(loop: Loop, rows: Sequence[JudgedRow], truth: str, said: str, before: Version | None) -> None:
    if not rows:
        st.caption("There is no such row in this sample.")
        return
    items = loop.store.items.many([row.item_id for row in rows])
    images = any(column.kind == "image" for column in loop.project.schema.columns)
    table: dict[str, list[Any]] = {
        "Input": [(thumbnail if images else preview)(loop.project, item) for item in items],
        "Item": [title_of(item) for item in items],
        "True label": [row.truth for row in rows],
        "Predicted": [row.said for row in rows],
        "Confidence": [row.confidence for row in rows],
    }
    if before is not None:
        table[f"v{before.number} said"] = [row.before for row in rows]
    st.dataframe(
        table,
        hide_index=True,
        row_height=56 if images else None,
        alt=f"Rows of {truth} predicted as {said}",
        column_config={
            "Input": st.column_config.ImageColumn() if images else st.column_config.TextColumn(width="large"),
            "Confidence": st.column_config.NumberColumn(format="percent"),
        },
    )
    if len(rows) == MOST_ROWS:
        st.caption(f"The first {MOST_ROWS} of them.")
    st.caption(plain("Locked rows: nobody reviews them and no version learns from them."))


def show_calibration(version: Version, scope: Scope) -> None:
    """Whether the confidence holds; nothing for versions that were judged before it was measured."""
    rows = version_scores.calibration(version, scope.sample)
    if not rows:
        return
    stored = version.metrics[scope.sample]["calibration"]
    panel(
        headlines.calibration(rows, version.number),
        "insights_calibration",
        charts.calibration(rows),
        rows,
        f"Expected calibration error {100 * stored['ece']:.1f} points on {stored['n']:,} rows of the "
        f"{NAMES[scope.sample]}; a perfectly calibrated model would show about "
        f"{100 * stored['ece_if_calibrated']:.1f} here by chance. Points below the line: surer than right. Lines are "
        f"95 % intervals (Wilson). {_applied(version)}",
        columns={
            name: st.column_config.NumberColumn(format="percent")
            for name in ("from", "to", "confidence", "accuracy", "low", "high")
        },
    )


def _applied(version: Version) -> str:
    temperature = version_scores.temperature(version)
    if temperature == 1:
        return "Confidences on other pages are shown as the model gives them."
    return f"On all other pages confidences are corrected for this, by a temperature of {temperature:.2f}."
