"""Take in: a table becomes a proposal, then checked rows; one input becomes canonical bytes and back."""

from .alarms import ALARM_LABELS, ANOMALY, NORMAL, alarm_reader, match_alarms, unfit_alarms
from .checking import check, inputs
from .encoding import decode, encode_one, feature_names, holdout_side, input_hash, label_text, storing_order
from .numbers import (
    Reader,
    match_number,
    number_reader,
    number_target,
    number_text,
    predicted_text,
    range_text,
    tolerance_of,
    unfit_number,
)
from .proposal import Proposal, classes, holds_lists, match, propose, unfit_label
from .several import label_set, label_set_reader, labels_held, match_label_sets, unfit_label_sets

__all__ = [
    "ALARM_LABELS",
    "ANOMALY",
    "NORMAL",
    "Proposal",
    "Reader",
    "alarm_reader",
    "check",
    "classes",
    "decode",
    "encode_one",
    "feature_names",
    "holdout_side",
    "holds_lists",
    "input_hash",
    "inputs",
    "label_set",
    "label_set_reader",
    "label_text",
    "labels_held",
    "match",
    "match_alarms",
    "match_label_sets",
    "match_number",
    "number_reader",
    "number_target",
    "number_text",
    "predicted_text",
    "propose",
    "range_text",
    "storing_order",
    "tolerance_of",
    "unfit_alarms",
    "unfit_label",
    "unfit_label_sets",
    "unfit_number",
]
