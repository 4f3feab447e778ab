"""What a verdict rests on, as hashes and settings that are stored with it and can be computed again later."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from .models import artifacts
from .store import Store
from .types import Locked, Project, Version

GONE = "gone"
"""Stands for the input hash of a row that is not in the database any more, so that its absence changes the hash."""


def rows_hash(ids: Sequence[int], labels: Sequence[str], input_hashes: Sequence[str]) -> str:
    """SHA-256 over (id, input hash, label) of rows in their order, as hexadecimal digits.

    Each label is preceded by its length, so that no label can stand for the end of one row and the start of the next.
    """
    digest = hashlib.sha256()
    for item_id, label, input_hash in zip(ids, labels, input_hashes, strict=True):
        body = label.encode(errors="surrogatepass")
        digest.update(b"%d %s %d " % (item_id, input_hash.encode(), len(body)) + body)
    return digest.hexdigest()


def training_hash(store: Store, version_id: int) -> str:
    """Hash of the rows a version was trained on, as its lineage and the items say now."""
    lineage = store.versions.lineage(version_id)
    return _hash(store, lineage.get("ids", []), lineage.get("labels", []))


def of_verdict(store: Store, project: Project, version: Version, locked: Locked) -> dict[str, Any]:
    """Plain JSON values: hashes of the training and the locked rows, the settings, and the library versions."""
    return {
        "training_rows": training_hash(store, version.id),
        "locked_rows": _hash(store, locked.ids, locked.truth),
        "model": version.sha256,
        "settings": project.settings.to_dict(),
        "environment": artifacts.environment(version.environment),
    }


def _hash(store: Store, ids: Sequence[int], labels: Sequence[str]) -> str:
    known: Mapping[int, str] = store.items.input_hashes(ids)
    return rows_hash(ids, labels, [known.get(item_id, GONE) for item_id in ids])
