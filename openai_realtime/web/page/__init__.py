"""A page to talk to a broker's model, and the script that it uses; both are plain files, which users may copy."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Final

from openai_realtime.web.messages import Handler, WebRequest, WebResponse

__all__ = ["page_routes"]

_FILES: Final = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/realtime.js": ("realtime.js", "text/javascript; charset=utf-8"),
}
# The page loads nothing from elsewhere, and no other page may frame it.
_POLICY: Final = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline' blob:; "
    "connect-src 'self'; img-src data:; media-src blob:; frame-ancestors 'none'"
)


def page_routes() -> Mapping[tuple[str, str], Handler]:
    """Return the routes of the page and its script, to be served where the broker is."""
    return {("GET", path): _file(name, kind) for path, (name, kind) in _FILES.items()}


def _file(name: str, content_type: str) -> Handler:
    body = resources.files(__name__).joinpath(name).read_bytes()

    async def handle(_: WebRequest) -> WebResponse:
        return WebResponse(body=body, content_type=content_type, headers={"Content-Security-Policy": _POLICY})

    return handle
