"""A FastAPI application: `longma -k uvicorn_worker.UvicornWorker hello:app`."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def hello(name: str = "FastAPI") -> dict[str, str]:
    return {"greeting": f"Hello from {name}"}
