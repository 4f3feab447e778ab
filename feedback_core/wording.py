"""Numbers as people read them; an accuracy never without its interval and its n."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

ADVICE = {
    "promote": "The gate advises: promote.",
    "hold": "The gate advises: wait.",
    "refuse": "The gate advises: keep the champion.",
}
SAMPLES = {"holdout": "holdout", "audit": "audit sample", "corrections": "earlier corrections"}


CENSUS = "a census: every item is labelled"


def is_census(score: Mapping[str, Any]) -> bool:
    """Whether nothing was left to chance: an interval from a sample, however large, has a width."""
    return bool(score["low"] == score["high"])


def response(found: Mapping[str, Any] | None) -> str:
    """How much of what the audit drew was answered, and what the rest could make of its accuracy; '' without draws.

    found: asked, answered, low and high (accuracy if the rest is all wrong, or all right), as JSON.
    """
    if not found or not found["asked"]:
        return ""
    asked, answered = found["asked"], found["answered"]
    rate = 100 * answered / asked
    if answered == asked:
        return f"Answered: all {counted(asked, 'audit draw')} since the promotion."
    return (
        f"Answered: {answered:,} of {counted(asked, 'audit draw')} since the promotion ({rate:.1f} %)."
        f" The audit sample's accuracy would be {100 * found['low']:.1f} % if the model were wrong on all the others, "
        f"{100 * found['high']:.1f} % if right."
    )


def share(score: Mapping[str, Any] | None) -> str:
    """A share as JSON: 93.4 % (91.2 to 95.1, n = 600). Without rows: 'not measured'."""
    if not score or score.get("value") is None:
        return "not measured"
    if is_census(score):
        return f"{100 * score['value']:.1f} % ({CENSUS}, n = {score['n']:,})"
    return f"{100 * score['value']:.1f} % ({100 * score['low']:.1f} to {100 * score['high']:.1f}, n = {score['n']:,})"


def points(score: Mapping[str, Any] | None) -> str:
    """A difference of two shares in percentage points: +1.9 points (+0.6 to +3.2, n = 600)."""
    if not score or score.get("value") is None:
        return "not measured"
    value, low, high = (100 * score[name] for name in ("value", "low", "high"))
    return f"{value:+.1f} points ({low:+.1f} to {high:+.1f}, n = {score['n']:,})"


def difference(score: Mapping[str, Any] | None, unit: str = "points") -> str:
    """A difference in percentage points, or in the unit that a verdict by costs or errors is in."""
    if unit == "points" or not score or score.get("value") is None:
        return points(score)
    return f"{score['value']:+.3g} {unit} ({score['low']:+.3g} to {score['high']:+.3g}, n = {score['n']:,})"


def number(score: Mapping[str, Any] | None) -> str:
    """Any other estimate: 0.213 (0.180 to 0.246, n = 600)."""
    if not score or score.get("value") is None:
        return "not measured"
    high = "unbounded" if score["high"] is None else f"{score['high']:.3f}"
    return f"{score['value']:.3f} ({score['low']:.3f} to {high}, n = {score['n']:,})"


def amount(value: float, unit: str = "") -> str:
    """A number with its unit: 151.2 mg/dl."""
    return f"{value:,.10g} {unit}".rstrip()


def signed(value: float, unit: str = "") -> str:
    """A change of a number, to three digits: +12.4 mg/dl."""
    return f"{'−' if value < 0 else '+'}{amount(rounded(abs(value)), unit)}"


def score(scores: Mapping[str, Any]) -> str:
    """The first score of a version on a sample, as metrics hold it: its accuracy, or how far off its numbers are."""
    if "error" in scores:
        return f"off by {off(scores['error'], scores.get('unit', ''))}" if scores["error"]["n"] else "not measured"
    if "average_precision" in scores:
        return precision(scores)
    if "hamming_loss" in scores:
        return f"exact match {share(scores['accuracy'])}"
    return share(scores.get("accuracy"))


LABEL_SCORES = {
    "micro_f1": ("Micro F1", "Every answer about a label counts alike, so frequent labels count most."),
    "macro_f1": ("Macro F1", "The mean over the labels that occur: rare ones count as much as frequent ones."),
    "hamming_loss": ("Hamming loss", "Share of all answers, label by label, that are wrong. Lower is better."),
}
"""Scores of a version that predicts sets of labels, beside the share of rows on which the whole set is right."""


def label_by_label(scores: Mapping[str, Any]) -> str:
    """Those scores of one sample: micro F1 78.1 % (70.2 to 85.0, n = 212); macro F1 …; Hamming loss …."""
    return "; ".join(
        f"{title if title[0] == 'H' else title.lower().replace('f1', 'F1')} {share(scores.get(name))}"
        for name, (title, _) in LABEL_SCORES.items()
    )


def precision(scores: Mapping[str, Any]) -> str:
    """How well a ranking puts anomalies first: average precision 74.0 % (60.1 to 85.0, n = 212, 23 anomalies)."""
    found = scores["average_precision"]
    if found.get("value") is None:
        return f"average precision not measured ({counted(scores['anomalies'], 'anomaly', 'anomalies')} among its rows)"
    anomalies = counted(scores["anomalies"], "anomaly", "anomalies")
    return f"average precision {share(found)[:-1]}, {anomalies})"


def rounded(value: float, digits: int = 3) -> float:
    """A number to so many significant digits."""
    return float(f"{value:.{digits}g}")


def off(score: Mapping[str, Any] | None, unit: str = "") -> str:
    """A mean error as JSON in its unit: 45.1 mg/dl (38.3 to 51.9, n = 77). Without rows: 'not measured'."""
    if not score or score.get("value") is None:
        return "not measured"
    high = "unbounded" if score["high"] is None else amount(rounded(score["high"]))
    return f"{amount(rounded(score['value']), unit)} ({amount(rounded(score['low']))} to {high}, n = {score['n']:,})"


def counted(n: float, one: str, many: str = "") -> str:
    """A number with its noun, without needless decimals: 1 row, 2 rows, 2.5 errors."""
    number = f"{n:,.0f}" if n == round(n) else f"{n:,.1f}"
    return f"{number} {one if number == '1' else many or one + 's'}"


def are(n: float) -> str:
    """The verb of so many: 1 is, 2 are."""
    return "is" if n == 1 else "are"


def moment(at: float | None) -> str:
    """A time in UTC to the minute; 'never' for None."""
    return "never" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def iso(at: float | None) -> str | None:
    """A time for machines, in UTC to the second: 2026-01-31T09:30:00+00:00."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def instant(at: float) -> str:
    """A time in UTC as exactly as it is known: 2026-01-31, 2026-01-31 14:30 UTC, 2026-01-31 14:30:05 UTC."""
    there = datetime.fromtimestamp(at, UTC)
    day, clock = there.date().isoformat(), there.time().isoformat()
    return day if clock == "00:00:00" else f"{day} {clock.removesuffix(':00') if len(clock) == 8 else clock} UTC"


def spoken(name: str) -> str:
    """A name of the code as words: logistic_regression -> logistic regression."""
    return name.replace("_", " ")


BEYOND_REACH = 50_000
"""Rows to label that nobody plans for: a sentence says so instead of a number with six digits."""


def about(n: int, noun: str) -> str:
    """How many rows something takes, to two digits, such as "about 1,800 audit labels"; more than anyone labels: so."""
    if n > BEYOND_REACH:
        return f"more {noun} than anyone would give ({BEYOND_REACH:,} and more)"
    digits = max(0, len(str(n)) - 2)
    return f"about {round(n, -digits):,} more {noun}"
