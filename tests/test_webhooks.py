"""Webhooks against a real receiver: signed, in order, tried again, given up, paused, never lost and never elsewhere."""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedback_core import webhooks
from feedback_core.errors import InvalidInput, NotFound, Refused
from feedback_core.store import events
from feedback_core.store.deliveries import KEPT
from feedback_core.store.webhooks import MOST
from feedback_core.types import Attempt, Decision, Message
from feedback_core.webhooks import Dispatcher, Reach, retrying, sending, signing, taking_up, targets
from feedback_core.webhooks.sending import Answer
from tests.receiver import receiving

HERE, PUBLIC = Reach(private=True), Reach(private=False)
ALL = tuple(webhooks.KINDS)
FAILED = ("job failed", {"job": 1, "kind": "map", "error": "no memory"})
ASKED = ("retrain requested", {"job": 2, "because": "manual"})


@pytest.fixture
def receiver():
    with receiving() as found:
        yield found


def added(loop, url, kinds=ALL):
    return webhooks.add(loop.store, loop.project, url, kinds, HERE, by="ana", now=loop.clock())


def happen(loop, kind, details):
    """Something in the audit trail, without the training that would lead to it."""
    loop.store.events.append(loop.project.id, loop.clock(), "ana", kind, details)


def turn(loop, timeout_s=10.0, chance=0.0):
    """One look, and everything that it sends sent."""
    dispatcher = Dispatcher(loop.store, HERE, loop.clock, lambda: chance, timeout_s)
    dispatcher.turn()
    for thread in dispatcher._sending:
        thread.join()


def log_of(loop, hook):
    """Deliveries, oldest first."""
    return loop.store.deliveries.page(hook.id, 100)[::-1]


def now_of(loop, hook):
    return loop.store.webhooks.get(loop.project.id, hook.id)


def event_kinds(loop):
    return [event.kind for event in reversed(loop.store.events.latest(loop.project.id, 100))]


def answer(loop, n):
    for _ in range(n):
        draw = loop.draw("ben")
        item = loop.store.items.get(draw.item_id)
        loop.record(Decision(item.id, "ben", "confirm", version_id=item.version_id, draw_id=draw.id))


# -- what is said, and who says it ---------------------------------------------------------------------------------


def test_the_signature_is_that_of_the_specifications_reference_libraries():
    said = signing.signature(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    )
    assert said == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_promotion_is_told_with_the_hash_of_the_model_and_a_signature(trained, receiver):
    hook, secret = added(trained, receiver.address + "/hook?x=1")
    version = trained.retrain("test")
    trained.judge(version)
    trained.promote(version, "ana", "better on Mondays")
    turn(trained)
    (judged, live) = receiver.got
    assert all(each.signed_by(secret) and each.path == "/hook?x=1" for each in receiver.got)
    assert judged.json["type"] == "version.judged"
    body = live.json
    assert (body["type"], body["text"]) == ("version.live", "points: v2 is live.")
    assert body["data"]["project"] == {"id": trained.project.id, "name": "points"}
    assert body["data"]["version"] == {
        "id": version.id,
        "number": 2,
        "estimator": "logistic_regression",
        "sha256": version.sha256,
        "size": version.size,
        "artifact": f"/api/versions/{version.id}/artifact",
    }
    assert (body["data"]["by"], body["data"]["reason"]) == ("ana", "better on Mondays")
    assert body["data"]["rolled_back"] is False
    assert [(each.state, each.status, each.attempts) for each in log_of(trained, hook)] == [("delivered", 200, 1)] * 2
    assert live.headers["content-type"] == "application/json"
    assert live.headers["webhook-timestamp"] == str(int(trained.clock()))


def test_a_roll_back_says_that_the_earlier_version_is_live_again(trained, receiver):
    first = trained.store.versions.champion(trained.project.id)
    second = trained.retrain("test")
    trained.judge(second)
    trained.clock.now += 60
    trained.promote(second, "ana", "try it")
    added(trained, receiver.address, ("version.live",))
    trained.clock.now += 60
    trained.rollback(trained.store.versions.get(first.id), "ana", "it was worse", suspect=False)
    turn(trained)
    (live,) = receiver.got
    assert (live.json["text"], live.json["data"]["rolled_back"]) == ("points: v1 is live again.", True)


def test_refusals_retrains_and_failures_are_told(trained, receiver):
    added(trained, receiver.address)
    version = trained.retrain("test")
    trained.judge(version)
    trained.refuse(version, "ana", "no")
    answer(trained, 1)
    job = trained.request_retrain("ana")
    trained.store.jobs.claim("w", trained.clock(), 20)
    trained.store.jobs.fail(job.id, "w", "Memory ran out.", trained.clock())
    turn(trained)
    told = {each.json["type"]: each.json for each in receiver.got}
    assert set(told) == {"version.judged", "version.refused", "retrain.requested", "job.failed"}
    assert told["retrain.requested"]["data"] | {"event": 0} == {
        "project": {"id": 1, "name": "points"},
        "event": 0,
        "by": "ana",
        "because": "manual",
        "job": job.id,
    }
    assert told["job.failed"]["data"]["error"] == "Memory ran out."
    assert told["job.failed"]["text"] == f"points: job {job.id} (retrain) has failed."


def test_a_webhook_is_told_what_it_asked_for_and_nothing_of_before_or_of_others(trained, receiver):
    elsewhere = trained.store.projects.create(
        "elsewhere",
        trained.project.schema,
        ("a", "b"),
        trained.project.settings,
        salt=1,
        now=trained.clock(),
        actor="test",
    )
    version = trained.retrain("test")
    trained.judge(version)
    added(trained, receiver.address, ("version.live",))
    webhooks.add(trained.store, elsewhere, receiver.address, ALL, HERE, by="ana", now=trained.clock())
    answer(trained, 1)
    trained.clock.now += 10
    trained.promote(version, "ana", "go")
    turn(trained)
    assert [each.json["type"] for each in receiver.got] == ["version.live"]


def test_entries_go_together_in_the_order_they_were_given_and_every_one_once(trained, receiver):
    hook, secret = added(trained, receiver.address, ("feedback.recorded",))
    answer(trained, taking_up.MOST_ENTRIES + 5)
    (last,) = trained.store.feedback.latest(trained.project.id, 1)
    trained.undo(last.id, "ben")
    turn(trained)
    assert len(receiver.got) == 1, "the rest waits for more to go with it"
    trained.clock.now += taking_up.GATHER_S - 0.1
    turn(trained)
    assert len(receiver.got) == 1
    trained.clock.now += 0.1
    turn(trained)
    first, second = receiver.got
    told = [entry for each in receiver.got for entry in each.json["data"]["entries"]]
    stored = trained.store.feedback.latest(trained.project.id, 100)[::-1]
    assert [each["id"] for each in told] == [entry.id for entry in stored]
    assert (told[-1]["verdict"], told[-1]["undoes"]) == ("undo", last.id)
    assert (first.json["text"], second.json["text"]) == ("points: 50 feedback entries.", "points: 6 feedback entries.")
    assert len(first.body) < 20_000, "what the specification recommends"
    assert second.signed_by(secret)
    assert now_of(trained, hook).feedback_upto == stored[-1].id


def test_events_are_told_in_the_order_of_their_commits_though_one_took_its_time_before_it_waited(trained, receiver):
    hook, _ = added(trained, receiver.address, ("job.failed", "feedback.recorded"))
    now = trained.clock()
    for after_s in (2, 0, 9, 1):
        trained.store.events.append(trained.project.id, now + after_s, "ana", *FAILED)
    trained.clock.now = now + 5
    answer(trained, 1)
    trained.clock.now += taking_up.GATHER_S
    turn(trained)
    told = [each.json["data"].get("event", "entries") for each in receiver.got]
    stored = trained.store.listings.events(trained.project.id, hook.event_upto, 9)
    events = [each.id for each in stored if each.kind == "job failed"]
    assert told == [*events[:2], "entries", *events[2:]], "the entries before the first event that is later"


@given(times=st.lists(st.floats(0, 9), max_size=6), at=st.floats(0, 9))
def test_entries_go_behind_no_event_that_is_later_and_before_none_of_their_time_unless_it_follows_one(times, at):
    n = taking_up.place(times, at)
    assert all(each <= at for each in times[:n])
    assert n == len(times) or times[n] > at


@given(after_s=st.lists(st.integers(-50, 50), min_size=1, max_size=12))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_message_ids_follow_event_ids_whatever_the_clocks_say(loop, after_s):
    hook, _ = added(loop, "http://127.0.0.1:9", ("job.failed",))
    for each in after_s:
        loop.store.events.append(loop.project.id, loop.clock() + each, "ana", *FAILED)
    taking_up.take_up(loop.store, now_of(loop, hook), loop.clock())
    bodies = [json.loads(loop.store.deliveries.get(hook, each.id)[1]) for each in log_of(loop, hook)]
    told = [body["data"]["event"] for body in bodies]
    assert len(told) == len(after_s)
    assert told == sorted(told)
    loop.store.webhooks.remove(hook, by="ana", now=loop.clock())


def test_what_was_rolled_back_is_never_told(loop, receiver):
    added(loop, receiver.address)
    with contextlib.suppress(RuntimeError), loop.store.events._driver.writing() as session:
        events.log(session, loop.project.id, loop.clock(), "ana", *FAILED)
        raise RuntimeError
    turn(loop)
    assert receiver.got == []


def test_two_workers_that_look_at_the_same_moment_make_each_delivery_once(loop, receiver):
    hook, _ = added(loop, receiver.address)
    happen(loop, *FAILED)
    seen = now_of(loop, hook)
    assert taking_up.take_up(loop.store, seen, loop.clock()) == 1
    assert taking_up.take_up(loop.store, seen, loop.clock()) == 0, "its cursors have been moved"
    assert [parcel.delivery.id for parcel in loop.store.deliveries.claim(loop.clock(), 30, 9)] == [1]
    assert loop.store.deliveries.claim(loop.clock(), 30, 9) == []


def test_receivers_take_turns_though_those_with_the_lower_ids_always_have_more_to_be_told(loop):
    for _ in range(20):
        added(loop, "http://127.0.0.1:9", ("job.failed",))
    for _ in range(3):
        happen(loop, *FAILED)
    for hook in loop.store.webhooks.active():
        taking_up.take_up(loop.store, hook, loop.clock())
    told = []
    for _ in range(5):
        claimed = loop.store.deliveries.claim(loop.clock(), 30, 16)
        told += sorted(parcel.delivery.webhook_id for parcel in claimed)
        loop.clock.now += 9
        for parcel in claimed:
            loop.store.deliveries.note(parcel.delivery, Attempt("delivered", 0, 200, "", 9.0, ""), loop.clock())
    assert told[:16] == [*range(1, 17)]
    assert told[16:32] == [*range(1, 13), *range(17, 21)], "the four that were left out, before others have a second"
    assert sorted(told) == sorted([*range(1, 21)] * 3), "each is told everything"


def test_a_project_of_slow_receivers_leaves_room_for_others(loop):
    other = loop.store.projects.create(
        "elsewhere", loop.project.schema, ("a", "b"), loop.project.settings, salt=1, now=loop.clock(), actor="test"
    )
    hooks = [added(loop, "http://127.0.0.1:9", ("job.failed",))[0] for _ in range(12)]
    last, _ = webhooks.add(loop.store, other, "http://127.0.0.1:9", ALL, HERE, by="ana", now=loop.clock())
    for hook in (*hooks, last):
        loop.store.deliveries.add(hook, Message("msg", "job.failed", "{}"), loop.clock())

    def claim(**more):
        found = loop.store.deliveries.claim(loop.clock(), 30, 16, **more)
        return sorted(parcel.delivery.webhook_id for parcel in found)

    busy = [hooks[0].id] * 3
    assert claim(busy=busy, share=8) == [2, 3, 4, 5, 6, last.id], "three of the eight are being told already"
    assert claim(busy=busy, share=3) == []
    assert claim(busy=busy) == [hook.id for hook in hooks[6:]], "without a share all of them, but for the busy one"


def test_one_receiver_is_told_for_a_while_and_then_gives_way(loop, receiver, monkeypatch):
    monkeypatch.setattr("feedback_core.webhooks.dispatch.GIVE_WAY_S", 0.0)
    added(loop, receiver.address, ("job.failed",))
    for _ in range(2):
        happen(loop, *FAILED)
    turn(loop)
    assert len(receiver.got) == 1
    turn(loop)
    assert len(receiver.got) == 2


def test_a_webhook_that_is_being_told_is_left_alone_though_its_lease_has_run_out(loop, receiver):
    added(loop, receiver.address, ("job.failed",))
    receiver.answers = [receiver.hang]
    happen(loop, *FAILED)
    dispatcher = Dispatcher(loop.store, HERE, loop.clock)
    dispatcher.turn()
    receiver.wait(1)
    loop.clock.now += webhooks.dispatch.LEASE_S + 1  # a clock that is set, or a machine that slept
    dispatcher.turn()
    assert len(dispatcher._sending) == 1
    receiver.let_go.set()
    for thread in dispatcher._sending:
        thread.join()


def test_news_that_cannot_be_made_holds_up_no_other_webhook_and_is_not_lost(loop, receiver, caplog, monkeypatch):
    poisoned, _ = added(loop, receiver.address + "/poisoned", ("version.refused", "job.failed"))
    added(loop, receiver.address + "/other", ("job.failed",))
    happen(loop, "version refused", {"number": 99})
    happen(loop, *FAILED)
    dispatcher = Dispatcher(loop.store, HERE, loop.clock)
    for _ in range(3):
        dispatcher.turn()
    receiver.wait(1)
    for thread in dispatcher._sending:
        thread.join()
    assert [each.path for each in receiver.got] == ["/other"]
    assert now_of(loop, poisoned).event_upto == poisoned.event_upto
    assert caplog.text.count("news for webhook 1") == 1, "not a traceback at each look"
    monkeypatch.setattr(taking_up, "_about", lambda *_: None)  # as by a version of the program that can tell it
    loop.clock.now += webhooks.dispatch.HELD_S
    dispatcher.turn()
    receiver.wait(2)
    for thread in dispatcher._sending:
        thread.join()
    assert [(each.path, each.json["type"]) for each in receiver.got[1:]] == [
        ("/poisoned", "version.refused"),
        ("/poisoned", "job.failed"),
    ]


# -- when it does not go well --------------------------------------------------------------------------------------


def test_a_failed_delivery_is_tried_again_with_the_same_id_and_those_behind_it_wait(loop, receiver):
    hook, secret = added(loop, receiver.address, ("job.failed", "retrain.requested"))
    receiver.answers = [(500, {}, b"<b>out of order</b>\x00")]
    happen(loop, *FAILED)
    happen(loop, *ASKED)
    turn(loop)
    first, behind = log_of(loop, hook)
    assert (first.state, first.status, first.error) == ("waiting", 500, "It answers 500 Internal Server Error.")
    assert first.response == "<b>out of order</b>\ufffd"
    assert first.next_at == loop.clock() + 5
    assert (behind.state, behind.attempts) == ("waiting", 0)
    loop.clock.now += 4.9
    turn(loop)
    assert len(receiver.got) == 1
    loop.clock.now += 0.1
    turn(loop)
    one, two, three = receiver.got
    assert (one.id, one.body) == (two.id, two.body)
    assert two.headers["webhook-timestamp"] != one.headers["webhook-timestamp"]
    assert two.signed_by(secret)
    assert [each.json["type"] for each in (two, three)] == ["job.failed", "retrain.requested"]
    assert [(each.state, each.attempts) for each in log_of(loop, hook)] == [("delivered", 2), ("delivered", 1)]


def test_a_receiver_that_is_down_for_a_day_is_paused_with_the_reason_and_loses_nothing(loop):
    with receiving() as receiver:
        address = receiver.address
    hook, _ = added(loop, address, ("job.failed", "retrain.requested"))
    happen(loop, *FAILED)
    began, tried = loop.clock(), []
    while now_of(loop, hook).active:
        turn(loop)
        tried.append(loop.clock() - began)
        assert len(tried) < 20
        loop.clock.now = log_of(loop, hook)[0].next_at
    assert tried == [0, 5, 35, 155, 755, 4355, 25955, 83555], "eight attempts in 23 hours"
    (failed,) = log_of(loop, hook)
    paused = now_of(loop, hook).paused
    assert (failed.state, failed.attempts, failed.status) == ("failed", 8, None)
    assert paused.startswith("8 attempts have failed. The last one: ConnectionRefusedError")
    told = loop.store.events.latest(loop.project.id, 1)[0]
    assert (told.kind, told.actor, told.details["reason"]) == ("webhook paused", "worker", paused)
    happen(loop, *ASKED)
    loop.clock.now += 10 * 86_400
    turn(loop)
    assert len(log_of(loop, hook)) == 1
    with receiving(int(address.rpartition(":")[2])) as back:
        loop.store.webhooks.resume(hook, True, by="ana", now=loop.clock())
        turn(loop)
        assert [each.json["type"] for each in back.got] == ["job.failed", "retrain.requested"]
    assert {each.state for each in log_of(loop, hook)} == {"delivered"}


def test_a_paused_webhook_can_begin_again_without_what_it_has_missed(trained, receiver):
    hook, _ = added(trained, receiver.address)
    happen(trained, *FAILED)
    receiver.answers = [500]
    turn(trained)
    trained.store.webhooks.pause(hook, "Paused by ana.", by="ana", now=trained.clock())
    happen(trained, *ASKED)
    trained.clock.now += 60
    turn(trained)
    assert len(receiver.got) == 1
    trained.store.webhooks.resume(hook, False, by="ana", now=trained.clock())
    answer(trained, 1)
    trained.request_retrain("ana")
    turn(trained)
    assert [each.json["type"] for each in receiver.got] == ["job.failed", "retrain.requested"]
    assert [each.state for each in log_of(trained, hook)] == ["skipped", "delivered"]


def test_a_receiver_that_says_gone_is_paused_at_once(loop, receiver):
    hook, _ = added(loop, receiver.address)
    receiver.answers = [410]
    happen(loop, *FAILED)
    turn(loop)
    assert now_of(loop, hook).paused == "The receiver says that it is gone (410)."
    assert log_of(loop, hook)[0].state == "failed"


@pytest.mark.parametrize("how", ["hang", "drip"])
def test_a_receiver_that_does_not_come_to_an_end_is_cut_off(loop, receiver, how):
    hook, _ = added(loop, receiver.address)
    receiver.answers = [getattr(receiver, how)]
    happen(loop, *FAILED)
    began = time.monotonic()
    turn(loop, timeout_s=0.5)
    assert time.monotonic() - began < 5
    (waiting,) = log_of(loop, hook)
    assert (waiting.state, waiting.error) == ("waiting", "No answer within 0.5 s.")
    turn(loop)
    assert len(receiver.got) == 1, "not before its time"


def test_a_receiver_that_hangs_holds_up_no_other(loop, receiver):
    added(loop, receiver.address, ("job.failed",))
    receiver.answers = [receiver.hang]
    with receiving() as other:
        added(loop, other.address, ("job.failed",))
        happen(loop, *FAILED)
        dispatcher = Dispatcher(loop.store, HERE, loop.clock)
        dispatcher.turn()
        other.wait(1)
        receiver.wait(1)
        assert sum(thread.is_alive() for thread in dispatcher._sending) >= 1
        receiver.let_go.set()
        for thread in dispatcher._sending:
            thread.join()


def test_redirects_are_not_followed_and_long_answers_not_read(loop, receiver):
    hook, _ = added(loop, receiver.address)
    with receiving() as elsewhere:
        receiver.answers = [(302, {"location": elsewhere.address}, b"")]
        happen(loop, *FAILED)
        turn(loop)
        assert elsewhere.got == []
    assert "redirects are not followed" in log_of(loop, hook)[0].error
    receiver.answers = [(200, {}, b"x" * 1_000_000)]
    loop.clock.now += 5
    turn(loop)
    (done,) = log_of(loop, hook)
    assert (done.state, len(done.response)) == ("delivered", sending.EXCERPT)


@pytest.mark.parametrize(
    ("status", "retry_after_s", "attempts", "state", "wait_s"),
    [
        (200, 0, 0, "delivered", 0),
        (204, 0, 7, "delivered", 0),
        (500, 0, 0, "waiting", 5),
        (404, 0, 4, "waiting", 3_600),
        (None, 0, 6, "waiting", 57_600),
        (500, 0, 7, "failed", 0),
        (429, 90, 0, "waiting", 90),
        (503, 10, 1, "waiting", 30),
        (410, 0, 0, "failed", 0),
    ],
)
def test_what_follows_an_answer(status, retry_after_s, attempts, state, wait_s):
    found = retrying.outcome(Answer(status, "why", 0.1, "", retry_after_s), "version.live", attempts, 100.0, 0.0)
    assert (found.state, found.next_at) == (state, 100.0 + wait_s)
    assert bool(found.pause) == (state == "failed")


@given(attempts=st.integers(0, 6), chance=st.floats(0, 1, exclude_max=True))
def test_a_wait_is_lengthened_by_chance_and_never_shortened(attempts, chance):
    found = retrying.outcome(Answer(500, "why", 0.1), "version.live", attempts, 0.0, chance)
    assert 1 <= found.next_at / retrying.WAITS_S[attempts] <= 1 + retrying.JITTER


# -- by hand -------------------------------------------------------------------------------------------------------


def test_a_ping_goes_out_at_once_also_when_paused_or_behind_a_failure_and_only_once(loop, receiver):
    hook, secret = added(loop, receiver.address)
    loop.store.webhooks.pause(hook, "Paused by ana.", by="ana", now=loop.clock())
    receiver.answers = [(418, {}, b"teapot")]
    webhooks.ping(loop.store, loop.project, hook, by="ana", now=loop.clock())
    turn(loop)
    (ping,) = receiver.got
    assert ping.signed_by(secret)
    assert (ping.json["type"], ping.json["data"]["by"]) == ("ping", "ana")
    (failed,) = log_of(loop, hook)
    assert (failed.state, failed.status, failed.response) == ("failed", 418, "teapot")
    loop.clock.now += 86_400
    turn(loop)
    assert len(receiver.got) == 1
    loop.store.webhooks.resume(hook, True, by="ana", now=loop.clock())
    turn(loop)
    assert len(receiver.got) == 1, "a failed ping is over"


def test_sending_again_repeats_what_is_over_and_hastens_what_waits(loop, receiver):
    hook, _ = added(loop, receiver.address, ("job.failed",))
    receiver.answers = [200, 500]
    happen(loop, *FAILED)
    turn(loop)
    again = loop.store.deliveries.send_again(hook, log_of(loop, hook)[0].id, loop.clock())
    turn(loop)
    assert (again.resends, log_of(loop, hook)[1].state) == (1, "waiting")
    loop.store.deliveries.send_again(hook, again.id, loop.clock())
    turn(loop)
    assert [each.state for each in log_of(loop, hook)] == ["delivered", "delivered"]
    assert len({each.id for each in receiver.got}) == 1, "the receiver can tell that it knows it"
    with pytest.raises(NotFound, match="There is no delivery 99 of webhook 1"):
        loop.store.deliveries.send_again(hook, 99, loop.clock())
    loop.store.webhooks.pause(hook, "Paused by ana.", by="ana", now=loop.clock())
    with pytest.raises(Refused, match="resume it first"):
        loop.store.deliveries.send_again(hook, again.id, loop.clock())


def test_after_a_rotation_both_secrets_sign_for_a_day(loop, receiver):
    hook, old = added(loop, receiver.address)
    new = webhooks.rotate(loop.store, hook, by="ana", now=loop.clock())
    for wait_s in (86_399, 2):
        loop.clock.now += wait_s
        webhooks.ping(loop.store, loop.project, hook, by="ana", now=loop.clock())
        turn(loop)
    during, after = receiver.got
    assert (during.signed_by(old), during.signed_by(new)) == (True, True)
    assert (after.signed_by(old), after.signed_by(new)) == (False, True)


def test_a_removed_webhook_is_sent_nothing_more_and_its_secret_is_forgotten(loop, receiver):
    hook, _ = added(loop, receiver.address)
    happen(loop, *FAILED)
    loop.store.webhooks.remove(hook, by="ana", now=loop.clock())
    turn(loop)
    assert receiver.got == []
    assert loop.store.webhooks.of(loop.project.id) == []
    with pytest.raises(NotFound, match="There is no webhook 1"):
        now_of(loop, hook)
    with loop.store.webhooks._driver.reading() as session:
        assert session.query("select secret from webhooks") == [{"secret": ""}]


def test_feedback_that_is_asked_for_later_begins_then(trained, receiver):
    hook, _ = added(trained, receiver.address, ("version.live",))
    answer(trained, 2)
    changed = webhooks.change(trained.store, hook, None, ("feedback.recorded",), HERE, by="ana", now=trained.clock())
    answer(trained, 1)
    trained.clock.now += 60
    turn(trained)
    assert changed.kinds == ("feedback.recorded",)
    assert [len(each.json["data"]["entries"]) for each in receiver.got] == [1]


def test_no_more_waits_for_a_receiver_than_a_few_and_the_log_does_not_grow_for_ever(loop):
    hook, _ = added(loop, "http://127.0.0.1:9")
    for n in range(taking_up.MOST_WAITING):
        loop.store.deliveries.add(hook, Message(f"msg_{n}", "ping", "{}"), loop.clock())
    happen(loop, *FAILED)
    assert taking_up.take_up(loop.store, now_of(loop, hook), loop.clock()) == 0
    with loop.store.deliveries._driver.writing() as session:
        session.execute("update deliveries set state = 'delivered'")
        session.many(
            "insert into deliveries (webhook_id, message_id, kind, body, state, next_at, created_at) "
            "values (1, 'msg', 'ping', '{}', 'delivered', 0, 0)",
            [()] * (KEPT + 50),
        )
    assert taking_up.take_up(loop.store, now_of(loop, hook), loop.clock()) == 1
    assert len(loop.store.deliveries.page(hook.id, 5_000)) == KEPT


def test_a_project_has_a_limit_of_webhooks(loop):
    for _ in range(MOST):
        added(loop, "http://127.0.0.1:9")
    with pytest.raises(Refused, match="20 webhooks already: remove one first"):
        added(loop, "http://127.0.0.1:9")


# -- where it may lead ---------------------------------------------------------------------------------------------

NEVER = ["169.254.169.254", "fe80::1", "fd00:ec2::254", "100.100.100.200", "0.0.0.0", "::", "224.0.0.1", "ff02::1",
         "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1",
         "192.0.0.192", "192.0.0.8", "168.63.129.16", "::ffff:168.63.129.16", "64:ff9b::a83f:8110", "64:ff9b:1::7f00:1",
         "::127.0.0.1", "::a9fe:a9fe", "::8.8.8.8", "fec0::1"]  # fmt: skip
INSIDE = ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "100.64.0.1", "fd12::1", "::ffff:10.0.0.1"]


@pytest.mark.parametrize("address", NEVER)
def test_metadata_and_link_local_addresses_are_never_reached_whoever_allows_them(address):
    for reach in (HERE, Reach(True, (address, "169.254.0.0/16", "::/0")), PUBLIC):
        assert "never sent to" in targets.refusal(address, ipaddress.ip_address(address), reach)


@pytest.mark.parametrize("address", INSIDE)
def test_private_addresses_need_leave_where_people_sign_in(address):
    found = ipaddress.ip_address(address)
    assert "FEEDBACK_WEBHOOK_HOSTS" in targets.refusal("inside.example", found, PUBLIC)
    assert targets.refusal("inside.example", found, HERE) == ""
    assert targets.refusal("inside.example", found, Reach(False, ("inside.example",))) == ""
    assert targets.refusal("other.example", found, Reach(False, ("inside.example",))) != ""
    assert targets.refusal("8.8.8.8", ipaddress.ip_address("8.8.8.8"), PUBLIC) == ""


def test_a_network_may_be_allowed():
    reach = Reach(False, ("10.0.0.0/8",))
    assert targets.refusal("x", ipaddress.ip_address("10.9.9.9"), reach) == ""
    assert targets.refusal("x", ipaddress.ip_address("192.168.0.1"), reach) != ""


@pytest.mark.parametrize(
    ("given_url", "says"),
    [
        ("ftp://example.com/x", "write https://host/path"),
        ("file:///etc/passwd", "write https://host/path"),
        ("example.com", "write https://host/path"),
        ("http://", "write https://host/path"),
        ("http://example.com:99999/", "is no address"),
        ("http://[::1", "is no address"),
        ("https://ana:secret@example.com/", "holds a user name or password"),
        ("https://example.com/#top", "has a fragment"),
        ("https://exa mple.com/", "without spaces"),
        ("https://example.com/\r\nX-Evil: 1", "without spaces"),
        ("https://exämple.com/", "ASCII"),
        ("", "give 1 to 2,000 characters"),
        ("https://example.com/" + "x" * 2_000, "give 1 to 2,000 characters"),
        ("http://169.254.169.254/latest/meta-data", "never sent to"),
        ("http://[fd00:ec2::254]/", "never sent to"),
        ("http://[::ffff:169.254.169.254]/", "never sent to"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused_with_the_way_out_and_nothing_is_stored(loop, given_url, says):
    with pytest.raises((InvalidInput, Refused), match=says) as caught:
        added(loop, given_url)
    assert "secret" not in str(caught.value)
    assert loop.store.webhooks.of(loop.project.id) == []


@pytest.mark.parametrize("kinds", [(), ("version.dead",)])
def test_kinds_are_checked(loop, kinds):
    with pytest.raises(InvalidInput, match=r"choose among feedback\.recorded, version\.judged"):
        added(loop, "https://example.com", kinds)


def test_a_name_is_looked_up_once_and_that_answer_is_connected_to(receiver):
    port = int(receiver.address.rpartition(":")[2])
    asked = []

    def rebinding(host, _port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    found = sending.post(f"http://rebind.example:{port}/", {}, b"{}", HERE, resolve=rebinding)
    assert (found.status, asked) == (200, ["rebind.example"])
    assert receiver.got[0].headers["host"] == f"rebind.example:{port}"


@pytest.mark.parametrize("target", ["http://innocent.example/", "https://innocent.example/"])
def test_a_name_that_leads_inside_is_refused_at_the_moment_of_sending(target):
    for addresses in (["127.0.0.1"], ["8.8.8.8", "10.0.0.1"]):
        found = sending.post(target, {}, b"{}", PUBLIC, resolve=lambda *_, found=addresses: found)
        assert found.status is None
        assert "FEEDBACK_WEBHOOK_HOSTS" in found.error


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1"])
def test_other_spellings_of_an_address_are_seen_through(host):
    found = sending.post(f"http://{host}:9/", {}, b"{}", PUBLIC)
    assert "is 127.0.0.1, which is not on the public network" in found.error


@pytest.fixture
def identity(tmp_path):
    """A certificate of receiver.example, signed by itself, and its key."""
    kept, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=receiver.example"
    made = [*words.split(), "-addext", "subjectAltName=DNS:receiver.example", "-out", str(kept), "-keyout", str(key)]
    subprocess.run(["openssl", *made], check=True, capture_output=True)
    return kept, key


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
def test_over_tls_the_name_is_checked_though_the_address_is_connected_to(identity, monkeypatch):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*identity)
    with receiving(tls=context) as secure:
        port = secure.address.rpartition(":")[2]

        def post(host):
            return sending.post(f"https://{host}:{port}/", {}, b"{}", HERE, resolve=lambda *_: ["127.0.0.1"])

        assert post("receiver.example").error == "Its certificate is not accepted: self-signed certificate."
        monkeypatch.setenv("SSL_CERT_FILE", str(identity[0]))  # what an operator does for a certificate of their own
        assert post("receiver.example").status == 200
        assert "Hostname mismatch" in post("other.example").error
        assert len(secure.got) == 1


def test_a_receiver_that_never_answers_the_handshake_is_cut_off():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        found = sending.post(f"https://127.0.0.1:{silent.getsockname()[1]}/", {}, b"{}", HERE, timeout_s=0.3)
    assert (found.status, found.error) == (None, "No answer within 0.3 s.")
    assert time.monotonic() - began < 5


def test_a_name_that_is_not_found_in_time_is_given_up():
    let_go = threading.Event()

    def slow(*_):
        let_go.wait(30)
        return ["127.0.0.1"]

    began = time.monotonic()
    found = sending.post("http://slow.example/", {}, b"{}", HERE, timeout_s=0.3, resolve=slow)
    assert time.monotonic() - began < 5
    let_go.set()
    assert (found.status, found.error) == (None, "Its name was not found within 0.3 s.")


def test_finding_connecting_and_answering_have_one_deadline_together(monkeypatch, receiver):
    receiver.answers = [receiver.hang]
    late_s, given_s = 2.0, []
    real_connect, real_timer = socket.create_connection, threading.Timer
    port = int(receiver.address.rpartition(":")[2])

    def connect(address, timeout):
        given_s.append(timeout)
        Ahead.ahead_s += late_s
        return real_connect(address, timeout)

    def timer(wait_s, work):
        given_s.append(wait_s)
        return real_timer(0.2, work)

    class Ahead:
        ahead_s = 0.0

        @classmethod
        def monotonic(cls):
            return time.monotonic() + cls.ahead_s

    def resolve(*_):
        Ahead.ahead_s += late_s
        return ["127.0.0.1"]

    monkeypatch.setattr(sending, "time", Ahead)
    monkeypatch.setattr(sending.socket, "create_connection", connect)
    monkeypatch.setattr(sending.threading, "Timer", timer)
    found = sending.post(f"http://name.example:{port}/", {}, b"{}", HERE, timeout_s=600.0, resolve=resolve)
    assert found.status is None
    to_connect, to_answer = given_s
    assert 500 < to_connect <= 600 - late_s
    assert 500 < to_answer <= 600 - 2 * late_s


# -- secrets -------------------------------------------------------------------------------------------------------


def test_the_secret_is_in_no_event_log_line_delivery_or_noun(loop, receiver, caplog):
    from feedback_core import insights

    hook, secret = added(loop, receiver.address)
    receiver.answers = [500, 410]
    new = webhooks.rotate(loop.store, hook, by="ana", now=loop.clock())
    happen(loop, *FAILED)
    turn(loop)
    loop.clock.now += 5
    turn(loop)
    seen = [caplog.text, repr(now_of(loop, hook)), str(dataclasses.asdict(now_of(loop, hook)))]
    seen += [str(event) for event in loop.store.events.latest(loop.project.id, 100)]
    seen += [str(each) for each in log_of(loop, hook)]
    seen += [str(row) for what in ("items", "feedback") for row in insights.export_rows(loop.store, loop.project, what)]
    seen += [repr(loop.store.deliveries.claim(loop.clock() + 9e9, 1, 1))]
    whole = "\n".join(seen)
    for each in (secret, new):
        assert each not in whole
        assert each.removeprefix("whsec_") not in whole
    assert "webhook secret rotated" in event_kinds(loop)


def test_events_name_the_host_of_a_webhook_and_not_its_path(loop):
    added(loop, "https://hooks.example/services/T000/very-private")
    event = loop.store.events.latest(loop.project.id, 1)[0]
    assert (event.kind, event.actor, event.details["to"]) == ("webhook added", "ana", "hooks.example")
    assert "very-private" not in json.dumps(dict(event.details))


# -- the thread ----------------------------------------------------------------------------------------------------


def test_it_works_by_itself_begins_again_after_a_mistake_and_stops_when_asked(loop, receiver, monkeypatch):
    monkeypatch.setattr("feedback_core.webhooks.dispatch.LOOK_S", 0.01)
    added(loop, receiver.address)
    dispatcher = Dispatcher(loop.store, HERE)
    hooked = []
    monkeypatch.setattr(threading, "excepthook", hooked.append)
    with dispatcher.working():
        with monkeypatch.context() as broken:
            broken.setattr(dispatcher, "turn", lambda: 1 / 0)
            deadline = time.monotonic() + 10
            while dispatcher._looking.is_alive():
                assert time.monotonic() < deadline
                time.sleep(0.01)
        assert hooked[0].exc_type is ZeroDivisionError
        happen(loop, *FAILED)
        dispatcher.keep_up()
        receiver.wait(1)
    assert not dispatcher._looking.is_alive()
