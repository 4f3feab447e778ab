"""How a command ends: its exit code, and an error as one line or as one JSON object."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Final

import typer
from typer.exceptions import TyperException

from ..errors import FeedbackError, Refused, Stale, StoreBusy

DONE: Final = 0
FAILED: Final = 1
WRONG_CALL: Final = 2
NOT_NOW: Final = 3
"""The gate advises to wait, or `why-not` finds that nothing asks for a retrain now."""
AGAINST: Final = 4
"""The gate advises to refuse."""
REFUSED: Final = 5
"""The evidence, or what has happened meanwhile, forbids it; the same command again ends alike."""
BUSY: Final = 75
"""The database is locked: the same command may work a little later. Source: EX_TEMPFAIL of sysexits.h."""
INTERRUPTED: Final = 130
UNHEARD: Final = 141
"""Whoever read the output has closed the pipe. 128 plus the number of the signal, as shells count, like INTERRUPTED."""

ADVISED = {"promote": DONE, "hold": NOT_NOW, "refuse": AGAINST}
"""Exit code by what the gate advises."""

CODES: dict[type[FeedbackError], int] = {Refused: REFUSED, Stale: REFUSED, StoreBusy: BUSY}
"""Exit code by error class, subclasses included; every other error of the core is FAILED."""


def run(app: typer.Typer, words: list[str]) -> int:
    """Run one command; gives its exit code. Nothing but the command's own output and its error is printed."""
    as_json = "--json" in words
    try:
        code = app(words, standalone_mode=False)
        sys.stdout.flush()  # at the interpreter's end it would be too late to end quietly
    except FeedbackError as error:
        return _failed(error, as_json)
    except TyperException as error:
        return _called_wrongly(error, as_json)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return UNHEARD
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # Typer makes an exit code of 1 of it
            _forget_output()
            return UNHEARD
        raise
    return code if isinstance(code, int) else DONE


def problem(kind: str, detail: str, code: int) -> dict[str, Any]:
    """An error for programs, in the words of RFC 9457 where it has some. exit_code: what the process ends with."""
    return {"type": "about:blank", "title": "Error", "detail": detail, "code": kind, "exit_code": code}


def _failed(error: FeedbackError, as_json: bool) -> int:
    code = next((CODES[kind] for kind in type(error).__mro__ if kind in CODES), FAILED)
    if as_json:
        _tell(problem(type(error).__name__, str(error), code))
    else:
        typer.echo(f"Error: {error}", err=True)
    return code


def _called_wrongly(error: TyperException, as_json: bool) -> int:
    if as_json:
        _tell(problem("WrongCall", error.format_message(), WRONG_CALL))
    else:
        _explain(error)
    return WRONG_CALL


def _explain(error: Any) -> None:
    from typer.rich_utils import rich_format_error

    rich_format_error(error)


def _tell(found: dict[str, Any]) -> None:
    typer.echo(json.dumps(found, ensure_ascii=False), err=True)


def _forget_output() -> None:
    # What is still in the buffer would be written, and fail, once more when the interpreter ends.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            os.dup2(nowhere, stream.fileno())
