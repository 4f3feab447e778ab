"""The frame around every page: sign-in, navigation, project picker, and the name of who is here."""

import re
from pathlib import Path
from urllib.parse import unquote

import streamlit as st

from feedback_core import people, tasks
from feedback_core.environment import sign_in, user_name
from pages._browser import NAME_COOKIE, leave
from pages._people import store
from pages._shared import plain
from pages._sign_in import admitted, show_door, show_who

# A file of our own: Streamlit would fetch an icon by name from a font server.
ICON = Path(__file__).with_name("_icon.png")
st.set_page_config(page_title="AI Feedback Loop", page_icon=ICON, layout="wide")

PAGES = [  # no sections: Streamlit lists them in markup that screen readers cannot follow
    st.Page("overview.py", title="Overview", icon=":material/cycle:", default=True),
    st.Page("review.py", title="Review", icon=":material/rate_review:"),
    st.Page("feedback.py", title="Feedback", icon=":material/fact_check:"),
    st.Page("retrain.py", title="Retrain", icon=":material/model_training:"),
    st.Page("predictions.py", title="Predictions", icon=":material/table_view:"),
    st.Page("map.py", title="Map", icon=":material/scatter_plot:"),
    st.Page("insights.py", title="Insights", icon=":material/insights:"),
    st.Page("setup.py", title="Setup", icon=":material/tune:"),
]
# The theme's accent is dark enough for white on it, and so too dark as the text of a chosen option on a dark page. That
# of the text around is inherited: a system colour would be the light scheme's in popovers, which stand apart.
st.html(
    "<style>[data-testid=stButtonGroup] button[data-selected=true], [data-testid=stSliderThumbValue], "
    "[data-testid=stButtonGroup] button[data-selected=true] p, [data-testid=stSliderThumbValue] p "
    "{ color: inherit !important }</style>"
)

who = admitted() if sign_in() else None
outside = sign_in() and who is None
projects = [] if outside else store().projects.all()
projects = projects if who is None else people.visible(who, projects)
names = [project.name for project in projects]
# The session remembers where a page's own link leaves the project out of the address.
wanted = [st.query_params.get("project"), st.session_state.get("open_project"), *names[:1]]
opened = next((name for name in wanted if name in names), None)


def has_groups() -> bool:
    """Whether the open project groups its items, by itself or beside its model; the map leads others there."""
    project = next((each for each in projects if each.name == opened), None)
    if project is None:
        return False
    return not tasks.of(project).learns or store().clusterings.champion(project.id) is not None


groups = st.Page(
    "clusters.py",
    title="Groups",
    icon=":material/workspaces:",
    visibility="visible" if has_groups() else "hidden",
)
# Called before the door too: without it Streamlit would not know the address of a page that a link leads to.
page = st.navigation([*PAGES[:6], groups, *PAGES[6:]], position="hidden" if outside else "sidebar")
if outside:
    show_door()
    st.stop()


def choose_project() -> None:
    """Put the chosen project into the address, which alone says what is open: so back and forward work."""
    st.query_params["project"] = st.session_state["open_project"] = st.session_state["project"]


def choose_name() -> None:
    """Remember the name beside its field, which forgets its value when a button leads to another page."""
    st.session_state["reviewer_name"] = st.session_state["reviewer"].strip()


def known_name() -> str:
    """The name given in this session, else the one this browser remembers, else the user of this machine."""
    cookie = st.context.cookies.get(NAME_COOKIE)
    remembered = unquote(cookie)[:60] if isinstance(cookie, str) else ""  # Streamlit's test harness gives a mock
    name = str(st.session_state.get("reviewer_name", remembered or user_name()))
    # Streamlit refuses two underscores in the key of a component, and the deck's has it.
    return re.sub("__+", "_", name)


def ask_name() -> str:
    """The field for the name, in the middle of an otherwise empty page until there is one."""
    name = known_name()
    st.session_state["reviewer"] = name
    if not name:
        st.title("Who are you?")
        st.write("Your name stands beside every decision you make, so that others know whom to ask.")
    (st.sidebar if name else st).text_input(
        "Your name",
        key="reviewer",
        help="Stands beside every decision you make. This browser remembers it.",
        placeholder="Type it and press Enter",
        max_chars=60,
        on_change=choose_name,
    )
    return name


with st.sidebar:
    if names:
        st.session_state["project"] = st.session_state["open_project"] = opened
        # Not bind="query-params": st.switch_page refuses to leave a page whose address a widget is bound to.
        st.selectbox("Project", names, key="project", on_change=choose_project)
        if wanted[0] and wanted[0] != opened:
            gone = f"There is no project “{plain(wanted[0])}” any more: it was renamed or archived."
            if who is not None:
                gone = f"There is no project “{plain(wanted[0])}” for you: ask an admin, or it was renamed or archived."
            st.warning(f"{gone} This is “{plain(opened)}”.")
    else:
        st.session_state.pop("project", None)  # the last one was archived

if who is not None:
    name, typed = who.name, None
    show_who(who, next((project.id for project in projects if project.name == opened), None))
else:
    name = ask_name()
    typed = name if name and "reviewer_name" in st.session_state else None
with st.sidebar:
    leave(
        None if st.query_params.get("project") == opened else opened,
        typed,
        page.url_path,
    )
if name:
    page.run()
