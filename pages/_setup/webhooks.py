"""Webhooks: who is told what, how that went, and how a receiver checks who it is from."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from feedback_core import webhooks
from feedback_core.loop import Loop
from feedback_core.types import Delivery, Webhook
from feedback_core.webhooks import KINDS, PING, WAITS_S
from pages._people import acting, stay
from pages._shared import ago, plain, told

SHOWN = 20
SOON_S = 60.0
"""What is sent within this time is watched every other second."""

GUIDE = Path(__file__).parents[2] / "docs" / "webhooks.md"
STATES = {"waiting": "Waiting", "delivered": "Delivered", "failed": "Given up", "skipped": "Left out"}


def webhooks_section(loop: Loop) -> None:
    """Those there are, a form for one more, and the receiver's side."""
    _show_secret()
    found = loop.store.webhooks.of(loop.project.id)
    if not found:
        st.info(
            "A webhook posts what happens here to an address of yours: to a scoring service that a new version is "
            "live, to a chat that a job has failed, to a data warehouse what reviewers have said.",
            title="No other program is told yet",
            icon=":material/webhook:",
        )
    for webhook in found:
        with st.container(border=True):
            _one(loop, webhook)
    _add(loop, len(found))
    with st.expander("How a receiver checks that a message is genuine", icon=":material/verified_user:"):
        st.caption(
            "Signed as Standard Webhooks says. This receiver is complete; docs/webhooks.md says what is promised."
        )
        st.code(_receiver(), language="python")


def _show_secret() -> None:
    if secret := st.session_state.pop("webhook_secret", None):
        st.warning(
            "The receiver needs this secret to check that a message is genuine. It is shown only now: copy it.",
            title="Secret of the webhook",
            icon=":material/key:",
        )
        st.code(secret, language=None)


def _add(loop: Loop, known: int) -> None:
    """known: how many there are; another number begins with an empty form."""
    st.subheader("Add a webhook")
    with st.form(f"webhook-add-{loop.project.id}-{known}", border=False, enter_to_submit=False):
        url = st.text_input(
            "Address",
            placeholder="https://example.org/hooks/feedback",
            help="Where messages are posted to. Over http:// anybody between here and there can read them.",
            key=f"webhook-url-{loop.project.id}-{known}",
        )
        kinds = _choose_kinds(f"webhook-kinds-{loop.project.id}-{known}", ["version.live", "job.failed"])
        if st.form_submit_button("Add webhook", type="primary", icon=":material/add:"):
            with told("The webhook is added: send it a test."):
                given = (loop.store, loop.project, url, kinds, webhooks.reach_here())
                _, secret = webhooks.add(*given, by=_by(loop), now=loop.clock())
                st.session_state["webhook_secret"] = secret
            st.rerun()


def _choose_kinds(key: str, chosen: list[str]) -> list[str]:
    lines = "\n".join(f"- **{known.title}**: {known.says}" for known in KINDS.values())
    return st.pills(
        "What is sent",
        list(KINDS),
        selection_mode="multi",
        default=chosen,
        format_func=lambda name: KINDS[name].title,
        key=key,
        help=lines,
    )


def _one(loop: Loop, webhook: Webhook) -> None:
    st.text(webhook.url)  # markdown would make a link of it, and a press sends nothing there
    sends = ", ".join(KINDS[name].title.lower() for name in webhook.kinds)
    st.caption(f"Sends {sends} · added by {plain(webhook.created_by)} {ago(webhook.created_at)}")
    if not webhook.active:
        st.warning(
            f"{plain(webhook.paused)} What happens meanwhile is kept until it is resumed.",
            title="Paused",
            icon=":material/pause_circle:",
        )
    with st.container(horizontal=True):
        _button("Send a test", "send", webhook, partial(_ping, loop, webhook), "Posts a message of the kind ping.")
        if webhook.active:
            _button("Pause", "pause", webhook, partial(_pause, loop, webhook), "What happens meanwhile is kept.")
        else:
            catch_up = "Begins with what could not be delivered."
            _button("Resume", "play_arrow", webhook, partial(_resume, loop, webhook, True), catch_up)
            skip = "What has happened while it was paused is never sent."
            _button("Resume from now on", "fast_forward", webhook, partial(_resume, loop, webhook, False), skip)
        with st.popover("Remove", icon=":material/delete:"):
            st.caption("Nothing more is sent there, and its secret is forgotten.")
            _button("Remove this webhook", "delete", webhook, partial(_remove, loop, webhook), "It cannot be undone.")
    _log(loop, webhook)
    _change(loop, webhook)


def _button(label: str, icon: str, webhook: Webhook, press: Callable[[], None], says: str) -> None:
    st.button(label, icon=f":material/{icon}:", key=f"{label}-{webhook.id}", on_click=press, help=says)


def _change(loop: Loop, webhook: Webhook) -> None:
    with st.expander("Change address, kinds or secret", icon=":material/edit:"):
        with st.form(f"webhook-change-{webhook.id}", border=False, enter_to_submit=False):
            url = st.text_input("Address", webhook.url, key=f"webhook-url-of-{webhook.id}")
            kinds = _choose_kinds(f"webhook-kinds-of-{webhook.id}", list(webhook.kinds))
            if st.form_submit_button("Save"):
                with told("The webhook is changed."):
                    given = (loop.store, webhook, url, kinds, webhooks.reach_here())
                    webhooks.change(*given, by=_by(loop), now=loop.clock())
                st.rerun()
        says = "For a day messages bear a signature by either, so that the receiver can change over."
        _button("New secret", "key", webhook, partial(_rotate, loop, webhook), says)


def _log(loop: Loop, webhook: Webhook) -> None:
    """The newest deliveries, drawn again by itself while one is on its way, and one of them in full."""
    shown = _newest(loop, webhook)
    if not shown:
        st.caption("Nothing was sent yet. Send a test to see whether messages come through.")
        return

    @st.fragment(run_every=_pause_s(shown, webhook, loop.clock()))
    def newest() -> None:
        stay("webhooks", loop)
        found = _newest(loop, webhook)
        st.dataframe(
            [_row(each, webhook, loop.clock()) for each in found],
            hide_index=True,
            height=min(250, 38 + 35 * len(found)),
            column_config={"How it went": st.column_config.TextColumn(width="large")},
            alt=f"The newest deliveries of webhook {webhook.id}, newest first",
        )
        if [(each.id, each.state) for each in found] != [(each.id, each.state) for each in shown]:
            st.rerun()

    newest()
    _look_into(loop, webhook, shown)


def _pause_s(shown: list[Delivery], webhook: Webhook, now: float) -> float | None:
    """Seconds between two looks at what is on its way; None where nothing is."""
    next_at = [each.next_at for each in shown if each.state == "waiting" and (webhook.active or each.kind == PING)]
    return None if not next_at else 2.0 if min(next_at) < now + SOON_S else 30.0


def _newest(loop: Loop, webhook: Webhook) -> list[Delivery]:
    return loop.store.deliveries.page(webhook.id, SHOWN)


def _row(each: Delivery, webhook: Webhook, now: float) -> dict[str, Any]:
    return {
        "Delivery": each.id,
        "Since": ago(each.created_at),
        "Kind": KINDS[each.kind].title if each.kind in KINDS else "Test",
        "State": STATES[each.state],
        "Attempts": each.attempts,
        "How it went": how_it_went(each, webhook.active, now),
    }


def how_it_went(each: Delivery, active: bool, now: float) -> str:
    """The last attempt in words, and when the next one is. active: whether its webhook is."""
    if each.state == "delivered":
        return f"{each.status} in {1000 * (each.seconds or 0):.0f} ms"
    if each.state == "waiting" and not active and each.kind != PING:
        return f"{each.error} Waits until the webhook is resumed.".strip()
    if each.state == "waiting" and not each.attempts:
        return "on its way, or behind another one"
    if each.state == "waiting":
        wait_s = max(0.0, each.next_at - now)
        return f"{each.error} Attempt {each.attempts + 1} of {len(WAITS_S) + 1} in {_spoken(wait_s)}."
    return each.error


def _spoken(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5_400 else f"{seconds / 3_600:.1f} h"


def _look_into(loop: Loop, webhook: Webhook, found: list[Delivery]) -> None:
    key = f"delivery-{webhook.id}"
    names = {each.id: f"Delivery {each.id}: {each.kind}, {STATES[each.state].lower()}" for each in found}
    if st.session_state.get(key) not in names:
        st.session_state.pop(key, None)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Look into", list(names), index=None, placeholder="Choose a delivery", key=key,
                              format_func=lambda delivery_id: names[delivery_id])  # fmt: skip
        says = "At once; what is over goes out once more with the same id, so that the receiver can tell."
        again = partial(_send_again, loop, webhook, chosen)
        st.button("Send again", icon=":material/replay:", key=f"again-{webhook.id}", on_click=again, help=says,
                  disabled=chosen is None or not webhook.active)  # fmt: skip
    if chosen is None:
        return
    delivery, body = loop.store.deliveries.get(webhook, chosen)
    at = (
        "never tried"
        if delivery.tried_at is None
        else f"{datetime.fromtimestamp(delivery.tried_at, UTC):%Y-%m-%d %H:%M:%S} UTC"
    )
    st.caption(f"{plain(delivery.message_id)} · last attempt: {at}")
    # As code: what a receiver answers is anybody's text.
    st.caption("What it answered")
    st.code(delivery.response or delivery.error or "No answer with a text.", language=None, wrap_lines=True)
    st.caption("What it was sent")
    st.code(body, language="json", wrap_lines=True)


def _ping(loop: Loop, webhook: Webhook) -> None:
    with told():
        webhooks.ping(loop.store, loop.project, webhook, by=_by(loop), now=loop.clock())


def _pause(loop: Loop, webhook: Webhook) -> None:
    with told("Paused."):
        loop.store.webhooks.pause(webhook, f"Paused by {_by(loop)}.", by=_by(loop), now=loop.clock())


def _resume(loop: Loop, webhook: Webhook, catch_up: bool) -> None:
    with told("Messages are sent again."):
        loop.store.webhooks.resume(webhook, catch_up, by=_by(loop), now=loop.clock())


def _remove(loop: Loop, webhook: Webhook) -> None:
    with told("The webhook is removed."):
        loop.store.webhooks.remove(webhook, by=_by(loop), now=loop.clock())


def _rotate(loop: Loop, webhook: Webhook) -> None:
    with told():
        st.session_state["webhook_secret"] = webhooks.rotate(loop.store, webhook, by=_by(loop), now=loop.clock())


def _send_again(loop: Loop, webhook: Webhook, delivery_id: int) -> None:
    with told(f"Delivery {delivery_id} is sent again."):
        _by(loop)
        loop.store.deliveries.send_again(webhook, delivery_id, loop.clock())


def _by(loop: Loop) -> str:
    """Who acts. Raises Forbidden for those who may not."""
    return acting("webhooks", loop)


def _receiver() -> str:
    found = re.search(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    return found.group(1) if found else "See docs/webhooks.md."
