"""/api/openapi.json, and the same as a page to read: operations by resource, what goes in and what comes out."""

from __future__ import annotations

import re

from flask import Response, jsonify, render_template, request
from markupsafe import Markup, escape

from surveillance.dashboard.api.declare import pages
from surveillance.dashboard.api.reference import Reference
from surveillance.dashboard.api.resources import openapi
from surveillance.dashboard.guards import needs, public


@pages.get("/openapi.json")
@public
def tell() -> Response:
    """The document; it holds nothing of the site."""
    return jsonify(openapi(request.script_root))


@pages.get("/docs")
@needs("account.own")
def docs() -> str:
    """The page."""
    reference = Reference(openapi(request.script_root), request.host_url + request.script_root.strip("/"))
    return render_template("api.html", resources=list(reference.resources()), schemas=list(reference.schemas()))


@pages.app_template_filter("marked")
def marked(text: str) -> Markup:
    """Words of the document as HTML: what stands in backticks is code, and a blank line is a pause."""
    code = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    return Markup(code.replace("\n\n", "<br>"))  # noqa: S704 - escaped above
