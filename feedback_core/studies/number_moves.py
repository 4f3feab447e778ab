"""What moved between two versions that say numbers, and which new numbers pulled them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .pairs import LISTED, Looked, Pair, columns_moved, curves, named, numbers
from .pulling import Case, pulled

APART = 0.1
"""Share of the spread of the predictions from which on one counts as moved, where the project states no tolerance."""


def body(pair: Pair, seen: Looked, rng: np.random.Generator) -> dict[str, Any]:
    """The comparison as plain JSON values."""
    before, after = (said[:, 0] for said in numbers(pair, seen.rows))
    some = seen.rows.iloc[seen.chosen]
    moved, unit = columns_moved(pair, some, [""] * len(seen.chosen))
    apart = pair.project.settings.tolerance or APART * float(before.std())
    changed = np.flatnonzero(np.abs(after - before) > apart)
    changed = changed[np.argsort(-np.abs(after - before)[changed], kind="stable")]
    ids = [seen.ids[at] for at in changed]
    case = Case(pair.store, pair.project, pair.version, pair.parent, pair.models[1], pair.progress)
    keys = named(pair, ids[: 2 * LISTED])
    told = [at for at in changed[: 2 * LISTED].tolist() if seen.ids[at] in keys][:LISTED]
    return {
        "unit": unit,
        "measure": pair.project.settings.unit,
        "moved": moved,
        "label": "",
        "curves": curves(pair, some, [row["column"] for row in moved], ""),
        "changed": {
            "n": len(changed),
            "apart": apart,
            "more": int((after > before)[changed].sum()),
            "mean": float(np.abs(after - before)[changed].mean()) if len(changed) else 0.0,
            "items": [
                {"key": keys[seen.ids[at]], "before": float(before[at]), "after": float(after[at])} for at in told
            ],
        },
        "pulled": pulled(case, ids, before[changed], after[changed], rng),
    }
