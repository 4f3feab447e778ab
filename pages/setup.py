"""Setup: new projects from a file, more rows, settings, the project itself, exports, webhooks."""

import streamlit as st

from feedback_core.errors import FeedbackError
from pages._setup.export import export
from pages._setup.more_rows import add_rows
from pages._setup.new_project import new_project
from pages._setup.project import project_section, show_archived
from pages._setup.settings import settings_form
from pages._setup.webhooks import webhooks_section
from pages._shared import loop_of, plain, show_message, store

OF_A_PROJECT = {
    "Add rows": add_rows,
    "Settings": settings_form,
    "Project": project_section,
    "Export": export,
    "Webhooks": webhooks_section,
}

st.title("Setup")
show_message()
project_name = st.session_state.get("project")
sections = ["New project", *(OF_A_PROJECT if project_name is not None else ())]
section = st.segmented_control(
    "Section", sections, default=sections[0], required=True, label_visibility="collapsed", key="section"
)
try:
    if section not in OF_A_PROJECT:
        new_project()
        show_archived()
    else:
        loop = loop_of(store().projects.named(project_name))
        st.caption(f"Project: {plain(loop.project.name)}")
        OF_A_PROJECT[section](loop)
except FeedbackError as error:
    st.error(plain(str(error)))
