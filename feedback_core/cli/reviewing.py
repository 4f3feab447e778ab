"""Commands for the work itself: what to ask next, and what was answered."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from .files import content
from .options import AsJson, By, Database, Limit, ProjectName, app, open_loop, person, print_json, print_table
from .running import telling

Lines = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help='JSON Lines of {"item": ..., "target": ...}; - is standard input.'),
]
Draws = Annotated[list[int], typer.Argument(metavar="DRAW...", min=1, help="Numbers, as `draw` gave them.")]
Entries = Annotated[list[int], typer.Argument(metavar="ENTRY...", min=1, help="Numbers of feedback entries.")]


@app.command()
def queue(limit: Limit = 20, project: ProjectName = "", database: Database = "", as_json: AsJson = False) -> None:
    """List what would be asked next, the most useful first, and draw nothing."""
    from ..types import ItemFilter

    loop = open_loop(database, project)
    found = loop.store.items.page(loop.project.id, ItemFilter(), sort="priority", limit=limit)
    if as_json:
        names = ("id", "key", "predicted", "confidence", "priority")
        print_json([{name: getattr(item, name) for name in names} for item in found])
        return
    rows = [
        (str(item.id), item.key, item.predicted or "", _number(item.confidence), _number(item.priority))
        for item in found
    ]
    print_table(("item", "key", "prediction", "confidence", "priority"), rows)


@app.command()
def draw(
    n: Annotated[int, typer.Option(min=1, max=100, help="Cards the hand shall hold; those in it come first.")] = 1,
    project: ProjectName = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Take the next items to decide, mostly by priority; nobody else gets them meanwhile."""
    from .. import exchange

    loop = open_loop(database, project)
    hand = loop.draw_batch(person(by), n)
    items = {item.id: item for item in loop.store.items.many([each.item_id for each in hand])}
    cards = [exchange.card(each, items[each.item_id], loop.project.schema) for each in hand]
    if as_json:
        print_json(cards)
    elif not cards:
        typer.echo("Nothing is free to review: everything is decided, or in somebody's hand.")
    else:
        print_table(("draw", "item", "prediction", "input"), [_card(each) for each in cards])


@app.command()
def release(
    draws: Draws, project: ProjectName = "", by: By = "", database: Database = "", as_json: AsJson = False
) -> None:
    """Put drawn items back for others, undecided."""
    from ..errors import NotFound

    loop, who = open_loop(database, project), person(by)
    freed = loop.store.draws.release(loop.project.id, who, draws)
    if not freed:
        numbers = ", ".join(map(str, draws))
        raise NotFound(
            f"Nothing is put back: {who} holds no draw {numbers}. `draw` lists what they hold; --by names who."
        )
    if as_json:
        print_json({"released": freed})
    else:
        typer.echo(f"{freed:,} of {len(draws):,} put back.")


@app.command()
def feedback(
    file: Lines = None,
    limit: Limit = 20,
    project: ProjectName = "",
    by: By = "",
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Store feedback from JSON Lines, each entry once however often it is sent; without a file, list the newest."""
    from .. import entry_lines, exchange

    loop = open_loop(database, project)
    if file is None:
        _list(loop.store.feedback.latest(loop.project.id, limit), as_json)
        return
    lines = entry_lines.parsed(content(file), person(by))
    newest = max((entry.id for entry in loop.store.feedback.latest(loop.project.id, 1)), default=0)
    with telling(as_json) as say:
        found = list(chain.from_iterable(entry_lines.stored(loop, person(by), lines, say)))
    if as_json:
        print_json({"entries": [exchange.entry(each) for each in found]})
    else:
        new = [each for each in found if each.id > newest]
        wrong = sum(each.verdict == "correct" for each in new)
        typer.echo(f"{len(new):,} of {len(found):,} entries are new, {wrong:,} of them corrections.")


@app.command()
def undo(
    entries: Entries, project: ProjectName = "", by: By = "", database: Database = "", as_json: AsJson = False
) -> None:
    """Take entries back; what the same reviewer had said before counts again."""
    from .. import exchange

    loop = open_loop(database, project)
    undone = loop.undo_many(entries, person(by)) if len(entries) > 1 else [loop.undo(entries[0], person(by))]
    if as_json:
        print_json({"entries": [exchange.entry(each) for each in undone]})
    else:
        typer.echo(f"{len(undone):,} of {len(entries):,} taken back.")


def _list(entries: list[Any], as_json: bool) -> None:
    from .. import exchange

    if as_json:
        print_json([exchange.entry(each) for each in entries])
        return
    rows = [
        (str(e.id), str(e.item_id), e.reviewer, e.verdict, e.target or "", e.predicted or "", e.state) for e in entries
    ]
    print_table(("entry", "item", "reviewer", "verdict", "target", "prediction", "state"), rows)


def _card(card: dict[str, Any]) -> tuple[str, ...]:
    shown = ", ".join(f"{name}={value}" for name, value in card["input"].items())
    said = "hidden" if card["blind"] else f"{card['prediction'] or ''} {_number(card['confidence'])}".strip()
    return (str(card["draw"]), str(card["item"]), said, shown if len(shown) <= 80 else f"{shown[:79]}…")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
