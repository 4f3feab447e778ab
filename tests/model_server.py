"""A model that lives elsewhere: a process of its own, in a few lines, without anything of ours.

`python model_server.py SECRET_FILE now|later` prints its port; it learns the mean point of each label.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SECRET_FILE, WHEN = Path(sys.argv[1]), sys.argv[2]
VERSIONS = {"poor": {"a": [5.0, -5.0], "b": [5.0, 5.0]}}
GOT = []
FAIL = []
LOCK = threading.Lock()


def genuine(headers, body) -> bool:
    key = base64.b64decode(SECRET_FILE.read_text().strip().removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return wanted in headers["webhook-signature"].split(" ")


def predict(message):
    means, said = VERSIONS[message["version"]], []
    for row in message["rows"]:
        point = [value or 0.0 for value in row["values"].values()]
        scores = {label: math.exp(-math.dist(point, mean)) for label, mean in means.items()}
        total = sum(scores.values())
        probabilities = {label: score / total for label, score in scores.items()}
        said.append({"id": row["id"], "label": max(scores, key=scores.get), "probabilities": probabilities})
    return {"version": message["version"], "predictions": said}


def train(message):
    rows, name = message["rows"], f"learned-{message['request']}"
    VERSIONS[name] = {
        label: [sum(column) / len(column) for column in zip(*points, strict=True)]
        for label in message["labels"]
        if (points := [list(row["values"].values()) for row in rows if row["label"] == label])
    }
    return {"version": name} if WHEN == "now" else {}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        message = json.loads(body)
        with LOCK:
            if self.path == "/fail":
                FAIL.extend(message)
                self.answer(200, {})
            elif not genuine(self.headers, body):
                self.answer(401, {})
            else:
                GOT.append(message)
                status = FAIL.pop(0) if FAIL else 200
                self.answer(
                    status, {} if status != 200 else predict(message) if self.path == "/predict" else train(message)
                )

    def do_GET(self):
        self.answer(200, GOT)

    def answer(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Be quiet."""


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
