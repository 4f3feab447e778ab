"""What comes first: a slider a strategy, and the order they would give, shown before it is saved."""

from collections.abc import Mapping

import streamlit as st

from feedback_core import reordering, tasks
from feedback_core.errors import FeedbackError
from feedback_core.loop import Loop
from feedback_core.prioritize import DIVERSITY, STRATEGIES
from pages import _jobs
from pages._people import acting, locked, stay
from pages._predictions.table import rows_of
from pages._shared import counted, plain, told

DIVERSITY_HELP = (
    "A varied batch: of the first items, one of each kind in turn. It reorders the top alone. Which kinds are "
    "told apart is partly chance, so the saved order may differ a little from the one shown."
)
STEP = 0.025


def show(loop: Loop) -> None:
    """The expander; nothing in it is computed while it is closed."""
    box = st.expander("What comes first", icon=":material/sort:", key="weights_open", on_change="rerun")
    if not box.open:
        return
    with box:
        if loop.store.versions.champion(loop.project.id) is None:
            st.info("No model has ranked the items yet. Train the first version on Retrain.")
            return
        _choose(loop)


@st.fragment
def _choose(loop: Loop) -> None:
    stay("see", loop)
    saved = _scaled(tasks.weights(loop.project))
    weights = _sliders(loop, saved)
    jobs = [job for job in loop.store.jobs.live(loop.project.id) if job.kind == "predict"]
    changed = {name: weight for name, weight in weights.items() if weight} != saved
    with st.container(horizontal=True):
        lock = locked("settings", loop, disabled=not changed or not any(weights.values()))
        if st.button("Save this order", type="primary", **lock):
            _save(loop, weights)
        default = tasks.of(loop.project).defaults().weights
        st.button("Default", icon=":material/restart_alt:", on_click=_set, args=(loop, default),
                  help="The weights a new project starts with")  # fmt: skip
        st.button("As saved", disabled=not changed, on_click=_set, args=(loop, saved))
        before = reordering.previous_weights(loop)
        lock = locked("settings", loop, disabled=before is None, help=before and "Back to " + _words(before))
        if st.button("Weights before the last change", icon=":material/undo:", **lock):
            _set(loop, before or {}, now=False)
            _save(loop, before or {})
    if jobs:
        _jobs.follow(loop, loop.store.jobs.live(loop.project.id))
    if any(weights.values()):
        _order(loop, weights, " Nothing is saved yet." if changed else " These weights are saved.")
    else:
        st.warning("Give at least one of them a weight above 0.")


def _save(loop: Loop, weights: Mapping[str, float]) -> None:
    with told():
        reordering.save(loop, weights, acting("settings", loop))
    st.rerun()


def _sliders(loop: Loop, saved: Mapping[str, float]) -> dict[str, float]:
    names = [name for name in (*STRATEGIES, DIVERSITY) if name in tasks.of(loop.project).parts]
    helps = {name: STRATEGIES[name].what for name in STRATEGIES} | {DIVERSITY: DIVERSITY_HELP}
    weights = {}
    columns = st.columns(3, gap="large")
    for n, name in enumerate(names):
        key = _key(loop, name)
        st.session_state.setdefault(key, saved.get(name, 0.0))
        weights[name] = columns[n % 3].slider(
            name.replace("_", " ").capitalize(), 0.0, 1.0, step=STEP, key=key, help=helps[name], format="%.2f"
        )
    return weights


def _order(loop: Loop, weights: Mapping[str, float], standing: str) -> None:
    try:
        with st.spinner("Ranking"):
            found = reordering.preview(loop, weights)
    except FeedbackError as error:
        st.warning(plain(str(error)))
        return
    if not found.places:
        st.info("Every item has been reviewed: there is nothing to put in order.")
        return
    of = counted(found.open, "open item")
    whole = found.ranked >= found.open
    st.caption(
        f"The first {len(found.places)} under these weights, of {of}.{standing}"
        if whole
        else f"The first {len(found.places)} under these weights, of the {reordering.TOP:,} that come first now and a "
        f"random {found.ranked - reordering.TOP:,} of {of}.{standing}"
    )
    items = {item.id: item for item in loop.store.items.many([place.item_id for place in found.places])}
    shown, config = rows_of(loop.project, [items[place.item_id] for place in found.places])
    st.dataframe(
        [
            {"New place": n, "Place now": place.before}
            | {name: row[name] for name in ("Image", "Input", "Prediction") if name in row}
            | {"Priority": place.priority, "Made of": _words(place.parts), "Item": row["Item"]}
            for n, (place, row) in enumerate(zip(found.places, shown, strict=True), 1)
        ],
        hide_index=True,
        row_height=56 if "Image" in shown[0] else None,
        height=320,
        alt="The first items under the new weights beside their place now",
        column_config=config
        | {
            "Place now": st.column_config.NumberColumn(
                "Place now",
                help="Its place since the queue was last put in order. What was decided meanwhile moves places too. "
                f"Empty when it is not among the first {reordering.TOP:,}.",
            ),
            "Made of": st.column_config.TextColumn("Made of", help="Parts that sum to the priority"),
        },
    )


def _words(parts: Mapping[str, float]) -> str:
    ranked = sorted(((share, name) for name, share in parts.items() if share >= 0.005), reverse=True)
    return ", ".join(f"{name.replace('_', ' ')} {share:.2f}" for share, name in ranked)


def _set(loop: Loop, weights: Mapping[str, float], now: bool = True) -> None:
    for name in (*STRATEGIES, DIVERSITY):
        if now:
            st.session_state[_key(loop, name)] = _scaled(weights).get(name, 0.0)
        else:  # a slider that is drawn already cannot be set in the same run: it starts anew in the next
            st.session_state.pop(_key(loop, name), None)


def _key(loop: Loop, name: str) -> str:
    return f"weight-{loop.project.id}-{name}"


def _scaled(weights: Mapping[str, float]) -> dict[str, float]:
    """Weights within the sliders' reach: only their proportions count."""
    most = max([1.0, *weights.values()])
    return {name: float(weight) / most for name, weight in weights.items() if weight}
