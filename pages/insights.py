"""Insights: what the feedback did."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from feedback_core import charts, insights
from pages._shared import open_loop, show_message

loop = open_loop()
st.title("Insights")
show_message()


def panel(title: str, key: str, figure: Any, table: Mapping[str, Any], note: str) -> None:
    """A chart under a title that states the finding, with its numbers behind it."""
    with st.container(border=True):
        st.subheader(title)
        st.plotly_chart(figure, key=key, alt=title)
        st.caption(note)
        with st.expander("Numbers"):
            st.dataframe(table, hide_index=True, alt=f"Numbers behind: {title}")


def accuracy_title(rows: Mapping[str, Any]) -> str:
    """The champion's standing in one sentence."""
    holdout = [n for n, sample in enumerate(rows["sample"]) if sample == "holdout"]
    champion = next((n for n in holdout if rows["status"][n] == "champion"), None)
    if champion is None:
        return "Accuracy across versions"
    gain = 100 * (rows["accuracy"][champion] - rows["accuracy"][holdout[0]])
    since = "" if champion == holdout[0] else f", {gain:+.1f} points since v{rows['version'][holdout[0]]}"
    return f"v{rows['version'][champion]} gets {rows['accuracy'][champion]:.1%} of the holdout right{since}"


history = insights.accuracy_history(loop.store, loop.project)
volume = insights.feedback_volume(loop.store, loop.project)
queue = insights.priorities(loop.store, loop.project)
people = insights.reviewers(loop.store, loop.project)
if not history and not volume:
    st.info("Charts appear with the first version and the first decision.", icon=":material/insights:")
    st.page_link("review.py", label="Review items", icon=":material/rate_review:")
    st.stop()
if history:
    panel(
        accuracy_title(history),
        "insights_accuracy",
        charts.accuracy(history),
        history,
        "Bars are 95 % Wilson intervals. Filled: was or is champion; hollow: refused or undecided. A version that won "
        "a comparison looks a little better here than it is, because it was chosen on these rows.",
    )
if volume:
    said = dict.fromkeys(charts.VERDICT_NAMES, 0)
    for verdict, n in zip(volume["verdict"], volume["entries"], strict=True):
        said[verdict] += n
    given = sum(said.values()) - said["undo"]
    panel(
        f"{given:,} entries, {said['correct']:,} of them corrections, {said['undo']:,} taken back",
        "insights_volume",
        charts.volume(volume),
        volume,
        "Entries on the day they were given, with those that were taken back later; taking back is a bar of its own.",
    )
if queue:
    panel(
        f"{sum(queue['count']):,.0f} open items, ranked by what their label would teach the model",
        "insights_priorities",
        charts.priorities(queue),
        queue,
        "As the champion ranked them when it last scored the queue. Colours: what the priority is made of.",
    )
if people:
    with st.container(border=True):
        st.subheader("Reviewers")
        st.dataframe(
            people,
            hide_index=True,
            alt="Standing entries per reviewer",
            column_config={
                "reviewer": "Reviewer",
                "decided": st.column_config.NumberColumn("Labels given", help="Standing confirmations and corrections"),
                "skipped": st.column_config.NumberColumn("Skipped"),
                "corrected": st.column_config.ProgressColumn(
                    "Contradicted the model", format="%.0f %%", min_value=0, max_value=100,
                    help="Share of labels unlike the prediction. The queue seeks hard items, so this is no error rate.",
                ),
            },
        )  # fmt: skip
