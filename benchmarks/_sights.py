"""How often is a model right about pictures, by how it sees them: as pixels, by their edges, or through convolutions?

digits: 1,797 drawings of 8 x 8. photos: which of scikit-learn's two photographs (a temple, a flower) a part of 32 x 32
in colour was cut from; parts of the left half are learned from and those of the right half asked about, so none
overlaps. Two photographs are few: this says what colour and texture are worth, not what is shown on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._report import cpu
from feedback_core import datasets, intake
from feedback_core.models import BUILDERS
from feedback_core.training import fit
from feedback_core.types import Column, Schema

SIDE = 32

WAYS = {
    "pixels": ("logistic_regression", {}),
    "hog": ("logistic_regression", {"image_features": "hog"}),
    "pixels_forest": ("random_forest", {}),
    "hog_forest": ("random_forest", {"image_features": "hog"}),
    "cnn": ("cnn", {}),
}


@dataclass(frozen=True)
class Sights:
    """Pictures (n, pixels) of one shape with their labels, and which may be learned from; the others are asked."""

    schema: Schema
    pixels: np.ndarray
    labels: np.ndarray
    learned: np.ndarray

    def frame(self, rows: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(self.pixels[rows], columns=intake.feature_names(self.schema))


def digits() -> Sights:
    """The sample data set; the last 700 of a shuffle are asked about."""
    found = datasets.load("digits")
    pixels = found.frame.drop(columns="label").to_numpy(np.float32)
    learned = np.random.default_rng(0).permutation(len(pixels)) < len(pixels) - 700
    return Sights(found.schema, pixels, found.frame["label"].to_numpy(object), learned)


def photos() -> Sights:
    """Overlapping parts of two photographs, none of them across the middle."""
    from sklearn.datasets import load_sample_images

    loaded = load_sample_images()
    parts, labels, left = [], [], []
    for name, image in zip(loaded.filenames, loaded.images, strict=True):
        high, wide = image.shape[:2]
        for top in range(0, high - SIDE + 1, SIDE // 2):
            for start in [*range(0, wide // 2 - SIDE + 1, SIDE // 2), *range(wide // 2, wide - SIDE + 1, SIDE // 2)]:
                parts.append(image[top : top + SIDE, start : start + SIDE].ravel())
                labels.append(name)
                left.append(start < wide // 2)
    schema = Schema((Column("image", "image", (SIDE, SIDE, 3)),))
    return Sights(schema, np.array(parts, np.float32), np.array(labels, object), np.array(left))


def seen(sights: Sights, way: str, n: int, seeds: int) -> dict[str, Any]:
    """Share of right answers after n rows, its lowest and highest over the seeds, and CPU seconds of a fit."""
    name, params = WAYS[way]
    right, seconds = [], []
    for seed in range(seeds):
        rows = np.random.default_rng(seed).permutation(np.flatnonzero(sights.learned))[:n]
        model = BUILDERS[name](sights.schema, seed, params)
        with cpu() as timer:
            fit(model, sights.frame(rows), sights.labels[rows].tolist(), np.ones(len(rows)))
        asked = np.flatnonzero(~sights.learned)
        right.append(float((model.predict(sights.frame(asked)) == sights.labels[asked]).mean()))
        seconds.append(timer.seconds)
    return {
        "right": round(fmean(right), 4),
        "lowest": round(min(right), 4),
        "highest": round(max(right), 4),
        "fit_cpu_s": round(fmean(seconds), 2),
    }


def compared(quick: bool) -> dict[str, dict[str, Any]]:
    """One row for each set, number of rows and way of seeing."""
    sizes, seeds = ((100,), 1) if quick else ((100, 800), 3)
    seen(digits(), "cnn", 20, 1)  # the first use of a framework is its import
    return {
        f"{name}_{n}_{way}": seen(sights, way, n, seeds)
        for name, sights in (("digits", digits()), ("photos", photos()))
        for n in sizes
        for way in WAYS
    }
