"""Model files that would run a program when they are opened are refused, each with what to send instead."""

from __future__ import annotations

from pathlib import PurePath

from ..errors import InvalidFile

_PICKLE = (
    "a pickle, which can run any program when it is opened. Where you made it, write the model as "
    "`skops.io.dump(model, 'model.skops')`, or export it to ONNX, and send that file."
)
_TORCH = (
    "a file of torch.save, which is a pickle and can run any program when it is opened. Export the network with "
    "`torch.onnx.export(net, example, 'model.onnx')` and send that file, or register its class (docs/models.md)."
)
_HDF5 = (
    "a model in the old format of Keras, which can hold code. Save it as `model.save('model.keras')`, or export it to "
    "ONNX with `model.export('model.onnx', format='onnx')`, and send that file."
)

ENDINGS = {
    **dict.fromkeys((".pkl", ".pickle", ".joblib", ".sav", ".dill", ".cloudpickle", ".p"), _PICKLE),
    **dict.fromkeys((".pt", ".pth", ".ckpt", ".bin"), _TORCH),
    **dict.fromkeys((".h5", ".hdf5"), _HDF5),
}
"""Lower-case ending -> what such a file is and what to send instead."""

LOOK = 4_096
"""Bytes from the start of a file that tell what it is."""


def refuse_unsafe(filename: str, start: bytes) -> None:
    """Raise InvalidFile for a pickle and the like, by the name or by what the file begins with, whatever its name.

    start: its first bytes, LOOK of them are enough.
    """
    found = ENDINGS.get(PurePath(filename.lower()).suffix) or _by_content(start[:LOOK])
    if found:
        raise InvalidFile(f"{PurePath(filename).name!r:.120} is {found} Nothing was opened.")


def _by_content(start: bytes) -> str | None:
    if start[:2] == b"PK" and b"/data.pkl" in start:
        return _TORCH
    if start[:8] == b"\x89HDF\r\n\x1a\n":
        return _HDF5
    # Protocols 2 to 5, and what joblib compresses with; no format that is taken begins like these.
    pickled = start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    zlib = start[:1] == b"x" and int.from_bytes(start[:2]) % 31 == 0
    return _PICKLE if pickled or zlib or start.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x5d\0\0")) else None
