"""dask.distributed as a peer of the benchmarks: a LocalCluster of processes with one thread each."""
import logging
import shutil
import signal
import sys
import tempfile
import time

from line_protocol import Stopwatch, missing, samples, serve

try:
    import distributed
    import numpy
except ImportError as absent:
    missing(absent)

MIB = 1 << 20
running = []
logging.getLogger("distributed").setLevel(logging.ERROR)


class Running:
    """A cluster of `engines` worker processes, and a client of it."""

    def __init__(self, engines):
        self.scratch = tempfile.mkdtemp(prefix="bench-dask-")
        self.cluster = distributed.LocalCluster(
            n_workers=engines,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            local_directory=self.scratch,
        )
        running.append(self)
        self.client = distributed.Client(self.cluster)
        self.client.wait_for_workers(engines)
        self.workers = list(self.client.scheduler_info()["workers"])

    def stop(self):
        running.remove(self)
        self.client.close()
        self.cluster.close()
        shutil.rmtree(self.scratch, ignore_errors=True)


def no_op(*_):
    return 0


def busy(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def doubles(mib):
    return numpy.arange(mib * MIB // 8, dtype="float64")


def shared(engines):
    """The one cluster that all workloads but `start` use."""
    return running[0] if running else Running(engines)


def start(_count, engines):
    with Stopwatch() as stopwatch:
        cluster = Running(engines)
        cluster.client.submit(no_op, pure=False).result()
    cluster.stop()
    return [stopwatch.seconds]


def tasks(count, engines):
    client = shared(engines).client
    with Stopwatch() as stopwatch:
        client.gather([client.submit(no_op, pure=False) for _ in range(count)])
    return [stopwatch.seconds]


def busy_tasks(count, engines, task_seconds):
    client = shared(engines).client
    with Stopwatch() as stopwatch:
        client.gather([client.submit(busy, task_seconds, pure=False) for _ in range(count)])
    return [stopwatch.seconds]


def latency(count, engines):
    cluster = shared(engines)
    target = cluster.workers[:1]
    return samples(count, lambda: cluster.client.submit(no_op, pure=False, workers=target).result())


def push(mib, engines):
    cluster = shared(engines)
    x = doubles(mib)
    # Without hash=False the data's own hash would be measured, and nothing sent the second time.
    return samples(1, lambda: cluster.client.scatter(x, workers=cluster.workers[:1], hash=False))


def pull(mib, engines):
    cluster = shared(engines)
    future = cluster.client.submit(doubles, mib, pure=False, workers=cluster.workers[:1])
    distributed.wait(future)
    return samples(1, lambda: future.result())


def scatter_gather(mib, engines):
    client = shared(engines).client
    pieces = numpy.array_split(doubles(mib), engines)
    with Stopwatch() as stopwatch:
        back = numpy.concatenate(client.gather(client.scatter(pieces, hash=False)))
    assert back[-1] == pieces[-1][-1]
    return [stopwatch.seconds]


def close():
    for cluster in list(running):
        cluster.stop()


if __name__ == "__main__":  # Its worker processes import this file again.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    serve(
        distributed.__version__,
        {
            "start": start,
            "tasks": tasks,
            "busy": busy_tasks,
            "latency": latency,
            "push": push,
            "pull": pull,
            "scatter-gather": scatter_gather,
        },
        close,
    )
