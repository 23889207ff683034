"""Access control: requests from this machine, from this page, or with the token.

On 127.0.0.1 the Host header must name this machine, which prevents DNS rebinding. On any other
address a token is required. Requests from another page are refused in both cases.
"""

import hmac
import ipaddress
import secrets
from urllib.parse import urlsplit

from flask import Flask, Request, Response, abort, redirect, request
from werkzeug.wrappers import Response as BaseResponse

COOKIE = "deadpan_token"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def is_loopback(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def new_token() -> str:
    """Make a token that cannot be guessed."""
    return secrets.token_urlsafe(18)


def guard(app: Flask, token: str | None) -> None:
    """Check every request before it is handled.

    Args:
        app: the server.
        token: required token; None if only this machine can connect.
    """

    @app.before_request
    def check() -> BaseResponse | None:
        # Compressed messages could unpack to far more than their size.
        request.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
        if _foreign(request):
            abort(403, "This request comes from another page.")
        if token is None:
            name = urlsplit(f"//{request.host}").hostname or ""
            if not is_loopback(name):
                abort(403, "Open this page as http://127.0.0.1 or http://localhost.")
            return None
        shown = request.args.get("token", "")
        if request.method == "GET" and request.path == "/" and _same(shown, token):
            answer = redirect("/")
            answer.set_cookie(COOKIE, token, httponly=True, samesite="Strict")
            return answer
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not any(_same(t, token) for t in (shown, bearer, request.cookies.get(COOKIE, ""))):
            abort(401, "A token is needed: open the address that the server printed.")
        return None

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        if not request.path.startswith("/static/"):
            response.headers["Cache-Control"] = "no-store"
        return response


def _foreign(asked: Request) -> bool:
    """Whether the request comes from another page; programs send no Origin."""
    origin = asked.headers.get("Origin")
    if origin is None:
        return False
    try:
        parts = urlsplit(origin)
    except ValueError:  # not a URL
        return True
    return parts.scheme not in ("http", "https") or parts.netloc.lower() != asked.host.lower()


def _same(shown: str, token: str) -> bool:
    return hmac.compare_digest(shown.encode(), token.encode())
