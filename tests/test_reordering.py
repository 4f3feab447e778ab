"""The order shown before saving is the order that saving gives."""

from __future__ import annotations

import numpy as np
import pytest

from feedback_core import reordering
from feedback_core.errors import InvalidSetting, Refused
from feedback_core.loop import Loop
from feedback_core.settings import Settings
from feedback_core.worker import run_next


@pytest.mark.parametrize(
    "weights", [{"margin": 1.0}, {"entropy": 0.5, "rarity": 0.5}, {"margin": 0.7, "novelty": 0.3}], ids=str
)
def test_the_preview_is_the_queue_after_saving(trained: Loop, weights: dict[str, float]) -> None:
    now = trained.store.items.first_ids(trained.project.id, 100)
    found = reordering.preview(trained, weights)
    assert (found.ranked, found.open, len(found.places)) == (100, 100, 20)
    assert [place.before for place in found.places] == [now.index(place.item_id) + 1 for place in found.places]
    assert trained.store.items.first_ids(trained.project.id, 100) == now
    reordering.save(trained, weights, "ana")
    assert run_next(trained.store, "test").state == "done"
    after = trained.store.items.many(trained.store.items.first_ids(trained.project.id, 20))
    # Novelty is measured against a random sample of the labelled rows: ties apart, the order is the same.
    np.testing.assert_allclose([p.priority for p in found.places], [i.priority for i in after], atol=1e-5)
    assert {p.item_id for p in found.places[:15]} <= {item.id for item in after}


def test_parts_sum_to_the_priority(trained: Loop) -> None:
    for place in reordering.preview(trained, {"margin": 2.0, "rarity": 1.0}).places:
        assert sum(place.parts.values()) == pytest.approx(place.priority)
        assert set(place.parts) == {"margin", "rarity"}


def test_of_many_open_items_the_top_and_a_sample_are_ranked(trained: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    reordering.save(trained, {"margin": 1.0}, "ana")
    run_next(trained.store, "test")
    whole = reordering.preview(trained, {"margin": 1.0})
    monkeypatch.setattr(reordering, "EXACT", 60)
    monkeypatch.setattr(reordering, "TOP", 30)
    found = reordering.preview(Loop(trained.store, trained.project), {"margin": 1.0})
    assert 30 < found.ranked <= 60
    assert found.open == 100
    # Margin alone decides nothing else than before: the known top stays on top, and its scores stay near.
    assert [p.item_id for p in found.places] == [p.item_id for p in whole.places]
    np.testing.assert_allclose([p.priority for p in found.places], [p.priority for p in whole.places], atol=1e-6)


def test_weights_are_saved_with_the_way_back(trained: Loop) -> None:
    assert reordering.previous_weights(trained) is None
    reordering.save(trained, {"margin": 1.0, "rarity": 0.0}, "ana")
    assert trained.store.projects.get(trained.project.id).settings.weights == {"margin": 1.0}
    assert reordering.previous_weights(trained) == Settings().weights
    (job,) = trained.store.jobs.live(trained.project.id)
    assert (job.kind, job.trigger, job.requested_by) == ("predict", "new weights", "ana")
    with pytest.raises(InvalidSetting, match="at least one positive weight"):
        reordering.save(trained, {"margin": 0.0}, "ana")


def test_without_a_version_there_is_nothing_to_rank(loop: Loop) -> None:
    with pytest.raises(Refused, match="train the first version"):
        reordering.preview(loop, {"margin": 1.0})


def test_when_everything_is_decided_the_preview_is_empty(trained: Loop) -> None:
    from feedback_core.types import Decision, ItemFilter

    items = trained.store.items.page(trained.project.id, ItemFilter(), sort="newest", limit=200)
    trained.record(*(Decision(i.id, "ana", "confirm", version_id=i.version_id) for i in items))
    assert reordering.preview(trained, {"margin": 1.0}).places == ()
