"""An aiohttp application, as an object and as what makes one, with the same paths as the other frameworks' sites."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading

from aiohttp import web

from tests.apps.gate import report, stop

HOUR = 3600
NO_LIMIT = 0

routes = web.RouteTableDef()


@routes.get("/")
async def index(request: web.Request) -> web.Response:
    return web.Response(text="Hello from aiohttp")


@routes.get("/pid")
async def pid(request: web.Request) -> web.Response:
    return web.Response(text=str(os.getpid()))


@routes.post("/labour")
async def labour(request: web.Request) -> web.Response:
    return web.Response(body=await request.read(), headers={"X-Pid": str(os.getpid())})


@routes.get("/held")
async def held(request: web.Request) -> web.Response:
    return web.Response(text=await asyncio.to_thread(stop, "held"))


@routes.get("/stuck")
async def stuck(request: web.Request) -> web.Response:
    threading.Event().wait(HOUR)
    return web.Response()


@routes.get("/json")
async def as_json(request: web.Request) -> web.Response:
    seen = {"host": request.host, "path": request.path, "args": dict(request.query), "scheme": request.scheme}
    return web.json_response(seen)


@routes.post("/form")
async def form(request: web.Request) -> web.Response:
    fields = await request.post()
    return web.json_response({name: fields.getall(name) for name in fields})


@routes.post("/upload")
async def upload(request: web.Request) -> web.Response:
    files, fields = {}, {}
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            files[name] = [value.filename, hashlib.sha256(value.file.read()).hexdigest()]
        else:
            fields[name] = value
    return web.json_response({"files": files, "form": fields})


@routes.post("/raw")
async def raw(request: web.Request) -> web.Response:
    return web.Response(body=await request.read(), content_type="application/octet-stream")


@routes.get("/count")
async def count(request: web.Request) -> web.Response:
    visits = int(request.cookies.get("visits", 0)) + 1
    response = web.json_response(visits)
    response.set_cookie("visits", str(visits))
    return response


@routes.get("/cookies")
async def cookies(request: web.Request) -> web.Response:
    response = web.json_response(dict(request.cookies))
    response.set_cookie("first", "1")
    response.set_cookie("second", "2", httponly=True)
    return response


@routes.get("/redirect")
async def elsewhere(request: web.Request) -> web.Response:
    raise web.HTTPFound("/json?from=redirect")


@routes.get("/stream")
async def stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    for number in range(3):
        await response.write(f"{request.path} {number}\n".encode())
        await asyncio.to_thread(stop, f"after block {number}")
    await response.write_eof()
    return response


@routes.get("/file/{path:.*}")
async def file(request: web.Request) -> web.FileResponse:
    return web.FileResponse(f"/{request.match_info['path'].lstrip('/')}")


@routes.get("/teapot")
async def teapot(request: web.Request) -> web.Response:
    return web.Response(status=418, text="I'm a teapot")


@routes.get("/fault")
async def fault(request: web.Request) -> web.Response:
    raise RuntimeError("a fault in a view")


async def cleaned_up(app: web.Application) -> None:
    report("cleaned up")


def made() -> web.Application:
    app = web.Application(client_max_size=NO_LIMIT)
    app.add_routes(routes)
    app.on_cleanup.append(cleaned_up)
    return app


app = made()


async def create_app() -> web.Application:
    """What `aiohttp` calls in the worker's own loop."""
    return made()


async def fail() -> web.Application:
    raise RuntimeError("no settings")
