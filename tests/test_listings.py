"""What programs ask for by key costs the same however much a project holds."""

from __future__ import annotations

import pytest

from feedback_core.store import listings


@pytest.mark.parametrize(
    ("sql", "found_by"),
    [
        (listings._PLACED, "items_key (project_id=? AND key=?)"),
        (listings._KEYED, "feedback_idempotency (project_id=? AND idempotency_key=?)"),
    ],
)
def test_a_few_keys_are_looked_up_one_by_one_and_the_project_is_not_read(store, sql, found_by):
    with store.listings._driver.reading() as session:
        plan = [row["detail"] for row in session.query(f"explain query plan {sql}", {"keys": "[]", "project": 1})]
    assert [line for line in plan if found_by in line], plan
    assert len(plan) == 2
