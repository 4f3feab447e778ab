"""Setup: new projects, more rows, files of other programs, settings, people, the project, exports, webhooks."""

import streamlit as st

from feedback_core.errors import FeedbackError
from pages._people import locked, may, store
from pages._setup.access import access
from pages._setup.bring import bring_model
from pages._setup.export import export
from pages._setup.import_file import import_file
from pages._setup.more_rows import add_rows
from pages._setup.new_project import new_project
from pages._setup.project import project_section, show_archived
from pages._setup.settings import settings_form
from pages._setup.webhooks import webhooks_section
from pages._shared import loop_of, plain, show_message

OF_A_PROJECT = {
    "Add rows": add_rows,
    "Import": import_file,
    "Bring a model": bring_model,
    "Settings": settings_form,
    "People and access": access,
    "Project": project_section,
    "Export": export,
    "Webhooks": webhooks_section,
}
NEEDS = {
    "Add rows": "add items",
    "Import": "add items",
    "Bring a model": "bring model",
    "Settings": "settings",
    "Project": "archive",
    "Webhooks": "webhooks",
}
SECRET = {"Webhooks"}
"""What only those see who may change it: an address may itself be a secret."""

st.title("Setup")
show_message()
project_name = st.session_state.get("project")
first = ["New project"] if may("create project", None) else []
sections = [*first, *(OF_A_PROJECT if project_name is not None else ())]
if not sections:
    st.info(f"{locked('create project', None)['help']}", title="There is no project yet", icon=":material/lock:")
    st.stop()
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
        if section in NEEDS and not may(NEEDS[section], loop):
            looks = "You may look, and not change anything. " if section not in SECRET else ""
            st.info(f"{looks}{locked(NEEDS[section], loop)['help']}", icon=":material/lock:")
            if section in SECRET:
                st.stop()
        OF_A_PROJECT[section](loop)
except FeedbackError as error:
    st.error(plain(str(error)))
