"""Settings of a project, with their defaults, ranges and reasons."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from math import isfinite
from types import NoneType
from typing import Any, Literal

from . import cron, multilabel
from .errors import InvalidSetting

Policy = Literal["strict", "balanced", "manual"]
CorrectionsRule = Literal["off", "fixed", "auto"]
Metric = Literal["accuracy", "balanced accuracy", "cost"]


def _between(low: float, high: float, help_text: str, title: str = "", unit: str = "") -> dict[str, Any]:
    """title: what a form calls the setting, empty to leave it out. unit: %, points, s, or none; % and points are shown
    a hundredfold."""
    return {"low": low, "high": high, "help": help_text, "title": title, "unit": unit}


def _one_of(choices: tuple[str, ...], help_text: str, title: str) -> dict[str, Any]:
    return {"choices": choices, "help": help_text, "title": title}


def _trigger(rule: dict[str, Any]) -> dict[str, Any]:
    """A setting that the Retrain page shows beside what it decides, in place of the form of all settings."""
    return rule | {"page": "retrain"}


def _number(rule: dict[str, Any]) -> dict[str, Any]:
    """A setting that only projects have whose target is a number."""
    return rule | {"task": "regression"}


def _class(rule: dict[str, Any]) -> dict[str, Any]:
    """A setting that only projects have whose target is one of several classes."""
    return rule | {"task": "classification"}


def _default_weights() -> dict[str, float]:
    # Chosen by 12 sets x 5 seeds: mean rank 3.5 of 11, best peer 5.0; with other seeds 3.8 and 5.4. Beside it no
    # committee, novelty or rarity was distinguishable in rank, and a committee takes eight times as long
    # (python -m benchmarks.label_efficiency, and with --seed 100).
    return {"margin": 0.9, "diversity": 0.1}


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user can set per project; every field is checked on creation."""

    retrain_threshold: int = field(
        default=50,
        metadata=_between(
            1,
            1_000_000,
            "As many corrections make a retrain due. Confirmations do not count: they tell the model little new.",
            "Corrections for a retrain",
        ),
    )
    holdout_share: float = field(
        default=0.2,
        metadata=_between(0.05, 0.9, "Share of labelled rows locked away to judge versions.", "Holdout share", "%"),
    )
    audit_share: float = field(
        default=0.1,
        metadata=_between(
            0.0,
            1.0,
            "Share of review draws taken uniformly at random and shown without the prediction: the only honest sample "
            "of what comes in. No version learns from them.",
            "Audit share",
            "%",
        ),
    )
    gold_share: float = field(
        default=0.0,
        metadata=_class(
            _between(
                0.0,
                1.0,
                "Share of review draws with a known answer, shown without the prediction: they test the reviewer.",
                "Gold share",
                "%",
            )
        ),
    )
    blind_share: float = field(
        default=0.05,
        metadata=_between(
            0.0,
            1.0,
            "Share of the draws by priority shown without the prediction, to measure how far it sways reviewers.",
            "Blind share",
            "%",
        ),
    )
    lease_s: float = field(
        default=600.0,
        metadata=_between(
            5,
            86_400,
            "How long an item stays reserved for one reviewer; after that others may get it.",
            "Reservation",
            "s",
        ),
    )
    estimator: str = field(
        default="logistic_regression",
        metadata={"help": "What the next version is trained as; versions there are keep theirs.", "title": "Model"},
    )
    params: dict[str, Any] = field(default_factory=dict, metadata={"help": "Parameters handed to the builder."})
    seed: int = field(default=0, metadata=_between(0, 2**31 - 1, "Seed of the first version; version n uses seed + n."))
    policy: Policy = field(
        default="balanced",
        metadata=_one_of(
            ("strict", "balanced", "manual"),
            "strict: only a proven gain is promoted. balanced: also a probable gain with a loss above `max_loss` "
            "excluded; of 50 retrains that are no better it lets one through in 9 of 10 series on 1,000 locked rows, "
            "but none that is measurably worse. manual: nothing by itself, a person decides.",
            "The gate promotes",
        ),
    )
    label_half_life_days: float = field(
        default=0.0,
        metadata=_between(
            0.0,
            36_500.0,
            "Age at which a label counts half in training, a quarter at twice that age, and so on. 0 = labels never "
            "fade. Set it when the world changes: labels that were right then are wrong about today.",
            "Half-life of labels",
            "days",
        ),
    )
    max_loss: float = field(
        default=0.01,
        metadata=_class(
            _between(
                0.0,
                0.2,
                "The policy `balanced` promotes only when a larger loss of accuracy is excluded. No policy promotes "
                "what loses more than this on a slice or on earlier corrections, where the loss is measured.",
                "Largest loss to accept",
                "points",
            )
        ),
    )
    metric: Metric = field(
        default="accuracy",
        metadata=_class(
            _one_of(
                ("accuracy", "balanced accuracy", "cost"),
                "accuracy: every row counts the same. balanced accuracy: every class does. cost: a mistake counts what "
                "it costs. Choose before looking: another choice is another look at the locked rows.",
                "Versions are judged by",
            )
        ),
    )
    costs: dict[str, dict[str, float]] = field(
        default_factory=dict,
        metadata={"help": "Cost of a mistake by true class and prediction; 1 where nothing is given."},
    )
    segments: tuple[str, ...] = field(
        default=(),
        metadata={"help": "Category columns on whose every value no version may be measurably worse."},
    )
    unit: str = field(
        default="",
        metadata=_number({"title": "Unit", "help": "Of the numbers, such as mg/dl or EUR. It is shown beside them."}),
    )
    tolerance: float = field(
        default=0.0,
        metadata=_number(
            _between(
                0.0,
                1e12,
                "A correction that differs from the prediction by no more confirms it, and reviewers whose numbers "
                "differ by no more agree.",
                "Tolerance",
            )
        ),
    )
    plausible_low: float | None = field(
        default=None,
        metadata=_number(_between(-1e12, 1e12, "Smaller numbers are refused. Empty: no limit.", "Minimum")),
    )
    plausible_high: float | None = field(
        default=None,
        metadata=_number(_between(-1e12, 1e12, "Larger numbers are refused. Empty: no limit.", "Maximum")),
    )
    weights: dict[str, float] = field(
        default_factory=_default_weights, metadata={"help": "Weight of each part of the priority."}
    )
    automatic: bool = field(
        default=False,
        metadata=_trigger(
            {"title": "Retrain by itself", "help": "Off: a person starts each retrain, and this page only says when."}
        ),
    )
    act_on_verdict: bool = field(
        default=True,
        metadata=_trigger(
            {
                "title": "Carry out its verdict",
                "help": "Of a version that nobody asked for: promoted or refused as the gate advises under its policy. "
                "Off, or under the policy manual: it waits for a person. Versions that a person asked for always do.",
            }
        ),
    )
    corrections_rule: CorrectionsRule = field(
        default="fixed",
        metadata=_trigger(
            _one_of(
                ("off", "fixed", "auto"),
                "fixed: a number of corrections makes a retrain due. auto: the errors that a retrain would avoid are "
                "added up, and it is due when they have cost as much as it would.",
                "Corrections",
            )
        ),
    )
    retrain_cost: float = field(
        default=0.0,
        metadata=_trigger(
            _between(
                0,
                100_000,
                "What one retrain costs, in wrong predictions, for the rule auto. 0: proposed from the seconds a "
                "retrain takes here and the seconds of a correction.",
                "Cost of a retrain (wrong predictions)",
            )
        ),
    )
    least_corrections: int = field(
        default=5,
        metadata=_trigger(
            _between(0, 1_000_000, "The rule auto never asks for a retrain below these.", "At least (corrections)")
        ),
    )
    most_corrections: int = field(
        default=1_000,
        metadata=_trigger(
            _between(1, 1_000_000, "The rule auto asks for a retrain at these, come what may.", "At most (corrections)")
        ),
    )
    schedule: str = field(
        default="",
        metadata=_trigger(
            {
                "title": "Schedule",
                "help": "A cron expression: minute, hour, day of month, month, day of week. 0 3 * * 1 is Mondays at "
                "three. Empty: none. A time at which nothing new was there is passed over.",
                "check": cron.check,
                "empty": True,
            }
        ),
    )
    time_zone: str = field(
        default="UTC",
        metadata=_trigger(
            {"title": "Time zone", "help": "Of the schedule, such as Europe/Berlin.", "check": cron.check_zone}
        ),
    )
    on_input_drift: bool = field(
        default=False,
        metadata=_trigger(
            {
                "title": "When the inputs drift",
                "help": "The newest 200 items are compared, column by column, with those the model knows.",
            }
        ),
    )
    on_error_drift: bool = field(
        default=False,
        metadata=_trigger(
            {
                "title": "When errors rise on the audit sample",
                "help": "The newest audit rows against those at the promotion, by an exact test.",
            }
        ),
    )
    drift_significance: float = field(
        default=0.01,
        metadata=_trigger(
            _between(
                0.0001,
                0.2,
                "Probability of a false alarm of either drift trigger in the life of a version, over all its looks.",
                "False alarms of drift",
                "%",
            )
        ),
    )
    explain_versions: bool = field(
        default=True,
        metadata={
            "title": "Explain each new version",
            "help": "After a retrain the worker compares the version with the one before it: what it goes by now, "
            "which rows changed, and which labels pulled them. All other work comes first. Off: ask for it on Retrain.",
        },
    )
    realtime: bool = field(
        default=False,
        metadata={
            "page": "real time",
            "title": "Learn in real time",
            "help": "A challenger learns each accepted entry within a second, beside the champion. It serves nobody "
            "before the gate has judged it.",
        },
    )
    realtime_every: int = field(
        default=0,
        metadata=_between(
            0,
            1_000_000,
            "After so many corrections the real-time challenger is judged by itself; 0: only when somebody asks. Each "
            "judgement is one look at the locked rows, on the same budget as a retrain.",
            "Judge it after (corrections)",
        )
        | {"page": "real time"},
    )
    skip_certified: bool = field(
        default=False,
        metadata={
            "title": "Skip what is certified",
            "help": "Predictions above a certified confidence are not asked for by priority any more. Random draws go "
            "on among them, and nothing learns from them. Find the threshold on Insights, Automate.",
            "task": "classification",
        },
    )
    certified_target: float = field(
        default=0.97,
        metadata=_class(
            _between(
                0.5,
                0.999,
                "Least share of right answers that a certificate promises for what is not reviewed.",
                "Certified accuracy",
                "%",
            )
        ),
    )
    quiet_s: float = field(
        default=120.0,
        metadata=_trigger(
            _between(0, 86_400, "A retrain waits until nobody has labelled for so long.", "Quiet time", "s")
        ),
    )
    cool_down_s: float = field(
        default=3_600.0,
        metadata=_trigger(
            _between(0, 2_592_000, "Least time between two retrains, however they were started.", "Cool-down", "s")
        ),
    )

    def __post_init__(self) -> None:
        for spec in fields(self):
            _check(spec.name, getattr(self, spec.name), spec.metadata)
        if self.audit_share + self.gold_share > 1:
            raise InvalidSetting(
                f"audit_share={self.audit_share} and gold_share={self.gold_share} are more than all draws together: "
                "lower one of them."
            )
        if self.least_corrections > self.most_corrections:
            raise InvalidSetting(
                f"least_corrections={self.least_corrections} is above most_corrections={self.most_corrections}: lower "
                "the first or raise the second."
            )
        if self.plausible_low == 0 == self.plausible_high:  # what stood for no limit before there was None
            object.__setattr__(self, "plausible_low", None)
            object.__setattr__(self, "plausible_high", None)
        low, high = self.plausible_low, self.plausible_high
        if low is not None and high is not None and low > high:
            raise InvalidSetting(
                f"plausible_low={self.plausible_low} is above plausible_high={self.plausible_high}: lower the first or "
                "raise the second."
            )
        object.__setattr__(self, "segments", tuple(self.segments))  # JSON has lists only
        _check_costs(self.costs)
        if not self.weights or min(self.weights.values()) < 0 or sum(self.weights.values()) <= 0:
            raise InvalidSetting(
                f"weights={self.weights!r}: give at least one positive weight and no negative one, such as margin=1."
            )

    @property
    def watched(self) -> bool:
        """Whether the worker has to look at the triggers from time to time."""
        return self.automatic or self.corrections_rule == "auto" or self.on_input_drift

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Settings:
        """Settings from stored JSON; unknown names (of a newer version) are ignored."""
        known = {spec.name for spec in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def changed(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """Settings with other values for some names, as they come from outside. Raises InvalidSetting naming the field."""
    known = {spec.name: spec for spec in fields(Settings)}
    for name, value in values.items():
        if name not in known:
            raise InvalidSetting(f"{name!r:.80} is no setting: choose among {', '.join(known)}.")
        _check_type(name, value, getattr(Settings(), name))
    return replace(settings, **values)


def _check_type(name: str, value: Any, example: Any) -> None:
    # A whole number is a fraction too; a truth value is neither, though Python says so.
    numbers: tuple[type, ...] = (int, float)
    kinds = {float: numbers, NoneType: (*numbers, NoneType), tuple: (list, tuple)}.get(type(example), (type(example),))
    good = isinstance(value, kinds) and isinstance(value, bool) == isinstance(example, bool)
    if good and isinstance(value, (list, tuple)):
        good = all(isinstance(each, str) for each in value)
    if good and name in ("weights", "costs"):
        good = _are_numbers(value if name == "weights" else _flat(value))
    if good and name == "params":
        good = not any(isinstance(each, float) and not isfinite(each) for each in value.values())
    if not good:
        like = "a number, or null" if example is None else f"something like {example!r:.80}"
        raise InvalidSetting(f"{name}={value!r:.80} is not what it takes: send {like}.")


def _flat(costs: Mapping[str, Any]) -> dict[str, Any]:
    rows = {truth: row if isinstance(row, Mapping) else {"": None} for truth, row in costs.items()}
    return {f"{truth}/{said}": cost for truth, row in rows.items() for said, cost in row.items()}


def _are_numbers(values: Mapping[str, Any]) -> bool:
    return all(
        isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value) for value in values.values()
    )


def _check(name: str, value: Any, rule: Mapping[str, Any]) -> None:
    if "low" in rule and value is not None and not rule["low"] <= value <= rule["high"]:
        raise InvalidSetting(f"{name}={value!r} is out of range: give a value from {rule['low']} to {rule['high']}.")
    if "check" in rule and not (rule.get("empty") and value == ""):
        try:
            rule["check"](value)
        except ValueError as error:
            raise InvalidSetting(f"{name}={value!r} is {error}.") from error
    if "choices" in rule and value not in rule["choices"]:
        raise InvalidSetting(f"{name}={value!r} is not known: choose one of {', '.join(rule['choices'])}.")


OF_CLASSES: Mapping[str, Any] = {"corrections_rule": "auto", "on_error_drift": True, "realtime": True}
"""Settings that count right and wrong answers, and the values with which they do: none for a predicted number."""


def check_fits(
    settings: Settings, categories: Collection[str], labels: Collection[str], task: str = "classification"
) -> None:
    """Raise InvalidSetting where settings name a column or a label that the project has not, or do not suit its task.

    categories: names of its category columns.
    """
    if task == "multilabel":
        _check_several(settings, labels)
    for name, value in OF_CLASSES.items() if task == "regression" else ():
        if getattr(settings, name) == value:
            raise InvalidSetting(f"{name}={value!r} counts right and wrong answers, and this project predicts numbers.")
    for name in settings.segments:
        if name not in categories:
            known = ", ".join(sorted(categories)) or "this project has none"
            raise InvalidSetting(f"segments={name!r} is not a category column: choose among {known}.")
    named = {label for truth, row in settings.costs.items() for label in (truth, *row)}
    if unknown := sorted(named - set(labels)):
        raise InvalidSetting(f"costs name {unknown[0]!r}, which is no label: use {', '.join(labels)}.")


def _check_several(settings: Settings, labels: Collection[str]) -> None:
    if why := multilabel.unfit_names(labels):
        raise InvalidSetting(why)
    named = f"metric={settings.metric!r}" if settings.metric != "accuracy" else "costs" if settings.costs else ""
    if named:
        raise InvalidSetting(
            f"{named} weighs one class against another, and rows of this project bear several labels: use the metric "
            "accuracy without costs, by which a row is right when all its labels are."
        )
    if settings.realtime:
        raise InvalidSetting(
            "realtime=True is for one class a row, and rows of this project bear several labels: leave it off."
        )


def _check_costs(costs: Mapping[str, Mapping[str, float]]) -> None:
    for truth, row in costs.items():
        for said, value in row.items():
            if not 0 <= value < float("inf"):
                raise InvalidSetting(f"costs[{truth!r}][{said!r}]={value!r}: give a finite cost of 0 or more.")
