"""Each worker gets the GPU that the fewest others have, by hooks alone.

The table is a file with a line `PID GPU RELOADS` for each worker. It is made by the master, and every worker has it
open by the fork; whoever uses it has it locked. `devices = ["0", "1", "2", "3"]` does all of this without any code.
"""

import collections
import contextlib
import fcntl
import os
import tempfile

workers = 4
gpus = os.environ.get("GPUS", "0,1,2,3").split(",")


@contextlib.contextmanager
def leases(server):
    """The table as a dictionary, which is written back at the end."""
    file = server.gpu_table
    fcntl.lockf(file, fcntl.LOCK_EX)
    try:
        lines = [line.split() for line in os.pread(file, 1 << 20, 0).decode().splitlines()]
        table = {pid: (gpu, int(reloads)) for pid, gpu, reloads in lines}
        yield table
        os.ftruncate(file, 0)
        os.pwrite(file, "".join(f"{pid} {gpu} {n}\n" for pid, (gpu, n) in table.items()).encode(), 0)
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN)


def on_starting(server):
    """In the master, before it listens: make the table."""
    server.gpu_table, path = tempfile.mkstemp(prefix="gpus-")
    os.unlink(path)
    server.reloads = 0


def on_reload(server):
    """In the master, before it forks new workers: those from before are going to leave, and count less from now on."""
    server.reloads += 1


def post_fork(server, worker):
    """In the worker, before the application is loaded: take the GPU that is used least."""
    with leases(server) as table:
        staying = collections.Counter(gpu for gpu, reloads in table.values() if reloads == server.reloads)
        used = collections.Counter(gpu for gpu, _ in table.values())
        gpu = min(gpus, key=lambda name: (staying[name], used[name]))
        table[str(worker.pid)] = (gpu, server.reloads)
    os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    worker.log.info("Worker %s has GPU %s", worker.pid, gpu)


def child_exit(server, worker):
    """In the master, when a worker is gone, however it died: give its GPU back."""
    with leases(server) as table:
        table.pop(str(worker.pid), None)


def on_exit(server):
    """In the master, last of all: let go of the table."""
    os.close(server.gpu_table)
