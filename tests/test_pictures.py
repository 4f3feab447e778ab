"""Picture files: kept by their content, seen by models and people in their sizes, and nothing hostile gets in."""

from __future__ import annotations

import base64
import io
import os
import struct
import time
import zipfile
import zlib
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from feedback_core import exports, insights, plans, staging, tables
from feedback_core.api import create_api
from feedback_core.cli import app
from feedback_core.errors import InvalidFeedback, InvalidFile
from feedback_core.intake import check, decode, encode_one, propose
from feedback_core.loop import Loop, create_project
from feedback_core.pictures import Shelf, is_reference, opened, sweep
from feedback_core.pictures.limits import MAX_BYTES
from feedback_core.store import open_store
from feedback_core.supervisor import _unused_pictures
from feedback_core.types import Column, Rows, Schema


def packed(pixels, form="PNG", **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(buffer, form, **options)
    return buffer.getvalue()


def dot(colour: int, side: int = 12) -> bytes:
    """A dark picture with one bright square; each colour makes another file."""
    pixels = np.zeros((side, side))
    pixels[2:6, 2:6] = colour
    return packed(pixels)


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo("named below")  # which refuses to write no name at all
            info.filename = name
            archive.writestr(info, data)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def tagged() -> bytes:
    """A JPEG turned on its side whose resolution is a text, as damaged cameras write it."""
    entries = struct.pack("<HHII", 0x0112, 3, 1, 6) + struct.pack("<HHI4s", 0x011A, 2, 3, b"ab\0")
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4)
    return packed(NOISE[:20, :20], "JPEG", exif=exif)


def claiming(width: int, height: int) -> bytes:
    """A PNG of some hundred bytes that claims a size."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


NOISE = np.random.default_rng(0).integers(0, 256, (200, 200), dtype=np.uint8)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "pictures")


# -- opening -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (claiming(60_000, 60_000), r"x.png has .* pixels"),
        (claiming(9_000, 9_000), r"x.png has 9,000 x 9,000 pixels, more than 50,000,000: save it smaller"),
        (packed(NOISE)[:9_000], "x.png is broken or cut off"),
        (packed(NOISE, "JPEG")[:5_000], "x.png is broken or cut off"),
        (tagged(), "x.png is broken or cut off"),
        (claiming(100, 100)[:60], "x.png is (broken or cut off|no picture)"),
        (SVG, r"x.png is no picture this program reads \(it is text such as SVG or HTML\)"),
        (packed(NOISE, "GIF"), r"it is GIF\): send a PNG or JPEG picture"),
        (packed(NOISE, "WEBP"), r"it is WebP"),
        (zipped({"a": b"b"}), "it is a ZIP archive"),
        (b"", "x.png is no picture"),
        (bytes(MAX_BYTES + 1), "more than the 20 MB a picture may have: save it smaller"),
    ],
    ids=[
        "bomb",
        "large",
        "cut png",
        "cut jpeg",
        "damaged tag",
        "cut head",
        "svg",
        "gif",
        "webp",
        "zip",
        "empty",
        "heavy",
    ],
)
def test_what_is_no_whole_picture_is_refused_by_name(data: bytes, why: str) -> None:
    with pytest.raises(InvalidFile, match=why):
        opened(data, "x.png")


@given(st.binary(max_size=200), st.integers(0, 400))
@settings(max_examples=150, deadline=None)
def test_damage_anywhere_is_refused_in_words_or_read(noise: bytes, at: int) -> None:
    whole = packed(NOISE[:20, :20])
    data = whole[:at] + noise + whole[at + len(noise) :]
    try:
        outcome = opened(data, "x.png").mode
    except InvalidFile as error:
        outcome = str(error)[:6]
    assert outcome in ("L", "RGB", "x.png ")


def test_every_mode_becomes_grey_or_colour_upright_and_on_white() -> None:
    clear = np.zeros((4, 4, 4), np.uint8)
    assert np.asarray(opened(packed(clear), "x"))[0, 0].tolist() == [255, 255, 255]
    deep = io.BytesIO()
    Image.fromarray(np.array([[0, 65_535]], np.uint16)).save(deep, "PNG")
    assert np.asarray(opened(deep.getvalue(), "x")).tolist() == [[0, 255]]
    wide = Image.fromarray(np.array([[0, 255]], np.uint8))
    turned = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    wide.resize((64, 32)).save(turned, "JPEG", exif=exif)
    upright = opened(turned.getvalue(), "x")
    assert (upright.size, upright.info) == ((32, 64), {})


# -- keeping -------------------------------------------------------------------------------------------------------


def test_a_picture_is_stored_once_as_it_came_and_its_reference_is_its_hash(shelf: Shelf) -> None:
    one, again = shelf.put(dot(200), "a.png")[0], shelf.put(dot(200), "b.png")[0]
    assert one == again
    assert is_reference(one)
    assert shelf.read(one) == dot(200)
    kept = sorted(path.name[64:] for path in shelf.root.rglob("*") if path.is_file())
    assert kept == ["", ".96.png"], "the file and its small copy, no drafts"


def test_a_file_that_changed_or_went_is_told_by_name(shelf: Shelf) -> None:
    reference = shelf.put(dot(200), "a.png")[0]
    path = next(path for path in shelf.root.rglob("*") if len(path.name) == 64)
    path.write_bytes(dot(201))
    with pytest.raises(InvalidFile, match="has changed: restore the folder pictures"):
        shelf.read(reference)
    path.unlink()
    with pytest.raises(InvalidFile, match="is not here: restore the folder pictures"):
        shelf.small(reference, 96)
    with pytest.raises(InvalidFile, match="refers to no picture"):
        shelf.read("sha256:../../etc/passwd")


def test_models_see_the_shape_and_people_a_small_copy(shelf: Shelf) -> None:
    photo = np.zeros((400, 600, 3), np.uint8)
    photo[:, 300:, 0] = 250
    reference = shelf.put(packed(photo), "a.png")[0]
    seen = shelf.pixels(reference, (8, 8, 3)).reshape(8, 8, 3)
    assert seen[0, 0].tolist() == [0, 0, 0]
    assert seen[0, 7].tolist() == [250, 0, 0]
    assert (shelf.pixels(reference, (8, 8, 3)) == seen.ravel()).all(), "read back from disk"
    small, kind = shelf.small(reference, 480)
    assert (Image.open(io.BytesIO(small)).size, kind) == ((480, 320), "image/jpeg")
    grey = shelf.put_pixels(NOISE[:28, :28])
    assert (shelf.pixels(grey, (28, 28)).reshape(28, 28) == NOISE[:28, :28]).all()


# -- taking in -----------------------------------------------------------------------------------------------------


def test_folders_become_labels_and_bad_files_are_listed_by_row_and_name(shelf: Shelf) -> None:
    files = {f"all/{kind}/{n}.png": dot(100 * k + n + 1) for k, kind in enumerate(("cat", "dog")) for n in range(3)}
    files |= {"all/dog/broken.png": dot(9)[:40], "all/new.jpg": packed(NOISE, "JPEG"), "all/readme.md": b"x",
              "__MACOSX/all/cat/._0.png": b"x", "all/.DS_Store": b"x"}  # fmt: skip
    frame = tables.read_zip(zipped(files), "pets.zip", shelf)
    proposal = propose(frame)
    assert (proposal.label_column, proposal.id_column) == ("label", "file")
    assert proposal.columns == (Column("image", "image", (32, 32), files=True),)
    assert proposal.notes[:2] == (
        "The folder of a picture is taken as its label.",
        "1 other files are left out, such as 'all/readme.md'.",
    )
    plan = plans.new_project(frame)
    assert [(problem.row, problem.value) for problem in plan.blocking] == [(7, "all/dog/broken.png")]
    assert plan.blocking[0].what == "is broken or cut off: save it again, or leave it out."
    assert (len(plan.rows.inputs), plan.labelled, plan.labels) == (7, 6, ("cat", "dog"))
    assert plan.rows.keys[0].startswith("0-"), "a folder in the name of a card would tell its label"
    assert plan.rows.keys[-1] == "new.jpg"


def test_a_table_among_the_files_gives_labels_and_other_columns(shelf: Shelf) -> None:
    csv = b"name,age,label\nb.png,3,old\na.png,1,young\nlost.png,2,old\n"
    frame = tables.read_zip(
        zipped({"x/a.png": dot(1), "x/b.png": dot(2), "x/c.png": dot(3), "x/t.csv": csv}), "z", shelf
    )
    rows, problems = check(frame, propose_schema(frame), label_column="label", id_column="file")
    assert rows.keys == ["b.png", "a.png", "x/c.png"]
    assert rows.labels == ["old", "young", None]
    assert [(problem.row, problem.value) for problem in problems if problem.blocking] == [(3, "lost.png")]
    assert decode(rows.inputs[:1], propose_schema(frame)).iloc[0].tolist()[-1] == 3.0


def propose_schema(frame: pd.DataFrame) -> Schema:
    proposal = propose(frame)
    return Schema(proposal.columns, proposal.pictures)


@pytest.mark.parametrize(
    "name", ["../evil.png", "/etc/evil.png", "a/../../evil.png", "..\\evil.png", "c:/evil.png", "", "."]
)
def test_an_archive_with_a_name_that_leads_out_is_refused_whole(name: str, shelf: Shelf, tmp_path: Path) -> None:
    data = zipped({"good.png": dot(1), name: dot(2)})
    with pytest.raises(InvalidFile, match="has a name that leads out of it"):
        tables.read_zip(data, "z.zip", shelf)
    assert [path for path in tmp_path.rglob("*") if "evil" in path.name] == []


def test_archives_that_are_broken_locked_or_too_large_are_refused(shelf: Shelf) -> None:
    whole = zipped({"a.png": dot(1), "b.png": dot(2)})
    with pytest.raises(InvalidFile, match=r"z.zip is no readable ZIP archive"):
        tables.read_zip(whole[:100], "z.zip", shelf)
    locked = bytearray(whole)
    for start in (whole.index(b"PK\1\2") + 8, 6):
        locked[start] |= 1
    with pytest.raises(InvalidFile, match="locked with a password"):
        tables.read_zip(bytes(locked), "z.zip", shelf)
    huge = bytearray(whole)
    place = whole.index(b"PK\1\2") + 24
    huge[place : place + 4] = struct.pack("<I", 2**32 - 2)
    with pytest.raises(InvalidFile, match=r"unpacks to 4.0 GB"):
        tables.read_zip(bytes(huge), "z.zip", shelf)
    with pytest.raises(InvalidFile, match="holds no PNG or JPEG picture"):
        tables.read_zip(zipped({"a.svg": SVG}), "z.zip", shelf)


def test_two_files_of_one_name_are_refused_and_not_taken_for_one_another() -> None:
    packs = [(name, lambda colour=n: zipped({"1.png": dot(colour)})) for n, name in enumerate(("cats.zip", "dogs.zip"))]
    for given_files in (packs, [("a/1.png", lambda: dot(1)), ("b/1.png", lambda: dot(2))]):
        with pytest.raises(InvalidFile, match=r"The name '1\.png' is there more than once"):
            tables.gathered(given_files)


def test_a_folder_is_read_without_its_links(shelf: Shelf, tmp_path: Path) -> None:
    root = tmp_path / "mine"
    root.mkdir()
    (root / "a.png").write_bytes(dot(1))
    (root / "out.png").symlink_to("/etc/passwd")
    frame = tables.read_folder(root, shelf)
    assert frame["file"].tolist() == ["a.png"]


def test_bytes_base64_and_arrays_of_one_picture_are_one_input(shelf: Shelf) -> None:
    schema = Schema((Column("photo", "image", (12, 12), files=True),), str(shelf.root))
    pixels = np.asarray(Image.open(io.BytesIO(dot(77))))
    text = base64.b64encode(dot(77)).decode()
    bodies = {encode_one([each], schema) for each in (dot(77), text, f"data:image/png;base64,{text}")}
    assert len(bodies) == 1
    assert encode_one({"photo": shelf.put(dot(77), "x")[0]}, schema) in bodies
    array = encode_one([pixels.tolist()], schema)
    assert decode([array], schema).to_numpy().tolist() == [pixels.ravel().tolist()]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "is no picture: send the bytes of a PNG or JPEG file in base64"),
        ("hello", "is no picture: send the bytes of a PNG or JPEG file in base64"),
        (base64.b64encode(SVG).decode(), "text such as SVG"),
        ("sha256:" + "0" * 64, "is no picture that was sent here"),
        ([[0, 256]], "whole numbers from 0 to 255"),
        ([0, 1, 2], "whole numbers from 0 to 255"),
        ("http://example.org/a.png", "is no picture"),
    ],
)
def test_a_program_is_told_what_a_picture_is(value, why: str, shelf: Shelf) -> None:
    schema = Schema((Column("photo", "image", (4, 4), files=True),), str(shelf.root))
    with pytest.raises(InvalidFeedback, match=why):
        encode_one([value], schema)


# -- a project -----------------------------------------------------------------------------------------------------


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    """Thirty labelled and ten open pictures: bright dots are day, dark ones night."""
    store = open_store(f"sqlite:///{tmp_path / 'x.db'}")
    files = {f"{'night' if n % 2 else 'day'}/{n}.png": dot(20 + n if n % 2 else 200 + n) for n in range(30)}
    files |= {f"{n}.png": dot(100 + n) for n in range(10)}
    plan = plans.new_project(tables.read_zip(zipped(files), "z.zip", store.shelf))
    project = create_project(store, "sky", plan.schema, plan.labels, actor="test")
    loop = Loop(store, project)
    loop.add_items(plan.rows, "test")
    return loop


def test_a_project_of_pictures_trains_and_its_references_are_known(loop: Loop) -> None:
    version = loop.retrain("test")
    loop.judge(version)
    loop.promote(version, "test")
    serving = loop.serving()
    stored = Loop.open(loop.store.url, project="sky").project.schema
    assert stored.columns == (Column("image", "image", (12, 12), files=True),)
    inputs = [encode_one([dot(colour)], stored) for colour in (15, 240)]
    assert serving.model.predict(decode(inputs, stored)).tolist() == ["night", "day"]
    assert len(list(loop.store.pictures.of(loop.project.id))) == 40


def test_the_route_gives_pictures_of_its_own_project_only(loop: Loop) -> None:
    reference = next(loop.store.pictures.of(loop.project.id))
    other = create_project(loop.store, "other", loop.project.schema, ("a", "b"), actor="test")
    with TestClient(create_api(loop.store.url), client=("127.0.0.1", 1)) as client:
        digest = reference.removeprefix("sha256:")
        found = client.get(f"/projects/{loop.project.id}/pictures/{digest}")
        assert (found.status_code, found.headers["content-type"]) == (200, "image/png")
        assert found.content == loop.store.shelf.read(reference)
        assert "immutable" in found.headers["cache-control"]
        assert client.get(f"/projects/{other.id}/pictures/{digest}").status_code == 404
        assert client.get(f"/projects/{loop.project.id}/pictures/{digest}?side=96").status_code == 200
        assert client.get(f"/projects/{loop.project.id}/pictures/{digest}?side=5000").status_code == 422
        assert client.get(f"/projects/{loop.project.id}/pictures/..%2F..%2Fx").status_code in (404, 422)


def test_what_is_exported_with_its_pictures_comes_in_again_as_the_same(loop: Loop, tmp_path: Path) -> None:
    rows = insights.export_rows(loop.store, loop.project, "items")
    columns = insights.export_columns(loop.project, "items")
    data = b"".join(exports.write_album(rows, columns, ["image"], loop.store.shelf))
    frame = tables.read_zip(data, "items.zip", Shelf(tmp_path / "elsewhere"))
    again = plans.new_project(frame, label="label", key="key", kinds={"split": "leave out", "state": "leave out",
                                                                      "file": "leave out"})  # fmt: skip
    assert len(again.rows.inputs) == 40
    assert set(again.rows.inputs) == {f'["{each}"]'.encode() for each in loop.store.pictures.of(loop.project.id)}


def test_a_folder_becomes_a_project_on_the_command_line_and_comes_out_as_an_archive(tmp_path: Path) -> None:
    root, url = tmp_path / "sky", f"sqlite:///{tmp_path / 'cli.db'}"
    for n in range(20):
        path = root / ("night" if n % 2 else "day") / f"{n}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dot(20 + n if n % 2 else 200 + n))
    made = CliRunner().invoke(app, ["create", "sky", str(root), "--database", url, "--json"])
    assert made.exit_code == 0, made.output
    out = tmp_path / "items.zip"
    told = CliRunner().invoke(app, ["export", "items", "--out", str(out), "--project", "sky", "--database", url])
    assert told.exit_code == 0, told.output
    names = zipfile.ZipFile(out).namelist()
    assert (names[0], len(names)) == ("items.csv", 21)
    refused = CliRunner().invoke(app, ["export", "feedback", "--to", "zip", "--project", "sky", "--database", url])
    assert refused.exit_code != 0


# -- files that nothing refers to ----------------------------------------------------------------------------------

DAY_S = 86_400.0


def aged(shelf: Shelf, reference: str) -> Path:
    """The file of a picture, two days old."""
    path = shelf.root / reference[7:9] / reference[7:]
    os.utime(path, (time.time() - 2 * DAY_S,) * 2)
    return path


def swept(loop: Loop) -> int:
    store = loop.store
    return sweep(store.shelf, staging.folder(store.artifacts), store.pictures.unknown, time.time())


def test_old_pictures_without_a_row_are_removed_with_their_copies(loop: Loop) -> None:
    shelf = loop.store.shelf
    used = [aged(shelf, reference) for reference in loop.store.pictures.of(loop.project.id)]
    given_up, new = aged(shelf, shelf.put(dot(7), "a")[0]), shelf.put(dot(8), "b")[0]
    assert list(given_up.parent.glob(f"{given_up.name}.*")) != []
    assert swept(loop) == 1
    assert list(given_up.parent.glob(f"{given_up.name}*")) == []
    assert (given_up.parent / "removed" / given_up.name).is_file(), "set aside, and not deleted yet"
    assert shelf.holds(new), "it may be named at any moment"
    assert all(path.is_file() for path in used)
    assert swept(loop) == 0


def test_what_waits_to_be_taken_in_keeps_its_pictures(loop: Loop) -> None:
    shelf, schema = loop.store.shelf, loop.project.schema
    reference = shelf.put(dot(7), "a")[0]
    name = staging.write(Rows([encode_one([reference], schema)], [None], [None]), staging.folder(loop.store.artifacts))
    path = aged(shelf, reference)
    assert (swept(loop), path.is_file()) == (0, True)
    (staging.folder(loop.store.artifacts) / name).unlink()
    assert (swept(loop), path.is_file()) == (1, False)


def test_a_picture_that_is_sent_again_or_named_again_counts_as_new(loop: Loop) -> None:
    shelf, schema = loop.store.shelf, loop.project.schema
    reference = shelf.put(dot(7), "a")[0]
    for again in (lambda: shelf.put(dot(7), "b"), lambda: encode_one([reference], schema)):
        aged(shelf, reference)
        again()
        assert swept(loop) == 0


def test_one_that_is_sent_again_between_the_look_and_the_removal_stays(loop: Loop) -> None:
    shelf = loop.store.shelf
    path = aged(shelf, shelf.put(dot(7), "a")[0])

    def unknown(digests):
        shelf.put(dot(7), "again")
        return set(digests)

    assert sweep(shelf, staging.folder(loop.store.artifacts), unknown, time.time()) == 0
    assert path.is_file()


def test_rows_whose_picture_is_gone_are_refused_before_one_is_stored(loop: Loop) -> None:
    shelf = loop.store.shelf
    bodies = [encode_one([dot(colour)], loop.project.schema) for colour in (7, 8)]
    aged(shelf, orjson.loads(bodies[1])[0]).unlink()
    with pytest.raises(
        InvalidFile, match=r"^The picture [0-9a-f]{12}… is not here any more: upload the pictures again"
    ):
        loop.add_items(Rows(bodies, [None] * 2, [None] * 2), "test")
    assert len(list(loop.store.pictures.of(loop.project.id))) == 40


def test_the_sweep_never_opens_the_database_whose_locks_would_end_with_it(loop: Loop, monkeypatch) -> None:
    opened_names, open_file = [], Path.open
    monkeypatch.setattr(
        Path, "open", lambda path, *a, **k: (opened_names.append(path.name), open_file(path, *a, **k))[1]
    )
    aged(loop.store.shelf, loop.store.shelf.put(dot(7), "a")[0])
    opened_names.clear()
    staging.write(Rows([], [], []), staging.folder(loop.store.artifacts))
    assert swept(loop) == 1
    assert all(name.endswith(".jsonl") for name in opened_names)


def test_nothing_is_removed_where_a_copy_of_the_database_shares_the_files(loop: Loop, tmp_path: Path) -> None:
    path = aged(loop.store.shelf, loop.store.shelf.put(dot(7), "a")[0])
    copy = tmp_path / "x.backup"
    copy.write_bytes((tmp_path / "x.db").read_bytes())
    assert (swept(loop), path.is_file()) == (0, True)
    copy.unlink()
    assert (swept(loop), path.is_file()) == (1, False)


def test_what_was_set_aside_comes_back_when_asked_for_and_is_deleted_after_thirty_days(loop: Loop) -> None:
    shelf = loop.store.shelf
    references = [shelf.put(dot(colour), "a")[0] for colour in (7, 8, 9)]
    paths = [aged(shelf, reference) for reference in references]
    assert swept(loop) == 3
    assert not any(path.exists() for path in paths)
    assert shelf.read(references[0]) == dot(7)
    assert shelf.keep(references[1])
    assert [path.is_file() for path in paths] == [True, True, False]
    kept = paths[2].parent / "removed" / paths[2].name
    for days, there in ((29, True), (31, False)):
        os.utime(kept, (time.time() - days * DAY_S,) * 2)
        assert (swept(loop), kept.is_file()) == (0, there)
    assert not shelf.holds(references[2])


def test_pictures_survive_a_while_with_another_database_in_the_place_of_theirs(loop: Loop, tmp_path: Path) -> None:
    store = loop.store
    paths = [aged(store.shelf, reference) for reference in store.pictures.of(loop.project.id)]
    new = open_store(f"sqlite:///{tmp_path / 'new.db'}")
    assert sweep(store.shelf, staging.folder(store.artifacts), new.pictures.unknown, time.time()) == len(paths)
    for path in paths:
        os.utime(path.parent / "removed" / path.name, (time.time() - 31 * DAY_S,) * 2)
    assert swept(loop) == 0
    assert all(path.is_file() for path in paths), "the right one names them, however late it is back"


def test_a_worker_on_a_database_without_pictures_touches_no_file(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'new.db'}")
    path = aged(store.shelf, store.shelf.put(dot(7), "a")[0])
    assert (_unused_pictures(store), path.is_file()) == (0, True)


def test_a_draft_that_settles_during_the_look_is_read_under_its_name(loop: Loop, monkeypatch) -> None:
    shelf = loop.store.shelf
    reference = shelf.put(dot(7), "a")[0]
    path, target, open_file = aged(shelf, reference), staging.folder(loop.store.artifacts), Path.open
    with staging.Draft(target) as draft:
        draft.add(None, None, encode_one([reference], loop.project.schema))
        aged(shelf, reference)

        def settling(file: Path, *given, **options):
            if file.name.startswith("."):
                draft.settle()
            return open_file(file, *given, **options)

        monkeypatch.setattr(Path, "open", settling)
        assert (swept(loop), path.is_file()) == (0, True)


def test_a_picture_that_another_worker_has_taken_away_meanwhile_is_no_error(loop: Loop, monkeypatch) -> None:
    path, is_file = aged(loop.store.shelf, loop.store.shelf.put(dot(7), "a")[0]), Path.is_file

    def vanishing(file: Path) -> bool:
        there = is_file(file)
        if file == path:
            file.unlink(missing_ok=True)
        return there

    monkeypatch.setattr(Path, "is_file", vanishing)
    assert swept(loop) == 0
