"""Retrain: what has come in, the button, the verdict, the decision."""

from functools import partial

import streamlit as st

from feedback_core import alarm_views, decisions, insights, lineup, number_views, suspects, tasks
from feedback_core.types import GateReport, Version
from pages import _jobs
from pages._people import acting, guarded, locked, reviewer
from pages._retrain.effects import show_effects
from pages._retrain.flips import show_flips
from pages._retrain.holdout import show_wear
from pages._retrain.jobs import show_jobs
from pages._retrain.lineup import show_lineup
from pages._retrain.realtime import show_realtime
from pages._retrain.report import show_report, show_reported, show_reported_alarms, show_reported_error, show_slices
from pages._retrain.studies import show_dry_run
from pages._retrain.triggers import show_triggers
from pages._retrain.versions import show_versions
from pages._shared import counted, open_loop, plain, show_message, told

loop = open_loop()
st.title("Retrain")
show_message()


def request() -> None:
    """Ask the worker for a new version."""
    with told("The worker trains a new version; the champion serves meanwhile."):
        loop.request_retrain(acting("retrain", loop))


def promote(version: Version) -> None:
    """Crown a judged version and have the queue scored again."""
    with told(f"Version {version.number} is the champion now. The worker scores the queue again with it."):
        by = acting("promote", loop)
        reason = st.session_state.get(f"reason-{version.id}", "")
        if any(each.version.id == version.id for each in lineup.newest(loop).contenders):
            lineup.choose(loop, version, by, reason)
        else:
            decisions.promote(loop, version, by, reason)


def keep(version: Version) -> None:
    """Keep the champion and close the candidate's case."""
    with told(f"The champion stays; version {version.number} is kept as refused."):
        by = acting("refuse", loop)
        decisions.refuse(loop, version, by, st.session_state.get(f"reason-{version.id}", ""))


def judge_again(version: Version) -> None:
    """Judge an undecided candidate with the audit labels that have come in since; the same look."""
    with told(f"Version {version.number} is judged with every audit label so far."):
        decisions.judge(loop, version, acting("judge", loop))


def roll_back(version: Version) -> None:
    """Bring an earlier champion back, with or without second opinions on what entered the version left."""
    suspect, reason = (st.session_state.get(f"{name}-{version.id}") for name in ("suspect", "back"))
    with told(f"Version {version.number} is the champion again. The worker scores the queue again with it."):
        decisions.rollback(loop, version, acting("rollback", loop), reason or "", suspect)


def undo_doubts(presses: tuple[int, ...]) -> None:
    """Take back the second opinions that a roll-back has asked for."""
    with told("The second opinions are no longer asked for: the entries count as before."):
        decisions.undo_rulings(loop, presses, acting("rule", loop))


def show_doubts() -> None:
    """What the newest roll-back has put in doubt, with its undo, while any of it stands."""
    doubted = suspects.asked(loop.store, loop.project)
    if doubted is None:
        return
    rest = f" {doubted.left:,} older ones are not asked about." if doubted.left else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(
            f"Second opinions are asked on {counted(doubted.entries, 'entry', 'entries')} that entered version "
            f"{doubted.number}: no version learns from them until somebody else has answered.{rest}",
            icon=":material/group_add:",
        )
        st.button("Undo", icon=":material/undo:", key="undo_doubts", on_click=undo_doubts, args=(doubted.presses,),
                  **locked("rule", loop, help="The roll-back itself stays."))  # fmt: skip


def details(report: GateReport, place: str) -> None:
    """Slices, earlier corrections and the rows that flip; place: where on the page, as a report may be shown twice."""
    show_slices(report, place)
    show_flips(loop, report, place)
    show_effects(loop, loop.store.versions.get(report.challenger_id), place)


def decision(report: GateReport, version: Version) -> None:
    """Promote or keep, with a reason."""
    advice = {
        "promote": "The gate advises: promote.",
        "hold": "The gate advises: wait.",
        "refuse": "The gate advises: keep the champion.",
    }
    st.markdown(f"**{advice[report.action]}** You decide.")
    against = {
        "promote": " (optional)",
        "hold": " (required to promote: the gate advises to wait)",
        "refuse": " (required to promote: the gate advises against it)",
    }
    asked = "Reason" + against[report.action]
    st.text_input(asked, key=f"reason-{version.id}", max_chars=500)
    st.caption("To wait for more evidence, leave it undecided: the champion serves meanwhile.")
    with st.container(horizontal=True):
        st.button(
            f"Promote version {version.number}",
            type="primary" if report.action == "promote" else "secondary",
            icon=":material/verified:",
            key=f"promote-{version.id}",
            on_click=promote,
            args=(version,),
            **locked("promote", loop),
        )
        st.button(
            "Keep the champion",
            type="primary" if report.action == "refuse" else "secondary",
            icon=":material/block:",
            key=f"keep-{version.id}",
            on_click=keep,
            args=(version,),
            **locked("refuse", loop),
        )


jobs = loop.store.jobs.live(loop.project.id)
show_doubts()
state = insights.overview(loop.store, loop.project)
with st.container(border=True):
    st.subheader("Since the last version")
    left, middle, right = st.columns(3)
    left.metric(
        "Corrections",
        f"{state.due.collected:,}" + ("" if state.due.ready else f" of {state.due.needed:,}"),
        help="A retrain is due when the threshold is reached; you can start one earlier.",
    )
    middle.metric("Decisions in all", f"{state.due.entries:,}", help="Corrections and confirmations together.")
    with right:
        asked = any(job.kind in ("retrain", "import") for job in jobs)
        why_not = "Rows are being stored or a version is being trained: wait." if asked else state.obstacle
        st.button(
            "Retrain now",
            type="primary",
            icon=":material/model_training:",
            on_click=request,
            key="retrain_now",
            width="stretch",
            **locked(
                "retrain",
                loop,
                disabled=bool(why_not),
                help=plain(why_not) or "Trains a new version and judges it; the champion serves meanwhile.",
            ),
        )
        # While rows are being stored nothing can be said about what is missing.
        st.caption(plain(state.due.text if jobs else state.obstacle or state.due.text))
    if "studies" in tasks.of(loop.project).offers:
        show_dry_run(loop, state.champion, jobs)
    _jobs.follow(loop, jobs)
    _jobs.tell_last(loop)

if state.undecided is not None:
    candidate = next(version for version in state.versions if version.id == state.undecided.challenger_id)
    with st.container(border=True):
        st.subheader(f"Version {candidate.number} is judged")
        show_report(state.undecided, candidate)
        st.button("Judge again", icon=":material/refresh:", key="judge_again", on_click=judge_again, args=(candidate,),
                  **locked("judge", loop, help="With the audit labels that have come in since. It is the same look, "
                           "unless the metric, the costs or the holdout rows have changed."))  # fmt: skip
        decision(state.undecided, candidate)
        details(state.undecided, "open")

if state.champion is not None and loop.project.task == "regression":
    reported = number_views.errors(loop, state.champion).reported
    show_reported_error(state.champion, reported, loop.project.settings.unit)
elif state.champion is not None and loop.project.task == "anomaly":
    show_reported_alarms(state.champion, alarm_views.alarm_yield(loop, state.champion).own)
elif state.champion is not None:
    show_reported(state.champion, insights.estimates(loop.store, loop.project, loop.cache, loop.clock()).reported)
show_wear(loop, state.reports)
show_lineup(loop, decision, state.undecided.challenger_id if state.undecided else None)
st.subheader("Versions")
show_versions(
    state.versions,
    state.reports,
    roll_back,
    locked("rollback", loop, help="Judges it against the present champion first; the report is kept."),
    loop.suspects,
    suspects.anybody_to_ask(loop.store, loop.project, reviewer()),
    partial(guarded, "export", loop, loop.report_html),
    partial(details, place="list"),
)

show_triggers(loop)
if "real time" in tasks.of(loop.project).offers:
    show_realtime(loop)
show_jobs(loop)
