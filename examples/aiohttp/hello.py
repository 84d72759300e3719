"""An aiohttp application, made in the loop that serves it: `longma -k aiohttp.GunicornWebWorker hello:create_app`."""

from aiohttp import web


async def hello(request: web.Request) -> web.Response:
    return web.Response(text="Hello from aiohttp\n")


async def create_app() -> web.Application:
    app = web.Application()
    app.add_routes([web.get("/", hello)])
    return app
