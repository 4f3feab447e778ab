"""The project itself: its name, putting it away, and bringing one back."""

import time

import streamlit as st

from feedback_core.loop import Loop
from feedback_core.types import Project
from pages._people import acting, locked, may
from pages._shared import ago, counted, plain, store, tell_done, told


def project_section(loop: Loop) -> None:
    """Rename, archive, restore."""
    project = loop.project
    with st.form("rename", border=False):
        name = st.text_input("Project name", project.name, max_chars=80, help="Everything in it stays.")
        pressed = st.form_submit_button("Rename", icon=":material/edit:", **locked("archive", project))
        if pressed and name.strip() != project.name:
            actor = acting("archive", project)
            renamed = store().projects.rename(project, name, now=time.time(), actor=actor)
            tell_done(f"The project is called {renamed.name} now.")
            st.query_params["project"] = st.session_state["open_project"] = renamed.name
            st.rerun()
    st.subheader("Archive")
    st.caption(
        "An archived project disappears from the list of projects. Nothing in it is deleted: items, versions and "
        "feedback stay in the database, and it can be restored here at any time."
    )
    typed = st.text_input("Type the project's name to archive it", key=f"archive-name-{project.id}")
    st.button(
        "Archive this project",
        icon=":material/archive:",
        key="archive",
        on_click=_archive,
        args=(project,),
        **locked(
            "archive",
            project,
            disabled=typed.strip() != project.name,
            help="Type the name first, so that no other project is meant.",
        ),
    )
    show_archived()


def show_archived() -> None:
    """Archived projects with the way back, for those who may take it; nothing where there are none."""
    archived = [project for project in store().projects.archived() if may("archive", project)]
    if not archived:
        return
    with st.expander(f"{counted(len(archived), 'archived project')}", icon=":material/inventory_2:"):
        for project in archived:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"{plain(project.name)} · archived {ago(project.archived_at)}")
                st.button("Restore", icon=":material/unarchive:", key=f"restore-{project.id}", on_click=_restore,
                          args=(project,), help="Brings it back into the list of projects.")  # fmt: skip


def _archive(project: Project) -> None:
    with told(f"{project.name} is archived. Restore it below whenever you need it."):
        store().projects.archive(project, now=time.time(), actor=acting("archive", project))


def _restore(project: Project) -> None:
    with told(f"{project.name} is back."):
        store().projects.restore(project, now=time.time(), actor=acting("archive", project))
        st.query_params["project"] = st.session_state["open_project"] = project.name
