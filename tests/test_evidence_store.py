"""Flips and studies: kept as given, found by report, kind and version."""

from __future__ import annotations

from feedback_core.loop import Loop
from feedback_core.types import Flip
from tests.conftest import save_flips


def flip(item_id: int, kind: str = "fixed", sample: str = "holdout") -> Flip:
    return Flip(item_id, kind, sample, "a", "b", "a" if kind == "fixed" else "c")


def test_flips_come_back_by_kind_sample_and_page(trained: Loop) -> None:
    report = trained.store.versions.reports(trained.project.id)[0].id
    ids = [item.id for chunk in trained.store.items.export(trained.project.id) for item in chunk][:4]
    flips = [flip(ids[0]), flip(ids[1], "broken"), flip(ids[2], "fixed", "corrections"), flip(ids[3], "moved", "audit")]
    save_flips(trained.store, report, flips)
    assert trained.store.flips.page(report) == flips
    assert trained.store.flips.page(report, after=ids[1]) == flips[2:]
    assert trained.store.flips.page(report, "fixed") == [flips[0], flips[2]]
    assert trained.store.flips.page(report, "fixed", "corrections") == [flips[2]]
    assert trained.store.flips.page(report, limit=1) == flips[:1]
    assert trained.store.flips.counts(report) == {
        ("holdout", "fixed"): 1, ("holdout", "broken"): 1, ("corrections", "fixed"): 1, ("audit", "moved"): 1,
    }  # fmt: skip
    assert trained.store.flips.page(report + 1) == []


def test_the_newest_study_of_a_kind_is_found_by_version_or_of_any(trained: Loop) -> None:
    studies, project = trained.store.studies, trained.project.id
    version = trained.store.versions.all(project)[0].id
    assert studies.newest(project, "forecast") is None
    first = studies.save(project, "forecast", {"gain": 0.1}, version_id=version, now=1.0)
    other = studies.save(project, "forecast", {"gain": 0.2}, version_id=None, now=2.0)
    studies.save(project, "credit", {}, version_id=version, now=3.0)
    assert studies.newest(project, "forecast") == other
    assert studies.newest(project, "forecast", version) == first
    assert studies.latest(project, "forecast") == [other, first]
    assert (first.body, first.created_at) == ({"gain": 0.1}, 1.0)
