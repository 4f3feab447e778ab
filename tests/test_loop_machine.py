"""The loop under hypothesis: any order of steps, any of them cut off by kill -9, keeps what ARCHITECTURE.md promises.

LOOP_MACHINE_EXAMPLES=500 runs so many other, random examples instead of the few that are always the same.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from feedback_core import realtime
from feedback_core.loop import Loop
from feedback_core.models import artifacts
from feedback_core.store import open_store
from feedback_core.types import Decision, Feedback, ItemFilter
from tests.conftest import Clock, make_loop, rows
from tests.loop_promises import Memory, check
from tests.loop_steps import STEPS, Dying, Outcome, perform
from tests.test_unattended import judge_as

MORE = int(os.environ.get("LOOP_MACHINE_EXAMPLES", "0"))

ENOUGH = settings(
    max_examples=MORE or 8,
    stateful_step_count=40 if MORE else 20,
    derandomize=not MORE,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    # To shrink what fails takes minutes: the first failure is enough to know, and MORE of them to understand it.
    phases=tuple(Phase) if MORE else (Phase.generate,),
    print_blob=False,
)

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Killed are processes, not the machine: what was written is there, on a disk or not."""

REVIEWERS = st.sampled_from(["ann", "bob"])
PICK = st.integers(0, 999)
"""Which of those there are; taken modulo their number."""

MOMENT = st.one_of(st.none(), st.integers(1, 30))
"""Statement, fsync or renaming before which the process is killed; None where it lives. A step that has fewer of them
comes to its end; a job has more (see LONG)."""

LONG = st.one_of(st.none(), st.integers(1, 140))
FEW = 6
"""Items that are decided without a draw: few, so that one is decided again, by the same person and by the other."""

LEASE_OVER_S = 60.0


class LoopMachine(RuleBasedStateMachine):
    """One project, two reviewers, a maintainer, and processes that die."""

    template: ClassVar[Path]
    dying: ClassVar[Dying]
    seen: ClassVar[Counter[tuple[str, str]]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="loop-machine-", dir=MEMORY))
        shutil.copytree(self.template, self.folder, dirs_exist_ok=True)
        self.url = f"sqlite:///{self.folder / 'test.db'}"
        self.memory = Memory(now=Clock().now + 100)
        self.sent: list[tuple[dict[str, Any], int]] = []
        self.asked = 0
        self.store = open_store(self.url)
        self.models: dict[str, Any] = {}
        self.challengers = realtime.Challengers(lambda: self.memory.now, timer=lambda: 0.0)
        self.memory.acknowledged = {entry.id: asdict(entry) for entry in self.said()}

    def teardown(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- how a step is done ------------------------------------------------------------------------------------------

    @property
    def loop(self) -> Loop:
        rng = np.random.default_rng(int(self.memory.now))
        project = self.store.projects.get(1)
        return Loop(self.store, project, clock=lambda: self.memory.now, rng=rng, models=self.models)

    def do(self, name: str, moment: int | None, **arguments: Any) -> Outcome:
        """Do a step here, or in a process that is killed at a moment of it; then open the store anew."""
        self.memory.now += 1
        self.memory.followed = None
        if moment is None:
            outcome = perform(self.loop, name, arguments)
        else:
            outcome, _ = self.dying.perform(self.url, self.memory.now, name, arguments, moment)
            self.store, self.models = open_store(self.url), {}
            artifacts.sweep(self.store.artifacts, time.time())
            if outcome.became == "died":
                live = self.store.jobs.live(1)
                self.memory.abandoned |= {job.id for job in live if job.state == "running"}
        self.memory.ticked = name == "tick" and outcome.became == "done"
        self.seen[name, outcome.became] += 1
        return outcome

    def acknowledge(self, outcome: Outcome) -> None:
        if outcome.became == "done":
            self.memory.acknowledged |= {entry["id"]: entry for entry in outcome.gave}

    def entries(self) -> int:
        return len(self.said())

    def said(self) -> list[Feedback]:
        """Every entry, oldest first."""
        return self.store.feedback.latest(1, 100_000)[::-1]

    # -- reviewers ---------------------------------------------------------------------------------------------------

    @rule(who=REVIEWERS, n=st.integers(1, 4), moment=MOMENT)
    def draw(self, who: str, n: int, moment: int | None) -> None:
        self.do("draw", moment, reviewer=who, n=n)

    @rule(who=REVIEWERS, pick=PICK, moment=MOMENT)
    def draw_chosen(self, who: str, pick: int, moment: int | None) -> None:
        pool = self.pool()
        self.do("draw_chosen", moment, reviewer=who, item=pool[pick % len(pool)])

    @rule(
        who=REVIEWERS,
        picks=st.lists(PICK, min_size=1, max_size=3),
        verdict=st.sampled_from(["confirm", "correct", "correct", "skip", "flag"]),
        says=st.sampled_from(["a", "b"]),
        from_hand=st.booleans(),
        moment=MOMENT,
    )
    def record(self, who: str, picks: list[int], verdict: str, says: str, from_hand: bool, moment: int | None) -> None:
        decisions = [self.decision(who, pick, verdict, says, from_hand) for pick in picks]
        before = self.entries()
        outcome = self.do("record", moment, decisions=decisions)
        if outcome.became == "died":
            assert self.entries() - before in (0, len(decisions)), "all of a batch or nothing"
            # Whoever gets no answer sends it again with the same keys.
            outcome = self.do("record", None, decisions=decisions)
        self.acknowledge(outcome)
        assert self.entries() - before == (len(decisions) if outcome.became == "done" else 0)
        if outcome.became == "done":
            self.sent += [(each, entry["id"]) for each, entry in zip(decisions, outcome.gave, strict=True)]

    @precondition(lambda self: self.sent)
    @rule(pick=PICK, moment=MOMENT)
    def record_again(self, pick: int, moment: int | None) -> None:
        decision, entry_id = self.sent[pick % len(self.sent)]
        before = self.entries()
        outcome = self.do("record", moment, decisions=[decision])
        assert outcome.became != "refused", outcome.gave
        assert outcome.became == "died" or [entry["id"] for entry in outcome.gave] == [entry_id]
        assert self.entries() == before

    @precondition(lambda self: self.sent)
    @rule(pick=PICK, moment=MOMENT)
    def record_another_under_its_key(self, pick: int, moment: int | None) -> None:
        decision, _ = self.sent[pick % len(self.sent)]
        before = self.entries()
        other = decision | {"reviewer": "bob" if decision["reviewer"] == "ann" else "ann"}
        assert self.do("record", moment, decisions=[other]).became != "done"
        assert self.entries() == before

    @rule(pick=PICK, hold=st.booleans(), moment=MOMENT)
    def undo(self, pick: int, hold: bool, moment: int | None) -> None:
        said = self.said()
        entry = said[-1 - pick % len(said)]
        outcome = self.do("undo", moment, entry=entry.id, reviewer=entry.reviewer, hold=hold)
        self.acknowledge(outcome)
        gained = self.entries() - len(said)
        assert gained in (0, 1) if outcome.became == "died" else gained == (outcome.became == "done")

    @rule(seconds=st.sampled_from([30.0, 700.0, 90_000.0]))
    def time_passes(self, seconds: float) -> None:
        self.memory.now += seconds

    # -- maintainer --------------------------------------------------------------------------------------------------

    @rule(
        picks=st.lists(PICK, min_size=1, max_size=3), ruling=st.sampled_from(["reject", "accept", "ask"]), moment=MOMENT
    )
    def rule_on(self, picks: list[int], ruling: str, moment: int | None) -> None:
        said = [entry.id for entry in self.said() if entry.verdict not in ("skip", "undo")]
        entries = sorted({said[-1 - pick % len(said)] for pick in picks})
        self.do("rule_on", moment, entries=entries, ruling=ruling)

    @rule(pick=PICK, moment=MOMENT)
    def undo_ruling(self, pick: int, moment: int | None) -> None:
        if rulings := [press.event.id for press in self.store.rulings.latest(1, 50)]:
            self.do("undo_ruling", moment, ruling=rulings[pick % len(rulings)])

    @rule(pick=PICK, label=st.sampled_from(["a", "b"]), moment=MOMENT)
    def settle(self, pick: int, label: str, moment: int | None) -> None:
        said = self.said()
        self.do("settle", moment, item=said[-1 - pick % len(said)].item_id, label=label)

    @rule(
        seed=st.integers(0, 99),
        n=st.integers(5, 40),
        labelled=st.booleans(),
        copies=st.lists(PICK, max_size=3),
        moment=MOMENT,
    )
    def add_items(self, seed: int, n: int, labelled: bool, copies: list[int], moment: int | None) -> None:
        known = [item.id for chunk in self.store.items.export(1) for item in chunk]
        chosen = sorted({known[pick % len(known)] for pick in copies})
        self.do("add_items", moment, seed=seed, n=n, labelled=labelled, copies=chosen)

    # -- worker and versions -----------------------------------------------------------------------------------------

    @rule(kind=st.sampled_from(["retrain", "predict"]), moment=LONG)
    def work(self, kind: str, moment: int | None) -> None:
        outcome = self.do("work", moment, kind=kind)
        assert outcome.gave in (None, "done", "taken") or outcome.became == "refused"

    @rule(moment=LONG)
    def take_up(self, moment: int | None) -> None:
        """A worker comes when every lease has run out; unless it dies, too, nothing is left to be done."""
        self.memory.now += LEASE_OVER_S
        outcome = self.do("take_up", moment)
        if outcome.became == "died":
            return
        assert outcome.became == "done", outcome.gave
        assert self.store.jobs.live(1) == []
        self.memory.abandoned.clear()

    @rule(who=REVIEWERS, pick=PICK, says=st.sampled_from(["a", "b"]), from_hand=st.booleans(), moment=LONG)
    def retrain_while_somebody_answers(
        self, who: str, pick: int, says: str, from_hand: bool, moment: int | None
    ) -> None:
        decision = self.decision(who, pick, "correct", says, from_hand)
        before = self.entries()
        outcome = self.do("retrain_meanwhile", moment, decisions=[decision])
        self.acknowledge(outcome)
        if outcome.became == "done":
            self.sent.append((decision, outcome.gave[0]["id"]))
        assert self.entries() - before in (0, 1)

    @rule(moment=LONG)
    def follow(self, moment: int | None) -> None:
        """Two learn the same: a process that has just begun, and one that has followed along all the time."""
        outcome = self.do("follow", moment)
        self.challengers.follow(self.store, self.store.projects.get(1))
        self.memory.followed = [each.feedback_id for each in self.store.realtime.steps(1)]
        learned = [key[0] for key in self.challengers._known[1].learner.keys]
        assert learned == self.memory.followed
        assert outcome.became == "died" or outcome.gave == learned

    @rule(moment=LONG)
    def freeze(self, moment: int | None) -> None:
        outcome = self.do("freeze", moment)
        assert outcome.gave in (None, "done", "taken") or outcome.became == "refused"

    @rule(moment=LONG)
    def tick(self, moment: int | None) -> None:
        self.do("tick", moment)

    @rule(pick=PICK, moment=LONG)
    def judge(self, pick: int, moment: int | None) -> None:
        self.do("judge", moment, version=self.version(pick))

    @rule(pick=PICK, reason=st.sampled_from(["", "it has to be"]), moment=MOMENT)
    def promote(self, pick: int, reason: str, moment: int | None) -> None:
        version = self.version(pick)
        if (report := self.store.versions.report_on(version)) is None or report.decision:
            self.do("judge", None, version=version)
        self.do("promote", moment, version=version, reason=reason)

    @rule(pick=PICK, moment=MOMENT)
    def refuse(self, pick: int, moment: int | None) -> None:
        self.do("refuse", moment, version=self.version(pick))

    @rule(pick=PICK, suspect=st.booleans(), moment=LONG)
    def roll_back(self, pick: int, suspect: bool, moment: int | None) -> None:
        before = self.store.versions.champion(1)
        outcome = self.do("roll_back", moment, version=self.version(pick), suspect=suspect)
        assert before is not None
        after = self.store.versions.champion(1)
        assert after is not None
        assert (after.id != before.id) == (outcome.became == "done") or outcome.became == "died"

    @rule(what=st.sampled_from(["release", "archive", "refresh", "reopen"]), who=REVIEWERS, moment=MOMENT)
    def something_rare(self, what: str, who: str, moment: int | None) -> None:
        if what == "release":
            held = [draw.id for draw in self.store.draws.hand(1, who, self.memory.now)]
            self.do("release", moment, reviewer=who, draws=held)
        elif what == "archive":
            self.do("archive", moment, back=self.store.projects.get(1).archived_at is not None)
        elif what == "refresh":
            self.do("refresh", moment)
        else:
            self.store, self.models = open_store(self.url), {}

    # -- what is chosen ----------------------------------------------------------------------------------------------

    def pool(self) -> list[int]:
        return [item.id for chunk in self.store.items.export(1) for item in chunk if item.split == "pool"]

    def version(self, pick: int) -> int:
        versions = self.store.versions.all(1)
        return versions[-1 - pick % len(versions)].id

    def decision(self, who: str, pick: int, verdict: str, target: str, from_hand: bool) -> dict[str, Any]:
        held = self.store.draws.hand(1, who, self.memory.now) if from_hand else []
        draw = held[pick % len(held)] if held else None
        pool = self.pool()
        item = self.store.items.get(draw.item_id if draw else pool[pick % FEW])
        self.asked += 1
        return {
            "item_id": item.id,
            "reviewer": who,
            "verdict": verdict,
            "target": target if verdict == "correct" else None,
            "version_id": item.version_id,
            "note": f"note {self.asked}",
            "draw_id": draw.id if draw else None,
            "idempotency_key": f"key {self.asked}",
        }

    @invariant()
    def what_holds_always(self) -> None:
        check(self.folder / "test.db", self.store.artifacts, self.memory)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two champions one after the other, a candidate and some answers, copied for every example."""
    folder = tmp_path_factory.mktemp("loop-machine")
    store = open_store(f"sqlite:///{folder / 'test.db'}")
    shares = {"audit_share": 0.25, "gold_share": 0.2, "blind_share": 0.2}
    by_itself = {"automatic": True, "quiet_s": 0.0, "cool_down_s": 0.0, "realtime": True, "estimator": "sgd"}
    loop = make_loop(store, Clock(), **shares, **by_itself)
    loop.add_items(rows(60, noise=0.5)[0], "test")
    loop.add_items(rows(20, seed=1, labelled=False)[0], "test")
    for n, said in enumerate(("abab", "bbaa", "ab")):
        version = loop.retrain("test")
        if n < 2:
            loop.judge(version)
            loop.promote(version, "test", "to begin with")
            loop.predict()
        for item in loop.store.items.page(1, ItemFilter(), sort="priority", limit=len(said)):
            label, who = said[item.id % len(said)], ("ann", "bob")[item.id % 2]
            loop.record(Decision(item.id, who, "correct", label, item.version_id))
    return folder


@pytest.fixture(scope="module")
def machine(template: Path) -> Iterator[type[LoopMachine]]:
    LoopMachine.template, LoopMachine.dying = template, Dying()
    yield LoopMachine
    LoopMachine.dying.close()


def test_no_order_of_steps_and_kills_breaks_what_holds_always(machine):
    machine.seen.clear()
    run_state_machine_as_test(machine, settings=ENOUGH)
    # A machine whose steps are all refused, or never killed, would prove nothing.
    became = Counter()
    for (_, each), n in machine.seen.items():
        became[each] += n
    assert became["died"] >= 25, machine.seen
    assert became["done"] >= 40, machine.seen


EACH = {
    "draw": {"reviewer": "ann", "n": 3},
    "draw_chosen": {"reviewer": "bob", "item": 70},
    "release": {"reviewer": "ann", "draws": [1]},
    "record": {},
    "undo": {},
    "rule_on": {"entries": [1, 2], "ruling": "reject"},
    "undo_ruling": {},
    "settle": {},
    "add_items": {"seed": 5, "n": 30, "labelled": True, "copies": [1, 70]},
    "work": {"kind": "retrain"},
    "follow": {},
    "freeze": {},
    "tick": {},
    "take_up": {},
    "retrain_meanwhile": {},
    "judge": {"version": 3},
    "promote": {"version": 3, "reason": "it has to be"},
    "refuse": {"version": 3},
    "roll_back": {"version": 1, "suspect": True},
    "refresh": {},
    "archive": {"back": False},
}
"""What each step is given where every one of its moments is tried; empty where it depends on what is there."""


def begin(machine: LoopMachine, name: str) -> dict[str, Any]:
    """Bring about what a step needs; gives its arguments."""
    if name in ("record", "retrain_meanwhile"):
        return {"decisions": [machine.decision("ann", 3, "correct", "a", from_hand=False)]}
    if name == "undo":  # of a change of mind, so that the word before counts again
        first = machine.said()[0]
        item = machine.store.items.get(first.item_id)
        other = {"item_id": item.id, "reviewer": first.reviewer, "verdict": "flag", "version_id": item.version_id}
        machine.acknowledge(machine.do("record", None, decisions=[other]))
        return {"entry": machine.said()[-1].id, "reviewer": first.reviewer, "hold": True}
    if name == "undo_ruling":
        machine.do("rule_on", None, entries=[1, 2], ruling="reject")
        return {"ruling": machine.store.rulings.latest(1, 1)[0].event.id}
    if name == "settle":
        entry = machine.said()[0]
        return {"item": entry.item_id, "label": entry.target}
    if name in ("promote", "refuse"):
        machine.do("judge", None, version=3)
    if name == "refresh":
        machine.do("add_items", None, seed=5, n=40, labelled=True, copies=[])
    if name == "release":
        machine.do("draw", None, reviewer="ann", n=3)
        return {
            "reviewer": "ann",
            "draws": [draw.id for draw in machine.store.draws.hand(1, "ann", machine.memory.now)],
        }
    if name == "tick":
        own = machine.loop.retrain("trigger")
        judge_as(machine.loop, own, "promote", "better")
    if name == "take_up":
        machine.loop.request_rescore("meg")
    return EACH[name]


@pytest.mark.parametrize("name", STEPS)
def test_a_step_may_be_killed_before_each_of_its_moments_and_done_again(machine, name):
    moment, stride = 1, 1
    while True:
        world = machine()
        try:
            arguments = begin(world, name)
            outcome = world.do(name, moment, **arguments)
            world.what_holds_always()
            if outcome.became == "died":
                if name in ("work", "take_up", "freeze"):
                    world.take_up(None)
                again = world.do(name, None, **arguments)
                assert again.became == "done" or name in ONCE, again.gave
                world.memory.followed = again.gave if name == "follow" else None
                world.what_holds_always()
        finally:
            world.teardown()
        if outcome.became != "died":
            assert outcome.became == "done", outcome.gave
            break
        moment += stride
        stride = 1 if MORE else moment
    assert moment > 3


ONCE = ("undo", "undo_ruling", "promote", "refuse", "roll_back", "refresh", "work", "freeze", "archive")
"""Steps that are refused the second time, where the first was killed after it had been stored."""
