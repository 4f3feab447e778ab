"""A gate report on the page: verdict, claim, action and reported number apart, then what supports them."""

from typing import Any

import streamlit as st

from feedback_core import wording
from feedback_core.gate import paired, verdict
from feedback_core.intervals import plain as as_json
from feedback_core.types import GateReport, Interval, Version
from pages._shared import ago, counted, decider, plain

SMALL = st.column_config.Column(width=70)

KINDS_OF = {
    False: (
        ("Fixed", "Locked rows only the new version gets right."),
        ("Broken", "Locked rows only the champion gets right."),
    ),
    True: (
        ("Nearer", "Locked rows on which the new version comes nearer to the true number."),
        ("Farther off", "Locked rows on which the champion comes nearer to the true number."),
    ),
}
FINDING_LOOKS = {
    "first": ("first version", "blue"),
    "better": ("better", "green"),
    "not measurably different": ("not measurably different", "gray"),
    "worse within noise": ("worse within noise", "orange"),
    "worse": ("worse", "red"),
}


def show_report(report: GateReport, version: Version) -> None:
    """The verdict in words, then its numbers."""
    name, colour = FINDING_LOOKS[report.finding]
    st.badge(name, color=colour)
    for reason in report.reasons:
        st.write(plain(reason))
    if report.finding == "first":
        st.caption(_first_score(version))
        return
    _show_counts(report.numbers, version)
    if report.numbers["n"] < verdict.FEW_CASES:
        st.caption("Add rows with labels on Setup: a share of them is locked away and makes versions comparable.")
        return
    gain, unit = report.numbers["difference"], _unit(report.numbers)
    st.caption(
        f"**Claim.** 95 % interval of the difference: {_said(gain['low'], report.numbers)} to "
        f"{_said(gain['high'], report.numbers)} {unit} (n = {gain['n']:,}). {_proof(report)} {_stream(report.numbers)}"
    )
    if "hamming_difference" in report.numbers:
        fewer = wording.points(report.numbers["hamming_difference"])
        st.caption(f"Label by label, of all answers it gets {fewer} more right than the champion (Hamming loss).")
    if samples := _samples(report.numbers):
        st.caption(samples)
    if power := _power(report):
        st.caption(power)
    if version.promoted_at is None:
        name = "Error" if _is_number(report.numbers) else "Accuracy"
        st.caption(
            f"**{name} to report.** None yet: it is measured on what comes in after a promotion, not on these rows."
        )


RANKED = (
    ("Ranked higher", "Anomalies among the locked rows that the new version puts further up."),
    ("Ranked lower", "Anomalies among the locked rows that the champion puts further up."),
)


def _first_score(version: Version) -> str:
    scores = version.metrics.get("holdout", {})
    if "error" in scores:
        return f"Mean absolute error on the holdout: {plain(wording.off(scores['error'], scores.get('unit', '')))}"
    if "average_precision" in scores:
        return f"On the holdout: {plain(wording.precision(scores))}"
    if "hamming_loss" in scores:
        return f"On the holdout: {wording.score(scores)}; {wording.label_by_label(scores)}"
    return f"Accuracy on the holdout: {wording.share(scores.get('accuracy'))}"


def _kinds(numbers: Any) -> Any:
    return RANKED if numbers.get("metric") == "average precision" else KINDS_OF[_is_number(numbers)]


def _is_number(numbers: Any) -> bool:
    return numbers.get("metric") == "mean absolute error"


def show_reported_error(champion: Version, measured: Interval, unit: str) -> None:
    """The number to report of a champion that predicts numbers, likewise."""
    said = (
        f"off by {plain(wording.off(as_json(measured), unit))} on average on all items it has faced since its promotion"
        if measured.n
        else "not measured yet, no audit item has been answered since its promotion"
    )
    st.caption(
        f"**Error to report** of version {champion.number}, the champion: {said}. The score it was chosen by is never "
        "reported: whatever is chosen for its score looks a little better than it is."
    )


def show_reported_alarms(champion: Version, own: Interval) -> None:
    """The number to report of a champion that ranks anomalies, likewise."""
    said = f"{wording.share(as_json(own))} were true" if own.n else "none has been answered yet"
    st.caption(
        f"**Precision to report** of version {champion.number}, the champion: of its alarms, {said}. The score it was "
        "chosen by is never reported: whatever is chosen for its score looks a little better than it is."
    )


def show_reported(champion: Version, measured: Interval) -> None:
    """The number to report of the champion: measured after it was promoted, never the score that won the gate."""
    said = (
        f"right {wording.share(as_json(measured))} of the time on all items it has faced since its promotion"
        if measured.n
        else "not measured yet, no audit item has been answered since its promotion"
    )
    st.caption(
        f"**Accuracy to report** of version {champion.number}, the champion: {said}. The score it was "
        "chosen by is never reported: whatever is chosen for its score looks a little better than it is."
    )


def show_decision(report: GateReport) -> None:
    """Who decided what, when and why; nothing while nobody has."""
    if report.decision:
        because = f": {plain(report.decision_reason)}" if report.decision_reason else ""
        verb = "Promoted" if report.decision == "promote" else "Refused"
        st.caption(f"{verb} by {decider(report.decided_by)} {ago(report.decided_at)}{because}")


def show_slices(report: GateReport, place: str) -> None:
    """Every slice with its interval, the harmed ones first, and the earlier corrections; nothing in old reports.

    place: where on the page, as a report may be shown twice.
    """
    slices = sorted(report.numbers.get("slices", ()), key=lambda one: (not one["harmed"], one["p"]))
    if slices:
        st.caption(
            "**Slices** of the locked rows, tested for a loss together (Holm, over those that can show one). One that "
            "is measurably worse by more than the largest loss to accept stops any policy."
        )
        st.dataframe(
            [_slice_row(one, report.numbers) for one in slices],
            hide_index=True,
            key=f"slices-{place}-{report.id}",
            height=min(38 + 35 * len(slices), 320),
            alt="Slices of the locked rows with both versions and the difference",
            column_config=dict.fromkeys(("Rows", "Fixed", "Broken", "Nearer", "Farther off", "p of a loss"), SMALL),
        )
    if suite := report.numbers.get("corrections"):
        gain = suite["difference"]
        if "challenger_error" in suite:
            st.caption(_suite(suite, report.numbers))
            return
        st.caption(
            f"**Earlier corrections** the champion has learned: {counted(suite['lost'], 'row')} broken, "
            f"{suite['gained']} fixed of {suite['n']:,}; difference {_points(gain['value'])} points "
            f"({_points(gain['low'])} to {_points(gain['high'])}), exact p of a loss {suite['p']:.3g}."
        )


def _show_counts(numbers: Any, version: Version) -> None:
    measured = numbers["n"] >= verdict.FEW_CASES
    measure = "exact match" if "hamming_difference" in numbers else numbers.get("metric", "accuracy")
    with st.container(horizontal=True, gap="large"):
        if measured:
            st.metric(
                "Difference",
                _shortly(numbers["difference"]["value"], numbers),
                help=f"{measure.capitalize()} of version {version.number} against the "
                f"champion's on the same {numbers['n']:,} locked rows, holdout and audit sample together; above zero "
                "the new version does better.",
                width="content",
            )
        nearer, farther = _kinds(numbers)
        st.metric(nearer[0], numbers["gained"], help=nearer[1], width="content")
        st.metric(farther[0], numbers["lost"], help=farther[1], width="content")
        if measured:
            st.metric(
                "Probably better (cautious)",
                f"{numbers['p_better']:.0%}",
                help="Probability of a true gain. Cautious: before the comparison it expects gains around half a "
                "point (of an error: half a percent of it), so it lies below what the interval alone suggests.",
                width="content",
            )


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"


def _unit(numbers: Any) -> str:
    return str(numbers.get("unit", "points"))


def _shortly(value: float, numbers: Any) -> str:
    """A difference with its unit; the number alone where an error has no unit of its own."""
    has_unit = not _is_number(numbers) or numbers.get("numbers_unit")
    return f"{_said(value, numbers)} {_unit(numbers)}" if has_unit else _said(value, numbers)


def _said(value: float, numbers: Any) -> str:
    return _points(value) if _unit(numbers).startswith("points") else f"{value:+.3g}"


def _proof(report: GateReport) -> str:
    """The p that belongs to the finding: of a loss where it is worse, else of a gain with what the rows can prove."""
    numbers = report.numbers
    name = numbers.get("test", "exact McNemar test" if numbers.get("metric", "accuracy") == "accuracy" else "test")
    test = name[0].upper() + name[1:]
    if report.finding in ("worse", "worse within noise"):
        p = numbers.get("p_worse", paired.mcnemar(numbers["lost"], numbers["gained"]))
        return f"{test} for a loss: p = {p:.3g}; a loss counts as measured up to {verdict.ALPHA}."
    look = f"look {numbers['looks']} of {numbers['looks_budget']} at these locked rows"
    if not numbers["alpha"]:
        return f"This was {look}: the budget is used up, and these rows can prove no further gain."
    return f"{test} for a gain: p = {numbers['p']:.3g}; proven up to {numbers['alpha']:.3g} ({look})."


def _stream(numbers: Any) -> str:
    """What audit labels that came in after training add; empty without any."""
    if not numbers.get("e_rows"):
        return ""
    rows = counted(numbers["e_rows"], "audit label")
    return (
        f"{rows} came in after it was trained: e-value {numbers['e_value']:,.3g}, proven from "
        f"{numbers['e_claim']:,.0f} on, and no look is used up by them."
    )


def _power(report: GateReport) -> str:
    """What these rows can prove, and how many more would decide; empty where the question is settled."""
    numbers = report.numbers
    if report.finding == "worse" or not numbers["alpha"]:
        return ""
    parts = []
    gain = numbers["smallest_provable_gain"]
    if gain < 1:
        said = f"{100 * gain:.1f}" if _unit(numbers).startswith("points") else f"{gain:.3g}"
        parts.append(f"A gain that these rows would prove four times in five: {said} {_unit(numbers)}.")
    if report.finding != "better" and numbers.get("labels_to_decide"):
        needed = wording.about(numbers["labels_to_decide"], "audit labels")
        parts.append(f"To decide a difference of this size for this version takes {needed}, and no further look.")
    if report.finding != "better" and numbers["rows_to_decide"]:
        needed = wording.about(numbers["rows_to_decide"], "holdout rows")
        parts.append(f"With another look it takes {needed}.")
    return " ".join(parts)


def _slice_row(one: Any, numbers: Any) -> dict[str, Any]:
    gain = one["difference"]
    return {
        "Slice": one["title"],
        "Verdict": _slice_verdict(one),
        "Rows": one["n"],
        "Champion": _short(one, "champion"),
        "New version": _short(one, "challenger"),
        "Difference": f"{_said(gain['value'], numbers)} ({_said(gain['low'], numbers)} to "
        f"{_said(gain['high'], numbers)})",
        **dict(zip((kind[0] for kind in KINDS_OF[_is_number(numbers)]), (one["gained"], one["lost"]), strict=True)),
        "p of a loss": f"{one['p_holm']:.3g}",
    }


def _slice_verdict(one: Any) -> str:
    if one["harmed"]:
        return "worse"
    return "no measured harm" if one.get("told", True) else f"too few rows to tell (n = {one['n']})"


def _suite(suite: Any, numbers: Any) -> str:
    unit = plain(numbers.get("numbers_unit", ""))
    new, old = (wording.off(suite[f"{side}_error"], unit) for side in ("challenger", "champion"))
    return (
        f"**Earlier corrections** the champion has learned: the new version is off by {new} on average, the champion "
        f"by {old}; p of a loss {suite['p']:.3g}."
    )


def _short(one: Any, side: str) -> str:
    if f"{side}_error" in one:
        return wording.off(one[f"{side}_error"]).split(", n =")[0] + ")"
    score = one[f"{side}_accuracy"]
    return f"{score['value']:.1%} ({100 * score['low']:.1f} to {100 * score['high']:.1f})"


def _samples(numbers: Any) -> str:
    """The difference on each locked sample by its name; empty where there is one only, or an old report has none."""
    samples = numbers.get("samples", {})
    parts = [
        f"{_shortly(samples[name]['difference']['value'], numbers)} on "
        f"{counted(samples[name]['n'], 'row')} of the {title}"
        for name, title in (("holdout", "holdout"), ("audit", "audit sample"))
        if samples.get(name, {}).get("n")
    ]
    return f"Of these {numbers['n']:,} locked rows: {', '.join(parts)}." if len(parts) > 1 else ""
