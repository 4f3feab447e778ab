"""Where the newest inputs no longer look like those the model knows, and what people say to it."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from feedback_core import drift_alerts
from feedback_core.drift_alerts import Seen, Then
from feedback_core.loop import Loop
from pages._paging import pager, start_of
from pages._people import acting, locked
from pages._shared import PAGES, ago, plain, tell_done, told

PAGE_ROWS = 10
HELPS: dict[Then, str] = {
    "review": "The rows on the side that has grown go into a review session, the newest first.",
    "retrain": "A new version is asked for. It learns from what has been labelled so far.",
    "nothing": "It stays an open reason for a retrain, and its kind is told as readily as any.",
}
DISMISS = (
    "It does not matter. An alert of this kind, the same column in the same direction, then takes ten times clearer "
    "proof, and about the present version a drift that has grown by a quarter. Undo brings all of that back."
)
EVERY = "Every 200 new items are compared, column by column, with those the newest version knew."
ANSWERS = {"accept": ":material/check: accepted", "dismiss": ":material/notifications_off: dismissed"}


def show(loop: Loop) -> None:
    """A page of alerts, the newest first."""
    trail = f"drift-trail-{loop.project.id}"
    start = start_of(trail)
    found = drift_alerts.page(loop, before=2**62 if start is None else start, limit=PAGE_ROWS + 1)
    if not found and start is None:
        _nothing(loop)
    for seen in found[:PAGE_ROWS]:
        with st.container(border=True):
            _show(loop, seen)
    pager(trail, found[PAGE_ROWS - 1].alert.id if len(found) > PAGE_ROWS else None, "drift")


def _nothing(loop: Loop) -> None:
    if loop.project.settings.on_input_drift:
        st.info(
            f"No drift was found. {EVERY}",
            icon=":material/waves:",
        )
        return
    st.info(
        f"Nobody looks for drift in this project: turn on “When the inputs drift” on Retrain. {EVERY}",
        icon=":material/waves:",
    )
    st.page_link(PAGES["retrain"], label="Change when to retrain", icon=":material/tune:")


def _show(loop: Loop, seen: Seen) -> None:
    alert = seen.alert
    st.markdown(f"**{plain(seen.sentence)}**")
    number = loop.store.versions.get(alert.version_id).number
    st.caption(f"Against what version {number} knew · {plain(seen.proof)} · seen {ago(alert.seen_at)}")
    if alert.answer is not None:
        note = f" · “{plain(alert.note)}”" if alert.note else ""
        st.markdown(f"{ANSWERS[alert.answer]} by {plain(alert.answered_by)}, {ago(alert.answered_at)}{note}")
    if seen.calm:
        st.caption(f":material/volume_down: {plain(seen.calm)}")
    with st.container(horizontal=True):
        if alert.answer is not None:
            _button(loop, "Undo", "undo", alert.id, _undo, "Take the answer back.", type="tertiary")
            return
        _button(loop, "Accept and review the rows", "review", alert.id, _accept("review"), HELPS["review"])
        _button(loop, "Accept and retrain", "retrain", alert.id, _accept("retrain"), HELPS["retrain"])
        _button(loop, "Accept", "accept", alert.id, _accept("nothing"), HELPS["nothing"])
        _button(loop, "Dismiss", "dismiss", alert.id, _dismiss, DISMISS)


def _button(
    loop: Loop, caption: str, name: str, alert_id: int, does: Callable[[Loop, int], None], help_text: str, **look: Any
) -> None:
    st.button(
        caption,
        key=f"drift-{name}-{alert_id}",
        on_click=does,
        args=(loop, alert_id),
        **look,
        **locked("drift alerts", loop, help=help_text),
    )


def _accept(then: Then) -> Callable[[Loop, int], None]:
    def accept(loop: Loop, alert_id: int) -> None:
        with told():
            found = drift_alerts.accept(loop, alert_id, acting("drift alerts", loop), then)
            if found.session is not None:
                tell_done(f"Accepted. {found.session.size:,} rows wait on Review, in the queue “{found.session.name}”.")
            elif found.job is not None:
                tell_done("Accepted. A new version is trained; Retrain shows how far it is.")
            else:
                tell_done("Accepted.")

    return accept


def _dismiss(loop: Loop, alert_id: int) -> None:
    with told("Dismissed: alerts of this kind have to be clearer from now on."):
        drift_alerts.dismiss(loop, alert_id, acting("drift alerts", loop))


def _undo(loop: Loop, alert_id: int) -> None:
    with told("Taken back: it stands as before."):
        drift_alerts.undo(loop, alert_id, acting("drift alerts", loop))
