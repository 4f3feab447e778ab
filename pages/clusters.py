"""Groups: the items that are alike, what people say about them, and whether that made the groups better."""

import streamlit as st

from feedback_core.clustering import deciding, views
from feedback_core.clustering.making import MOST_GROUPS
from feedback_core.loop import Loop
from pages import _jobs
from pages._clusters import answers, groups, pairs, verdict, versions
from pages._people import acting, locked, may, reviewer
from pages._shared import PAGES, counted, open_loop, plain, show_message, told

PARTS = ("Groups", "Same group?", "Versions")


def ask(loop: Loop, found: views.Standing) -> None:
    """How many groups, and the button that makes them."""
    k = 0 if found.champion is None else len(found.clusters)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wished = st.number_input(
            "Groups wished", 0, MOST_GROUPS, k, width=140, key=f"wished-{loop.project.id}-{k}",
            help="0 proposes a number, by how clearly the groups lie apart. Another number than now begins afresh, "
            "without the merges and splits.",
        )  # fmt: skip
        lock = locked("recluster", loop, disabled=wished == 1)
        first = found.champion is None
        if st.button("Make the groups" if first else "Make new groups", type="primary", key="recluster", **lock):
            with told():
                same = found.champion is not None and wished == k
                deciding.request(loop, acting("recluster", loop), None if same or not wished else int(wished))
            st.rerun()
        if found.champion is not None:
            st.caption(news(found))


def news(found: views.Standing) -> str:
    """What new groups would heed that those in use have not."""
    parts = [counted(found.answered, "new answer")] if found.answered else []
    parts += [counted(found.newcomers, "new item")] if found.newcomers else []
    return f"{' and '.join(parts)} since these groups were made." if parts else "Nothing new since these were made."


loop = open_loop(learns=False)
st.title("Groups")
show_message()
found = views.standing(loop)
live = [job for job in loop.store.jobs.live(loop.project.id) if job.kind == "recluster"]
if live:
    _jobs.follow(loop, loop.store.jobs.live(loop.project.id))
else:
    failed = next(iter(loop.store.jobs.latest(loop.project.id, 1)), None)
    if failed is not None and failed.kind == "recluster" and failed.state == "failed":
        st.error(plain(failed.error or ""), title="No groups were made")
if found.champion is None:
    items = views.held(loop)
    st.info(
        f"{counted(items, 'item')} can be grouped: items that are alike come together, and you say where that is wrong."
        if items
        else "There are no items to group yet: add rows on Setup. They need no labels.",
        title="There are no groups yet",
        icon=":material/workspaces:",
    )
    if items:
        ask(loop, found)
    else:
        st.page_link(PAGES["setup"], label="Add rows", icon=":material/add:")
    st.stop()
groups.headline(found)
part = st.segmented_control(
    "Part", PARTS, default=PARTS[0], required=True, label_visibility="collapsed", key="clusters_part"
)
if found.candidate is not None and found.report is not None:
    if part == "Groups":
        verdict.show(loop, found.champion, found.candidate, found.report)
    else:  # the deck stays where the eyes are
        st.caption(f":material/gavel: New groups (version {found.candidate.number}) wait for a decision under Groups.")
if part == "Same group?":
    st.caption(
        "Look at both and say whether they belong together. Most pairs lie between two groups; one in ten is drawn by "
        "chance and only measures, so the score is not swayed by what the groups were made from."
    )
    if may("group", loop):
        pairs.show(loop, reviewer())
    else:
        st.info(locked("group", loop)["help"], icon=":material/lock:")
    answers.show(loop)
elif part == "Versions":
    versions.show(loop)
else:
    ask(loop, found)
    groups.contradictions(loop, found.said)
    groups.waiting(loop, found)
    shown = groups.choice(loop, found)
    groups.chart(loop, shown)
    groups.cards(loop, shown)
