"""Why the champion says what it says about the opened item, beside the labelled rows most like it."""

import streamlit as st

from feedback_core import charts, explain, number_views, tasks
from feedback_core.errors import ArtifactError, NotFound, Refused
from feedback_core.explain import Detail, Explanation
from feedback_core.explaining import EXPLAINED, Explained, explained
from feedback_core.loop import Loop
from feedback_core.types import Column, Item
from pages._shared import cell_text, image_of, plain, preview, thumbnail, title_of

HELP = "Amounts and the average score add up to the model's score."


def show(loop: Loop, item: Item) -> None:
    """The sentence, the columns as bars, words and patches, and the nearest labelled rows; nothing while hidden."""
    if item.hidden or loop.project.task not in EXPLAINED:
        return
    try:
        found = explained(loop, item, st.session_state.get(_key(item), ""))
    except (NotFound, ArtifactError):  # no version yet, or told on Overview
        return
    except Refused as error:  # a model that lives elsewhere says what, and not why
        st.caption(plain(str(error)))
        return
    told = found.explanation
    st.subheader(plain(_title(loop, found)), help=HELP)
    if loop.project.task == "multilabel":
        at = loop.project.labels.index(told.label)
        st.selectbox("Label", loop.project.labels, at, key=_key(item), help="The least certain one comes first.")
    st.write(plain(found.sentence))
    left, right = st.columns(2, gap="large")
    with left:
        if len(told.effects) > 1:
            _columns(loop, item, told)
        for detail in told.details:
            _detail(loop, item, detail, told)
        st.caption(plain(f"{explain.total(told)} {explain.method(told)}"))
    with right:
        _pulls(loop, found)
        _nearest(loop, found)


def _key(item: Item) -> str:
    return f"why-label-{item.id}"


def _title(loop: Loop, found: Explained) -> str:
    if found.explanation.unit == "score":
        return f"What makes it stand out to version {found.version}"
    return f"Why version {found.version} says {number_views.told(loop.project, found.said)}"


def _columns(loop: Loop, item: Item, told: Explanation) -> None:
    known = dict(zip(loop.project.schema.columns, item.values, strict=True))
    texts = {column.name: _short(column, value) for column, value in known.items()}
    rows = {
        "name": [effect.column for effect in told.strongest],
        "value": [texts[effect.column] for effect in told.strongest],
        "amount": [effect.amount for effect in told.strongest],
    }
    figure = charts.contributions(rows, told.label, told.unit, told.measure)
    alt = "What each column adds to the prediction"
    st.plotly_chart(figure, key=f"why-{item.id}", config={"displayModeBar": False}, alt=alt)


def _short(column: Column, value: object) -> str:
    return f"({column.kind})" if column.kind in ("text", "image") and value is not None else cell_text(value, column)


def _detail(loop: Loop, item: Item, detail: Detail, told: Explanation) -> None:
    columns = dict(zip(loop.project.schema.columns, item.values, strict=True))
    column, value = next((each, value) for each, value in columns.items() if each.name == detail.column)
    if detail.heat and value is not None:
        figure = charts.patches(detail.heat, image_of(column, value, 256), told.label, told.unit, told.measure)
        alt = f"Which patches of {column.name} move the prediction"
        st.plotly_chart(figure, key=f"heat-{item.id}-{column.name}", config={"displayModeBar": False}, alt=alt)
        st.caption(_colours("patches", told))
    if detail.words:
        st.markdown(_marked(str(value), detail))
        st.caption(_colours("words", told))


def _colours(parts: str, told: Explanation) -> str:
    if told.unit == "number":
        return f"Blue {parts} raise the number, orange ones lower it."
    if told.unit == "score":
        return f"Blue {parts} make it stand out, orange ones are as usual."
    return f"Blue {parts} push towards {plain(told.label)}, orange ones away from it."


def _marked(text: str, detail: Detail) -> str:
    """The text with the words marked that push at least a fifth as much as the strongest."""
    most = max(abs(piece.amount) for piece in detail.words)
    parts, at = [], 0
    for piece in detail.words:
        parts.append(plain(text[at : piece.start]))
        word, at = plain(text[piece.start : piece.end]), piece.end
        strong = abs(piece.amount) >= 0.2 * most > 0
        parts.append(f":{'blue' if piece.amount > 0 else 'orange'}-background[{word}]" if strong else word)
    return "".join([*parts, plain(text[at:])])


def _pulls(loop: Loop, found: Explained) -> None:
    if not found.pulls:
        return
    st.caption("The answers that move its score most, about rows like it:")
    titles = tasks.of(loop.project).titles
    items = {each.id: each for each in loop.store.items.many([pull.item_id for pull in found.pulls])}
    rows = [
        {
            "Answer": titles.get(pull.label, pull.label),
            "Adds": pull.amount,
            "Row": preview(loop.project, items[pull.item_id]) or title_of(items[pull.item_id]),
        }
        for pull in found.pulls
    ]
    adds = st.column_config.NumberColumn("Adds", format="%+.2f", help="To the alarm score of the opened item.")
    st.dataframe(rows, hide_index=True, alt="Answers that move the score most", column_config={"Adds": adds})


def _nearest(loop: Loop, found: Explained) -> None:
    if not found.nearest:
        return
    st.caption("The most similar rows it has learned from:")
    items = {each.id: each for each in loop.store.items.many([near.item_id for near in found.nearest])}
    titles = tasks.of(loop.project).titles
    rows = [
        {
            "Label": titles.get(near.label, number_views.told(loop.project, near.label)),
            "Distance": near.distance,
            "Row": preview(loop.project, items[near.item_id]) or title_of(items[near.item_id]),
            "Image": thumbnail(loop.project, items[near.item_id]),
        }
        for near in found.nearest
    ]
    if not rows[0]["Image"]:
        rows = [{name: cell for name, cell in row.items() if name != "Image"} for row in rows]
    st.dataframe(
        rows,
        hide_index=True,
        row_height=56 if "Image" in rows[0] else None,
        alt="Labelled rows most like the opened item",
        column_config={
            "Image": st.column_config.ImageColumn("Image"),
            "Distance": st.column_config.NumberColumn(
                "Distance", format="%.2f", help="0 = the same values. Comparable within this list only."
            ),
        },
    )
