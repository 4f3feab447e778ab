"""What a chart found, in one sentence each: from the numbers behind it, and no stronger than they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

from . import wording
from .intervals import newcombe, plain, wilson
from .types import GateReport, Interval
from .wording import counted

Rows = Mapping[str, Sequence[Any]]
SAMPLE_NAMES = {"holdout": "holdout", "audit": "audit sample"}


def verdict(number: int, before: int | None, report: GateReport | None) -> str:
    """Is a version better than the champion before it? report: the newest about it, before: that champion's number."""
    if report is None:
        return f"v{number} has not been judged yet"
    if report.finding == "first" or before is None:
        return f"v{number} is the first version, so there is nothing to compare it with"
    difference = report.numbers.get("difference", {})
    if difference.get("value") is None:
        return f"v{number} and v{before} cannot be compared: there are no locked rows"
    compared = {
        "better": "is better than",
        "not measurably different": "is not measurably different from",
        "worse within noise": "is lower than",
        "worse": "is worse than",
    }[report.finding]
    noise = ", within noise" if report.finding == "worse within noise" else ""
    return (
        f"v{number} {compared} v{before}{noise}: {wording.difference(difference, report.numbers.get('unit', 'points'))}"
    )


def evidence(number: int, before: int | None, report: GateReport | None) -> str:
    """Why the verdict can be believed, or what it would take; empty where there was no comparison."""
    if report is None or before is None or report.finding == "first" or not report.numbers.get("n"):
        return ""
    numbers = report.numbers
    rows = (
        f"On the same {numbers['n']:,} locked rows v{number} fixed {numbers['gained']:,} and broke {numbers['lost']:,}"
    )
    look = ""
    if numbers.get("looks"):
        look = f" This was look {numbers['looks']:,} of {numbers.get('looks_budget', 0):,} at these rows."
    missing = _unproven(numbers) if report.finding == "not measurably different" else ""
    return f"{rows} of v{before}'s answers.{look}{missing}"


def _unproven(numbers: Mapping[str, Any]) -> str:
    """Why a gain is not claimed, where its interval makes one think so, and what would decide."""
    said = ""
    if numbers["difference"]["low"] > 0 and numbers.get("alpha"):
        asked, p = (f"{100 * share:.2g} %" for share in (numbers["alpha"], numbers["p"]))
        said = (
            f" The interval, which holds for one look alone, lies above 0; but of {numbers['looks_budget']} "
            f"looks each may be wrong in {asked} of cases only, and this gain can come by chance in {p}."
        )
    if numbers.get("labels_to_decide"):
        needed = wording.about(numbers["labels_to_decide"], "audit labels")
        said += f" To decide a difference of this size takes {needed}."
    return said


def accuracy(rows: Rows, number: int) -> str:
    """How a version stands on the holdout, and since when it has risen. rows: one a version and sample, in order."""
    holdout = [n for n, sample in enumerate(rows.get("sample", ())) if sample == "holdout"]
    place = next((n for n in holdout if rows["version"][n] == number), None)
    if place is None:
        return f"v{number} has not been measured on the holdout"
    text = f"v{number} gets {rows['accuracy'][place]:.1%} of the holdout right"
    same = [n for n in holdout if rows["holdout since"][n] == rows["holdout since"][place]]
    first = same[0]
    if first == place:
        return text
    gain = newcombe(_interval(rows, place), _interval(rows, first))
    if gain.low <= 0 <= gain.high:
        return f"{text}, no clear change since v{rows['version'][first]}"
    return f"{text}, {wording.points(plain(gain))} since v{rows['version'][first]}"


def mistakes(rows: Rows, n: int, sample: str) -> str:
    """The most frequent mistake. rows: the most frequent first. n: rows of the sample."""
    if not n:
        return f"Nothing measured on the {SAMPLE_NAMES[sample]} yet"
    if not rows or not rows["rows"][0]:
        return f"No mistake on {n:,} rows of the {SAMPLE_NAMES[sample]}"
    truth, said, count, share = (rows[name][0] for name in ("truth", "said", "rows", "share"))
    many = sum(1 for each in rows["rows"] if each == count)
    if many > 1 and count < 3:
        wrong = sum(rows["rows"])
        times = "once" if count == 1 else "twice"
        return f"No mistake stands out: {wrong:,} of {n:,} rows are wrong, no pair more than {times}"
    return f"{truth} is most often taken for {said}: {counted(count, 'row')}, {share:.0%} of all {truth}"


def changes(fixed: int, broken: int, number: int, before: int) -> str:
    """What became of single rows against the champion before."""
    if not fixed and not broken:
        return f"v{number} and v{before} are right on the same rows"
    return f"against v{before}: {fixed:,} fixed, {broken:,} broken"


def recall(rows: Rows) -> str:
    """The class found least often; said to stand out only where chance over all classes cannot explain it."""
    if not rows:
        return "Nothing measured yet"
    overall = sum(f * n for f, n in zip(rows["found"], rows["n"], strict=True)) / sum(rows["n"])
    place = min(range(len(rows["found"])), key=lambda n: (rows["found"][n], rows["label"][n]))
    found, n = rows["found"][place], rows["n"][place]
    if _at_most(found, n, len(rows["found"])) >= overall:
        return f"No class is clearly found less often than the average of {overall:.1%}"
    low, high = 100 * rows["low"][place], 100 * rows["high"][place]
    return f"{rows['label'][place]} is found least often: {found:.0%} ({low:.0f} to {high:.0f}, n = {n:,})"


def by_label(rows: Rows) -> str:
    """The label with the lowest F1 among those that rows bear. It need not stand out."""
    known = [n for n, f1 in enumerate(rows.get("f1", ())) if f1 is not None and rows["rows"][n]]
    if not known:
        return "No row bears a label yet"
    n = min(known, key=lambda n: (rows["f1"][n], rows["label"][n]))
    label, f1, found, bear, right, said = (
        rows[name][n] for name in ("label", "f1", "recall", "rows", "precision", "precision n")
    )
    of_said = f"right on {right:.0%} of the {counted(said, 'row')} it is said of" if said else "never said"
    return f"{label} has the lowest F1, {f1:.2f}: found on {found:.0%} of {counted(bear, 'row')}, {of_said}"


def calibration(rows: Rows, number: int) -> str:
    """Whether confidence agrees with accuracy over all rows; a claim only where the interval excludes agreement."""
    if not rows:
        return "Not measured: versions judged from now on are"
    n = sum(rows["n"])
    said, right = (
        sum(a * b for a, b in zip(rows[name], rows["n"], strict=True)) / n for name in ("confidence", "accuracy")
    )
    share = wilson(right * n, n)
    ends = f"({100 * share.low:.0f} to {100 * share.high:.0f}, n = {n:,})"
    if share.low <= said <= share.high:
        return f"v{number} is about as sure as it is right: says {said:.0%}, is right {right:.0%} {ends}"
    how = "is too sure of itself" if said > share.high else "is right more often than it says"
    return f"v{number} {how}: says {said:.0%}, is right {right:.0%} {ends}"


def volume(rows: Rows, when: str) -> str:
    """What was said, and how much of it was taken back. when: the period in words."""
    said: dict[str, int] = {}
    for verdict_, n in zip(rows["verdict"], rows["entries"], strict=True):
        said[verdict_] = said.get(verdict_, 0) + n
    given = sum(said.values()) - said.get("undo", 0)
    lately = "" if when == "all time" else f", {when}"
    return (
        f"{given:,} {'entry' if given == 1 else 'entries'} given, {said.get('correct', 0):,} of them corrections; "
        f"{said.get('undo', 0):,} were taken back{lately}"
    )


def reviewers(rows: Rows) -> str:
    """How many people, how many labels of theirs stand, and whether known answers say that somebody stands out."""
    people, labels = len(rows["reviewer"]), sum(rows["decided"])
    text = f"{people:,} {'reviewer' if people == 1 else 'reviewers'}, {labels:,} labels that stand"
    asked = [(share.value, share.n, name) for share, name in zip(rows["known"], rows["reviewer"], strict=True) if share]
    if len(asked) < 2:
        return text
    overall = sum(value * n for value, n, _ in asked) / sum(n for _, n, _ in asked)
    value, n, name = min(asked)
    if _at_most(value, n, len(asked)) >= overall:
        return text
    return f"{text}; {name} gets {value:.0%} of known answers right, all together {overall:.0%}"


def _at_most(share: float, n: int, among: int) -> float:
    """Upper end of Wilson's interval for the lowest of several shares: 2.5 % divided by their number (Bonferroni)."""
    return wilson(share * n, n, NormalDist().inv_cdf(1 - 0.025 / among)).high


def _interval(rows: Rows, n: int) -> Interval:
    return Interval(rows["accuracy"][n], rows["low"][n], rows["high"][n], rows["n"][n])
