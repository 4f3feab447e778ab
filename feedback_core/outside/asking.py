"""One exchange with a model that lives elsewhere: signed, in time, of limited size, tried again where that may help."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from .. import intake, tasks
from ..errors import InvalidInput, Unreachable
from ..types import Project
from ..webhooks import Reach
from ..webhooks.sending import Answer, post
from ..webhooks.signing import new_id, signed
from . import saying

MOST_REQUEST = 5_000_000
"""Bytes of a request: what common servers take without a setting of their own."""

MOST_ANSWER = 20_000_000
"""Bytes of an answer: 5,000 rows of 200 labels."""

WAITS_S = (0.5, 2.0)
"""Before the second and the third try; more by the answer's Retry-After, up to LONGEST_S."""

LONGEST_S = 10.0

PASSING = (408, 425, 429, 500, 502, 503, 504)
"""Answers after which another try may go well."""


@dataclass(frozen=True, slots=True)
class Line:
    """How to reach a model. wait: sleeps, given as an argument so that a test need not."""

    url: str
    secret: str
    timeout_s: float
    batch: int
    reach: Reach
    wait: Callable[[float], None] = time.sleep


def predictions(line: Line, project: Project, version: str, inputs: Sequence[str | bytes]) -> npt.NDArray[np.float64]:
    """Probabilities (n, k) of stored inputs, or value and spread (n, 2), asked for in batches. Raises Unreachable."""
    starts = range(0, len(inputs), line.batch)
    found = [_batch(line, project, version, inputs[start : start + line.batch]) for start in starts]
    return np.concatenate([np.zeros((0, len(tasks.of(project).columns(project)))), *found])


def exchange(line: Line, body: Mapping[str, Any]) -> tuple[int, Any]:
    """Send a message and give the status and the JSON of the answer. Raises Unreachable in words."""
    data = orjson.dumps(body)
    if len(data) > MOST_REQUEST:
        raise Unreachable(f"A request of {len(data):,} bytes is too large: connect the model with a smaller batch.")
    message_id, answer = new_id(), Answer(None, "", 0.0)
    for wait_s in (*WAITS_S, None):
        at = int(time.time())
        headers = {"content-type": "application/json", **signed(message_id, at, data, (line.secret,))}
        answer = post(line.url, headers, data, line.reach, timeout_s=line.timeout_s, whole=MOST_ANSWER)
        if wait_s is None or (answer.status is not None and answer.status not in PASSING) or _ours(answer):
            break
        line.wait(min(max(wait_s, answer.retry_after_s), LONGEST_S))
    if answer.error:
        said = f" {answer.response[:200]}" if answer.response else ""
        raise Unreachable(f"The model at {_host(line.url)} cannot be asked. {answer.error}{said}")
    return int(answer.status or 0), _json(answer.body, line.url)


def _ours(answer: Answer) -> bool:
    # An address that may not be reached, or a certificate that is not accepted, will not be so in two seconds.
    return answer.status is None and ("FEEDBACK_WEBHOOK_HOSTS" in answer.error or "certificate" in answer.error)


def _batch(line: Line, project: Project, version: str, inputs: Sequence[str | bytes]) -> npt.NDArray[np.float64]:
    rows = [row_of(body, project) for body in inputs]
    names = {row["id"]: row for row in rows}  # equal inputs are asked about once
    body = {
        "type": "predict",
        "project": {"id": project.id, "name": project.name},
        "version": version,
        "labels": list(project.labels),
        "rows": list(names.values()),
    }
    _, answer = exchange(line, body)
    said = _told(answer, version, set(names), line.url)
    try:
        numbers = _numbers(said, project)
    except InvalidInput as error:
        raise Unreachable(f"The model at {_host(line.url)} answers what is not taken: {error}") from error
    place = {each.item: n for n, each in enumerate(said)}
    return numbers[[place[row["id"]] for row in rows]]


def _numbers(said: Sequence[saying.Said], project: Project) -> npt.NDArray[np.float64]:
    if project.task == "regression":
        return saying.values_of(said)[0]
    labels = saying.labels_of(said, project.labels)
    proba, bare = saying.probabilities(said, labels, project.labels)
    saying.fill(proba, bare, labels, project.labels, saying.assumed(0, 0, len(project.labels)))
    return proba


def row_of(body: str | bytes, project: Project) -> dict[str, Any]:
    """One input as it is sent: an id that is equal for equal inputs, and its values by column."""
    data = body.encode() if isinstance(body, str) else body
    return {"id": intake.input_hash(data), "values": dict(zip(project.schema.names, orjson.loads(data), strict=True))}


def _told(answer: Any, version: str, asked: set[str], url: str) -> list[saying.Said]:
    if not isinstance(answer, dict) or not isinstance(answer.get("predictions"), list):
        raise Unreachable(f'The model at {_host(url)} does not answer as agreed: {{"predictions": [...]}} is missing.')
    if answer.get("version", version) != version:
        raise Unreachable(
            f"The model at {_host(url)} answers as version {str(answer['version'])[:80]!r}, and was asked as "
            f"{version!r}: register the version that it serves now, or have it keep both."
        )
    try:
        said = [
            saying.of_row({**each, "item": each.get("id")} if isinstance(each, dict) else {}, f"prediction {n:,}: ")
            for n, each in enumerate(answer["predictions"], 1)
        ]
    except InvalidInput as error:
        raise Unreachable(f"The model at {_host(url)} answers what is not taken: {error}") from error
    told = [str(each.item) for each in said]
    if set(told) != asked or len(told) != len(asked):
        missing = len(asked - set(told))
        raise Unreachable(
            f"The model at {_host(url)} was asked about {len(asked):,} rows and answers about {len(told):,}, "
            f"{missing:,} are missing: it has to give one prediction for each id."
        )
    return said


def _json(body: bytes, url: str) -> Any:
    try:
        return orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise Unreachable(f"The model at {_host(url)} does not answer with JSON ({error}).") from None


def _host(url: str) -> str:
    # What follows the host may be a password.
    return url.split("//", 1)[-1].split("/", 1)[0]
