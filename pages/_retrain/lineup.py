"""The line-up: other models trained on the same rows, compared with the champion and with each other."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from feedback_core import lineup, models
from feedback_core.lineup import LineUp
from feedback_core.loop import Loop
from feedback_core.types import GateReport, Version
from feedback_core.wording import difference
from pages._people import acting, locked
from pages._shared import counted, plain, told

HELP = {
    "Holdout": "On the locked base rows, with its 95 % interval.",
    "Against the champion": "Paired, on all locked rows, with its 95 % interval. The best of several looks a little "
    "too good; the verdict allows for that, because each look is counted.",
    "To train": "CPU seconds to read the rows, to train and to save.",
    "To predict": "CPU milliseconds for 1,000 rows.",
    "File": "Size of the model file.",
}

WIDTHS = {
    "Version": 60,
    "Model": 135,
    "Holdout": 155,
    "Against the champion": 155,
    "Verdict": 170,
    "To train": 70,
    "To predict": 85,
    "File": 70,
}
"""Pixels: together as wide as the page is at 1,400. Decisions come behind once there are any."""


def show_lineup(loop: Loop, decide: Callable[[GateReport, Version], None], above: int | None) -> None:
    """What can be tried, the last line-up, and the decision about it. above: version shown for decision already."""
    standing = lineup.newest(loop)
    open_ = bool(standing.live) or any(each.is_undecided for each in standing.contenders)
    # Tracked: what stands above comes and goes with jobs and verdicts, and a fold that moves is closed.
    fold = {"key": f"lineup_open-{loop.project.id}", "on_change": "rerun"}
    with st.expander("Try other models", icon=":material/leaderboard:", expanded=open_, **fold):
        _ask(loop, standing)
        if standing.contenders:
            _table(standing)
            _decide(standing, decide, above)
        for name, why in standing.failed.items():
            st.caption(f":material/error: {plain(models.title(name))}: {plain(why)}")


def _ask(loop: Loop, standing: LineUp) -> None:
    champion = loop.store.versions.champion(loop.project.id)
    if champion is None:
        st.caption("Train the first version before: other models are compared with it.")
        return
    offered = [name for name in models.choices(loop.project.task, loop.project.schema) if models.available(name)]
    chosen = st.multiselect(
        "Models", [name for name in offered if name != champion.estimator], format_func=models.title, key="lineup",
        max_selections=lineup.MOST, placeholder="Choose models to train on the same rows",
    )  # fmt: skip
    left = lineup.looks_left(loop)
    caption = f"Train and compare {counted(len(chosen), 'model')}" if chosen else "Train and compare"
    st.button(
        caption, icon=":material/leaderboard:", key="lineup_train", on_click=_request, args=(loop, chosen),
        **locked("retrain", loop, disabled=not chosen or bool(standing.live), help="The champion serves meanwhile."),
    )  # fmt: skip
    st.caption(
        f"Each model costs one look at the locked rows: a proof is budgeted for {counted(left, 'more look')}. Models "
        "are trained with their usual parameters."
    )


def _request(loop: Loop, chosen: list[str]) -> None:
    with told(f"The worker trains {counted(len(chosen), 'model')}; each appears here when it is judged."):
        lineup.request(loop, chosen, acting("retrain", loop))


def _table(standing: LineUp) -> None:
    rows = lineup.table(standing)
    decided = any(row["decision"] for row in rows)
    formats = {"To train": "%.1f s", "To predict": "%.1f ms", "File": "bytes"}
    column = st.column_config
    st.dataframe(
        [_row(row, each.holdout, decided) for row, each in zip(rows, standing.contenders, strict=True)],
        hide_index=True,
        alt="The last line-up, the most accurate model first",
        column_config={
            name: column.NumberColumn(help=HELP[name], width=width, format=formats[name])
            if name in formats
            else column.TextColumn(help=HELP.get(name), width=width)
            for name, width in WIDTHS.items()
        },
    )
    st.caption(_basis(rows[0]))


def _basis(row: dict[str, Any]) -> str:
    """How many rows all lines rest on, and the unit of the differences: once, as it is the same for all."""
    locked, own = ((row[name] or {}).get("n", 0) for name in ("difference", "score"))
    return f"Holdout: n = {own:,}. Against the champion: in {plain(row['unit'])}, on {counted(locked, 'locked row')}."


def _row(row: dict[str, Any], holdout: str, decided: bool) -> dict[str, Any]:
    shown = {
        "Version": f"v{row['version']}",
        "Model": row["model"],
        "Holdout": _without_n(holdout),
        "Against the champion": _without_n(difference(row["difference"], row["unit"]).replace(f" {row['unit']}", "")),
        "Verdict": row["finding"],
        "To train": row["train_s"],
        "To predict": row["predict_ms"],
        "File": row["size"],
    }
    return shown | ({"Decision": row["decision"] or "open"} if decided else {})


def _without_n(text: str) -> str:
    """An estimate without its n, which stands below the table."""
    said, found, _ = text.partition(", n = ")
    return f"{said})" if found else said


def _decide(standing: LineUp, decide: Callable[[GateReport, Version], None], above: int | None) -> None:
    waiting = {each.version.id: each for each in standing.contenders if each.is_undecided and each.version.id != above}
    if not waiting:
        return
    chosen = st.selectbox(
        "Decide about",
        list(waiting),
        format_func=lambda n: f"Version {waiting[n].version.number}, {models.title(waiting[n].version.estimator)}",
        key="lineup_decide",
    )
    decide(waiting[chosen].report, waiting[chosen].version)
