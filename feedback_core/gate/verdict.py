"""From the evidence of one comparison to a finding, an action, and the sentences that explain it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..intervals import plain
from ..types import Action, Finding
from .paired import PRIOR_SD, Comparison, labels_to_decide, p_better, provable_gain, rows_to_decide
from .wear import LOOKS

ALPHA = 0.05
"""Error budget: 5 % over the first LOOKS looks at one holdout, 0.2 % each. An exact p cannot use all of it: over 25
looks it is 0.6 % at 12 discordant rows, 3.3 % at 60 and 4.0 % at 300."""

E_CLAIM = 5_000.0
"""What an e-value has to reach to be a claim. 20 would bound one challenger at 5 %, but each pays it anew: of fifty no
better than their champion, each streamed over 1,000 audit labels, one would get through in 73 % of all cases. 5,000
bounds fifty at 1 %, and they stay at 0.4 %; beside at most 4.0 % for the looks (see ALPHA), both ways together stay
below 5 % (python -m benchmarks.gate). It takes about a third more labels than LOOKS / ALPHA = 500 would."""

MIN_CASES = 50
"""Fewer locked rows never promote by themselves: 50 rows cannot show a gain below 12 points."""

FEW_CASES = 30
"""Fewer locked rows prove nothing: ALPHA / LOOKS takes nine rows fixed and none broken, and two versions of one recipe
seldom differ on nearly a third of the rows."""

P_BETTER = 0.8
"""Posterior probability of a gain that `balanced` asks for."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the evidence says, what the policy allows, and the sentences that explain it."""

    finding: Finding
    action: Action
    reasons: tuple[str, ...]
    numbers: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unit:
    """How differences are measured and said. size: one unit of loss, such as the cost of a usual mistake."""

    name: str = "points"
    factor: float = 100.0
    size: float = 1.0

    def say(self, difference: float) -> str:
        """A difference in words, such as "1.8 points"."""
        value = self.factor * difference
        return f"{value:.1f} {self.name}" if self.factor == 100 else f"{value:.3g} {self.name}"


@dataclass(frozen=True, slots=True)
class Case:
    """Everything one verdict is made of. claimed: the p that was paid for. log_e: of the fresh rows."""

    pair: Comparison
    anchor: Comparison
    claimed: float
    alpha: float
    log_e: float
    fresh: int
    looks: int
    unit: Unit
    max_loss: float
    harms: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    """Sentences that let no policy promote, without being proof of a loss."""

    repeats: bool = False
    """Whether it repeats a look that did not promote: only a claim can then change what is done."""

    nearer: bool = False
    """Whether versions come nearer to numbers, instead of being right or wrong."""

    verbs: tuple[str, str] | None = None
    """What versions do to rows, for worse and for better, where they are not right or wrong; no stream can be bet on
    then."""


def judged(case: Case, policy: str, min_cases: int, scores: Mapping[str, Any]) -> Judgement:
    """The verdict on a case. scores: numbers of the versions themselves, stored beside those of the comparison."""
    finding = _finding(case)
    action, reasons = _action(finding, case, policy, min_cases)
    return Judgement(finding, action, reasons, _numbers(case) | dict(scores))


def alpha_of(looks: int) -> float:
    """What a look may spend."""
    # Beyond the budgeted looks nothing is left to spend, so nothing can be claimed by a look.
    return ALPHA / LOOKS if looks <= LOOKS else 0.0


def _finding(case: Case) -> Finding:
    # No budget on this side: refusing a good version by mistake costs a retrain, promoting a bad one costs trust.
    if case.pair.p_worse <= ALPHA:
        return "worse"
    # Without a budget not even a p that has underflowed to zero is a proof.
    if case.pair.difference > 0 and (_proven_by_look(case) or _proven_by_stream(case)):
        return "better"
    return "worse within noise" if case.pair.difference < 0 else "not measurably different"


def _proven_by_look(case: Case) -> bool:
    return bool(case.alpha) and case.claimed <= case.alpha


def _proven_by_stream(case: Case) -> bool:
    return case.log_e >= math.log(E_CLAIM)


def _action(finding: Finding, case: Case, policy: str, min_cases: int) -> tuple[Action, tuple[str, ...]]:
    pair = case.pair
    if finding == "worse":
        return "refuse", (f"It is measurably worse: {_counts(case, worse=True)}.", *case.harms)
    if case.harms:
        gain = f"Its gain over all locked rows does not make up for that: {_counts(case)}."
        return "refuse", (*case.harms, *((gain,) if finding == "better" else ()))
    if pair.n < min_cases:
        return "hold", (_too_few(pair.n, min_cases),)
    if policy == "manual":
        return "hold", ("The policy is manual: a person decides with these numbers.",)
    if case.holds:
        return "hold", case.holds
    if finding == "better":
        return "promote", (_proof(case),)
    if policy == "strict":
        return "hold", ("The policy is strict and the gain is not proven.",)
    missing = _missing(case)
    if missing:
        return ("refuse" if pair.difference < 0 else "hold"), missing
    if case.repeats:
        return "hold", (
            "It is the same look again, which did not advise to promote: only audit labels that prove the gain can "
            "change that.",
        )
    return "promote", (f"Not proven, but probably better and a loss above {case.unit.say(case.max_loss)} is excluded.",)


def _counts(case: Case, *, worse: bool = False) -> str:
    verbs = case.verbs or (("farther off", "nearer") if case.nearer else ("broken", "fixed"))
    lost, gained = f"{case.pair.lost} rows {verbs[0]}", f"{case.pair.gained} {verbs[1]}"
    text = f"{lost}, {gained}" if worse else f"{case.pair.gained} rows {verbs[1]}, {case.pair.lost} {verbs[0]}"
    return text if case.unit.name == "points" else f"{text}, {case.unit.say(abs(case.pair.difference))}"


def _proof(case: Case) -> str:
    if _proven_by_look(case):
        return f"The gain is proven: {_counts(case)}."
    return (
        f"The gain is proven by {case.fresh:,} audit labels that came in after it was trained: "
        f"e-value {math.exp(min(case.log_e, 700)):,.0f}, {E_CLAIM:,.0f} is asked for."
    )


def _too_few(n: int, min_cases: int) -> str:
    rows = f"Only {n} locked {'row' if n == 1 else 'rows'}:"
    if n < FEW_CASES:
        return (
            f"{rows} so few can prove nothing, neither a gain nor a loss. About {FEW_CASES} are needed for any proof, "
            f"and at least {min_cases} before a version can promote itself."
        )
    return f"{rows} at least {min_cases} are needed before a version can promote itself."


def _missing(case: Case) -> tuple[str, ...]:
    """What `balanced` still asks for, in sentences; empty when it is content."""
    pair, say = case.pair, case.unit.say
    likely = p_better(pair, PRIOR_SD * case.unit.size)
    checks = (
        (pair.difference >= 0, _lower(case)),
        (likely >= P_BETTER, f"It is better with probability {likely:.0%}; {P_BETTER:.0%} is asked for."),
        (
            pair.interval.low > -case.max_loss,
            f"A loss of {say(-pair.interval.low)} against the champion is not excluded.",
        ),
        (
            case.anchor.interval.low > -case.max_loss,
            f"A loss of {say(-case.anchor.interval.low)} against the anchor version is not excluded.",
        ),
    )
    return tuple(sentence for holds, sentence in checks if not holds)


def _lower(case: Case) -> str:
    loss = case.unit.say(-case.pair.difference)
    return (
        f"Its mean error is {loss} larger on the locked rows."
        if case.nearer
        else f"It is {loss} lower on the locked rows."
    )


def _numbers(case: Case) -> dict[str, Any]:
    pair, budget = case.pair, case.alpha or ALPHA / LOOKS
    return {
        "n": pair.n,
        "gained": pair.gained,
        "lost": pair.lost,
        "difference": plain(pair.interval),
        "anchor_difference": plain(case.anchor.interval),
        "p": case.claimed,
        "p_worse": pair.p_worse,
        "alpha": case.alpha,
        "looks": case.looks,
        "looks_budget": LOOKS,
        "looks_left": max(LOOKS - case.looks, 0),
        "e_value": math.exp(min(case.log_e, 700)),
        "e_claim": E_CLAIM,
        "e_rows": case.fresh,
        "p_better": p_better(pair, PRIOR_SD * case.unit.size),
        "unit": case.unit.name,
        "smallest_provable_gain": provable_gain(pair, budget),
        "rows_to_decide": rows_to_decide(pair, budget),
        # Errors have no largest value that could be known beforehand, so no stream of them can be bet on.
        "labels_to_decide": None if case.nearer or case.verbs else labels_to_decide(pair, case.log_e, E_CLAIM),
    }
