"""The search box as full-text queries."""

from __future__ import annotations


def words(search: str) -> str:
    """The search box as an FTS query: every word quoted, so no character is an operator, and open at its end."""
    # A NUL ends the query for FTS, and a word of punctuation alone matches nothing.
    found = [word for word in search.replace('"', " ").replace("\0", " ").split() if any(map(str.isalnum, word))]
    return " AND ".join(f'"{word}"*' for word in found or [""])


def own_word(project_id: int) -> str:
    # Lets one index serve all projects: a match starts from its short list. The private-use character counts as a
    # letter, and nobody searches for it: as "project1" it answered every search for "pro".
    return f"\ue000{project_id}"
