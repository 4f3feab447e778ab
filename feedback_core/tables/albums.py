"""Picture files become a table: a row a picture, its label from a table among them or from its folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidFile
from ..pictures import MAX_PICTURES, Shelf, is_picture_name, refused
from .archives import File, Files, in_folder, unzipped
from .limits import check_size
from .reading import read_table

if TYPE_CHECKING:
    import pandas as pd
    from PIL.Image import Image

FILE, IMAGE, LABEL = "file", "image", "label"

SIDE = 32
"""Height and width in which models see pictures of different or large sizes, unless another is chosen."""

_EXACT_SIDE = 64
"""Pictures that all have one size up to this side are seen as they are."""

_COLOUR = 12
"""Difference between channels, of 255, that is colour: grey photos saved as JPEG in colour differ by a few."""

_TABLES = ("csv", "tsv", "txt", "jsonl", "parquet")

Progress = Callable[[float, str], None]


@dataclass
class _Found:
    """What was met on the way through the files."""

    cells: dict[str, str] = field(default_factory=dict)
    tables: list[tuple[str, pd.DataFrame]] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    sizes: set[tuple[int, int]] = field(default_factory=set)
    colour: bool = False


def read_album(
    files: Files | Sequence[File], shelf: Shelf, name: str, progress: Progress | None = None
) -> pd.DataFrame:
    """Store the pictures among some files and give a row for each: file, image (its reference) and, where it is known,
    label; with the columns of a table among them that names the files, if there is one.

    A picture that cannot be opened gets its reason in place of the reference, and `check` lists it by row. attrs:
    notes; pictures, the folder of the files; shape, in which models should see them. Raises InvalidFile.
    """
    found = _Found()
    for n, (path, data) in enumerate(files, 1):
        _take(found, path, data, shelf)
        if progress and (n % 20 == 0 or n == len(files)):
            progress(n / len(files), f"{n:,} of {len(files):,} files read")
    if not found.cells:
        raise InvalidFile(f"{name} holds no PNG or JPEG picture: choose some, in folders named like their labels.")
    if len(found.cells) > MAX_PICTURES:
        raise InvalidFile(f"{name} holds {len(found.cells):,} pictures, more than {MAX_PICTURES:,}: split it.")
    if len(found.tables) > 1:
        raise InvalidFile(f"{name} holds several tables ({found.tables[0][0]}, {found.tables[1][0]}): keep one.")
    notes: list[str] = []
    frame = _joined(found, notes) if found.tables else _by_folder(found.cells, notes)
    if found.others:
        notes.append(f"{len(found.others):,} other files are left out, such as {found.others[0]!r:.80}.")
    frame.attrs = {"notes": notes, "pictures": str(shelf.root), "shape": _shape(found)}
    return frame


def read_zip(data: bytes, filename: str, shelf: Shelf, progress: Progress | None = None) -> pd.DataFrame:
    """As `read_album`, of a ZIP archive."""
    check_size(len(data), filename)
    return read_album(unzipped(data, filename), shelf, filename, progress)


def read_folder(root: Path, shelf: Shelf, progress: Progress | None = None) -> pd.DataFrame:
    """As `read_album`, of all that lies below a folder."""
    return read_album(in_folder(root), shelf, str(root), progress)


def _take(found: _Found, path: str, data: bytes, shelf: Shelf) -> None:
    ending = path.lower().rpartition(".")[2]
    if is_picture_name(path):
        try:
            found.cells[path], image = shelf.put(data, path)
        except InvalidFile as error:
            found.cells[path] = refused(path, str(error))
            return
        found.sizes.add(image.size)
        found.colour = found.colour or _has_colour(image)
    elif ending in _TABLES:
        found.tables.append((path, read_table(data, path)))
    else:
        found.others.append(path)


def _has_colour(image: Image) -> bool:
    if image.mode == "L":
        return False
    small = np.asarray(image.resize((16, 16)), int)
    return bool((small.max(axis=2) - small.min(axis=2)).max() > _COLOUR)


def _shape(found: _Found) -> tuple[int, ...]:
    width, height = next(iter(found.sizes)) if len(found.sizes) == 1 else (0, 0)
    side = (height, width) if 0 < max(width, height) <= _EXACT_SIDE else (SIDE, SIDE)
    return (*side, 3) if found.colour else side


def _by_folder(cells: dict[str, str], notes: list[str]) -> pd.DataFrame:
    """Labels are the names of the folders that pictures lie in, below the folder that all of them have in common."""
    import pandas as pd

    folders = {path: PurePosixPath(path).parts[:-1] for path in cells}
    common = _common(list(folders.values()))
    labels = {path: parts[common] if len(parts) > common else "" for path, parts in folders.items()}
    labelled = len(set(labels.values()) - {""}) >= 2
    columns: dict[str, Sequence[Any]] = {
        FILE: _silent(cells) if labelled else list(cells),
        IMAGE: list(cells.values()),
    }
    if labelled:
        columns[LABEL] = list(labels.values())
        notes.append("The folder of a picture is taken as its label.")
    return pd.DataFrame(columns, dtype=object)


def _silent(cells: Mapping[str, str]) -> list[str]:
    """Names without the folders, which would tell reviewers the label; of equal ones each with its content's hash."""
    bare = {path: PurePosixPath(path) for path in cells}
    names = Counter(each.name for each in bare.values())
    return [
        each.name if names[each.name] == 1 else f"{each.stem}-{cells[path][7:15]}{each.suffix}"
        for path, each in bare.items()
    ]


def _common(folders: Sequence[tuple[str, ...]]) -> int:
    """How many folders all paths begin with."""
    n = 0
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1:
            break
        n += 1
    return n


def _joined(found: _Found, notes: list[str]) -> pd.DataFrame:
    """The table with its pictures beside it, and the pictures it does not name below."""
    import pandas as pd

    name, table = found.tables[0]
    known = _by_name(found.cells)
    column = _naming_column(table, known, name)
    paths = [known.get(_bare(cell)) for cell in table[column].tolist()]
    named = set(paths)
    rest = [path for path in found.cells if path not in named]
    image = IMAGE if IMAGE not in table.columns or column == IMAGE else "picture"
    cells = [refused(str(cell), f"{cell} is named in {name}, but no such picture came with it: add it.") if path is None
             else found.cells[path] for cell, path in zip(table[column].tolist(), paths, strict=True)]  # fmt: skip
    above = table.drop(columns=column).assign(**{FILE: table[column].to_numpy(object), image: np.array(cells, object)})
    below = pd.DataFrame({FILE: rest, image: [found.cells[path] for path in rest]}, dtype=object)
    notes += [*table.attrs.get("notes", ()), f"The column {column!r} of {name} names the pictures."]
    if rest:
        notes.append(f"{len(rest):,} pictures are not named in {name} and have no label, such as {rest[0]!r:.80}.")
    first = [FILE, image]
    both = pd.concat([above, below], ignore_index=True) if rest else above
    return both[[*first, *(each for each in both.columns if each not in first)]]


def _by_name(paths: Iterable[str]) -> dict[str, str]:
    """Paths by what a table may call them: the whole path, its end, or the bare name where only one file has it."""
    names: Counter[str] = Counter()
    ways: dict[str, str] = {}
    for path in paths:
        parts = PurePosixPath(path).parts
        for n in range(len(parts)):
            way = "/".join(parts[n:])
            names[way] += 1
            ways[way] = path
    return {way: path for way, path in ways.items() if names[way] == 1 or way == path}


def _bare(cell: Any) -> str:
    return str(cell).strip().replace("\\", "/").removeprefix("./")


def _naming_column(table: pd.DataFrame, known: dict[str, str], name: str) -> str:
    hits = {column: sum(_bare(cell) in known for cell in table[column].tolist()) for column in table.columns}
    best = max(hits, key=lambda column: hits[column])
    if 2 * hits[best] < len(table):
        raise InvalidFile(f"No column of {name} names the pictures: add one with their file names, such as cats/1.png.")
    return str(best)
