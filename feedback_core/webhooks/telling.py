"""What a message says: `type`, `timestamp` and `data`, and a line of text for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import orjson

from ..types import Event, Feedback, Message, Project, Version
from ..wording import iso
from .kinds import FEEDBACK, OF_EVENT, PING

Json = dict[str, Any]


def of_event(event: Event, project: Project, version: Version | None, message_id: str) -> Message:
    """One event as news. version: that it is about, where it is about one."""
    details = dict(event.details)
    data: Json = {"event": event.id, "by": event.actor} | {
        name: details[name] for name in ("reason", "finding", "action", "job", "because", "error") if name in details
    }
    kind = OF_EVENT[event.kind]
    if kind == "job.failed":
        data["job_kind"] = details["kind"]
    if version is not None:
        data["version"] = _version(version)
    if kind == "version.live" and version is not None:
        # A version that is brought back keeps the time of its first promotion.
        data["rolled_back"] = version.promoted_at is not None and version.promoted_at < event.at
    return _message(message_id, kind, event.at, project, data, _line(kind, data))


def of_entries(entries: Sequence[Feedback], project: Project, message_id: str) -> Message:
    """Feedback entries as news, in the order they were given."""
    told = [asdict(each) | {"created_at": iso(each.created_at), "ruled_at": iso(each.ruled_at)} for each in entries]
    n = len(entries)
    line = f"{n} feedback {'entry' if n == 1 else 'entries'}"
    return _message(message_id, FEEDBACK, entries[-1].created_at, project, {"entries": told}, line)


def of_ping(project: Project, by: str, at: float, message_id: str) -> Message:
    """A message that tells nothing, to see whether it comes through."""
    return _message(message_id, PING, at, project, {"by": by}, "this is a test")


def _message(message_id: str, kind: str, at: float, project: Project, data: Json, line: str) -> Message:
    whose = {"project": {"id": project.id, "name": project.name}}
    body = {"type": kind, "timestamp": iso(at), "text": f"{project.name}: {line}.", "data": whose | data}
    return Message(message_id, kind, orjson.dumps(body).decode())


def _version(version: Version) -> Json:
    # Its status is left out: it is that of the moment the message was made, not of the event.
    plain = {name: getattr(version, name) for name in ("id", "number", "estimator", "sha256", "size")}
    return plain | {"artifact": f"/api/versions/{version.id}/artifact"}


def _line(kind: str, data: Json) -> str:
    name = f"v{data['version']['number']}" if "version" in data else "a version"
    return {
        "version.judged": f"{name} is {data.get('finding')}; the gate advises to {data.get('action')}",
        "version.live": f"{name} is live" + (" again" if data.get("rolled_back") else ""),
        "version.refused": f"{name} is refused",
        "retrain.requested": f"{data['by']} asks for a retrain ({data.get('because')})",
        "job.failed": f"job {data.get('job')} ({data.get('job_kind')}) has failed",
    }[kind]
