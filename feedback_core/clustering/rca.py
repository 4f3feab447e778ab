"""A metric learned from rows that belong together: directions in which they differ count less."""

from __future__ import annotations

import numpy as np

from .closure import chunklets
from .units import Array, Links


def relevant_components(rows: Array, links: Links) -> Array:
    """The map (d, d) after which rows held together differ alike in every direction; use it as rows @ map.

    rows: (n, d). Shrunk towards a sphere by d / (d + m), m being the rows beyond one of each group: with fewer such
    rows than dimensions the plain estimate is singular, and following it destroys the clusters. The identity without
    any. Its determinant is 1, so distances keep their size. Source: Bar-Hillel et al. (2005), relevant component
    analysis.
    """
    d = rows.shape[1]
    groups = [rows[list(group)] for group in chunklets(links.together)]
    freedom = sum(len(group) - 1 for group in groups)
    if not freedom:
        return np.eye(d)
    within = np.concatenate([group - group.mean(axis=0) for group in groups])
    scatter = within.T @ within / freedom
    share = d / (d + freedom)
    shrunk = (1 - share) * scatter + share * np.trace(scatter) / d * np.eye(d)
    return _unit_volume(_inverse_root(shrunk))


def _inverse_root(matrix: Array) -> Array:
    values, axes = np.linalg.eigh(matrix)
    floor = max(float(values[-1]) * 1e-9, 1e-12)  # rows that are equal throughout give no spread at all
    return np.asarray(axes / np.sqrt(np.maximum(values, floor)) @ axes.T)


def _unit_volume(matrix: Array) -> Array:
    _, log_volume = np.linalg.slogdet(matrix)
    return np.asarray(matrix / np.exp(log_volume / len(matrix)))
