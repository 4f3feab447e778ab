"""The only place that reads environment variables."""

from __future__ import annotations

import getpass
import os
import socket
import tomllib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from .errors import InvalidSetting

_ROOT = Path(__file__).resolve().parent.parent
DEFAULT_FILE = _ROOT / "data" / "feedback.db"


def database_url() -> str:
    """Where everything is stored: FEEDBACK_DATABASE, or a file in data/. Absolute, so every process means the same."""
    given = os.environ.get("FEEDBACK_DATABASE") or f"sqlite:///{DEFAULT_FILE}"
    prefix = "sqlite:///"
    return f"{prefix}{Path(given.removeprefix(prefix)).absolute()}" if given.startswith(prefix) else given


def allowed_hosts() -> list[str]:
    """Host names the server answers to; others are refused, which stops DNS rebinding."""
    extra = os.environ.get("FEEDBACK_ALLOWED_HOSTS", "")
    return ["localhost", "127.0.0.1", "[::1]", *(host for host in extra.split(",") if host)]


def api_pace() -> tuple[float, float]:
    """Requests a second that one address may make of the API, and how many at once: FEEDBACK_API_RATE (200; 0 = no
    limit) and FEEDBACK_API_BURST (twice the rate). Raises InvalidSetting."""
    rate = _number("FEEDBACK_API_RATE", 200.0)
    return rate, max(1.0, _number("FEEDBACK_API_BURST", 2 * rate))


def webhook_hosts() -> tuple[str, ...]:
    """Names, addresses and networks that webhooks may lead to although they are private: FEEDBACK_WEBHOOK_HOSTS."""
    given = os.environ.get("FEEDBACK_WEBHOOK_HOSTS", "").split(",")
    return tuple(host.strip().lower() for host in given if host.strip())


def _number(name: str, otherwise: float) -> float:
    given = os.environ.get(name) or str(otherwise)
    try:
        value = float(given)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise InvalidSetting(f"{name}={given!r} is not a number of requests: give 0 or more, such as 200.")
    return value


SHORTEST_SECRET = 32
"""Characters of the secret that signs who somebody is: half of a SHA-256 in hexadecimal."""


def sign_in() -> bool:
    """Whether people and programs have to say who they are.

    FEEDBACK_AUTH=required or off decides; unset, it is whether one of Streamlit's secrets.toml has a section [auth].
    Raises InvalidSetting for other values, and for a file that cannot be read: it may be the one that has it.
    """
    given = os.environ.get("FEEDBACK_AUTH", "").strip().lower()
    if given not in ("", "required", "off"):
        raise InvalidSetting(f"FEEDBACK_AUTH={given!r} is not known: use required or off, or leave it out.")
    return given == "required" or (not given and any("auth" in _secrets(path) for path in secret_files()))


def keep_sign_in(found: bool) -> None:
    """Fix that sign-in is on for this process and those it starts: a file of secrets removed while it runs must not
    turn a server that others reach into one without sign-in.

    found: Streamlit knows a section [auth], be it from a place of its own such as STREAMLIT_SECRETS_FILES.
    """
    if sign_in() or (found and not os.environ.get("FEEDBACK_AUTH")):
        os.environ["FEEDBACK_AUTH"] = "required"


def auth_faults(section: object) -> list[str]:
    """What is wrong with the section [auth] of Streamlit's secrets, in words.

    Values are never repeated: they are secrets.
    """
    if not isinstance(section, Mapping):
        return ["auth in Streamlit's secrets is no section [auth]"]
    faults = [f"[auth] has no {key}" for key in ("redirect_uri", "cookie_secret") if not section.get(key)]
    if section.get("cookie_secret") and not is_secret(section["cookie_secret"]):
        faults.append(f"cookie_secret in [auth] is not a text of at least {SHORTEST_SECRET} characters")
    named = {f"[auth.{name}]": each for name, each in section.items() if isinstance(each, Mapping)}
    named = {name: each for name, each in named.items() if "client_id" in each}
    for name, provider in (named or {"[auth]": section}).items():
        missing = (key for key in ("client_id", "client_secret", "server_metadata_url") if not provider.get(key))
        faults += [f"{name} has no {key}" for key in missing]
    return faults


def is_secret(value: object) -> bool:
    """Whether something can sign who somebody is: whoever guesses it can sign in as anybody.

    A list is none either: the library that signs would take any of its members, however short.
    """
    return isinstance(value, str) and len(value) >= SHORTEST_SECRET


def secret_files() -> tuple[Path, ...]:
    """Where Streamlit looks for secrets: of the user, of the folder it is started in, and beside app.py."""
    return tuple(folder / ".streamlit" / "secrets.toml" for folder in (Path.home(), Path.cwd(), _ROOT))


def _secrets(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        # Without what it says: a parser may quote the line, and lines of this file are secrets.
        raise InvalidSetting(f"{path} cannot be read as TOML ({type(error).__name__}): mend or remove it.") from None


def admins() -> frozenset[str]:
    """Who is admin everywhere before anybody has a role: FEEDBACK_ADMINS, e-mails with commas between them."""
    return frozenset(filter(None, (each.strip() for each in os.environ.get("FEEDBACK_ADMINS", "").split(","))))


def default_role() -> str:
    """Role of everybody who has signed in: FEEDBACK_DEFAULT_ROLE; empty for none."""
    return os.environ.get("FEEDBACK_DEFAULT_ROLE", "").strip()


def process_name() -> str:
    """What this process signs its leases with; unique among the processes that share a database."""
    return f"{socket.gethostname()}:{os.getpid()}"


def user_name() -> str:
    """Who sits at this machine: the reviewer's name until they give another; empty where the system knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user id without a name, as in some containers
        return ""


def choose_keras_backend() -> None:
    """Let Keras compute with what is installed, PyTorch first, unless KERAS_BACKEND says otherwise; before its import.

    Without, Keras takes TensorFlow, installed or not, whose import takes 6.5 s of CPU in place of 4.2.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # it greets on standard error otherwise
    if "KERAS_BACKEND" not in os.environ:
        os.environ["KERAS_BACKEND"] = "torch" if find_spec("torch") else "tensorflow"
