"""Fitted models on disk: saved once, whole or not at all; loaded without running code.

skops reads types, not pickled functions, and only those named here or by a registered builder. What skops cannot
write, a framework's own part, lies beside it in files of that framework, and is read only once all hashes agree.
"""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import zipfile
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import orjson

from ..errors import ArtifactError, NotFound, NotInstalled
from . import model_folder
from .model_folder import MANIFEST, MODEL, sweep
from .native import Native
from .registry import BUILDERS
from .skops_files import skops_io

__all__ = ["MANIFEST", "MODEL", "TRUSTED", "Artifact", "environment", "load", "looks_intact", "save", "sweep"]

TRUSTED = (
    "feedback_core.models.estimators.one_vs_rest.OneVsRest",
    "feedback_core.models.booster_scoring.BoosterClassifier",
    "feedback_core.models.booster_scoring.BoosterRegressor",
    "feedback_core.models.hog.Hog",
    "feedback_core.models.imported.Columns",
    "feedback_core.models.imported.Relabelled",
    "feedback_core.models.timestamps.Calendar",
    "feedback_core.models.word_vectors.WordVectors",
    "numpy.dtype",
    "scipy.sparse._csr.csr_matrix",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
)
"""Types beyond skops' own list that scikit-learn's models contain; none of them runs code when built."""

LIBRARIES = ("scikit-learn", "numpy", "scipy", "pandas", "skops")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A saved model: folder name below the artifact root, SHA-256 and bytes of its files, library versions."""

    name: str
    sha256: str
    size: int
    environment: dict[str, str]


def save(model: Any, root: Path, prefix: str) -> Artifact:
    """Write a fitted model into a folder of its own: temporary folder, fsync, one rename.

    Raises ArtifactError when the file could not be loaded again, now rather than after a restart.
    """
    root.mkdir(parents=True, exist_ok=True)
    _plain_vocabularies(model)
    native = _native(model)
    folder = Path(tempfile.mkdtemp(prefix=f".saving-{os.getpid()}-", dir=root))
    try:
        skops_io().dump(_without_native(model), folder / MODEL)
        _refuse_untrusted(folder / MODEL)
        if native is not None:
            native.write_native(folder)
        artifact = _described(folder, prefix, native.packages if native is not None else ())
        model_folder.settle(folder, root / artifact.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return artifact


def load(root: Path, name: str, sha256: str) -> Any:
    """Read a model back. Raises ArtifactError when a file is missing, changed or of an untrusted type."""
    path = verified(root, name, sha256)
    _refuse_untrusted(path)
    model = skops_io().load(path, trusted=list(trusted()))
    native = _native(model)
    if native is not None:
        try:
            native.read_native(path.parent)
        except (NotInstalled, NotFound) as error:
            raise ArtifactError(f"The model in {name} cannot be loaded. {error}") from error
    return model


def verified(root: Path, name: str, sha256: str) -> Path:
    """The model file in a folder whose files have this hash. Raises ArtifactError when one is missing or changed."""
    path = root / name / MODEL
    if not name:
        raise ArtifactError("This version has no model file: it lives elsewhere, and only what it says is stored.")
    if not path.is_file():
        raise ArtifactError(f"The model file {name}/{MODEL} is missing: restore it, or roll back to another version.")
    found = model_folder.digest(path.parent)
    if found != sha256:
        raise ArtifactError(
            f"The model file {_named(path)} has changed (SHA-256 {found[:12]}…, recorded {sha256[:12]}…): "
            "restore it, or roll back to another version."
        )
    return path


def looks_intact(root: Path, name: str, size: int) -> bool:
    """Whether the files are there with the recorded size: a glance for pages; `load` compares the hash."""
    return not name or ((root / name / MODEL).is_file() and model_folder.size(root / name) == size)


def environment(also: Iterable[str] = ()) -> dict[str, str]:
    """Versions that a rebuild would need. also: packages beside the usual ones; those that are missing are left out."""
    versions = {library: installed(library) for library in LIBRARIES}
    found = {name: _version(name) for name in also if name not in versions}
    return {"python": platform.python_version()} | versions | {name: said for name, said in found.items() if said}


def trusted() -> tuple[str, ...]:
    """Every type that a model file may hold beyond skops' own list."""
    return tuple(sorted({*TRUSTED, *(name for each in BUILDERS for name in BUILDERS[each].trusted)}))


def _version(package: str) -> str:
    # XGBoost and TensorFlow for processors alone are published under names of their own.
    for name in (package, f"{package}-cpu"):
        try:
            return installed(name)
        except PackageNotFoundError:
            continue
    return ""


def _described(folder: Path, prefix: str, packages: tuple[str, ...]) -> Artifact:
    """The artifact in a folder, whose manifest is written."""
    digest = model_folder.digest(folder)
    artifact = Artifact(f"{prefix}-{digest[:16]}", digest, model_folder.size(folder), environment(packages))
    (folder / MANIFEST).write_bytes(
        orjson.dumps({"sha256": digest, "size": artifact.size, "environment": artifact.environment})
    )
    return artifact


def _native(model: Any) -> Native | None:
    steps = getattr(model, "steps", None)
    last = steps[-1][1] if steps else model
    return last if isinstance(last, Native) else None


def _without_native(model: Any) -> Any:
    """The model as skops writes it; the given one stays as it is."""
    native = _native(model)
    if native is None:
        return model
    bare = copy(native)
    bare.native_ = None
    if native is model:
        return bare
    whole = copy(model)
    whole.steps = [*model.steps[:-1], (model.steps[-1][0], bare)]
    return whole


def _named(path: Path) -> str:
    """The file, or which of several."""
    names = [each.name for each in model_folder.files(path.parent)]
    return f"{path.parent.name}/{MODEL}" + (f", or a file beside it ({', '.join(names)})," if len(names) > 1 else "")


def _plain_vocabularies(model: Any) -> None:
    # A vectorizer cut to max_features numbers its words with NumPy integers, and skops writes a file for each:
    # 20,000 words took 46 s to save instead of 0.1 s.
    prepare = getattr(model, "named_steps", {}).get("prepare")
    for _, step, _ in getattr(prepare, "transformers_", ()):
        if hasattr(step, "vocabulary_"):
            step.vocabulary_ = {word: int(position) for word, position in step.vocabulary_.items()}


def _refuse_untrusted(path: Path) -> None:
    try:
        unknown = sorted(set(skops_io().get_untrusted_types(file=path)) - set(trusted()))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ArtifactError(
            f"{path.parent.name}/{MODEL} is not a model file: restore it, or roll back to another version."
        ) from error
    if unknown:
        raise ArtifactError(
            f"The model contains types that cannot be loaded safely ({', '.join(unknown)}): use a built-in model, "
            "or one made of scikit-learn estimators without own functions."
        )
