"""How fast do picture files come in, what do models and pages read of them, and how large is what a browser gets?

Photos are noise with shapes, in colour, of a phone's size after sharing; small ones are drawings of 28 x 28. Rates are
per CPU second; `import_wall` also counts the waits for the disk, each file being durable when it counts. Then how often
models are right about pictures, by how they see them (`benchmarks._sights`).
"""

from __future__ import annotations

import tempfile
import time
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from benchmarks import _sights
from benchmarks._report import Metrics, cpu, report
from benchmarks._world import arguments
from feedback_core import intake, plans, tables
from feedback_core.pictures import Shelf
from feedback_core.pictures.shelf import CARD_SIDE, ROW_SIDE
from feedback_core.tables.archives import Files

PHOTO, DRAWING = (1_200, 1_600, 3), (28, 28)


def drawn(rng: np.random.Generator, shape: tuple[int, ...]) -> bytes:
    """A picture with detail at many sizes, so that JPEG has work to do as with a photo."""
    coarse = rng.integers(0, 256, (max(2, shape[0] // 40), max(2, shape[1] // 40), *shape[2:]), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    fine = rng.normal(0, 12, shape)
    image = Image.fromarray(np.clip(np.asarray(image, float) + fine, 0, 255).astype(np.uint8))
    buffer = BytesIO()
    if len(shape) == 3:
        image.filter(ImageFilter.GaussianBlur(1)).save(buffer, "JPEG", quality=85)
    else:
        image.save(buffer, "PNG")
    return buffer.getvalue()


def measured(n: int, shape: tuple[int, ...], root: Path) -> dict[str, float]:
    """One row of the report: n pictures of a shape through every step."""
    rng = np.random.default_rng(0)
    files = {f"{'ab'[k % 2]}/{k}.{'jpg' if len(shape) == 3 else 'png'}": drawn(rng, shape) for k in range(n)}
    shelf, start = Shelf(root), time.perf_counter()
    with cpu() as coming_in:
        frame = tables.read_album(Files(list(files), iter(files.values())), shelf, "benchmark")
    wall = time.perf_counter() - start
    plan = plans.new_project(frame)
    with cpu() as first:
        intake.decode(plan.rows.inputs, plan.schema)
    with cpu() as again:
        intake.decode(plan.rows.inputs, plan.schema)
    references = frame["image"].tolist()
    small = {side: [len(shelf.small(each, side)[0]) for each in references[:50]] for side in (ROW_SIDE, CARD_SIDE)}
    return {
        "kilobytes": round(float(np.mean([len(data) for data in files.values()])) / 1000, 1),
        "imported_a_cpu_s": round(n / coming_in.seconds),
        "imported_a_wall_s": round(n / wall),
        "seen_first_a_cpu_s": round(n / first.seconds),
        "seen_again_a_cpu_s": round(n / again.seconds),
        "row_bytes": round(float(np.mean(small[ROW_SIDE]))),
        "card_bytes": round(float(np.mean(small[CARD_SIDE]))),
    }


def main() -> None:
    given = arguments(__doc__ or "")
    sizes = {"photo": (30, PHOTO), "drawing": (300, DRAWING)} if given.quick else {
        "photo": (100, PHOTO), "drawing": (2_000, DRAWING)}  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        metrics: Metrics = {name: measured(n, shape, Path(folder) / name) for name, (n, shape) in sizes.items()}
    metrics = {**metrics, **_sights.compared(given.quick)}
    report("images", metrics, {}, as_json=given.json)


if __name__ == "__main__":
    main()
