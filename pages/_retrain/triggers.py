"""When to retrain: the rule in a sentence, why not now, the settings, and what other rules would have done."""

import time
from dataclasses import Field, fields, replace
from typing import Any

import streamlit as st

from feedback_core import charts, tasks, triggers, unattended
from feedback_core.loop import Loop
from feedback_core.settings import Settings
from feedback_core.triggers.condition import Condition
from pages._people import acting, locked, stay
from pages._setup.settings import setting
from pages._shared import ago, plain, store, told

OF_MISTAKES = ("corrections_rule", "retrain_cost", "least_corrections", "most_corrections", "on_error_drift")
"""Settings of rules that count right and wrong answers, which a predicted number is not."""

EVERY_S = 5.0
"""Between two drawings of what the conditions say."""

SIGNS = {
    ("trigger", True): ":material/notifications_active: asks for a retrain",
    ("trigger", False): ":material/hourglass_empty: not yet",
    ("brake", True): ":material/check: allows it",
    ("brake", False): ":material/block: holds it back",
}


def show_triggers(loop: Loop) -> None:
    """The whole part of the page."""
    st.subheader("When to retrain")
    with st.container(border=True):
        _live(loop)
    with st.expander("Change when to retrain", icon=":material/tune:"):
        _form(loop)
    if "studies" in tasks.of(loop.project).offers:
        with st.expander("What other rules would have done", icon=":material/history:"):
            _backtest(loop)


@st.fragment(run_every=EVERY_S)
def _live(loop: Loop) -> None:
    stay("see", loop)
    found = triggers.why(loop.store, loop.project, loop.clock())
    st.markdown(f"**{plain(found.rule)}**")
    if loop.project.settings.automatic:
        st.markdown(plain(unattended.sentence(loop.project.settings)))
    st.markdown(f"Why not now? {plain(found.answer)}")
    for condition in found.conditions:
        st.markdown(_line(condition))


def _line(condition: Condition) -> str:
    sign = SIGNS[condition.kind, condition.met]
    return f"{sign} · **{plain(condition.name)}**: {plain(condition.sentence)}"


def _form(loop: Loop) -> None:
    now = loop.project.settings
    with st.form("triggers", border=False):
        columns, changed = st.columns(2), {}
        for number, spec in enumerate(_shown(loop)):
            with columns[number % 2]:
                changed[spec.name] = _field(spec, getattr(now, spec.name), f"triggers-{loop.project.id}")
        if st.form_submit_button("Save triggers", type="primary", key="save-triggers", **locked("settings", loop)):
            with told("Saved: the sentence above says what holds now."):
                settings = replace(now, **changed)
                store().projects.update(
                    loop.project, settings=settings, now=time.time(), actor=acting("settings", loop)
                )
            st.rerun()


def _shown(loop: Loop) -> list[Field[Any]]:
    """The number of corrections stands on Setup too; here it is beside what uses it."""
    own = [spec for spec in fields(Settings) if spec.metadata.get("page") == "retrain"]
    fixed = next(spec for spec in fields(Settings) if spec.name == "retrain_threshold")
    shown = [*own[:3], fixed, *own[3:]]
    counts_mistakes = "avoidable errors" in tasks.of(loop.project).offers
    return [spec for spec in shown if counts_mistakes or spec.name not in OF_MISTAKES]


def _field(spec: Field[Any], value: Any, key: str) -> Any:
    title, help_text = spec.metadata["title"], spec.metadata["help"]
    if isinstance(value, bool):
        return st.checkbox(title, value, key=f"{spec.name}-{key}", help=help_text)
    if isinstance(value, str) and "choices" not in spec.metadata:
        return st.text_input(title, value, key=f"{spec.name}-{key}", help=help_text, max_chars=100).strip()
    return setting(spec, value, key)


def _backtest(loop: Loop) -> None:
    st.caption(
        "The stored feedback is replayed under other rules, each with models of its own. There is no gate and no quiet "
        "time in it: every retrain becomes champion. The items asked about stay those that were."
    )
    st.button("Replay the feedback", on_click=_request, args=(loop,), key="backtest", icon=":material/replay:",
              **locked("study", loop))  # fmt: skip
    study = loop.store.studies.newest(loop.project.id, "backtest")
    if study is None:
        return
    body = study.body
    st.caption(
        f"Replayed {ago(study.created_at)}: {body['entries']:,} entries; a retrain counted as "
        f"{body['retrain_cost']:,.0f} wrong predictions."
    )
    st.dataframe(_rows(body["summary"]), hide_index=True, alt="Retrains, wrong answers and cost of each rule")
    st.plotly_chart(charts.backtest(body["path"]), key="backtest-path")
    st.caption("Accuracy on the locked base rows after each retrain; hold the pointer over a mark for interval and n.")


def _rows(summary: Any) -> list[dict[str, Any]]:
    """One row a rule; the accuracy is that of answers given before they were learned."""
    return [
        {
            "Rule": summary["rule"][n],
            "Retrains": summary["retrains"][n],
            "Wrong answers": summary["wrong"][n],
            "Cost": round(summary["cost"][n], 1),
            "Right on the entries as they came (queue and audit)": f"{100 * summary['accuracy'][n]:.1f} % "
            f"({100 * summary['low'][n]:.1f} to {100 * summary['high'][n]:.1f}, n = {summary['n'][n]:,})",
        }
        for n in range(len(summary["rule"]))
    ]


def _request(loop: Loop) -> None:
    with told("The worker replays the feedback; the result appears here."):
        loop.request_study("backtest", acting("study", loop))
