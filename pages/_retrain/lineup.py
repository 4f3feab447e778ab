"""The line-up: other models trained on the same rows, compared with the champion and with each other."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from feedback_core import lineup, models
from feedback_core.lineup import LineUp
from feedback_core.loop import Loop
from feedback_core.types import GateReport, Version
from feedback_core.wording import difference, share
from pages._people import acting, locked
from pages._shared import counted, plain, told

HELP = {
    "Accuracy": "On the locked base rows (holdout), with its 95 % interval.",
    "Against the champion": "Paired, on all locked rows, with its 95 % interval. The best of several looks a little "
    "too good; the verdict allows for that, because each look is counted.",
    "To train": "CPU seconds to read the rows, to train and to save.",
    "To predict": "CPU milliseconds for 1,000 rows.",
    "File": "Size of the model file.",
}


def show_lineup(loop: Loop, decide: Callable[[GateReport, Version], None], above: int | None) -> None:
    """What can be tried, the last line-up, and the decision about it. above: version shown for decision already."""
    standing = lineup.newest(loop)
    open_ = bool(standing.live) or any(each.is_undecided for each in standing.contenders)
    with st.expander("Try other models", icon=":material/leaderboard:", expanded=open_):
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
    st.dataframe(
        [_row(row) for row in lineup.table(standing)],
        hide_index=True,
        alt="The last line-up, the most accurate model first",
        column_config={name: st.column_config.Column(help=text) for name, text in HELP.items()}
        | {
            "To train": st.column_config.NumberColumn(help=HELP["To train"], format="%.1f s"),
            "To predict": st.column_config.NumberColumn(help=HELP["To predict"], format="%.1f ms"),
            "File": st.column_config.NumberColumn(help=HELP["File"], format="bytes"),
        },
    )


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "Version": row["version"],
        "Model": row["model"],
        "Accuracy": share(row["score"]),
        "Against the champion": difference(row["difference"], row["unit"]),
        "Verdict": row["finding"],
        "To train": row["train_s"],
        "To predict": row["predict_ms"],
        "File": row["size"],
        "Decision": row["decision"] or "open",
    }


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
