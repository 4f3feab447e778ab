"""Time, versions and part of the page in the address, which alone says what is shown: links, back and forward work."""

import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import streamlit as st

from feedback_core import scope
from feedback_core.scope import Period, Scope
from feedback_core.types import Version
from pages._shared import plain

VIEWS = {
    "progress": "Progress",
    "mistakes": "Mistakes",
    "feedback": "Feedback",
    "outlook": "Outlook",
    "drift": "Drift",
    "automate": "Automate",
}
PERIODS = {"all": "All time", **{str(days): f"{days} days" for days in scope.PERIODS}, "days": "From … to …"}
CHAMPION = 0  # not None, which a selectbox shows as nothing chosen
ENDS = ("insights_first_version", "insights_last_version")


def today() -> date:
    """The day it is, UTC, as the days of the store are."""
    return datetime.fromtimestamp(time.time(), UTC).date()


def read(versions: Sequence[Version]) -> Scope:
    """The scope in the address; what means nothing in it is said and left aside."""
    address = st.query_params.to_dict()
    wanted, complaints = scope.read(address, [version.number for version in versions], today())
    view = address.get("view")
    if view is not None and view not in VIEWS:
        complaints = (*complaints, f"view={view} is no part of this page: Progress is shown.")
    if complaints:
        st.warning("\n\n".join(map(plain, complaints)), title="Not all of the address was understood",
                   icon=":material/link_off:")  # fmt: skip
    return wanted


def view() -> str:
    """The part of the page in the address."""
    wanted = st.query_params.get("view", "progress")
    return wanted if wanted in VIEWS else "progress"


def choose_view(leave_out: Sequence[str] = ()) -> str:
    """The parts of the page but some; the open one is in the address, and only it is computed."""
    chosen = view() if view() not in leave_out else "progress"
    st.session_state["insights_view"] = chosen
    st.segmented_control(
        "Part of the page",
        [name for name in VIEWS if name not in leave_out],
        format_func=VIEWS.get,
        required=True,
        key="insights_view",
        label_visibility="collapsed",
        on_change=lambda: _write(view=_unless(st.session_state["insights_view"], "progress")),
    )
    return chosen


def choose_scope(now: Scope, versions: Sequence[Version]) -> None:
    """The filters, in a popover whose label says what is chosen."""
    span = "all versions" if now.versions is None else f"v{now.versions[0]} to v{now.versions[1]}"
    at = "" if now.version is None else f" · v{now.version} looked at"
    with st.popover(f"{now.period.words.capitalize()} · {span}{at}", icon=":material/tune:", key="insights_filters"):
        _choose_period(now.period)
        if len(versions) > 1:
            _choose_versions(now, versions)
        st.button("Show everything", icon=":material/restart_alt:", on_click=_reset, key="insights_reset",
                  disabled=not scope.written(now), type="tertiary")  # fmt: skip
        st.caption("The address holds the period, the versions and the part: copy it to show somebody the same.")


def choose_sample(now: Scope, audited: int) -> None:
    """Holdout or audit sample, where there is an audit sample. audited: its rows."""
    if not audited and now.sample == "holdout":
        return
    st.session_state["insights_sample"] = now.sample
    st.segmented_control(
        "Measured on", list(scope.SAMPLES), required=True, key="insights_sample",
        format_func={"holdout": "Holdout", "audit": "Audit sample"}.get,
        help="Holdout: locked rows of the data the project began with. Audit sample: incoming items that chance chose "
        "and people labelled without seeing the prediction.",
        on_change=lambda: _write(sample=_unless(st.session_state["insights_sample"], "holdout")),
    )  # fmt: skip


def _choose_period(now: Period) -> None:
    chosen = str(now.last_days) if now.last_days else "all" if now == Period() else "days"
    st.session_state["insights_period"] = chosen
    st.segmented_control(
        "Time", list(PERIODS), format_func=PERIODS.get, required=True, key="insights_period", on_change=_set_period,
        help="Days in UTC. Filters entries, reviewers and what the queue found; versions have a filter of their own.",
    )  # fmt: skip
    if chosen == "days":
        st.session_state["insights_days"] = (now.first or now.last, now.last or today())
        st.date_input("Days", key="insights_days", format="YYYY-MM-DD", on_change=_set_days)


def _choose_versions(now: Scope, versions: Sequence[Version]) -> None:
    numbers = [version.number for version in versions]
    ends = now.versions or (numbers[0], numbers[-1])
    for end, name, key, column in zip(ends, ("From version", "to version"), ENDS, st.columns(2), strict=True):
        st.session_state[key] = end
        column.selectbox(
            name,
            [number for number in numbers if (number <= ends[1] if key == ENDS[0] else number >= ends[0])],
            format_func=lambda number: f"v{number}",
            key=key,
            on_change=_set_versions,
            args=(numbers[0], numbers[-1]),
        )
    status = {version.number: version.status for version in versions}
    st.session_state["insights_version"] = now.version or CHAMPION
    st.selectbox(
        "Version looked at",
        [CHAMPION, *reversed(numbers)],
        format_func=lambda number: "the champion" if number == CHAMPION else f"v{number}, {status[number]}",
        key="insights_version",
        help="The verdict, mistakes and calibration are about this version.",
        on_change=lambda: _write(version=_unless(str(st.session_state["insights_version"]), str(CHAMPION))),
    )


def _set_period() -> None:
    chosen = st.session_state["insights_period"]
    ends: dict[str, Any] = {"period": None, "from": None, "to": None}
    if chosen == "days":
        last = today()
        ends |= {"from": last.replace(day=1).isoformat(), "to": last.isoformat()}
    elif chosen != "all":
        ends["period"] = chosen
    _write(**ends)


def _set_days() -> None:
    chosen = st.session_state["insights_days"]
    if len(chosen) == 2:  # in between only the first day has been chosen
        _write(period=None, **{"from": chosen[0].isoformat(), "to": chosen[1].isoformat()})


def _set_versions(lowest: int, highest: int) -> None:
    first, last = (st.session_state[key] for key in ENDS)
    _write(versions=None if (first, last) == (lowest, highest) else f"{first}-{last}")


def _reset() -> None:
    _write(**dict.fromkeys(scope.KEYS))


def _write(**changes: str | None) -> None:
    """Change the address, in one step of the browser's history; None takes a value out."""
    address = st.query_params.to_dict() | changes
    st.query_params.from_dict({name: value for name, value in address.items() if value is not None})


def _unless(value: str, usual: str) -> str | None:
    return None if value == usual else value
