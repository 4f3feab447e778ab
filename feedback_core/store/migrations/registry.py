"""The list of migrations, in the order in which they are filed."""

from __future__ import annotations

import sqlite3

from ..lightly import Database, Migrations

migrations = Migrations("feedback_core")


def run(db: Database, script: str) -> None:
    """Run the statements of a script inside the transaction that is open."""
    # Not executescript(): it commits the surrounding transaction first.
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            db.conn.execute(statement)
            statement = ""
