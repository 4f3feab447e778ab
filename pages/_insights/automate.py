"""What needs no review: the confidence above which the champion keeps a promise, and the switch that trusts it."""

from dataclasses import replace

import streamlit as st

from feedback_core import charts, studies, tasks
from feedback_core.loop import Loop
from feedback_core.studies import CertificateView
from pages._insights.outlook import study_button
from pages._insights.panel import panel
from pages._people import acting, locked
from pages._shared import ago, plain, told

SHARE = st.column_config.NumberColumn(format="percent")
SHARES = ("threshold", "share", "accuracy", "bound", "target")


def show(loop: Loop) -> None:
    """The newest certificate of the champion, and what is done with it."""
    if "studies" not in tasks.of(loop.project).offers:
        st.info("Only labels of a list can be certified, not this kind of target.", icon=":material/verified_user:")
        return
    view = studies.certificate_view(loop.store, loop.project, loop.clock())
    if view.table:
        note = " ".join(map(plain, (*view.notes, f"Found {ago(view.created_at)}.")))
        columns = dict.fromkeys(SHARES, SHARE)
        panel(view.sentence, "insights_certificate", charts.certificate(view.table), view.table, note, columns=columns)
        if view.why_not:
            st.caption(plain(view.why_not))
    else:
        with st.container(border=True):
            st.subheader(plain(view.sentence) or "What needs no review?")
            st.caption(" ".join(map(plain, filter(None, (view.why_not, *view.notes)))))
    if loop.store.versions.champion(loop.project.id) is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        study_button(loop, "certificate", "Find the threshold again" if view.version else "Find the threshold")
        _switch(loop, view)


def _switch(loop: Loop, view: CertificateView) -> None:
    on = loop.project.settings.skip_certified
    st.session_state["insights_skip"] = on
    said = "none is certified now, so everything is asked for." if view.threshold is None else (
        f"those with a confidence of {view.threshold:.1%} or more are not asked for by priority. Random draws go on "
        "among them; no version learns from what nobody has looked at."
    )  # fmt: skip
    st.toggle(
        "Skip what is certified", key="insights_skip", on_change=_set, args=(loop, not on),
        **locked("settings", loop, disabled=view.threshold is None and not on, help=f"Of the open items, {said}"),
    )  # fmt: skip


def _set(loop: Loop, on: bool) -> None:
    done = "What is certified is not asked for any more." if on else "Everything is asked for again."
    with told(done):
        by, settings = acting("settings", loop), replace(loop.project.settings, skip_certified=on)
        loop.store.projects.update(loop.project, settings=settings, now=loop.clock(), actor=by)
