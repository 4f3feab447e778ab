"""The one entry: `streamlit run app.py` serves dashboard and API, and keeps a retraining worker alive beside them."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib import import_module
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.routing import Mount, Router
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.web.server.server_util import get_cookie_secret

from feedback_core.environment import (
    SHORTEST_SECRET,
    allowed_hosts,
    auth_faults,
    database_url,
    is_secret,
    keep_sign_in,
    sign_in,
)
from feedback_core.fence import Fence, Hosts
from feedback_core.listening import answer_at_once, exposed, listening
from feedback_core.parent import die_with_parent
from feedback_core.store import open_store
from pages._between_runs import spare_imports, spare_models

ROOT = Path(__file__).parent
INDEX = Path(st.__file__).parent / "static" / "index.html"
LONGEST_PAUSE_S = 30.0
BIND_LOOK_S = 0.05
BIND_WATCH_S = 10.0


async def keep_worker() -> None:
    """Run the worker process, and start it again with growing pauses whenever it ends."""
    pause = 0.5
    while True:
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "feedback_core", "worker", "--database", database_url()),
            cwd=ROOT,
            start_new_session=True,  # Ctrl-C reaches the server only; it stops the worker itself
            preexec_fn=die_with_parent,
        )
        started = asyncio.get_running_loop().time()
        try:
            await worker.wait()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                worker.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(worker.wait(), timeout=10)
            raise
        lived = asyncio.get_running_loop().time() - started
        pause = 0.5 if lived > 60 else min(2 * pause, LONGEST_PAUSE_S)
        await asyncio.sleep(pause)


def faults() -> list[str]:
    """What would let people sign in as somebody else, in words."""
    # Asked of Streamlit, which may read them from other places than its usual files.
    section = st.secrets.get("auth") if st.secrets.load_if_toml_exists() else None
    found = [] if section is None else auth_faults(section)
    if not found and not is_secret(get_cookie_secret()):
        found.append(f"server.cookieSecret is shorter than {SHORTEST_SECRET} characters")
    if st.get_option("server.trustedUserHeaders"):
        found.append("server.trustedUserHeaders is set: whoever reaches the port could say who they are")
    return found


async def stop_when_exposed() -> None:
    """Stop the server as soon as it listens where others reach it while nobody has to sign in.

    uvicorn started by hand binds after the lifespan has begun, and maybe to one address after another; whatever binds
    later than these first seconds meets the fence.
    """
    end, signed_in, wrong = time.monotonic() + BIND_WATCH_S, sign_in(), faults()
    while not (reason := exposed(listening(), signed_in, wrong)):
        if time.monotonic() > end:
            return
        await asyncio.sleep(BIND_LOOK_S)
    sys.stderr.write(f"{reason}\n")
    signal.raise_signal(signal.SIGTERM)


def refuse_to_start() -> None:
    """End the process when it listens already (streamlit run, python app.py) where it must not."""
    if reason := exposed(listening(), sign_in(), faults()):
        sys.stderr.write(f"{reason}\n")
        sys.stderr.flush()
        os._exit(1)  # nothing has been opened yet; an exception would bury the reason under the server's traceback


def warm() -> None:
    """Import what the first pages need while nobody waits for it: about 5 CPU seconds, the readers of models last."""
    for module in ("pandas", "plotly.graph_objects", "pyarrow.parquet", "feedback_core.loop", "feedback_core.insights"):
        import_module(module)
    built_api()
    import_module("feedback_core.models.skops_files").skops_io()
    spare_imports()


@cache
def built_api() -> ASGIApp:
    """The API, made once. Imported here: at the top it would keep the first page waiting for models and statistics."""
    made: ASGIApp = import_module("feedback_core.api").create_api(database_url())
    return made


class ApiFirst:
    """Hands what is below /api to the API, before Streamlit's own middleware.

    As a route of st.App it would run behind sessions and compression: 4.1 instead of 3.3 ms of CPU for the
    answer of /api/health (python -m benchmarks.rest prints what a correction costs).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._routes = Router([Mount("/api", app=api)], default=app, redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/api"):
            await self._routes(scope, receive, send)
        else:
            await self._routes.default(scope, receive, send)


async def api(scope: Scope, receive: Receive, send: Send) -> None:
    """Hand a request to the API; whoever comes before it is warm waits for its import, and nobody else does."""
    if not built_api.cache_info().currsize:
        await asyncio.to_thread(built_api)
    await built_api()(scope, receive, send)


async def may_upload(scope: Scope) -> bool:
    """Whether a request bears the sign-in of somebody who may add rows. Imported here: pages need the whole core."""
    cookies = HTTPConnection(scope).cookies
    if not any(name.startswith("_streamlit_user") for name in cookies):
        return False
    asked = await asyncio.to_thread(import_module, "pages._uploads")
    return bool(await asyncio.to_thread(asked.may_upload, cookies))


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Migrate the database before anything uses it, then keep one worker for as long as the server lives."""
    refuse_to_start()
    answer_at_once()
    open_store(database_url())
    warming = asyncio.create_task(asyncio.to_thread(warm))
    tasks = [asyncio.create_task(stop_when_exposed()), asyncio.create_task(keep_worker())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await warming


spare_models()
keep_sign_in(st.secrets.load_if_toml_exists() and "auth" in st.secrets)
app = st.App(
    ROOT / "pages" / "_frame.py",
    lifespan=lifespan,
    middleware=[
        Middleware(Fence, index=INDEX.read_text(encoding="utf-8"), sign_in=sign_in(), may_upload=may_upload),
        Middleware(Hosts, allowed=allowed_hosts()),
        Middleware(ApiFirst),
    ],
)

if __name__ == "__main__":
    app.run()
