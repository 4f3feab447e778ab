"""Fitted models on disk: saved once, whole or not at all; loaded without running code.

skops reads types, not pickled functions, and only those named here.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import orjson

from ..errors import ArtifactError

TRUSTED = (
    "feedback_core.models.imported.Columns",
    "feedback_core.models.imported.Relabelled",
    "numpy.dtype",
    "scipy.sparse._csr.csr_matrix",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
)
"""Types beyond skops' own list that the built-in models contain; none of them runs code when built."""

ABANDONED_S = 3_600.0
"""Seconds after which nobody is saving any more, even when its process id is in use again."""

MODEL, MANIFEST = "model.skops", "manifest.json"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A saved model: folder name below the artifact root, SHA-256 of the model file, bytes, library versions."""

    name: str
    sha256: str
    size: int
    environment: dict[str, str]


def save(model: Any, root: Path, prefix: str) -> Artifact:
    """Write a fitted model into a folder of its own: temporary folder, fsync, one rename.

    Raises ArtifactError when the file could not be loaded again, now rather than after a restart.
    """
    import skops.io

    root.mkdir(parents=True, exist_ok=True)
    _plain_vocabularies(model)
    folder = Path(tempfile.mkdtemp(prefix=f".saving-{os.getpid()}-", dir=root))
    try:
        skops.io.dump(model, folder / MODEL)
        _refuse_untrusted(folder / MODEL)
        digest = _sha256(folder / MODEL)
        artifact = Artifact(f"{prefix}-{digest[:16]}", digest, (folder / MODEL).stat().st_size, environment())
        (folder / MANIFEST).write_bytes(
            orjson.dumps({"sha256": digest, "size": artifact.size, "environment": artifact.environment})
        )
        _settle(folder, root / artifact.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return artifact


def load(root: Path, name: str, sha256: str) -> Any:
    """Read a model back. Raises ArtifactError when the file is missing, changed or of an untrusted type."""
    import skops.io

    path = verified(root, name, sha256)
    _refuse_untrusted(path)
    return skops.io.load(path, trusted=list(TRUSTED))


def verified(root: Path, name: str, sha256: str) -> Path:
    """The model file with this hash. Raises ArtifactError when it is missing or changed."""
    path = root / name / MODEL
    if not name:
        raise ArtifactError("This version has no model file: it lives elsewhere, and only what it says is stored.")
    if not path.is_file():
        raise ArtifactError(f"The model file {name}/{MODEL} is missing: restore it, or roll back to another version.")
    found = _sha256(path)
    if found != sha256:
        raise ArtifactError(
            f"The model file {name}/{MODEL} has changed (SHA-256 {found[:12]}…, recorded {sha256[:12]}…): "
            "restore it, or roll back to another version."
        )
    return path


def looks_intact(root: Path, name: str, size: int) -> bool:
    """Whether the file is there with the recorded size: a glance for pages; `load` compares the hash."""
    path = root / name / MODEL
    return not name or (path.is_file() and path.stat().st_size == size)


def sweep(root: Path, now: float) -> int:
    """Remove folders that killed processes left half-written; gives how many. A living process may still be saving."""
    found = root.glob(".saving-*") if root.is_dir() else ()
    leftovers = [f for f in found if f.stat().st_mtime < now - ABANDONED_S or not _alive(f.name.split("-")[1])]
    for folder in leftovers:
        shutil.rmtree(folder, ignore_errors=True)
    return len(leftovers)


def environment() -> dict[str, str]:
    """Versions that a rebuild would need."""
    libraries = ("scikit-learn", "numpy", "scipy", "pandas", "skops")
    return {"python": platform.python_version()} | {library: installed(library) for library in libraries}


def _alive(pid: str) -> bool:
    # A process that was killed may wait long for its parent's farewell: a zombie writes nothing any more.
    if _is_zombie(pid):
        return False
    # A process of another machine looks dead here; model files on a shared disk have one worker all the same.
    try:
        os.kill(int(pid), 0)
    except ValueError:
        return True
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _plain_vocabularies(model: Any) -> None:
    # A vectorizer cut to max_features numbers its words with NumPy integers, and skops writes a file for each:
    # 20,000 words took 46 s to save instead of 0.1 s.
    prepare = getattr(model, "named_steps", {}).get("prepare")
    for _, step, _ in getattr(prepare, "transformers_", ()):
        if hasattr(step, "vocabulary_"):
            step.vocabulary_ = {word: int(position) for word, position in step.vocabulary_.items()}


def _refuse_untrusted(path: Path) -> None:
    import skops.io

    try:
        unknown = sorted(set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ArtifactError(
            f"{path.parent.name}/{MODEL} is not a model file: restore it, or roll back to another version."
        ) from error
    if unknown:
        raise ArtifactError(
            f"The model contains types that cannot be loaded safely ({', '.join(unknown)}): use a built-in model, "
            "or one made of scikit-learn estimators without own functions."
        )


def _settle(folder: Path, target: Path) -> None:
    for path in (*folder.iterdir(), folder):
        _fsync(path)
    if not target.exists():
        folder.rename(target)
    _fsync(target.parent)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_zombie(pid: str) -> bool:
    try:
        # The name in brackets may hold anything, brackets too; the state follows the last one.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, ValueError):
        return False
