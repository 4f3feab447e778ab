"""Checked rows become items: which are locked away, and in what order they are stored."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import numpy as np
import orjson

from . import intake, scoring
from .errors import InvalidFile
from .store import Store
from .store.items import BATCH
from .types import Progress, Project, Rows, Split


def add(store: Store, project: Project, rows: Rows, by: str, clock: Callable[[], float], progress: Progress) -> int:
    """Store rows that are not there yet, in short transactions; gives the number added.

    Rows without a key of their own that take more than one transaction get their ids in the order of their hashes.
    Raises InvalidFile for a picture that is gone.
    """
    _keep_pictures(store, project, rows)
    hashes, into = splits(store, project, rows)
    keys = [key if key is not None else digest for key, digest in zip(rows.keys, hashes, strict=True)]
    anyhow = len(hashes) > BATCH and not any(rows.keys)
    order = intake.storing_order(hashes) if anyhow else range(len(hashes))
    batches = ((keys[n], rows.inputs[n], hashes[n], into[n], rows.labels[n]) for n in order)
    added = done = 0
    while batch := list(islice(batches, BATCH)):
        added += store.items.add(project, batch, clock())
        done += len(batch)
        progress(done / len(hashes), f"{done:,} of {len(hashes):,} rows stored")
    store.events.append(project.id, clock(), by, "items added", {"rows": len(hashes), "added": added})
    return added


def _keep_pictures(store: Store, project: Project, rows: Rows) -> None:
    """Hold on to the files that rows are about to name: they may have come in days ago, and been given up since."""
    places = [n for n, column in enumerate(project.schema.columns) if column.files]
    for body in rows.inputs if places else ():
        cells = orjson.loads(body)
        for n in places:
            if not store.shelf.keep(cells[n]):
                raise InvalidFile(
                    f"The picture {str(cells[n])[7:19]}… is not here any more: upload the pictures again."
                )


def splits(store: Store, project: Project, rows: Rows) -> tuple[list[str], list[Split]]:
    """Hash of each input, and where its row belongs."""
    hashes = [intake.input_hash(body) for body in rows.inputs]
    held_out = intake.holdout_side(hashes, project.salt, project.settings.holdout_share)
    # Only labelled rows are locked, and not those whose input a version may have learned: a reviewer's answer, a row
    # that has graduated, or one from before the share of the holdout was changed.
    asked = np.flatnonzero(held_out & np.asarray([label is not None for label in rows.labels], dtype=bool)).tolist()
    known = store.holdout.learnable(project.id, [hashes[n] for n in asked])
    held_out[[n for n in asked if hashes[n] in known]] = False
    return hashes, scoring.splits(rows.labels, held_out)
