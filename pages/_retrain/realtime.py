"""Learning in real time: how far the challenger is, how it does, and the button that has it judged."""

import time
from dataclasses import fields, replace

import streamlit as st

from feedback_core import charts, realtime
from feedback_core.loop import Loop
from feedback_core.realtime import Standing
from feedback_core.settings import Settings
from pages._people import acting, locked, stay, store
from pages._setup.settings import setting
from pages._shared import plain, told

EVERY_S = 3.0
"""Between two drawings while it learns."""

LEAST = 20
"""Entries below which running errors and their difference jump about too much to be shown large."""

LOOK = "It becomes a candidate, judged by the same gate: one look at the locked rows, on the same budget."
JUDGING = "The worker is judging it: how far it is stands at the top of this page."
NOTHING = "Nothing has been learned yet: label some items on the Review page."

FIELDS = {spec.name: spec for spec in fields(Settings) if spec.name in ("realtime", "realtime_every")}


def show_realtime(loop: Loop) -> None:
    """The whole part of the page."""
    st.subheader("Real time")
    on = loop.project.settings.realtime
    with st.container(border=True):
        st.fragment(_live, run_every=EVERY_S if on else None)(loop)
    with st.expander("Change real time", icon=":material/tune:"):
        _form(loop)


def _live(loop: Loop) -> None:
    stay("see", loop)
    found = realtime.view(loop.store, loop.project, loop.clock())
    st.markdown(plain(found.sentence))
    if not found.on:
        return
    if found.why_not:
        st.markdown(f":material/hourglass_empty: {plain(found.why_not)}")
    _numbers(found)
    if found.gain.n >= LEAST:
        st.plotly_chart(charts.live_errors(found.path), key="live_errors")
    for sentence in realtime.told(found):
        st.caption(plain(sentence))
    why_not = _why_not(loop, found)
    if st.button(
        "Judge the real-time version now",
        icon=":material/gavel:",
        key="judge_realtime",
        **locked("judge", loop, disabled=bool(why_not), help=why_not or LOOK),
    ):
        _judge(loop)
        # What it says, the job and then the verdict are outside of this fragment.
        st.rerun()
    if why_not:
        st.caption(why_not)


def _why_not(loop: Loop, found: Standing) -> str:
    """Why the challenger cannot be judged now, empty when it can."""
    if any(job.kind == "real time" for job in loop.store.jobs.live(loop.project.id)):
        return JUDGING
    return realtime.nothing_new(loop.store, loop.project) if found.lessons else NOTHING


def _numbers(found: Standing) -> None:
    if found.origin is None:
        return
    left, middle, right = st.columns(3)
    left.metric("Entries learned", f"{found.lessons:,}", help=f"Since version {found.origin}.")
    lag = "–" if found.lag_s is None else f"{found.lag_s:.2f} s" if found.lag_s < 60 else f"{found.lag_s / 60:,.0f} min"
    middle.metric("Lag", lag, help="Median of the newest 200, from a stored entry to its being learned.")
    gain, seen = found.gain, f"n = {found.gain.n:,}"
    why = "Champion's share of wrong answers minus the challenger's, before each was learned, with its 95 % interval."
    if gain.n < LEAST:
        right.metric(
            "Gain over the champion", "–", f"{seen} of {LEAST} at least", delta_color="off", delta_arrow="off", help=why
        )
        return
    spread = f"{100 * gain.low:+.1f} to {100 * gain.high:+.1f}, {seen}"
    # It is an interval, no change: an arrow and a colour would say which way it went.
    right.metric(
        "Gain over the champion",
        f"{100 * gain.value:+.1f} points",
        spread,
        delta_color="off",
        delta_arrow="off",
        help=why,
    )


def _form(loop: Loop) -> None:
    now, key = loop.project.settings, f"realtime-{loop.project.id}"
    with st.form("realtime", border=False):
        rule = FIELDS["realtime"].metadata
        on = st.checkbox(rule["title"], now.realtime, key=f"on-{key}", help=rule["help"])
        every = setting(FIELDS["realtime_every"], now.realtime_every, key)
        if st.form_submit_button("Save real time", type="primary", key="save-realtime", **locked("settings", loop)):
            with told("Saved." if not on else "Saved: the worker starts learning within seconds."):
                settings, who = replace(now, realtime=on, realtime_every=every), acting("settings", loop)
                store().projects.update(loop.project, settings=settings, now=time.time(), actor=who)
            st.rerun()


def _judge(loop: Loop) -> None:
    with told("The worker judges the real-time version; the champion serves meanwhile."):
        realtime.request(loop.store, loop.project, acting("judge", loop), loop.clock())
