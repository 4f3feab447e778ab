"""The groups themselves: how good they are, where they lie, what is in each, and what people want changed."""

from collections.abc import Mapping, Sequence

import streamlit as st

from feedback_core import charts
from feedback_core.clustering import feedback, views
from feedback_core.clustering.feedback import LONGEST_NAME, ClusterSaid
from feedback_core.clustering.standing import Said
from feedback_core.loop import Loop
from feedback_core.types import Cluster, Clustering, Item
from pages._people import acting, locked, reviewer
from pages._shared import cell_text, counted, plain, preview, thumbnail, title_of, told

COLUMNS = 3
SHOWN, TYPICAL, ODD = 12, 4, 2
"""Groups shown before one asks for more; items of each."""

LEAST_PAIRS = 10
"""Fewer pairs drawn by chance say nothing: the interval goes from worse than chance to perfect."""

NARROW = 5
"""Columns that fit into a card as a table."""

CARD_WIDTH = 268
"""Pixels of a table in a card, where the page is 1,400 wide."""

WIDE = 60
"""Letters of a group's name in a list."""


def headline(found: views.Standing) -> None:
    """How good the groups in use are: each figure with its interval and n."""
    made = found.champion
    assert made is not None  # the page has stopped before, where there is none
    with st.container(horizontal=True, gap="large"):
        _figure(
            "Agreement with people", found.rand, "pairs drawn by chance",
            "Adjusted Rand index on pairs drawn by chance and answered by people, which no groups were made from: "
            "1 = as people say, 0 = as chance would.", least=LEAST_PAIRS,
        )  # fmt: skip
        _figure(
            "Answers kept", made.metrics["satisfaction"], "answers", "Share of the answered pairs that come out as "
            "people say, each judged by groups that were made without it.", share=True,
        )  # fmt: skip
        _figure(
            "Stability", made.metrics["stability"], "repeats", "How alike the groups are when they are made again from "
            "other samples of the same items (adjusted Rand index): 1 = the same each time.",
        )  # fmt: skip
    method = {"k-means": "by likeness alone (k-means)", "PCKMeans": "heeding the answers (PCKMeans)"}.get(
        made.method, "heeding the answers, which also say what counts as alike (RCA + PCKMeans)"
    )
    st.caption(f"Version {made.number}: {counted(made.k, 'group')} of {counted(made.items, 'item')}, {method}.")


def _figure(
    title: str, score: Mapping[str, float | None], of: str, help: str, share: bool = False, least: int = 0
) -> None:
    value, n = score.get("value"), score.get("n") or 0
    few = value is None or n < least

    def said(number: float | None) -> str:
        return f"{100 * (number or 0):.0f} %" if share else f"{number or 0:.2f}"

    with st.container(width="content"):
        st.metric(title, "—" if few else said(value), help=help, width="content")
        too_few = f"{n} {of}: {least} are the least" if n else f"no {of} yet"
        st.caption(too_few if few else f"{said(score['low'])} to {said(score['high'])}, {n:,} {of}")


def contradictions(loop: Loop, said: Said) -> None:
    """Answers that cannot all be right, and pairs on which people disagree."""
    if not said.contradictions and not said.disputed:
        return
    ids = {n for each in said.contradictions[:SHOWN] for n in each.chain} | {
        n for p in said.disputed[:SHOWN] for n in p
    }
    items = {item.id: item for item in loop.store.items.many(sorted(ids), loop.project.id)}
    total = len(said.contradictions) + len(said.disputed)
    title = "1 answer is left aside: it contradicts others"
    if total > 1:
        title = f"{total:,} answers are left aside: they contradict others"
    with st.expander(title, icon=":material/rule:"):
        for each in said.contradictions[:SHOWN]:
            one, other = (_title(items, n) for n in each.apart)
            chain = " — ".join(_title(items, n) for n in each.chain)
            st.markdown(f"{one} and {other} are said to be apart, but others hold them together: {chain}.")
        for pair in said.disputed[:SHOWN]:
            st.markdown(f"As many people say together as apart: {_title(items, pair[0])} and {_title(items, pair[1])}.")
        st.caption("Take back the answer that is wrong, under “Same group?”. Until then none of these counts.")


def _title(items: Mapping[int, Item], item_id: int) -> str:
    return f"**{plain(title_of(items[item_id]))}**" if item_id in items else f"item {item_id}"


def waiting(loop: Loop, found: views.Standing) -> None:
    """Merges, splits and names that people have asked for, each with its way back."""
    assert found.champion is not None
    entries = views.waiting(loop, found.champion)
    if not entries:
        return
    names = {cluster.number: cluster.name for cluster in found.clusters}
    changes = sum(entry.kind != "rename" for entry in entries)
    title = f"{changes:,} changes wait for new groups" if changes > 1 else "1 change waits for new groups"
    with st.expander(title if changes else "Names given", expanded=bool(changes), icon=":material/schedule:"):
        for entry in entries:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"{plain(views.said_of(entry, names))} · {plain(entry.reviewer)}", width="stretch")
                own = "group" if entry.reviewer == reviewer() else "undo others"
                st.button(
                    "Take back", key=f"unsay-{entry.id}", on_click=take_back, args=(loop, entry.id, own),
                    **locked(own, loop),
                )  # fmt: skip


def take_back(loop: Loop, entry_id: int, action: str) -> None:
    """Undo an entry; somebody else's takes another role."""
    with told("Taken back."):
        by = acting(action, loop)
        entry = loop.store.cluster_feedback.get(loop.project.id, entry_id)
        if entry.reviewer != by:
            acting("undo others", loop)
        feedback.undo(loop, entry_id, by)


def choice(loop: Loop, found: views.Standing) -> views.Standing:
    """The groups to look at: those in use, or the new ones before anybody decides about them."""
    if found.candidate is None:
        return found
    new = st.segmented_control(
        "Groups to look at", (False, True), default=False, required=True, key=f"look-at-{found.candidate.id}",
        format_func=lambda new: "New groups" if new else "Groups in use",
    )  # fmt: skip
    return views.previewed(loop, found) if new else found


def chart(loop: Loop, found: views.Standing) -> None:
    """Where a sample of the items lies, coloured by group."""
    assert found.champion is not None
    drawn = loop.store.clusterings.map_of(found.champion.id)
    if drawn is None:
        return
    names = {cluster.number: cluster.name for cluster in found.clusters}
    outlines = loop.store.items.outlines(drawn.ids.tolist())
    group = [f"{names[number]}" for number in drawn.clusters.tolist()]
    columns = {
        "x": drawn.points[:, 0].round(3).tolist(),
        "y": drawn.points[:, 1].round(3).tolist(),
        "id": drawn.ids.tolist(),
        "hover": [
            f"<b>{charts.short(outlines[n].key)}</b><br>{charts.short(name)}" if n in outlines else charts.short(name)
            for n, name in zip(drawn.ids.tolist(), group, strict=True)
        ],
        "group": group,
    }
    ordered = [cluster.name for cluster in sorted(found.clusters, key=lambda each: -each.size)]
    figure = charts.pool_map(columns, list(dict.fromkeys(ordered)))
    figure.update_layout(height=460, dragmode="pan")
    st.plotly_chart(
        figure, key=f"groups-{found.champion.id}", config={"displaylogo": False, "scrollZoom": True},
        alt=f"Map of {len(drawn.ids):,} items, coloured by group",
    )  # fmt: skip
    sampled = f"{len(drawn.ids):,} of {found.champion.items:,} items, a uniform random sample; near means alike."
    st.caption("Every item; near means alike." if len(drawn.ids) >= found.champion.items else sampled)


def cards(loop: Loop, found: views.Standing) -> None:
    """A card a group, the largest first."""
    ordered = sorted(found.clusters, key=lambda each: (-each.size, each.number))
    shown = ordered if st.session_state.get("all_groups") else ordered[:SHOWN]
    ids = [n for each in shown for n in (*each.representatives[:TYPICAL], *each.odd[:ODD])]
    items = {item.id: item for item in loop.store.items.many(ids, loop.project.id)}
    assert found.champion is not None
    abreast = min(COLUMNS, max(2, len(shown)))  # two groups share the width, and their tables are whole
    for start in range(0, len(shown), abreast):
        for column, cluster in zip(st.columns(abreast), shown[start : start + abreast], strict=False):
            with column, st.container(border=True):
                _card(loop, found.champion, cluster, ordered, items)
    if len(shown) < len(ordered):
        st.button(f"Show all {len(ordered)} groups", on_click=_show_all)


def _show_all() -> None:
    st.session_state["all_groups"] = True


def _card(loop: Loop, made: Clustering, cluster: Cluster, others: Sequence[Cluster], items: Mapping[int, Item]) -> None:
    st.subheader(plain(cluster.name), anchor=False)
    merged = ", merged from several" if len(cluster.prototypes) > 1 else ""
    st.caption(f"{counted(cluster.size, 'item')}, {cluster.size / made.items:.0%} of all{merged}")
    _listed(loop, "Typical", [items[n] for n in cluster.representatives[:TYPICAL] if n in items])
    _listed(loop, "Odd ones out", [items[n] for n in cluster.odd[:ODD] if n in items])
    if made.status != "champion":
        return  # a name or a merge said of groups that nobody uses would be kept for those in use
    with st.popover("Change", icon=":material/edit:", disabled=locked("group", loop)["disabled"]):
        _changes(loop, made, cluster, others)


def _listed(loop: Loop, title: str, items: Sequence[Item]) -> None:
    st.markdown(f"**{title}**")
    pictures = [thumbnail(loop.project, item) for item in items]
    if any(pictures):
        st.image([picture for picture in pictures if picture], width=48)
    if compact(loop):
        columns = loop.project.schema.columns
        values = [
            {c.name: cell_text(value, c) for c, value in zip(columns, item.values, strict=True)} for item in items
        ]
        # Equal shares of the card; a name that is cut off is whole when it is pointed at.
        config = {c.name: st.column_config.Column(width=CARD_WIDTH // len(columns), help=c.name) for c in columns}
        st.dataframe(values, hide_index=True, height="content", alt=f"{title} items of the group", column_config=config)
        return
    for item in items:
        if text := preview(loop.project, item):
            st.caption(plain(text))


def compact(loop: Loop) -> bool:
    """Whether items are a few numbers and categories, which a table shows best."""
    columns = loop.project.schema.columns
    return len(columns) <= NARROW and all(column.kind in ("number", "category", "timestamp") for column in columns)


def _changes(loop: Loop, made: Clustering, cluster: Cluster, others: Sequence[Cluster]) -> None:
    key = f"{made.id}-{cluster.number}"
    lock = locked("group", loop)
    name = st.text_input("Name", cluster.name, key=f"name-group-{key}-{cluster.name}", max_chars=LONGEST_NAME)
    renamed = ClusterSaid("rename", "", clusters=(cluster.number,), name=name)
    st.button("Rename", key=f"rename-group-{key}", on_click=_say, args=(loop, renamed, "Renamed."), **lock)
    rest = {each.number: each for each in others if each.number != cluster.number}
    other = st.selectbox(
        "Merge with", list(rest), format_func=lambda number: rest[number].name[:WIDE], key=f"merge-with-{key}"
    )
    if other is not None:
        merged = ClusterSaid("merge", "", clusters=(cluster.number, other))
        said = "Noted: they become one when new groups are made."
        st.button("Merge", key=f"merge-group-{key}", on_click=_say, args=(loop, merged, said), **lock)
    split = ClusterSaid("split", "", clusters=(cluster.number,))
    said = "Noted: it becomes two when new groups are made."
    st.button("Split in two", key=f"split-group-{key}", on_click=_say, args=(loop, split, said), **lock)


def _say(loop: Loop, word: ClusterSaid, done: str) -> None:
    with told(done):
        by = acting("group", loop)
        feedback.record(loop, ClusterSaid(word.kind, by, clusters=word.clusters, name=word.name))
