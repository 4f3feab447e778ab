"""Results that are dear: made once, and no one waits for somebody else's."""

from __future__ import annotations

import threading

import pytest

from feedback_core.cache import Cache


def test_a_result_is_made_once_however_many_ask_at_the_same_time() -> None:
    cache, started, made = Cache(), threading.Barrier(4), []

    def make() -> str:
        made.append(1)
        return "dear"

    def ask() -> None:
        started.wait()
        found.append(cache.get("key", make))

    found: list[str] = []
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, made) == (["dear"] * 4, [1])


def test_a_kept_result_is_given_while_another_is_being_made() -> None:
    cache, making, go_on = Cache(), threading.Event(), threading.Event()
    cache.get("quick", lambda: 1)

    def slow() -> int:
        making.set()
        assert go_on.wait(30)
        return 2

    thread = threading.Thread(target=lambda: cache.get("slow", slow))
    thread.start()
    assert making.wait(30)
    assert cache.get("quick", lambda: 3) == 1
    go_on.set()
    thread.join()
    assert cache.get("slow", lambda: 4) == 2


def test_the_results_used_last_are_kept_and_failures_are_not() -> None:
    cache = Cache(size=2)
    for key in ("a", "b", "a", "c"):
        cache.get(key, lambda: key)  # noqa: B023
    assert [cache.get(key, lambda: "new") for key in ("a", "c")] == ["a", "c"]
    assert cache.get("b", lambda: "new") == "new"
    with pytest.raises(ValueError, match="no"):
        cache.get("d", lambda: (_ for _ in ()).throw(ValueError("no")))
    assert cache.get("d", lambda: "made after all") == "made after all"
