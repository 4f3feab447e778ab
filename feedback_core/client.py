"""A client of the REST API in plain Python: `Client("http://127.0.0.1:8501/api", project="digits")`."""

from __future__ import annotations

import http.client
import json
import threading
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from uuid import uuid4

from .errors import NotFound, RemoteError

Json = dict[str, Any]
Values = Mapping[str, Any] | Sequence[Any]
"""One input: values by column, or in the order of the project's columns."""

_JSON, _LINES = "application/json", "application/x-ndjson"
_TRIES = 3

IDLE_S = 3.0
"""A connection unused for longer is opened anew: the server closes its end after 5 s (uvicorn, timeout_keep_alive)."""


class Client:
    """One project behind an API; safe to share between threads. Refusals are RemoteError, in the server's words."""

    def __init__(self, address: str, project: str | int, *, name: str = "", token: str = "", timeout_s: float = 60.0):
        """name: under which feedback is recorded; the server's user when empty. token: `afl_...`, for a server with
        sign-in, where its name is recorded; only a token made for that may come with another."""
        at = urlsplit(address)
        self._kind = http.client.HTTPSConnection if at.scheme == "https" else http.client.HTTPConnection
        self._host, self._base, self._timeout_s = at.netloc, at.path.rstrip("/"), timeout_s
        self._headers = {"X-Feedback-User": quote(name)} if name else {}
        self._headers |= {"Authorization": f"Bearer {token}"} if token else {}
        self._local = threading.local()
        self.project = project if isinstance(project, int) else self._id_of(project)

    def close(self) -> None:
        """Close this thread's connection; the next request opens another."""
        if getattr(self._local, "connection", None) is not None:
            self._local.connection.close()
            self._local.connection = None

    # -- rows in, predictions out --------------------------------------------------------------------------------------

    def add_items(self, items: Iterable[Mapping[str, Any]]) -> Json:
        """Rows as {"input": ..., "key": ..., "label": ...}, at most 10,000."""
        return self._post("items", {"items": list(items)})

    def import_items(self, items: Iterable[Mapping[str, Any]], *, train: bool = False) -> Json:
        """Any number of such rows, streamed; gives the job that stores them."""
        lines = (json.dumps(item).encode() + b"\n" for item in items)
        path = f"/projects/{self.project}/import?train={str(train).lower()}"
        answer: Json = self._decoded(self._send("POST", path, lines, {"Content-Type": _LINES}, tries=1))
        return answer

    def predict(self, inputs: Sequence[Values], *, log: bool = True) -> Json:
        """What the champion says; log: kept, so that it can be reviewed."""
        return self._post("predict", {"inputs": list(inputs), "log": log})

    # -- review --------------------------------------------------------------------------------------------------------

    def draw(self, n: int = 1) -> list[Json]:
        """The next items to decide, those in hand first."""
        drawn: list[Json] = self._post("queue/draw", {"n": n})["draws"]
        return drawn

    def release(self, draws: Sequence[int]) -> int:
        """Put items back undecided."""
        return int(self._post("queue/release", {"draws": list(draws)})["released"])

    def feedback(
        self, target: Any = None, *, item: int | str | None = None, input: Values | None = None, **more: Any
    ) -> Json:
        """Store one entry durably and once, even where the connection breaks. more: verdict, draw, version, ..."""
        given = {"target": target, "item": item, "input": input} | more
        body = {name: value for name, value in given.items() if value is not None}
        return self._post("feedback", body, {"Idempotency-Key": uuid4().hex})

    def feedback_batch(self, entries: Iterable[Mapping[str, Any]]) -> list[Json]:
        """Store up to 1,000 entries in one transaction, all or none."""
        key = {"Idempotency-Key": uuid4().hex}
        stored: list[Json] = self._post("feedback/batch", {"entries": list(entries)}, key)["entries"]
        return stored

    def undo(self, entry: int) -> Json:
        """Take one entry back."""
        return self.call("POST", f"/feedback/{entry}/undo", {})

    # -- versions ------------------------------------------------------------------------------------------------------

    def retrain(self) -> Json:
        """Ask for a new version; gives the job."""
        return self._post("retrain", {})

    def job(self, job: int) -> Json:
        """A job with its progress."""
        return self.call("GET", f"/jobs/{job}")

    def wait(self, job: int, timeout_s: float = 600.0) -> Json:
        """A job when it is over. Raises RemoteError when that takes too long."""
        deadline = time.monotonic() + timeout_s
        while (found := self.job(job))["state"] in ("waiting", "running"):
            if time.monotonic() > deadline:
                raise RemoteError(0, "Timeout", f"Job {job} is still {found['state']} after {timeout_s:.0f} s.")
            time.sleep(0.2)
        return found

    def cancel(self, job: int) -> Json:
        """Drop a job."""
        return self.call("POST", f"/jobs/{job}/cancel", {})

    def versions(self) -> list[Json]:
        """Every version, oldest first."""
        found: list[Json] = self._decoded(self._send("GET", f"/projects/{self.project}/versions"))
        return found

    def report(self, version: int) -> Json:
        """The newest gate report about a version (by id)."""
        return self.call("GET", f"/versions/{version}/report")

    def decide(self, version: int, decision: str, reason: str = "") -> Json:
        """`judge`, `promote`, `refuse` or `rollback` a version (by id)."""
        return self.call("POST", f"/versions/{version}/{decision}", {"reason": reason})

    def champion(self, after: int = 0, wait_s: float = 0.0) -> Json | None:
        """The champion once its number is another than `after`; None when that does not happen in time."""
        query = urlencode({"after": after, "wait_s": wait_s})
        body = self._send("GET", f"/projects/{self.project}/champion?{query}", timeout_s=wait_s + self._timeout_s)
        return self._decoded(body) if body else None

    def download(self, version: int, to: Path) -> Path:
        """A version's model file, or a zip of its files, compared with the hash that is recorded for it."""
        wanted = self.call("GET", f"/versions/{version}")["sha256"]
        content = self._send("GET", f"/versions/{version}/artifact")
        if wanted not in (sha256(content).hexdigest(), _sha256_of_members(content)):
            raise RemoteError(
                0, "Damaged", f"The file of version {version} is not the one recorded: download it again."
            )
        to.write_bytes(content)
        return to

    # -- everything else -----------------------------------------------------------------------------------------------

    def pages(self, what: str, **query: Any) -> Iterator[Json]:
        """Every row of `events`, `feedback` or `jobs`, page by page."""
        name, cursor = ("before" if what == "jobs" else "after"), query
        while True:
            answer = self.call("GET", f"/projects/{self.project}/{what}?{urlencode(cursor)}")
            yield from answer["items"]
            if answer["next"] is None:
                return
            cursor = query | {name: answer["next"]}

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Json:
        """Any route, with its path below the address."""
        data = None if body is None else json.dumps(body).encode()
        tries = _TRIES if method == "GET" else 1
        answer: Json = self._decoded(self._send(method, path, data, {"Content-Type": _JSON}, tries=tries))
        return answer

    def _post(self, what: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Json:
        tries = _TRIES if headers else 1  # only what carries a key may be sent again after a lost answer
        path, data = f"/projects/{self.project}/{what}", json.dumps(body).encode()
        answer: Json = self._decoded(self._send("POST", path, data, {"Content-Type": _JSON, **(headers or {})}, tries))
        return answer

    def _id_of(self, name: str) -> int:
        for project in self._decoded(self._send("GET", "/projects")):
            if project["name"] == name:
                return int(project["id"])
        self.close()
        raise NotFound(f"There is no project {name!r} behind {self._host}: create it there first.")

    @staticmethod
    def _decoded(body: bytes) -> Any:
        return json.loads(body)

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        tries: int = _TRIES,
        timeout_s: float | None = None,
    ) -> bytes:
        left = tries
        while True:
            connection = self._connection(timeout_s or self._timeout_s)
            # What the server has closed breaks before a byte of an answer; a stream cannot be sent again.
            stale = connection.sock is not None and not isinstance(body, Iterator)
            try:
                connection.request(method, self._base + path, body, {**self._headers, **(headers or {})})
                answer = connection.getresponse()
                stale = False
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.close()
                left -= not (stale and isinstance(error, ConnectionError))
                if not left:
                    raise RemoteError(0, type(error).__name__, f"{self._host} does not answer: {error}.") from error
                continue
            self._local.used_at = time.monotonic()
            if answer.status >= 400:
                told = json.loads(content) if "json" in answer.headers.get("content-type", "") else {}
                detail = told.get("detail") or f"{self._host} answers {answer.status} {answer.reason}."
                raise RemoteError(answer.status, told.get("code", "HttpError"), detail)
            return content

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        """This thread's connection, kept open between requests that follow each other closely."""
        if time.monotonic() - getattr(self._local, "used_at", 0.0) > IDLE_S:
            self.close()
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._kind(self._host)
        connection.timeout = timeout_s
        if connection.sock is not None:
            connection.sock.settimeout(timeout_s)
        return connection


def _sha256_of_members(content: bytes) -> str:
    """SHA-256 of what `sha256sum *` prints for the files in an archive; empty for what is none."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            lines = [f"{sha256(archive.read(name)).hexdigest()}  {name}\n" for name in sorted(archive.namelist())]
    except zipfile.BadZipFile:
        return ""
    return sha256("".join(lines).encode()).hexdigest()
