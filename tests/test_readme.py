"""What the README prints is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README.split("\n## From Python\n")[1].split("\n## ")[0], re.DOTALL)
SAYS = ("2/5", "", "Holdout accuracy")
"""What each snippet prints, in order."""


@pytest.mark.parametrize(("snippet", "says"), list(zip(SNIPPETS, SAYS, strict=True)), ids=["list", "store", "tutorial"])
def test_the_snippets_run_as_printed(snippet: str, says: str, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", snippet]
    run = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert says in run.stdout


def test_the_simulation_gives_the_figures_printed() -> None:
    printed = re.search(r"\$ python (-m feedback_core simulate .*)\n((?:.+\n)+?)```", README)
    assert printed is not None
    run = subprocess.run([sys.executable, *printed[1].split()], cwd=ROOT, capture_output=True, text=True, check=True)
    # Another processor may round a fit differently: the figures agree to two points.
    expected, found = (numbers(text) for text in (printed[2], run.stdout))
    assert len(expected) == len(found) > 20
    assert found == pytest.approx(expected, abs=0.02, rel=0.1)


def numbers(text: str) -> list[float]:
    return [float(match) for match in re.findall(r"\d+\.?\d*", text)]


def test_make_run_and_make_test_are_the_documented_commands() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:^|`)make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
