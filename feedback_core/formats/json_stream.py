"""JSON objects one by one from a file of any length: a list of them, or one after the other."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

from ..errors import InvalidFile

CHUNK = 1_000_000
"""Characters read at a time."""

MOST = 10_000_000
"""Characters of one object: as in an import of rows."""

_BLANKS = " \t\r\n"


def objects(file: BinaryIO, what: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number from 1 and object, in order; what: how one is called, such as "task". Holds one object at a time.

    Raises InvalidFile naming the object that cannot be read; what stood before it has been given.
    """
    reader = _Reader(file, what)
    in_list = reader.skip_to_start()
    number = 0
    while reader.more(in_list, number):
        number += 1
        value = reader.value(number)
        if not isinstance(value, dict):
            raise InvalidFile(f"{what} {number:,} is {_shown(value)} and no object: write one object for each {what}.")
        yield number, value


class _Reader:
    """A window on the text, which moves on with what has been read."""

    def __init__(self, file: BinaryIO, what: str) -> None:
        self._file, self._what = file, what
        self._decode = codecs.getincrementaldecoder("utf-8-sig")()
        self._json = json.JSONDecoder(parse_constant=_refuse)
        self._text, self._at, self._over = "", 0, False

    def skip_to_start(self) -> bool:
        """Whether the objects stand in a list. Raises InvalidFile for an empty file."""
        start = self._peek()
        if not start:
            raise InvalidFile(f"The file holds nothing: write one object for each {self._what}.")
        self._at += start == "["
        return start == "["

    def more(self, in_list: bool, done: int) -> bool:
        """Whether another object follows. Raises InvalidFile where what follows is none."""
        following = self._peek()
        if not in_list:
            return bool(following)
        if following == "]":
            self._at += 1
            if self._peek():
                raise InvalidFile(f"The file goes on after its list of {done:,} {self._what}s: remove what follows.")
            return False
        if done:
            if following != ",":
                end = "ends in the middle of" if not following else f"has {following!r} in place of a comma in"
                raise InvalidFile(f"The file {end} its list, after {self._what} {done:,}: save it once more.")
            self._at += 1
            self._peek()
        return True

    def value(self, number: int) -> Any:
        """The value at hand. Raises InvalidFile naming it."""
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except RecursionError:
                self._fail(number, "is nested too deeply")
            except ValueError as error:
                # The window may end in the middle of it. A constant is refused wherever the window ends.
                if isinstance(error, json.JSONDecodeError) and self._grow(number):
                    continue
                told = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
                self._fail(number, f"is not valid JSON ({told})")
            if end < len(self._text) or not self._grow(number):  # a number may go on where the window ends
                self._at = end
                return value

    def _peek(self) -> str:
        """The next character that is no blank, "" at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _BLANKS:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._grow(0):
                return ""

    def _grow(self, number: int) -> bool:
        """Read on; False at the end of the file."""
        if self._over:
            return False
        if number and len(self._text) - self._at > MOST:
            raise InvalidFile(f"{self._what} {number:,} is longer than {MOST:,} characters: split it.")
        chunk = self._file.read(CHUNK)
        self._over = not chunk
        try:
            self._text = self._text[self._at :] + self._decode.decode(chunk, final=self._over)
        except UnicodeDecodeError as error:
            raise InvalidFile(f"The file is not UTF-8 text ({error.reason}): save it as UTF-8.") from None
        self._at = 0
        return True

    def _fail(self, number: int, why: str) -> NoReturn:
        raise InvalidFile(f"{self._what} {number:,} {why}: correct it, or save the file once more.") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON: write null for a missing value")


def _shown(value: Any) -> str:
    return f"{json.dumps(value):.80}"
