"""What the rules are told; nothing in here is looked up by a rule itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .calming import Calm, Kind
from .drift import ColumnDrift


@dataclass(frozen=True, slots=True)
class Regret:
    """total: accumulated regret in wrong predictions. entries: new decisions since the last retrain. cost: of a
    retrain, in wrong predictions. no_shadow: why no shadow predicts beside the champion, empty while one does."""

    total: float = 0.0
    entries: int = 0
    cost: float = 20.0
    no_shadow: str = ""


@dataclass(frozen=True, slots=True)
class InputDrift:
    """seen: new items since the version was trained. look: full windows looked at. drifts: of the last look. calm:
    what people have answered to alerts so far."""

    seen: int = 0
    look: int = 0
    drifts: tuple[ColumnDrift, ...] = ()
    calm: Mapping[Kind, Calm] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ErrorDrift:
    """Wrong and all audit rows, the newest since the promotion and those at the promotion. look: full blocks."""

    wrong_now: int = 0
    n_now: int = 0
    wrong_then: int = 0
    n_then: int = 0
    look: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """The state of one project at one moment; times in seconds since the epoch, None where nothing happened yet.

    corrections: accepted and not learned yet. since: from when on a time of the schedule counts. obstacle: why no
    version can be trained, empty when one can. busy_with: kind of the live retrain or import, empty when there is none.
    trouble: why the worker's last look broke off, empty when it did not.
    last_verdict: what the gate found about the newest version, empty while it has found nothing.
    """

    now: float
    corrections: int = 0
    since: float = 0.0
    last_label_at: float | None = None
    last_retrain_at: float | None = None
    last_failed: bool = False
    obstacle: str = ""
    busy_with: str = ""
    trouble: str = ""
    last_verdict: str = ""
    regret: Regret = Regret()
    input_drift: InputDrift = InputDrift()
    error_drift: ErrorDrift = ErrorDrift()
