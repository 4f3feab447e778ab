"""Insights of a project whose target is a number: how far off the versions are, and where."""

from collections.abc import Sequence

import streamlit as st

from feedback_core import charts, headlines, mean_errors, number_views, version_scores
from feedback_core.intervals import plain as as_json
from feedback_core.loop import Loop
from feedback_core.scope import Scope
from feedback_core.types import GateReport, Interval, Version
from feedback_core.wording import amount, off, rounded
from pages._insights import address
from pages._insights.panel import Way, panel
from pages._shared import plain

MEANINGS = {
    "holdout": ("Holdout", "Locked rows of the data the project began with. No version learns from them."),
    "audit": ("Audit sample when judged", "Items drawn at random before the version was judged, labelled blind."),
    "reported": (
        "All items since promotion",
        "Everything it has faced since its promotion: random draws stand for the items nobody has looked at.",
    ),
}


def show_errors(loop: Loop, version: Version) -> None:
    """How far off a version is: every estimate with rows behind it, with interval and n."""
    found, unit = number_views.errors(loop, version), loop.project.settings.unit
    with st.container(horizontal=True, gap="large", vertical_alignment="center"):
        for name, (title, says) in MEANINGS.items():
            score: Interval = getattr(found, name)
            if score.n:
                span = f"{amount(rounded(score.low))} to {amount(rounded(score.high))}, n = {score.n:,}"
                st.metric(
                    title, plain(amount(rounded(score.value), unit)), span, "off", delta_arrow="off", width="content",
                    help=f"Mean absolute error: how far its numbers are from the true ones on average. {says} "
                    "The range is the 95 % interval.",
                )  # fmt: skip
    st.caption(number_views.basis(loop, version.id))


def show_progress(loop: Loop, versions: Sequence[Version], reports: Sequence[GateReport], scope: Scope) -> None:
    """Mean absolute error across the versions of the scope."""
    low, high = scope.versions or (0, max(each.number for each in versions))
    rows = version_scores.errors([each for each in versions if low <= each.number <= high], reports)
    if not rows:
        st.info("None of these versions has been judged on locked rows.", icon=":material/insights:")
        return
    unit = loop.project.settings.unit
    panel(
        _progress_title(rows, unit),
        "insights_errors",
        charts.errors(rows, unit),
        rows,
        "Bars are 95 % intervals. Filled: was or is champion; hollow: refused or undecided. Lower is better. A version "
        "that won a comparison looks a little better here than it is, because it was chosen on these rows.",
        [Way("Compare versions on Retrain", "retrain", icon=":material/model_training:")],
    )


def show_mistakes(loop: Loop, version: Version, scope: Scope) -> None:
    """Predicted beside true numbers, and the error by size."""
    address.choose_sample(scope, version.metrics.get("audit", {}).get("error", {}).get("n", 0))
    rows = mean_errors.known_rows(loop.store, loop.project, version, scope.sample)
    sizes, unit = mean_errors.by_size(rows), loop.project.settings.unit
    if not sizes:
        st.info("Nothing has been measured on these rows yet.", icon=":material/insights:")
        return
    sample = headlines.SAMPLE_NAMES[scope.sample]
    left, right = st.columns(2)
    with left:
        panel(
            f"v{version.number} on {len(rows['truth']):,} rows of the {sample}",
            "insights_predicted",
            charts.predicted_and_true(rows, unit),
            rows,
            "Each point is a row the version has not learned from; on the dashed line its prediction is right.",
        )
    with right:
        panel(
            _size_title(sizes, unit),
            "insights_sizes",
            charts.errors_by_size(sizes, unit),
            sizes,
            "The rows in four groups of equal size by their true number; bars are 95 % intervals.",
        )


def _progress_title(rows: dict, unit: str) -> str:
    holdout = [n for n, sample in enumerate(rows["sample"]) if sample == "holdout"]
    if not holdout:
        return "How far off the versions are"
    n = holdout[-1]
    score = as_json(Interval(*(rows[name][n] for name in ("error", "low", "high", "n"))))
    return f"v{rows['version'][n]} is off by {off(score, unit)} on the holdout"


def _size_title(sizes: dict, unit: str) -> str:
    worst = max(range(len(sizes["error"])), key=lambda n: sizes["error"][n])
    low, high = (amount(rounded(sizes[end][worst], 4)) for end in ("from", "to"))
    return f"Furthest off between {low} and {high}: {amount(rounded(sizes['error'][worst]), unit)} on average"
