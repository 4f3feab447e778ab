"""Results of dear computations, kept for the threads of one process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Cache:
    """The `size` results used last. A result is made once, however many threads ask for it at the same time."""

    def __init__(self, size: int = 32) -> None:
        self._size = size
        self._results: OrderedDict[Hashable, Any] = OrderedDict()
        self._making: dict[Hashable, threading.RLock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result under a key; made now when it is not kept. What `make` raises is not kept."""
        # A lock a key: whoever asks for what is there must not wait for what somebody else has computed.
        with self._lock:
            if key in self._results:
                found: T = self._known(key)
                return found
            making = self._making.setdefault(key, threading.RLock())
        with making:
            with self._lock:
                if key in self._results:
                    kept: T = self._known(key)
                    return kept
            result = make()
            with self._lock:
                self._results[key] = result
                self._making.pop(key, None)
                if len(self._results) > self._size:
                    self._results.popitem(last=False)
            return result

    def _known(self, key: Hashable) -> Any:
        self._results.move_to_end(key)
        return self._results[key]
