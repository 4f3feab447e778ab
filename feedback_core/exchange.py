"""The nouns as plain JSON values: the same words on the command line and over REST."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from .accuracies import Accuracies
from .intervals import plain
from .mean_errors import MeanErrors
from .realtime import Standing, told
from .reproduce import Rebuild
from .types import (
    Delivery,
    Draw,
    DriftAlert,
    Event,
    Feedback,
    Flip,
    GateReport,
    Item,
    Job,
    Member,
    Project,
    RolledBack,
    Schema,
    Token,
    Version,
    Webhook,
)
from .wording import ADVICE, iso

_ENTRY = tuple(field.name for field in fields(Feedback))


def project(found: Project, champion: Version | None, versions: int) -> dict[str, Any]:
    """A project with its champion's accuracy on each locked sample. versions: how many it has."""
    return {
        "id": found.id,
        "name": found.name,
        "task": found.task,
        "labels": list(found.labels),
        "columns": [{"name": column.name, "kind": column.kind} for column in found.schema.columns],
        "settings": found.settings.to_dict(),
        "simulated": found.simulated,
        "created_at": iso(found.created_at),
        "versions": versions,
        "champion": None if champion is None else champion.number,
        "accuracy": {} if champion is None else accuracies(champion),
    }


def version(found: Version) -> dict[str, Any]:
    """A version with its scores by sample, and what a rebuild needs."""
    facts = asdict(found) | {"created_at": iso(found.created_at), "promoted_at": iso(found.promoted_at)}
    facts.pop("artifact")  # a path of this machine
    return facts


def rolled_back(found: RolledBack) -> dict[str, Any]:
    """The version that is champion again, with what the roll-back has put in doubt and the presses that undo it."""
    doubts = {"presses": list(found.presses), "entries": list(found.entries), "not_asked": found.left}
    return version(found.version) | {"left_version": found.number} | doubts


def report(found: GateReport, challenger: Version, champion: Version | None) -> dict[str, Any]:
    """A gate report, with the numbers people know versions by beside their ids."""
    times = {"created_at": iso(found.created_at), "decided_at": iso(found.decided_at)}
    numbers = {"challenger": challenger.number, "champion": None if champion is None else champion.number}
    return asdict(found) | times | numbers | {"reasons": list(found.reasons), "advice": ADVICE[found.action]}


def drift_alert(found: DriftAlert, sentence: str = "", calm: str = "") -> dict[str, Any]:
    """A drift alert. sentence: it in words. calm: what dismissals of its kind ask for. Empty where not looked up."""
    times = {name: iso(getattr(found, name)) for name in ("created_at", "seen_at", "answered_at")}
    return asdict(found) | times | {"sentence": sentence, "calm": calm}


def flip(found: Flip, key: str) -> dict[str, Any]:
    """A row about which two versions say different things. key: of its item."""
    return {"key": key} | asdict(found)


def entry(found: Feedback, key: str | None = None) -> dict[str, Any]:
    """A feedback entry. key: of its item, where it was looked up."""
    # Not asdict, which copies each value deeply: 15 us of the answer to every correction.
    facts = {name: getattr(found, name) for name in _ENTRY}
    facts |= {"created_at": iso(found.created_at), "ruled_at": iso(found.ruled_at)}
    return facts | ({} if key is None else {"key": key})


def card(draw: Draw, item: Item, schema: Schema) -> dict[str, Any]:
    """An item in a reviewer's hand. Of a blind draw it tells neither the prediction nor what kind of draw it is."""
    said = None if draw.blind else item.predicted
    return {
        "draw": draw.id,
        "item": item.id,
        "key": item.key,
        "input": dict(zip(schema.names, item.values, strict=True)),
        "version": item.version_id,
        "blind": draw.blind,
        "prediction": said,
        "confidence": None if said is None else item.confidence,
        "leased_until": iso(draw.leased_until),
    }


def job(found: Job) -> dict[str, Any]:
    """A job with its progress, and its result or error."""
    times = ("heartbeat_at", "created_at", "started_at", "finished_at")
    told = {name: iso(getattr(found, name)) for name in times}
    return asdict(found) | told | {"not_before": iso(found.not_before or None)}


def event(found: Event) -> dict[str, Any]:
    """An entry of the audit trail."""
    return asdict(found) | {"at": iso(found.at)}


def member(found: Member) -> dict[str, Any]:
    """A role that somebody was given."""
    facts = asdict(found) | {"added_at": iso(found.added_at)}
    facts.pop("ended")
    return facts


def changed_member(found: Member) -> dict[str, Any]:
    """A role that was given or taken away, with the names of the tokens that were revoked with it."""
    return member(found) | {"revoked_tokens": list(found.ended)}


def token(found: Token) -> dict[str, Any]:
    """A token without its secret, which nobody has any more."""
    times = {name: iso(getattr(found, name)) for name in ("created_at", "expires_at", "revoked_at", "last_used_at")}
    return asdict(found) | times


def webhook(found: Webhook) -> dict[str, Any]:
    """A webhook; its secret is not among what it knows."""
    told = asdict(found) | {"kinds": list(found.kinds), "created_at": iso(found.created_at)}
    return {name: value for name, value in told.items() if not name.endswith("_upto")}


def delivery(found: Delivery) -> dict[str, Any]:
    """A message on its way to a webhook, with the last attempt; the next one only where there will be one."""
    times = {name: iso(getattr(found, name)) for name in ("tried_at", "created_at", "delivered_at")}
    return asdict(found) | times | {"next_at": iso(found.next_at if found.state == "waiting" else None)}


def estimates(found: Accuracies) -> dict[str, Any]:
    """Every estimate of the champion's accuracy with its sample, interval and n."""
    return {
        "version": found.version,
        "estimates": [
            {"name": each.name, "title": each.title, "accuracy": plain(each.interval), "sample": each.sample}
            | {"says": each.says}
            for each in found.estimates
        ],
        "response": None if found.response is None else asdict(found.response),
        "unit": "",
        "errors": [],
    }


_ERRORS = {
    "holdout": "locked base rows, scored when the version was judged",
    "audit": "items drawn at random before the version was judged",
    "reported": "all items reviewed or still to be reviewed since the promotion, weighted by how they were drawn",
}


def mean_errors(found: MeanErrors) -> list[dict[str, Any]]:
    """Every mean absolute error of a version with its sample, interval and n; none before there is a version."""
    if found.version is None:
        return []
    names = {"reported": "all items"}
    return [
        {"name": names.get(each, each), "error": plain(getattr(found, each)), "sample": sample}
        for each, sample in _ERRORS.items()
    ]


def live(found: Standing) -> dict[str, Any]:
    """Where a real-time challenger stands."""
    shares = {name: plain(getattr(found, name)) for name in ("challenger", "champion", "gain")}
    return asdict(found) | shares | {"says": list(told(found))}


def rebuild(found: Rebuild) -> dict[str, Any]:
    """The outcome of rebuilding a version."""
    return asdict(found) | {"problems": list(found.problems), "libraries": list(found.libraries)}


def accuracies(found: Version) -> dict[str, Any]:
    """Accuracy with interval and n by the sample it is from; a sample without rows is left out."""
    scores = {name: found.metrics.get(name, {}).get("accuracy") for name in ("holdout", "audit")}
    return {name: score for name, score in scores.items() if score and score.get("value") is not None}
