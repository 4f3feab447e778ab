"""Insights of a project whose rows bear several labels: how right the sets are, and each label by itself."""

import streamlit as st

from feedback_core import charts, headlines, version_scores
from feedback_core.charts.mistakes import MOST_BARS
from feedback_core.loop import Loop
from feedback_core.scope import Scope
from feedback_core.types import Version
from feedback_core.wording import LABEL_SCORES
from pages._insights import address
from pages._insights.mistakes import NAMES, UNMEASURED, show_calibration
from pages._insights.panel import panel, to_predictions
from pages._insights.progress import PERCENT, show_score

MOST_WAYS = 3
SHARES = tuple(f"{name}{end}" for name in ("recall", "precision") for end in ("", " low", " high"))


def show_scores(version: Version) -> None:
    """How right a version is label by label, on the sample with the most rows."""
    sample = max(NAMES, key=lambda name: version.metrics.get(name, {}).get("hamming_loss", {}).get("n", 0))
    scores = version.metrics.get(sample, {})
    with st.container(horizontal=True, gap="large"):
        for name, (title, help_text) in LABEL_SCORES.items():
            if (score := scores.get(name)) and score.get("value") is not None:
                show_score(f"{title} · {NAMES[sample]} when judged", score, help_text)
    st.caption("Accuracy is the exact match here: a row is right when all its labels are, and no other is said.")


def show_mistakes(loop: Loop, version: Version, before: Version | None, scope: Scope) -> None:
    """Recall and precision of each label, with the way to the open items that it is said of."""
    address.choose_sample(scope, version.metrics.get("audit", {}).get("accuracy", {}).get("n", 0))
    rows = version_scores.by_label(version, scope.sample, before)
    if not version.metrics.get(scope.sample, {}).get("accuracy", {}).get("n"):
        st.info(
            f"v{version.number} has not been measured on the {NAMES[scope.sample]}: {UNMEASURED[scope.sample]}",
            icon=":material/insights:",
        )
        return
    lowest = sorted(rows["label"], key=dict(zip(rows["label"], (f1 or 0.0 for f1 in rows["f1"]), strict=True)).get)
    compared = before is not None and any(f1 is not None for f1 in rows["before"])
    some = f" The {MOST_BARS} labels with the lowest F1 are drawn." if len(rows["label"]) > MOST_BARS else ""
    panel(
        headlines.by_label(rows),
        "insights_labels",
        charts.by_label(rows),
        rows,
        "Lines are 95 % intervals (Wilson); n: rows that bear the label. F1 is the harmonic mean of the two shares; "
        f"all numbers are below.{f' Column before: the F1 of v{before.number}.' if compared and before else ''}{some}",
        [
            to_predictions(f"Open items predicted with {label}", loop.project.id, predicted=label)
            for label in lowest[:MOST_WAYS]
        ],
        dict.fromkeys(SHARES, PERCENT) | dict.fromkeys(("f1", "before"), st.column_config.NumberColumn(format="%.2f")),
    )
    show_calibration(version, scope)
