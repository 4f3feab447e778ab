"""Insights: what the feedback did."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from feedback_core import charts, insights, queue_audit
from pages._shared import counted, open_loop, show_message, spread

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


def queue_title(story: insights.QueueStory) -> str:
    """What the queue by priority found beside chance, in one sentence."""
    found = {finding.name: finding for finding in story.strategies}
    ranked, random = found.get("priority"), found.get("random")
    if ranked is None or random is None:
        return f"{100 * story.strategies[0].share.value:.0f} corrections per 100 decisions so far"
    return (
        f"The queue finds {100 * ranked.share.value:.0f} corrections per 100 decisions, "
        f"random draws {100 * random.share.value:.0f}"
    )


def pull_panel(pull: queue_audit.Pull | None) -> None:
    """How far a shown prediction sways reviewers."""
    with st.container(border=True):
        st.subheader("Does the shown prediction sway reviewers?")
        if pull is None:
            share = loop.project.settings.blind_share
            st.caption(
                f"Not known yet: {share:.0%} of the draws by priority hide the prediction, by chance, and both kinds "
                "need answers. The share is a setting of the project."
            )
            return
        shown, blind, sway = st.columns(3)
        help_text = "Answers equal to the model's prediction, draws by priority only. The interval is 95 % (Wilson)."
        shown.metric("Agreed, prediction shown", spread(pull.shown), help=help_text)
        blind.metric("Agreed, prediction hidden", spread(pull.blind), help=help_text)
        sway.metric(
            "Pull",
            f"{100 * pull.difference.value:+.1f} points",
            help="Shown minus hidden: the share of answers that the suggestion turns towards the model. Chance decides "
            "which draws are hidden, so both are equally hard. Interval: Newcombe (1998).",
        )
        low, high = 100 * pull.difference.low, 100 * pull.difference.high
        clear = "so the suggestion does sway" if low > 0 else "so a pull is not proven"
        st.caption(f"95 % interval {low:+.1f} to {high:+.1f} points, {clear}.")


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
        history | {"created_at": [datetime.fromtimestamp(at, UTC) for at in history["created_at"]]},
        "Bars are 95 % Wilson intervals. Filled: was or is champion; hollow: refused or undecided. A version that won "
        "a comparison looks a little better here than it is, because it was chosen on these rows. The audit sample "
        "grows: each diamond stands for the rows reviewed by then, so compare versions along the line.",
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
    bars = len(queue["count"])
    panel(
        f"{counted(round(sum(queue['count'])), 'item')} ranked by what the label would teach the model",
        "insights_priorities",
        charts.priorities(queue),
        {"priority from": [n / bars for n in range(bars)], **queue},
        "The items that were open when the champion last scored the queue. Colours: what the priority is made of.",
    )
story = insights.queue(loop.store, loop.project)
if story.strategies:
    found = insights.findings_table(story)
    panel(
        queue_title(story),
        "insights_queue",
        charts.findings(found),
        found,
        f"The last {counted(story.decisions, 'decision')}; bars are 95 % intervals. `random` are the audit draws, "
        "which reach every open item alike. Below the strategies stand the parts of the priority: a decision counts "
        "for each part with the part's share of its priority. A decision counts for at most two minutes.",
    )
    pull_panel(story.pull)
if people:
    with st.container(border=True):
        st.subheader("Reviewers")
        known = [None if share is None else f"{spread(share)}, n = {share.n}" for share in people["known"]]
        st.dataframe(
            people | {"known": known},
            hide_index=True,
            alt="Standing entries per reviewer",
            column_config={
                "reviewer": "Reviewer",
                "decided": st.column_config.NumberColumn("Labels given", help="Standing confirmations and corrections"),
                "skipped": st.column_config.NumberColumn("Skipped"),
                "known": st.column_config.TextColumn(
                    "Right on known answers",
                    help="Base items put to the reviewer blind, with the 95 % interval (Wilson). Their share of draws "
                    "is a setting of the project, 0 at first.",
                ),
                "corrected": st.column_config.ProgressColumn(
                    "Contradicted the model", format="%.0f %%", min_value=0, max_value=100,
                    help="Share of labels unlike the prediction. The queue seeks hard items, so this is no error rate.",
                ),
            },
        )  # fmt: skip
