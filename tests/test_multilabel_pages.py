"""Every page with a project whose rows bear several labels, and the deck's data; then the store is asked."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from feedback_core import deck, plans
from feedback_core.loop import Loop, create_project
from feedback_core.multilabel import NONE, joined
from feedback_core.settings import changed
from feedback_core.store import Store
from feedback_core.types import Decision, Feedback, ItemFilter
from tests.conftest import page as page
from tests.test_pages import PAGES, dealt, press
from tests.test_pages import texts as marked

LABELS = ("bright", "heavy", "new", "round")
"""In the order in which the project lists them."""


def texts(app) -> str:
    """What is written on a page, without the signs that keep it from being read as markup."""
    return marked(app).replace("\\", "")


def things(n: int, seed: int = 0) -> tuple[pd.DataFrame, dict[str, str]]:
    """n things of four numbers, each with the labels whose number is large, a third of them not labelled; the truth
    by id, as text."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n, len(LABELS))).round(3)
    noisy = numbers + 0.3 * rng.normal(size=numbers.shape)
    frame = pd.DataFrame(numbers, columns=[f"x{place}" for place in range(len(LABELS))])
    frame.insert(0, "id", [f"t{seed}-{row}" for row in range(n)])
    sets = [joined([label for label, high in zip(LABELS, row > 0.4, strict=True) if high], LABELS) for row in noisy]
    frame["tags"] = [None if row % 3 == 0 else text.replace("; ", ";") for row, text in enumerate(sets)]
    return frame, dict(zip(frame["id"], sets, strict=True))


def founded(store: Store, **settings: object) -> Loop:
    """300 things, a third of them open, and a first version that serves."""
    frame, _ = things(300)
    plan = plans.new_project(frame, label="tags", key="id", task="multilabel")
    wanted = changed(
        plans.first_settings(plan, frame), {"holdout_share": 0.4, "audit_share": 0.0, "blind_share": 0.0} | settings
    )
    project = create_project(store, "things", plan.schema, plan.labels, wanted, actor="test", task=plan.task, salt=1)
    loop = Loop(store, project, rng=np.random.default_rng(0))
    loop.add_items(plan.rows, "test")
    version = loop.retrain("test")
    loop.judge(version)
    loop.promote(version, "test")
    loop.predict()
    return loop


@pytest.fixture
def loop(store: Store) -> Loop:
    return founded(store)


def answer(loop: Loop, n: int, who: str = "ben", say: str | None = None) -> list[Feedback]:
    """n items of the queue decided by what is true of them, or by what is to be said."""
    _, truth = things(300)
    entries = []
    for _ in range(n):
        draw = loop.draw(who)
        assert draw is not None
        item = loop.store.items.get(draw.item_id)
        said = say or truth[item.key]
        entries += loop.record(Decision(item.id, who, "correct", said, version_id=item.version_id, draw_id=draw.id))
    return entries


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_on_a_project_without_rows(page, store: Store, name: str) -> None:
    plan = plans.new_project(things(9)[0], label="tags", key="id", task="multilabel")
    create_project(store, "empty", plan.schema, LABELS, actor="test", task="multilabel")
    page(name)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_on_sets_answered_and_judged(page, store: Store, name: str) -> None:
    loop = founded(store, audit_share=0.3)
    answer(loop, 20)
    loop.judge(loop.retrain("test"))
    page(name)
