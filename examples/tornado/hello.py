"""A Tornado application: `longma -k tornado hello:app`."""

import asyncio

from tornado.web import Application, RequestHandler


class Hello(RequestHandler):
    async def get(self) -> None:
        await asyncio.sleep(0)  # a database, another service: meanwhile others are served
        self.write("Hello from Tornado\n")


app = Application([("/", Hello)])
