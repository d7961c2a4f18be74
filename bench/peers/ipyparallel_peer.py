"""ipyparallel as a peer of the benchmarks: the same workloads through its own client, in its usual form.

`ipyparallel_peer.py COMMAND...` runs this command in the place of its own controller.
"""
import logging
import os
import shutil
import signal
import sys
import tempfile

from line_protocol import Stopwatch, missing, samples, serve

home = tempfile.mkdtemp(prefix="bench-ipyparallel-")
os.environ["IPYTHONDIR"] = home

try:
    import ipyparallel
    import numpy
except ImportError as absent:
    shutil.rmtree(home, ignore_errors=True)
    missing(absent)

if len(sys.argv) > 1:
    from ipyparallel.cluster.launcher import LocalControllerLauncher

    LocalControllerLauncher.find_args = lambda self: sys.argv[1:] + self.cluster_args + self.controller_args

MIB = 1 << 20
running = []


class Running:
    """A cluster of `engines`, and what the workloads use of it."""

    def __init__(self, engines):
        self.cluster = ipyparallel.Cluster(n=engines, log_level=logging.ERROR)
        running.append(self)
        self.client = self.cluster.start_and_connect_sync()
        self.direct = self.client[:]
        self.balanced = self.client.load_balanced_view()
        self.direct.execute("import numpy", block=True)

    def stop(self):
        running.remove(self)
        self.client.close()
        self.cluster.stop_cluster_sync()


def no_op():
    return 0


def busy(seconds):
    import time

    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def square(x):
    return x * x


def last_pushed():
    return pushed[-1]  # noqa: F821 (a name of the engine's)


def doubles(mib):
    return numpy.arange(mib * MIB // 8, dtype="float64")


def shared(engines):
    """The one cluster that all workloads but `start` use."""
    return running[0] if running else Running(engines)


def start(_count, engines):
    with Stopwatch() as stopwatch:
        cluster = Running(engines)
        cluster.client[0].apply_sync(no_op)
    cluster.stop()
    return [stopwatch.seconds]


def tasks(count, engines):
    view = shared(engines).balanced
    with Stopwatch() as stopwatch:
        pending = [view.apply_async(no_op) for _ in range(count)]
        for result in pending:
            result.get()
    return [stopwatch.seconds]


def busy_tasks(count, engines, task_seconds):
    view = shared(engines).balanced
    with Stopwatch() as stopwatch:
        pending = [view.apply_async(busy, task_seconds) for _ in range(count)]
        for result in pending:
            result.get()
    return [stopwatch.seconds]


def latency(count, engines):
    view = shared(engines).client[0]
    return samples(count, lambda: view.apply_sync(no_op))


def map_(count, engines):
    view = shared(engines).balanced
    with Stopwatch() as stopwatch:
        squares = view.map_sync(square, range(count), chunksize=1000)
    assert squares[-1] == (count - 1) ** 2
    return [stopwatch.seconds]


def push(mib, engines):
    view = shared(engines).client[0]
    x = doubles(mib)
    seconds = samples(1, lambda: view.push({"pushed": x}, block=True))
    assert view.apply_sync(last_pushed) == x[-1]
    return seconds


def pull(mib, engines):
    view = shared(engines).client[0]
    view.execute(f"y = numpy.arange({mib} * {MIB} // 8, dtype='float64')", block=True)
    return samples(1, lambda: view.pull("y", block=True))


def scatter_gather(mib, engines):
    view = shared(engines).direct
    x = doubles(mib)
    with Stopwatch() as stopwatch:
        view.scatter("z", x, block=True)
        back = view.gather("z", block=True)
    assert len(back) == len(x) and back[-1] == x[-1]
    return [stopwatch.seconds]


def close():
    for cluster in list(running):
        cluster.stop()
    shutil.rmtree(home, ignore_errors=True)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
serve(
    ipyparallel.__version__,
    {
        "start": start,
        "tasks": tasks,
        "busy": busy_tasks,
        "latency": latency,
        "map": map_,
        "push": push,
        "pull": pull,
        "scatter-gather": scatter_gather,
    },
    close,
)
