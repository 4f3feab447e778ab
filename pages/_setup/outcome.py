"""What became of the last file that was taken in."""

import streamlit as st

from feedback_core.loop import Loop
from pages._shared import ago, counted, plain


def last_outcome(loop: Loop) -> None:
    """Counts and what was left out, of the newest import of a file; nothing before the first."""
    found = (
        job for job in loop.store.jobs.latest(loop.project.id) if job.kind == "import file" and job.state == "done"
    )
    job = next(found, None)
    if job is None or job.result is None or "records" not in job.result:
        return
    told = job.result
    st.caption(
        f":material/check: The last file, {ago(job.finished_at)}: {counted(told['records'], 'record')} read, "
        f"{counted(told['added'], 'new item')}, {counted(told['entries'], 'new entry', 'new entries')}, "
        f"{told['already']:,} here already, {told['problems']:,} left out."
    )
    if told.get("says"):
        st.caption(plain(" ".join(told["says"])))
    if told["told"]:
        with st.expander(f"What was left out, and why (the first {len(told['told']):,})"):
            st.dataframe(
                [{"What": plain(each)} for each in told["told"]], hide_index=True, alt="What was left out of the file"
            )
