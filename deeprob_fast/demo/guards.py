"""What stands between the network and the pages: hosts, origins, sizes, headers."""

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Names of this machine; with any other one a page from elsewhere could have been led here by its name server.
HOSTS = ["localhost", "127.0.0.1", "[::1]"]
LARGEST_BODY = 256 * 1024
# Who sends too much reads the answer if the rest has been read as well; nobody sends without end.
_READ_ON = 16 * LARGEST_BODY
JSON = "application/json"

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # Nothing of these pages is for the pages of others: not as an image or a script, and not as a window that they have opened.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class HeadersMiddleware:
    """Sends the same headers with every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self.app(scope, receive, send_with_headers)


def check_origin(request: Request) -> None:
    """Refuse a page of another server."""
    origin = request.headers.get("origin")
    host = request.headers["host"]
    if origin is not None and origin != f"http://{host}":
        raise HTTPException(403, f"the Origin header must be absent or http://{host}; this page comes from elsewhere")


def check_type(request: Request) -> None:
    """Refuse what a form of another page could send without asking."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise HTTPException(415, f"the Content-Type header must be {JSON}")


async def read_body(request: Request) -> bytes:
    """Return the body, of which no more than the limit is held."""
    body, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= LARGEST_BODY:
            body += chunk
        elif size > _READ_ON:
            break
    if size > LARGEST_BODY:
        raise HTTPException(413, f"the body must be at most {LARGEST_BODY} bytes; got more", {"Connection": "close"})
    return bytes(body)
