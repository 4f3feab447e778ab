"""What people said, what asking them found, and how far the suggestion swayed them."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from feedback_core import charts, headlines, insights, queue_audit, studies, tasks
from feedback_core.loop import Loop
from feedback_core.scope import Scope
from pages._insights.outlook import ask_again, study_missing, study_state
from pages._insights.panel import Way, footer, panel
from pages._shared import counted, plain, spread

PEOPLE = {
    "reviewer": "Reviewer",
    "decided": st.column_config.NumberColumn("Labels given", help="Standing confirmations and corrections"),
    "skipped": st.column_config.NumberColumn("Skipped"),
    "known": st.column_config.TextColumn(
        "Right on known answers",
        help="Base items put to the reviewer blind, with the 95 % interval (Wilson). Their share of draws is a setting "
        "of the project, 0 at first.",
    ),
    "corrected": st.column_config.ProgressColumn(
        "Contradicted the model", format="%.0f %%", min_value=0, max_value=100,
        help="Share of labels unlike the prediction. The queue seeks hard items, so this is no error rate.",
    ),
}  # fmt: skip


def show(loop: Loop, scope: Scope) -> None:
    """Volume, reviewers, the queue's account of itself."""
    volume = insights.feedback_volume(loop.store, loop.project, scope.period)
    if not volume:
        st.info(f"Nobody decided anything: {scope.period.words}.", icon=":material/rate_review:")
        st.page_link("review.py", label="Review items", icon=":material/rate_review:")
        return
    panel(
        headlines.volume(volume, scope.period.words),
        "insights_volume",
        charts.volume(insights.by_week(volume)),
        volume,
        "Entries on the day they were given, with those that were taken back later; taking back is a bar of its own.",
        [
            Way("Look at entries again", "feedback", icon=":material/fact_check:"),
            Way("Review more", "review", icon=":material/rate_review:"),
        ],
    )
    if "studies" in tasks.of(loop.project).offers:
        _credit(loop)
    if people := insights.reviewers(loop.store, loop.project, scope.period):
        _reviewers(people)
    story = insights.queue(loop.store, loop.project, scope.period)
    if story.strategies:
        found = insights.findings_table(story)
        panel(
            queue_title(story),
            "insights_queue",
            charts.findings(found),
            found,
            f"The last {counted(story.decisions, 'decision')}; bars are 95 % intervals. “random” are the audit draws, "
            "which reach every open item alike. Below the strategies stand the parts of the priority: a decision "
            "counts for each part with the part's share of its priority, and for at most two minutes.",
        )
        if loop.project.labels:  # two numbers are hardly ever equal, swayed or not
            pull_panel(story.pull, loop.project.settings.blind_share)


def _credit(loop: Loop) -> None:
    view = studies.credit_view(loop.store, loop.project)
    if not view.table:
        study_missing(loop, "credit", "Which feedback did the gain come from?", view.empty or view.sentence)
        return
    state = study_state(view.version, view.created_at, view.outdated)
    panel(
        view.sentence.removesuffix("."),
        "insights_credit",
        charts.credit(view.table),
        view.table,
        " ".join(plain(text) for text in (*view.findings, *view.notes, "Grey: not distinguishable from zero.", state)),
    )
    ask_again(loop, "credit", view.outdated)


def _reviewers(people: Mapping[str, Any]) -> None:
    with st.container(border=True):
        title = headlines.reviewers(people)
        st.subheader(plain(title))
        known = [None if share is None else f"{spread(share)}, n = {share.n}" for share in people["known"]]
        st.dataframe(
            people | {"known": known}, hide_index=True, alt="Standing entries per reviewer", column_config=PEOPLE
        )
        footer(title, "insights_reviewers", people, numbers=False)


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


def pull_panel(pull: queue_audit.Pull | None, blind_share: float) -> None:
    """How far a shown prediction sways reviewers."""
    with st.container(border=True):
        st.subheader("Does the shown prediction sway reviewers?")
        if pull is None:
            st.caption(
                f"Not known yet: {blind_share:.0%} of the draws by priority hide the prediction, by chance, and both "
                "kinds need answers. The share is a setting of the project."
            )
            return
        help_text = "Answers equal to the model's prediction, draws by priority only. The interval is 95 % (Wilson)."
        with st.container(horizontal=True, gap="large"):
            for title, share in (("Agreed, prediction shown", pull.shown), ("Agreed, prediction hidden", pull.blind)):
                span = f"{share.low:.0%} to {share.high:.0%}, n = {share.n:,}"
                st.metric(title, f"{share.value:.0%}", span, "off", delta_arrow="off", help=help_text, width="content")
            low, high = 100 * pull.difference.low, 100 * pull.difference.high
            st.metric(
                "Pull",
                f"{100 * pull.difference.value:+.1f} points",
                f"{low:+.1f} to {high:+.1f}",
                "off",
                delta_arrow="off",
                width="content",
                help="Shown minus hidden: the share of answers that the suggestion turns towards the model. Chance "
                "decides which draws are hidden, so both are equally hard. 95 % interval: Newcombe (1998).",
            )
        st.caption("The suggestion does sway." if low > 0 else "A pull is not proven.")
