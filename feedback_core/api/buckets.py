"""Limits on how fast one address may ask: a token bucket each."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from .problems import problem

MOST_ADDRESSES = 10_000
"""Buckets kept: the ones unused for longest are forgotten, and begin full again."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """tokens: requests that may come at once. at: the time of that count, in seconds."""

    tokens: float
    at: float


def take(bucket: Bucket, now: float, rate: float, burst: float) -> tuple[Bucket, float]:
    """The bucket after a request, and the seconds it came too early; 0 when it may pass.

    rate: tokens that come in a second. burst: tokens it holds at most. What comes too early takes nothing.
    """
    tokens = min(burst, bucket.tokens + rate * max(0.0, now - bucket.at))
    if tokens >= 1:
        return Bucket(tokens - 1, now), 0.0
    return Bucket(tokens, now), (1 - tokens) / rate


class Pace:
    """ASGI middleware that answers 429 to an address that asks too fast. rate 0: nobody is held back."""

    def __init__(self, app: ASGIApp, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.app, self._rate, self._burst, self._clock = app, rate, burst, clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        early = self._early(scope) if self._rate and scope["type"] == "http" else 0.0
        if not early:
            await self.app(scope, receive, send)
            return
        detail = f"More than {self._rate:g} requests a second from one address: try again in {early:.2g} s."
        refusal = problem(429, detail, "TooFast")
        refusal.headers["Retry-After"] = str(math.ceil(early))
        await refusal(scope, receive, send)

    def _early(self, scope: Scope) -> float:
        address = (scope.get("client") or ("",))[0]
        bucket = self._buckets.pop(address, None) or Bucket(self._burst, self._clock())
        self._buckets[address], early = take(bucket, self._clock(), self._rate, self._burst)
        if len(self._buckets) > MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        return early
