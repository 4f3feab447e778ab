"""Overview: where the loop stands and the one thing worth doing next."""

import streamlit as st

from feedback_core import alarm_views, insights, number_views
from feedback_core.intervals import plain as as_json
from feedback_core.models import title
from feedback_core.types import Version
from feedback_core.wording import amount, label_by_label, off, rounded, score, share
from pages._label_sets import is_set
from pages._people import guarded
from pages._shared import PAGES, ago, counted, learned_from, need_model, open_loop, plain, show_message

loop = open_loop(learns=False)
st.title(plain(loop.project.name))
need_model(loop)
state = insights.overview(loop.store, loop.project)
if loop.project.simulated:
    st.caption(
        ":material/science: Sample project: its reviewers and its two weeks of history are simulated; data and models "
        "are real."
    )
show_message()

if not state.champion_intact:
    st.error(
        "The champion before it answers meanwhile. Restore the file from a backup, or roll back on Retrain.",
        title="The champion's model file is missing or was changed",
    )
with st.container(border=True, horizontal=True, vertical_alignment="center"):
    st.markdown(f"**Next:** {plain(state.next_step.text)}")
    if st.button(state.next_step.button, type="primary", icon=":material/arrow_forward:", key="overview_next"):
        st.switch_page(PAGES[state.next_step.page])

st.subheader("The loop")
# Cards of one least width and one height in a row that wraps: seven abreast on a desk, two on a phone.
st.html(
    "<style>.st-key-stages { align-items: stretch } .st-key-stages > * { flex: 1 1 7rem; min-width: 7rem; width: auto }"
    "@media (max-width: 640px) { .st-key-stages > * { flex-basis: 40% } }</style>"
)
with st.container(key="stages", horizontal=True, gap="small"):
    for number, stage in enumerate(state.stages):
        with st.container(border=True, key=f"stage_{number}", gap=None, height="stretch"):
            value = f"v{stage.count}" if stage.unit == "champion" else f"{stage.count:,}"
            st.metric(stage.name, value if stage.count else "–", help=stage.help)
            st.caption(stage.unit if stage.since is None else f"{stage.unit} · {ago(stage.since)}")


def show_champion(champion: Version | None) -> None:
    """The serving model and what is known about its accuracy."""
    if champion is None:
        st.write("No model serves yet. The first version becomes the champion as soon as it is trained.")
        return
    if loop.project.task == "regression":
        show_errors(champion)
        return
    if loop.project.task == "anomaly":
        show_alarms(champion)
        return
    holdout, audit = (champion.metrics.get(sample, {}).get("accuracy") for sample in ("holdout", "audit"))
    sets = is_set(loop.project)
    st.metric(
        f"Version {champion.number} · {'exact match' if sets else 'accuracy'} on the holdout",
        f"{holdout['value']:.1%}" if holdout and holdout["value"] is not None else "–",
        help=f"Share of locked base rows it gets right{', to the last label' if sets else ''}. It never learns from "
        "them.",
    )
    if holdout and holdout["value"] is not None:
        st.caption(f"95 % interval {holdout['low']:.1%} to {holdout['high']:.1%}, n = {holdout['n']:,} rows")
    if sets and holdout:
        st.caption(f"On the holdout label by label: {label_by_label(champion.metrics['holdout'])}")
    st.caption(f"Audit sample (incoming items, drawn at random when it was judged): {share(audit)}")
    since = insights.estimates(loop.store, loop.project, loop.cache, loop.clock()).reported
    st.caption(f"All items since its promotion (random draws stand for those nobody saw): {share(as_json(since))}")
    low = since.high if since.n else audit["high"] if audit and audit["value"] is not None else 1.0
    if holdout and holdout["value"] is not None and low < holdout["low"]:
        st.caption(
            "What comes in now is got right well below the holdout, which is like the rows the "
            "project began with. Incoming items may be harder, different, or labelled with less care."
        )
    show_origin(champion)


def show_errors(champion: Version) -> None:
    """How far off a serving model is that predicts numbers."""
    unit, found = loop.project.settings.unit, number_views.errors(loop, champion)
    holdout, audit, since = (as_json(score) for score in (found.holdout, found.audit, found.reported))
    st.metric(
        f"Version {champion.number} · mean absolute error on the holdout",
        plain(amount(rounded(found.holdout.value), unit)) if found.holdout.n else "–",
        help="How far its numbers are from the true ones on average, on locked base rows. It never learns from them.",
    )
    if found.holdout.n:
        st.caption(f"95 % interval and rows: {plain(off(holdout, unit))}")
    st.caption(f"Audit sample (incoming items, drawn at random when it was judged): {plain(off(audit, unit))}")
    st.caption(f"All items since its promotion (random draws stand for those nobody saw): {plain(off(since, unit))}")
    st.caption(number_views.basis(loop, champion.id))
    show_origin(champion)


def show_alarms(champion: Version) -> None:
    """What the alarms of a serving detector were worth."""
    found = alarm_views.alarm_yield(loop, champion)
    st.metric(
        f"Version {champion.number} · true among its alarms answered",
        f"{found.own.value:.0%}" if found.own.n else "–",
        help="Share of the alarms of this version that people called true. The first alarms are the surest.",
    )
    for sentence in alarm_views.sentences(found, champion.number):
        st.caption(plain(sentence))
    st.caption(f"Holdout: {plain(score(champion.metrics.get('holdout', {})))}")
    show_origin(champion)


def show_origin(champion: Version) -> None:
    """What the champion is made of."""
    st.caption(
        f"{title(champion.estimator)} · {learned_from(loop.project, champion)} · promoted {ago(champion.promoted_at)}"
    )


left, right = st.columns(2)
with left, st.container(border=True, height="stretch"):
    st.subheader("Champion")
    show_champion(state.champion)
    if state.champion is not None:
        st.download_button(
            "Model card",
            data=guarded("export", loop, loop.card_html),  # written when it is asked for
            file_name="model-card.html",
            mime="text/html",
            icon=":material/id_card:",
            key="overview_card",
            on_click="ignore",
            help="One page to keep, print or send: data, accuracy by class, limits, lineage.",
        )
with right, st.container(border=True, height="stretch"):
    st.subheader("Collected since the last version")
    st.metric(
        "Corrections",
        f"{state.due.collected:,}" + ("" if state.due.ready else f" of {state.due.needed:,}"),
        help="Decisions that contradicted the model. Confirmations do not count: they tell it little that is new.",
    )
    st.progress(min(1.0, state.due.collected / state.due.needed))
    done = f"{counted(state.due.entries, 'decision')} in all, confirmations included"
    st.caption(done + (f"; {state.due.needed:,} corrections make a retrain due" if state.due.ready else ""))
