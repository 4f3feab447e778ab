"""Insights of a project that ranks anomalies: what the alarms were worth, and how well the versions rank."""

import streamlit as st

from feedback_core import alarm_views, charts
from feedback_core.loop import Loop
from feedback_core.types import Version
from feedback_core.wording import score
from pages._insights.panel import Way, panel
from pages._shared import plain

SAMPLES = {"holdout": "Holdout (locked base rows)", "audit": "Audit sample (drawn at random, judged blind)"}


def show_scores(loop: Loop, version: Version) -> None:
    """How well a version ranks, and what its alarms were worth, each with interval and n."""
    for sample, title in SAMPLES.items():
        st.caption(f"{title}: {plain(score(version.metrics.get(sample, {})))}")
    if version.status == "champion":
        for sentence in alarm_views.sentences(alarm_views.alarm_yield(loop, version), version.number):
            st.caption(plain(sentence))


def show_progress(loop: Loop, champion: Version | None) -> None:
    """True alarms found, alarm by alarm."""
    found = alarm_views.alarm_yield(loop, champion)
    if not found.found:
        st.info("No alarm has been answered yet: say on Review which are true.", icon=":material/notifications:")
        st.page_link("review.py", label="Answer alarms", icon=":material/rate_review:")
        return
    panel(
        alarm_views.headline(found),
        "insights_alarms",
        charts.alarms_found(found.found, found.chance.value if found.chance.n else None),
        {"answered": list(range(1, len(found.found) + 1)), "true": list(found.found)},
        "Alarms in the order they were answered, of all versions; blind checks, which chance drew, are left out. The "
        "steeper, the more of them were true.",
        [Way("Answer alarms", "review", icon=":material/rate_review:")],
    )
