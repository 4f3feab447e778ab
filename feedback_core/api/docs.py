"""The description of the API as one page, drawn from openapi.json: it needs no script and no other site."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from .permitting import ANYONE
from .projects import PAGE_HEADERS

router = APIRouter()

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
:root { color-scheme: light dark }
details { border-top: 1px solid #8886; padding: .5rem 0 } summary { cursor: pointer } code { font-size: .9rem }
pre { overflow-x: auto; background: #8881; padding: .5rem } b { display: inline-block; min-width: 4rem }
"""


@router.get("/docs", response_class=HTMLResponse, dependencies=[ANYONE])
async def get_docs(request: Request) -> HTMLResponse:
    """This description as a page to read."""
    return HTMLResponse(drawn(request.app.openapi()), headers=PAGE_HEADERS)


def drawn(described: Mapping[str, Any]) -> str:
    """A page with every route: what it does, what it takes and what it answers."""
    info = described["info"]
    title = escape(f"{info['title']} {info['version']}")
    routes = "".join(_routes(described))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f'<h1>{title}</h1><p>Every route, from <a href="openapi.json">openapi.json</a>. Errors are '
        f"<code>application/problem+json</code> with the way out in words.</p>{routes}</html>"
    )


def _routes(described: Mapping[str, Any]) -> Iterator[str]:
    schemas = described.get("components", {}).get("schemas", {})
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            yield (
                f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> "
                f"{escape(route['description'].splitlines()[0])}</summary>"
                f"<p>{escape(route['description'])}</p>{_parameters(route)}{_body(route, schemas)}</details>"
            )


def _parameters(route: Mapping[str, Any]) -> str:
    rows = [
        f"<li><code>{escape(each['name'])}</code> ({escape(each['in'])}) {escape(each.get('description', ''))}</li>"
        for each in route.get("parameters", [])
    ]
    return f"<ul>{''.join(rows)}</ul>" if rows else ""


def _body(route: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    parts = []
    contents = {"Takes": route.get("requestBody", {}), "Answers": _good(route)}
    for title, held in contents.items():
        for kind, content in held.get("content", {}).items():
            shown = json.dumps(_resolved(content.get("schema", {}), schemas), indent=2, ensure_ascii=False)
            parts.append(f"<p>{title} <code>{escape(kind)}</code></p><pre>{escape(shown)}</pre>")
    return "".join(parts)


def _good(route: Mapping[str, Any]) -> Mapping[str, Any]:
    answers: Mapping[str, Any] = next(
        (held for status, held in route["responses"].items() if status.startswith("2")), {}
    )
    return answers


def _resolved(schema: Any, schemas: Mapping[str, Any]) -> Any:
    """A schema with the parts it refers to written out; none of ours refers to itself."""
    if isinstance(schema, list):
        return [_resolved(each, schemas) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _resolved(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    return {name: _resolved(each, schemas) for name, each in schema.items()}
