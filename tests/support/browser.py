"""What a browser does with answers and forms: it keeps cookies, and sends files."""

from __future__ import annotations

import http.cookies

from tests.support.http import Response


class Jar:
    """The cookies of one visitor, whatever their paths and ages."""

    def __init__(self) -> None:
        self.cookies: dict[str, str] = {}

    @property
    def fields(self) -> list[str]:
        """The fields of a request that sends them."""
        pairs = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return [f"Cookie: {pairs}"] if pairs else []

    def keep(self, response: Response) -> Response:
        """Take what an answer sets, and return the answer."""
        self.cookies |= cookies(response)
        return response


def cookies(response: Response) -> dict[str, str]:
    """The cookies that the answer sets, as they are on the wire."""
    jar: http.cookies.SimpleCookie = http.cookies.SimpleCookie()
    for value in response.head.all("Set-Cookie"):
        jar.load(value)
    return {name: morsel.coded_value for name, morsel in jar.items()}


def multipart(boundary: str, *parts: tuple[str, str | None, bytes]) -> bytes:
    """A multipart/form-data body of (name, filename, content)."""
    body = b""
    for name, filename, content in parts:
        disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
        kind = "Content-Type: application/octet-stream\r\n" if filename else ""
        body += f"--{boundary}\r\nContent-Disposition: {disposition}\r\n{kind}\r\n".encode() + content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()
