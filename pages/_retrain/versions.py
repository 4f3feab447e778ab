"""Every version with all its reports, newest first, and the way back to an earlier champion."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from feedback_core.models import title
from feedback_core.types import GateReport, Suspects, Version
from feedback_core.wording import moment, score
from pages._retrain.report import show_decision, show_report
from pages._shared import ago, counted, plain


def show_versions(
    versions: Sequence[Version],
    reports: Sequence[GateReport],
    roll_back: Callable[[Version], None],
    lock: Mapping[str, Any],
    suspects: Callable[[Version], Suspects],
    anybody_to_ask: bool,
    html: Callable[[GateReport], Callable[[], str]],
    details: Callable[[GateReport], None],
) -> None:
    """One line a version, newest first. reports: of all of them, newest first. html: gives what writes one as a file.

    lock: whether the button of the roll-back is disabled, and its help.

    details: shows what is behind a report, for those that are asked for.

    suspects: what a roll-back to a version puts in doubt; asked for the versions that are unfolded, because it reads
    what two versions have learned. anybody_to_ask: whether somebody is there to answer.
    """
    if not versions:
        st.info(
            "No version yet. Train the first one as soon as there are labels enough.", icon=":material/model_training:"
        )
    else:
        st.caption(
            "The scores in this list are the holdout's alone (locked base rows). A report compares two versions on "
            "all locked rows, holdout and audit sample (incoming items) together: its difference need not be theirs."
        )
    for version in reversed(versions):
        scores = version.metrics.get("holdout", {})
        holdout = score({**scores, "unit": plain(scores.get("unit", ""))})
        # Not how long ago: a fold whose title changes closes, under the hands of whoever types in it.
        label = f"Version {version.number} · {version.status} · holdout {holdout} · {moment(version.created_at)}"
        way_back = version.status == "retired"
        icon = ":material/star:" if version.status == "champion" else None
        # The state of the others need not reach the server: no key, no run of the page when they are unfolded.
        tracked = {"key": f"unfolded-{version.id}", "on_change": "rerun"} if way_back else {}
        with (fold := st.expander(label, icon=icon, **tracked)):
            mine = [report for report in reports if report.challenger_id == version.id]
            _show_version(version, mine, versions, details)
            if mine:
                _offer(mine[0], version, html)
            if way_back:
                _show_way_back(
                    version, partial(roll_back, version), lock, suspects(version) if fold.open else None, anybody_to_ask
                )


def _show_version(
    version: Version,
    reports: Sequence[GateReport],
    versions: Sequence[Version],
    details: Callable[[GateReport], None],
) -> None:
    if version.elsewhere:
        st.caption(plain(_from_elsewhere(version)))
    else:
        _show_recipe(version)
    numbers = {each.id: each.number for each in versions}
    for report in reports:
        against = f" against version {numbers[report.champion_id]}" if report.champion_id in numbers else ""
        st.markdown(f"**Judged {ago(report.created_at)}{against}**")
        show_report(report, version)
        show_decision(report)
        if report.finding != "first" and st.toggle("Slices, rows that flip, and what moved", key=f"more-{report.id}"):
            details(report)


def _from_elsewhere(version: Version) -> str:
    """Where it came from, and that nobody knows what it has learned."""
    what = version.params.get("name") or f"{version.params.get('model', '')} from {version.params.get('source', '')}"
    kind = {"predictions": "stored predictions alone", "http": "at its own address"}.get(version.estimator, "a file")
    file = f" · {version.size / 1024:,.0f} KB · SHA-256 {version.sha256[:12]}…" if version.sha256 else ""
    return f"Trained elsewhere ({kind}: {what}); on which rows is not known{file}"


def _show_recipe(version: Version) -> None:
    st.caption(
        f"{title(version.estimator)}, seed {version.seed} · {counted(version.n_base, 'base row')} and "
        f"{counted(version.n_feedback, 'reviewed item')} · {version.size / 1024:,.0f} KB · "
        f"SHA-256 {version.sha256[:12]}… · scikit-learn {version.environment.get('scikit-learn', '?')}"
    )


def _offer(report: GateReport, version: Version, html: Callable[[GateReport], Callable[[], str]]) -> None:
    st.download_button(
        "Refinement report",
        data=html(report),  # written when it is asked for, not with every drawing of the page
        file_name=f"version-{version.number}-report.html",
        mime="text/html",
        icon=":material/description:",
        key=f"report-file-{version.id}",
        on_click="ignore",
        help="One page to keep, print or send: what was corrected, what changed, who decided.",
    )


def _show_way_back(
    version: Version,
    roll_back: Callable[[], None],
    lock: Mapping[str, Any],
    doubted: Suspects | None,
    anybody_to_ask: bool,
) -> None:
    st.text_input("Why go back to this version?", key=f"back-{version.id}", max_chars=500)
    if doubted is not None and doubted.entries:
        _ask_about(version, doubted, anybody_to_ask)
    st.button(
        "Roll back to this version",
        icon=":material/history:",
        key=f"rollback-{version.id}",
        on_click=roll_back,
        **lock,
    )


def _ask_about(version: Version, doubted: Suspects, anybody_to_ask: bool) -> None:
    n, rest = len(doubted.entries), doubted.total - len(doubted.entries)
    which = f"the {n:,} newest of {doubted.total:,} entries" if rest else f"the {counted(n, 'entry', 'entries')}"
    st.checkbox(
        f"Ask for second opinions on {which} that entered version {doubted.number}",
        value=anybody_to_ask,
        key=f"suspect-{version.id}",
        help=f"They entered version {doubted.number} and not version {version.number}. Their items go to other "
        "reviewers, and no version learns from them until somebody else has answered. The press after it takes all "
        "of it back.",
    )
    if not anybody_to_ask:
        st.caption(
            "Off, because you are the only one who has labelled here: nobody else could answer, and all of it would be "
            "out of training until you have looked at each item again."
        )
