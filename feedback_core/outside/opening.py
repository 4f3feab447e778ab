"""A version as a model, wherever it lives."""

from __future__ import annotations

from typing import Any

from ..models import artifacts
from ..recorded import Recorded
from ..store import Store
from ..types import Project, Version
from .connecting import asker


def model_of(store: Store, project: Project, version: Version) -> Any:
    """A model that gives probabilities of a project's rows. Raises ArtifactError."""
    if version.estimator == "predictions":
        return Recorded(store, project, version)
    if version.estimator == "http":
        return Recorded(store, project, version, asker(store, project, version))
    return artifacts.load(store.artifacts, version.artifact, version.sha256)
