"""Take in: a table becomes a proposal, then checked rows; one input becomes canonical bytes and back."""

from .checking import check, inputs
from .encoding import decode, encode_one, feature_names, holdout_side, input_hash, label_text, storing_order
from .proposal import Proposal, classes, match, propose, unfit_label

__all__ = [
    "Proposal",
    "check",
    "classes",
    "decode",
    "encode_one",
    "feature_names",
    "holdout_side",
    "input_hash",
    "inputs",
    "label_text",
    "match",
    "propose",
    "storing_order",
    "unfit_label",
]
