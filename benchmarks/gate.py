"""How often does the gate let a version through that is no better, and how many real gains does it miss?

Everything goes through `gate.judge` and `gate.judge_errors`: locked rows are drawn, labels are made up at given true
accuracies, and what the gate says is what happens. Retrains without a true gain share one reused holdout, as they do in
life; a version that gets through becomes the champion. Naive: promote whatever scores higher. Of a stream of audit
labels the gate judges the end and every moment whose e-value could be a claim: at the others it cannot find a gain.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks._report import arguments, report
from feedback_core import gate
from feedback_core.gate.evalue import log_e_value
from feedback_core.gate.losses import loss_of
from feedback_core.gate.verdict import E_CLAIM, Judgement
from feedback_core.gate.wear import LOOKS

SIZES = (200, 1_000, 5_000)
RETRAINS = 50
ACCURACY, DISAGREEMENT = 0.85, 0.06
POLICIES = ("strict", "balanced")
GAINS = (0.01, 0.03, 0.05)
WORLDS = {"good": (0.003, 0.005), "flat": (0.0, 0.005), "poisoned": (-0.005, 0.007)}
"""Mean and spread of the true gain of each retrain."""

CLAIM = math.log(E_CLAIM) - 1e-6
"""Below this log e the gate does not call a stream a proof."""

WORLD_SIZES = (300, 1_000, 3_000)
STREAM, BATCH, QUICK_BATCH = 1_000, 50, 500
"""Audit labels that come in for each challenger, and after how many of them it is judged again."""

REPORTED = 400
"""Audit labels gathered after a promotion, from which the accuracy is reported."""

RUNS, QUICK_RUNS = 200, 12


Table = dict[str, dict[str, float]]
"""metric -> size of the holdout -> value."""


@dataclass
class Rows:
    """Locked rows of one holdout. champion, anchor: (n,) right or not. looks: at these rows so far."""

    champion: np.ndarray
    anchor: np.ndarray = field(init=False)
    looks: int = 0

    def __post_init__(self) -> None:
        self.anchor = self.champion

    @property
    def n(self) -> int:
        return len(self.champion)


def labels(right: np.ndarray) -> np.ndarray:
    """What a version says where 'a' is true."""
    return np.where(right, "a", "b").astype(object)


def challenged(rng: np.random.Generator, champion: np.ndarray, accuracy: float, gain: float) -> np.ndarray:
    """Who is right now: rows change sides so that the true accuracy moves from `accuracy` by `gain`."""
    moving = max(DISAGREEMENT, abs(gain))  # by as much as it gains, it has to differ
    fixed, broken = (moving + gain) / 2 / (1 - accuracy), (moving - gain) / 2 / accuracy
    return champion ^ (rng.random(len(champion)) < np.where(champion, broken, fixed))


def look(rows: Rows, challenger: np.ndarray, policy: str) -> Judgement:
    """One look of the gate."""
    rows.looks += 1
    truth = np.full(rows.n, "a", dtype=object)
    said, before, anchor = labels(challenger), labels(rows.champion), labels(rows.anchor)
    return gate.judge(truth, said, before, anchor, looks=rows.looks, policy=policy)


def gated(policy: str) -> Callable[[Rows, np.ndarray], bool]:
    """Whether the gate promotes under a policy."""
    return lambda rows, challenger: look(rows, challenger, policy).action == "promote"


def naive(rows: Rows, challenger: np.ndarray) -> bool:
    """Whether the challenger scores higher."""
    return bool(challenger.sum() > rows.champion.sum())


def no_better(n: int, runs: int, promotes: Callable[[Rows, np.ndarray], bool], seed: int = 1) -> dict[str, float]:
    """RETRAINS retrains without a true gain, `runs` times over.

    false_promotion_rate: share of runs in which any gets through. optimism_points: accuracy of the last champion on
    the holdout that chose it, above the truth. reported_optimism_points: the same on audit rows gathered afterwards.
    """
    rng = np.random.default_rng(seed)
    fooled, optimism, reported = [], [], []
    for _ in range(runs):
        rows = Rows(rng.random(n) < ACCURACY)
        promotions = 0
        for _ in range(RETRAINS):
            challenger = challenged(rng, rows.champion, ACCURACY, 0.0)
            if promotes(rows, challenger):
                rows.champion, promotions = challenger, promotions + 1
        fooled.append(promotions > 0)
        optimism.append(rows.champion.mean() - ACCURACY)
        reported.append((rng.random(REPORTED) < ACCURACY).mean() - ACCURACY)
    return {
        "false_promotion_rate": float(np.mean(fooled)),
        "optimism_points": 100 * float(np.mean(optimism)),
        "reported_optimism_points": 100 * float(np.mean(reported)),
    }


def streamed(n: int, runs: int, batch: int = BATCH, seed: int = 2) -> float:
    """Share of runs in which any of RETRAINS challengers without a gain is called better, by a look or by its e-value.

    Each is judged once on the locked rows, then again after every `batch` of STREAM audit labels.
    """
    rng = np.random.default_rng(seed)
    fooled = []
    for _ in range(runs):
        rows = Rows(rng.random(n) < ACCURACY)
        fooled.append(any(_claims(rng, rows, batch) for _ in range(RETRAINS)))
    return float(np.mean(fooled))


def _claims(rng: np.random.Generator, rows: Rows, batch: int, gain: float = 0.0) -> bool:
    challenger = challenged(rng, rows.champion, ACCURACY, gain)
    verdict = look(rows, challenger, "strict")
    if verdict.finding == "better":
        return True
    stream = _stream(rng, rows, challenger, verdict.numbers["p"], gain, batch)
    return any(again.finding == "better" for again in stream)


def _stream(
    rng: np.random.Generator, rows: Rows, challenger: np.ndarray, paid: float, gain: float, batch: int
) -> Iterator[Judgement]:
    before = rng.random(STREAM) < ACCURACY
    after = challenged(rng, before, ACCURACY, gain)
    gains = after.astype(float) - before
    for upto in range(batch, STREAM + 1, batch):
        if upto + batch <= STREAM and log_e_value(gains[:upto]) < CLAIM:
            continue
        old, new = np.concatenate([rows.champion, before[:upto]]), np.concatenate([challenger, after[:upto]])
        fresh = np.arange(len(old)) >= rows.n
        truth = np.full(len(old), "a", dtype=object)
        yield gate.judge(
            truth, labels(new), labels(old), looks=rows.looks, policy="strict", paid_p=paid, fresh=fresh.tolist()
        )


RARE, TRADE, DEAR = 0.05, 0.03, 20.0
"""Share of the rare class; what is gained on the common class and lost on the rare one; cost of a dear mistake."""


def by_class(rng: np.random.Generator, right: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """As `challenged`, with a true gain for each row."""
    moving = np.maximum(DISAGREEMENT, np.abs(gains))
    fixed, broken = (moving + gains) / 2 / (1 - ACCURACY), (moving - gains) / 2 / ACCURACY
    return right ^ (rng.random(len(right)) < np.where(right, broken, fixed))


def weighed(truth: np.ndarray, new: np.ndarray, old: np.ndarray, looks: int, metric: str) -> Judgement:
    """One look under a metric in which mistakes count differently, between classes 'a' and 'b'."""
    other = np.where(truth == "a", "b", "a")
    said, before = (np.where(right, truth, other).tolist() for right in (new, old))
    loss = loss_of(metric, {"b": {"a": DEAR}}, truth.tolist())
    return gate.judge(truth.tolist(), said, before, looks=looks, policy="strict", loss=loss, labels=("a", "b"))


def traded(n: int, runs: int, metric: str, seed: int = 7) -> float:
    """Share of runs in which any of LOOKS versions is called better, that gain on one class what they lose on another.

    Under balanced accuracy class 'b' is rare; under cost a mistake on it is dear and both are as frequent.
    """
    rng = np.random.default_rng(seed)
    share, up, down = (RARE, TRADE, -TRADE) if metric == "balanced accuracy" else (0.5, TRADE, -TRADE / DEAR)
    fooled = []
    for _ in range(runs):
        truth, right = np.where(rng.random(n) < share, "b", "a"), rng.random(n) < ACCURACY
        gains = np.where(truth == "b", down, up)
        verdicts = (weighed(truth, by_class(rng, right, gains), right, k, metric).finding for k in range(1, LOOKS + 1))
        fooled.append(any(finding == "better" for finding in verdicts))
    return float(np.mean(fooled))


def missed_balanced(n: int, gain: float, share: float, runs: int, seed: int = 8) -> float:
    """Share of challengers, better by `gain` on both classes, that one look at balanced accuracy does not prove."""
    rng = np.random.default_rng(seed)
    proven = []
    for _ in range(runs):
        truth, right = np.where(rng.random(n) < share, "b", "a"), rng.random(n) < ACCURACY
        challenger = by_class(rng, right, np.full(n, gain))
        proven.append(weighed(truth, challenger, right, 1, "balanced accuracy").finding == "better")
    return 1 - float(np.mean(proven))


def weighed_rows(runs: int) -> Table:
    """False promotions of trade-offs between classes, and gains of balanced accuracy missed, by size of the holdout."""
    found: Table = {
        f"traded_false_promotion_rate_{metric.replace(' ', '_')}": {
            f"{n}_rows": traded(n, max(runs // 2, 4), metric) for n in SIZES
        }
        for metric in ("balanced accuracy", "cost")
    }
    for share in (0.05, 0.2, 0.5):
        name = f"missed_balanced_gain_of_5_at_{100 * share:.0f}_percent_rare"
        found[name] = {f"{n}_rows": missed_balanced(n, 0.05, share, runs) for n in SIZES}
    return found


def missed(n: int, gain: float, policy: str, runs: int, seed: int = 3) -> float:
    """Share of challengers with this true gain that one look does not promote."""
    rng = np.random.default_rng(seed)
    promotes = gated(policy)
    through = [
        promotes(rows, challenged(rng, rows.champion, ACCURACY, gain))
        for rows in (Rows(rng.random(n) < ACCURACY) for _ in range(runs))
    ]
    return 1 - float(np.mean(through))


def missed_by_stream(n: int, gain: float, runs: int, batch: int = BATCH, seed: int = 4) -> float:
    """The same under `strict`, when STREAM audit labels may come in after the look."""
    rng = np.random.default_rng(seed)
    return 1 - float(np.mean([_claims(rng, Rows(rng.random(n) < ACCURACY), batch, gain) for _ in range(runs)]))


def lived(world: str, n: int, promotes: Callable[[Rows, np.ndarray], bool], runs: int, seed: int = 5) -> list[float]:
    """Change of the true accuracy after RETRAINS retrains in a world, run by run; refreshed whenever looks run out."""
    rng = np.random.default_rng(seed)
    mean, spread = WORLDS[world]
    changes = []
    for _ in range(runs):
        truth, rows = ACCURACY, Rows(rng.random(n) < ACCURACY)
        for _ in range(RETRAINS):
            if rows.looks == LOOKS:
                rows = Rows(rng.random(n) < truth)
            gain = float(np.clip(rng.normal(mean, spread), 0.02 - truth, 0.98 - truth))
            challenger = challenged(rng, rows.champion, truth, gain)
            if promotes(rows, challenger):
                rows.champion, truth = challenger, truth + gain
        changes.append(truth - ACCURACY)
    return changes


def errors_no_better(n: int, runs: int, seed: int = 6) -> dict[str, float]:
    """RETRAINS retrains of a model of numbers, none of them a gain: the gate, and "lower error, promote".

    Errors have heavy tails (t3), of which each version shares the most with the one before.
    """
    rng = np.random.default_rng(seed)
    fooled, easily = [], []
    for _ in range(runs):
        truth = np.zeros(n)
        noise = rng.standard_t(3, n)
        champion, plain = noise + 0.3 * rng.normal(size=n), noise + 0.3 * rng.normal(size=n)
        wins = lower = 0
        for number in range(1, RETRAINS + 1):
            challenger = noise + 0.3 * rng.normal(size=n)
            if gate.judge_errors(truth, challenger, champion, looks=number, policy="strict").action == "promote":
                champion, wins = challenger, wins + 1
            if np.abs(challenger).mean() < np.abs(plain).mean():
                plain, lower = challenger, lower + 1
        fooled.append(wins > 0)
        easily.append(lower > 0)
    return {"gate": float(np.mean(fooled)), "naive": float(np.mean(easily))}


def lives(runs: int, sizes: Sequence[int]) -> Table:
    """Change of the true accuracy in points, and the share of runs that end below where they began, by world."""
    rules = {"naive": naive, "strict": gated("strict"), "balanced": gated("balanced")}
    found: Table = {}
    for world in WORLDS:
        for name, rule in rules.items():
            ends = {n: np.asarray(lived(world, n, rule, runs)) for n in sizes}
            found[f"{world}_{name}_points"] = {f"{n}_rows": 100 * float(end.mean()) for n, end in ends.items()}
            found[f"{world}_{name}_ends_worse"] = {f"{n}_rows": float((end < 0).mean()) for n, end in ends.items()}
    return found


def null_rows(runs: int, batch: int) -> Table:
    """What comes of retrains without a gain, by size of the holdout."""
    found: Table = {}
    for n in SIZES:
        strict, balanced, plain = (no_better(n, runs, rule) for rule in (gated("strict"), gated("balanced"), naive))
        cells = {
            "false_promotion_rate": strict["false_promotion_rate"],
            "false_promotion_rate_with_e_value": streamed(n, max(runs // 2, 4), batch),
            "balanced_promotion_rate": balanced["false_promotion_rate"],
            "naive_false_promotion_rate": plain["false_promotion_rate"],
            "optimism_points": strict["optimism_points"],
            "balanced_optimism_points": balanced["optimism_points"],
            "naive_optimism_points": plain["optimism_points"],
            "reported_optimism_points": balanced["reported_optimism_points"],
        }
        for name, value in cells.items():
            found.setdefault(name, {})[f"{n}_rows"] = value
    return found


def missed_rows(runs: int, batch: int) -> Table:
    """Share of true gains that do not get through, by size of the holdout."""
    found: Table = {}
    for gain in GAINS:
        name = f"missed_gain_of_{100 * gain:.0f}"
        for policy in POLICIES:
            found[f"{name}_{policy}"] = {f"{n}_rows": missed(n, gain, policy, runs) for n in SIZES}
        found[f"{name}_with_e_value"] = {
            f"{n}_rows": missed_by_stream(n, gain, max(runs // 4, 5), batch) for n in SIZES
        }
    return found


def main() -> None:
    """Print false promotions, missed gains, and what becomes of the true accuracy."""
    options = arguments(__doc__ or "")
    runs, batch = (QUICK_RUNS, QUICK_BATCH) if options.quick else (RUNS, BATCH)
    errors = {f"{n}_rows": errors_no_better(n, max(runs // 4, 5)) for n in SIZES[:2]}
    metrics = null_rows(runs, batch) | missed_rows(2 * runs, batch)
    metrics |= weighed_rows(runs)
    metrics |= {"errors_false_promotion_rate": {size: found["gate"] for size, found in errors.items()}}
    metrics |= lives(max(runs // 5, 3), WORLD_SIZES[1:2] if options.quick else WORLD_SIZES)
    baselines = {
        "naive_false_promotion_rate": metrics["naive_false_promotion_rate"],
        "errors_naive_false_promotion_rate": {size: found["naive"] for size, found in errors.items()},
    }
    report("gate", {"runs": runs, "retrains": RETRAINS} | metrics, baselines, as_json=options.json)


if __name__ == "__main__":
    main()
