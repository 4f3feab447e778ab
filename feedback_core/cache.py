"""Results of dear computations, kept for the threads of one process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Cache:
    """The `size` results used last. A result is made once, however many threads ask for it at the same time."""

    def __init__(self, size: int = 8) -> None:
        self._size = size
        self._results: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.RLock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result under a key; made now when it is not kept. What `make` raises is not kept."""
        with self._lock:
            if key not in self._results:
                self._results[key] = make()
                if len(self._results) > self._size:
                    self._results.popitem(last=False)
            self._results.move_to_end(key)
            result: T = self._results[key]
            return result
