"""Model builders by name, each with the facts that pages, tables and rules go by instead of lists of names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

from ..errors import InvalidSetting, NotInstalled
from ..registry import Registry
from ..types import Kind, Schema
from .seeing import seen

Build = Callable[[Schema, int, Mapping[str, Any], str], Any]
"""(schema, seed, params, task) -> an unfitted scikit-learn pipeline whose last step is `model`."""

Explain = Literal["linear", "tree", "distance", "sampled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """One way to make a model, and what is known of it before anything is built.

    title, help: for people, help without a capital or a full stop. extra: the pip extra that installs it, empty for
    what is always there. package: the module that has to be importable. tasks: it can be trained for. increments:
    whether its models have `partial_fit`; None: it depends on the params. weights: whether they take sample weights;
    None likewise. explain: how one prediction is explained. artifact: how a model file is written, in a word or two.
    trains: False for what only scores. offered: in the choice of models. trusted: types beyond `artifacts.TRUSTED`
    that its files hold. needs: the kind of column it cannot do without, None where any table will do.
    """

    name: str
    build: Build
    title: str
    help: str
    framework: str
    extra: str
    package: str
    tasks: tuple[str, ...]
    increments: bool | None
    weights: bool | None
    explain: Explain
    artifact: str
    trains: bool
    offered: bool
    trusted: tuple[str, ...]
    needs: Kind | None

    def __call__(self, schema: Schema, seed: int, params: Mapping[str, Any], task: str = "classification") -> Any:
        """An unfitted pipeline.

        Raises InvalidSetting for another task, columns or parameters than it takes, NotInstalled without its package.
        """
        if not self.learns(task):
            raise InvalidSetting(
                f"{self.title} is not made for {task}: choose one of {', '.join(map(title, for_task(task)))}."
            )
        self._check_columns(schema, task)
        self.require()
        schema, own = seen(schema, params)
        try:
            return (
                self.build(schema, seed, own, task) if task in self.tasks else self._for_each_label(schema, seed, own)
            )
        except TypeError as error:
            raise InvalidSetting(
                f"{self.title} does not take these params ({error}): leave them out, or name those that it has."
            ) from error

    def learns(self, task: str) -> bool:
        """Whether it can be trained for a task: what tells classes apart tells each of several labels, too."""
        return task in self.tasks or (task == "multilabel" and "classification" in self.tasks)

    def _for_each_label(self, schema: Schema, seed: int, params: Mapping[str, Any]) -> Any:
        from .estimators.one_vs_rest import OneVsRest

        pipeline = self.build(schema, seed, params, "classification")
        *before, (name, model) = pipeline.steps
        return type(pipeline)([*before, (name, OneVsRest(model))])

    def fits(self, schema: Schema) -> bool:
        """Whether a project has the columns it cannot do without."""
        return self.needs is None or bool(schema.of_kind(self.needs))

    def _check_columns(self, schema: Schema, task: str) -> None:
        if not self.fits(schema):
            found = ", ".join(schema.names[:_NAMED]) + (", ..." if len(schema.names) > _NAMED else "")
            raise InvalidSetting(
                f"{self.title} needs a column of the kind {self.needs}, and there is none among {found}: choose one of "
                f"{', '.join(map(title, for_task(task, schema)))}."
            )

    @property
    def installed(self) -> bool:
        """Whether its package is there; nothing is imported."""
        return find_spec(self.package) is not None

    def require(self) -> None:
        """Raise NotInstalled, naming the extra, where its package is missing."""
        if not self.installed:
            raise NotInstalled(f"{self.title} needs {self.framework}, which is not installed here: {self.way}.")

    @property
    def way(self) -> str:
        """What to do to have it here."""
        return f"run `pip install '.[{self.extra}]'` in the project's folder and start again"


_NAMED = 5
"""Columns named in a message."""

BUILDERS: Registry[Builder] = Registry("model")


def builder(
    name: str,
    *,
    title: str,
    help: str = "",
    framework: str = "scikit-learn",
    extra: str = "",
    package: str = "sklearn",
    tasks: tuple[str, ...] = ("classification",),
    increments: bool | None = False,
    weights: bool | None = True,
    explain: Explain = "sampled",
    artifact: str = "skops",
    trains: bool = True,
    offered: bool = True,
    trusted: tuple[str, ...] = (),
    needs: Kind | None = None,
) -> Callable[[Build], Build]:
    """Decorator that files a build function under a name, with its facts (see Builder)."""

    def add(build: Build) -> Build:
        BUILDERS.register(name)(
            Builder(
                name=name,
                build=build,
                title=title,
                help=help,
                framework=framework,
                extra=extra,
                package=package,
                tasks=tasks,
                increments=increments,
                weights=weights,
                explain=explain,
                artifact=artifact,
                trains=trains,
                offered=offered,
                trusted=trusted,
                needs=needs,
            )
        )
        return build

    return add


def available(name: str) -> bool:
    """Whether the package of a model is installed. Raises NotFound."""
    return BUILDERS[name].installed


def title(name: str) -> str:
    """What people call a model; its name where nothing of that name is registered any more."""
    return BUILDERS[name].title if name in BUILDERS else name.replace("_", " ")


def spoken(name: str) -> str:
    """The title inside a sentence: what scikit-learn calls a model is a common noun, other frameworks have names."""
    said = title(name)
    return said[0].lower() + said[1:] if name in BUILDERS and BUILDERS[name].framework == "scikit-learn" else said


def explained_by(name: str) -> Explain:
    """How predictions of a model are explained; sampled where it was not made here."""
    return BUILDERS[name].explain if name in BUILDERS else "sampled"


def for_task(task: str, schema: Schema | None = None) -> tuple[str, ...]:
    """Names of the models that can be trained for a task, in the order of names. schema: those alone that fit it."""
    return tuple(
        name
        for name in BUILDERS
        if BUILDERS[name].trains and BUILDERS[name].learns(task) and (schema is None or BUILDERS[name].fits(schema))
    )


def choices(task: str, schema: Schema | None = None) -> tuple[str, ...]:
    """Names of the models to choose among: scikit-learn's first, those that are not installed last."""
    offered = (name for name in for_task(task, schema) if BUILDERS[name].offered)
    return tuple(sorted(offered, key=_place))


def _place(name: str) -> tuple[bool, bool, str]:
    found = BUILDERS[name]
    return not found.installed, found.framework != "scikit-learn", found.title.lower()
