"""Insights: is it getting better, can I believe it, where is it wrong, and what did the feedback do?"""

import time

import streamlit as st

from feedback_core import accuracies, insights, tasks, version_scores
from pages._insights import address, alarms, automate, collected, drift, mistakes, numbers, outlook, progress, several
from pages._label_sets import is_set
from pages._shared import open_loop, show_message

loop = open_loop()
versions = loop.store.versions.all(loop.project.id)
reports = loop.store.versions.reports(loop.project.id)
empty = not versions and not loop.store.tallies.of(loop.project.id, "day")
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    st.title("Insights", width="content")
    if not empty:
        filters = st.container(width="content")
show_message()
if empty:
    st.info("Charts appear with the first version and the first decision.", icon=":material/insights:")
    st.page_link("review.py", label="Review items", icon=":material/rate_review:")
    st.stop()
scope = address.read(versions)
with filters:
    address.choose_scope(scope, versions)
version = version_scores.looked_at(versions, scope.version)
report = next((each for each in reports if version is not None and each.challenger_id == version.id), None)
before = next((each for each in versions if report is not None and each.id == report.champion_id), None)
found = accuracies.NOTHING
is_number, is_ranking = (loop.project.task == name for name in ("regression", "anomaly"))
if version is not None:
    progress.show_verdict(version, before, report)
    if is_number:
        numbers.show_errors(loop, version)
    elif is_ranking:
        alarms.show_scores(loop, version)
    elif version.status == "champion":
        found = insights.estimates(loop.store, loop.project, loop.cache, time.time())
        progress.show_accuracies(found)
    else:
        progress.show_scores(version)
    if is_set(loop.project):
        several.show_scores(version)
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    part = address.choose_view(leave_out=() if "studies" in tasks.of(loop.project).offers else ("outlook", "automate"))
    progress.show_meaning(found)
if part == "feedback":
    collected.show(loop, scope)
elif part == "outlook":
    outlook.show(loop)
elif part == "drift":
    drift.show(loop)
elif part == "automate":
    automate.show(loop)
elif version is None:
    st.info("There is no version yet. Train the first one on Retrain.", icon=":material/model_training:")
elif is_ranking and part == "progress":
    alarms.show_progress(loop, loop.store.versions.champion(loop.project.id))
elif is_number and part == "mistakes":
    numbers.show_mistakes(loop, version, scope)
elif is_number:
    numbers.show_progress(loop, versions, reports, scope)
elif part == "mistakes" and is_set(loop.project):
    several.show_mistakes(loop, version, before, scope)
elif part == "mistakes":
    mistakes.show(loop, version, before, report, scope)
else:
    progress.show(versions, reports, scope, version)
