"""A version as an MLflow model: a folder that `mlflow.pyfunc.load_model` opens and that predicts like the version.

No pickle: the model's code is a file, its parts are the version's own model folder and a list of facts in JSON.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from importlib.metadata import version as installed
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import orjson

from . import intake, tasks
from .errors import InvalidInput
from .formats.packing import packed
from .models import artifacts
from .settings import Settings
from .store import Store
from .types import Column, Project, Schema, Version

NEEDS = ("numpy", "pandas", "scikit-learn", "scipy", "skops", "orjson", "pyarrow", "threadpoolctl")
"""What the code in the folder imports; pinned to what is installed here."""

_CODE = '''"""The model of a version of AI Feedback Loop, as MLflow loads it."""

from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class Version(PythonModel):
    def load_context(self, context):
        from feedback_core import mlflow_model

        self.said = mlflow_model.opened(context.artifacts["version"])

    def predict(self, context, model_input, params=None):
        return self.said(model_input)


set_model(Version())
'''


MISSING = "MLflow is not installed: pip install 'ai-feedback-loop[mlflow]'."


def available() -> bool:
    """Whether MLflow is installed, without loading it."""
    return find_spec("mlflow") is not None


def pieces(store: Store, project: Project, version: Version) -> Iterator[bytes]:
    """The folder as a ZIP, in pieces. Raises InvalidInput without MLflow, ArtifactError for a damaged model file."""
    _mlflow()
    _verified(store, project, version)
    return packed(partial(fill, store, project, version))


def fill(store: Store, project: Project, version: Version, folder: Path) -> None:
    """Write the model into an empty folder. Raises as `pieces` does."""
    mlflow = _mlflow()
    model = _verified(store, project, version)
    with tempfile.TemporaryDirectory(prefix="feedback-mlflow-") as place:
        kept, code = Path(place) / "version", Path(place) / "model.py"
        copytree(model, kept / version.artifact)
        (kept / "version.json").write_bytes(orjson.dumps(_facts(project, version)))
        code.write_text(_CODE, encoding="utf-8")
        own = Path(place) / "code" / "feedback_core"
        copytree(Path(__file__).parent, own, ignore=ignore_patterns("__pycache__", "*.pyc"))
        with _unwarned():
            mlflow.pyfunc.save_model(
                path=str(folder),
                python_model=str(code),
                artifacts={"version": str(kept)},
                code_paths=[str(own)],
                signature=_signature(project),
                pip_requirements=_requirements(version),
                metadata={"project": project.name, "version": version.number, "sha256": version.sha256},
            )


def opened(folder: str) -> Any:
    """What answers rows in a saved folder: a function from a frame (n, d) to one of label, confidence and numbers.

    Raises InvalidFile for rows that do not fit the columns.
    """
    place = Path(folder)
    facts = orjson.loads((place / "version.json").read_bytes())
    model = artifacts.load(place, facts["artifact"], facts["sha256"])
    return partial(_answers, _project(facts), model)


def _answers(project: Project, model: Any, rows: Any) -> Any:
    import pandas as pd

    from .errors import InvalidFile

    frame = pd.DataFrame(rows)
    bodies, problems = intake.inputs(frame, project.schema)
    if len(bodies) < len(frame):
        blocking = next(each for each in problems if each.blocking)
        raise InvalidFile(f"row {blocking.row}, column {blocking.column!r}: {blocking.value} {blocking.what}.")
    task = tasks.of(project)
    numbers = task.numbers(model, intake.decode(bodies, project.schema), project)
    said = {"label": task.targets(numbers, project), "confidence": task.confidence(numbers, project)}
    return pd.DataFrame(said | dict(zip(_columns(project), numbers.T, strict=True)), index=frame.index)


def _columns(project: Project) -> list[str]:
    return [f"proba {name}" if project.labels else name for name in tasks.of(project).columns(project)]


def _facts(project: Project, version: Version) -> dict[str, Any]:
    columns = [asdict(column) for column in project.schema.columns]
    return {
        "project": project.name,
        "task": project.task,
        "labels": project.labels,
        "columns": columns,
        "settings": project.settings.to_dict(),
        "artifact": version.artifact,
        "sha256": version.sha256,
        "number": version.number,
    }


def _project(facts: dict[str, Any]) -> Project:
    lists = ("shape", "sources")
    columns = [Column(**each | {name: tuple(each[name]) for name in lists}) for each in facts["columns"]]
    settings = Settings.from_dict(facts["settings"])
    schema = Schema(tuple(columns))
    return Project(0, facts["project"], facts["task"], tuple(facts["labels"]), schema, settings, 0, False, 0.0)


def _signature(project: Project) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec
    from mlflow.types import Schema as Columns
    from mlflow.types.schema import Array, DataType

    # A number may be missing and a pixel may not; each file column of a picture is a number of its own.
    inputs: list[Any] = []
    for column in project.schema.columns:
        if column.kind == "number":
            inputs.append(ColSpec("double", column.name, required=False))
        elif column.sources:
            inputs += [ColSpec("double", name) for name in column.sources]
        elif column.kind == "image":
            inputs.append(ColSpec(Array(DataType.double), column.name))
        else:
            inputs.append(ColSpec("string", column.name, required=False))
    outputs: list[Any] = [ColSpec("string", "label"), ColSpec("double", "confidence")]
    outputs += [ColSpec("double", name) for name in _columns(project)]
    return ModelSignature(inputs=Columns(inputs), outputs=Columns(outputs))


def _requirements(version: Version) -> list[str]:
    """What it was trained with, and what else reads its rows."""
    pinned = {name: installed(name) for name in NEEDS} | dict(version.environment)
    return [f"{name}=={number}" for name, number in pinned.items() if name != "python"]


def _verified(store: Store, project: Project, version: Version) -> Path:
    """The model's own folder, unchanged since it was saved."""
    if any(column.files for column in project.schema.columns):
        raise InvalidInput("Its pictures lie in this installation's folder: a model of picture files cannot go out.")
    if not version.artifact:
        raise InvalidInput(f"Version {version.number} has no model here, only predictions: choose another version.")
    return artifacts.verified(store.artifacts, version.artifact, version.sha256).parent


def _mlflow() -> Any:
    if not available():
        raise InvalidInput(MISSING)
    with _unwarned():
        import mlflow.pyfunc
    return mlflow


@contextmanager
def _unwarned() -> Iterator[None]:
    """MLflow warns of type hints of its own and of ones it would like to see here: neither concerns this model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
