"""map, on all engines."""
import numpy

from ipyparallel import Client

rc = Client()
dview = rc[:]

serial = list(map(lambda x: x**10, range(32)))
parallel = dview.map_sync(lambda x: x**10, range(32))
print("the same as in series:", serial == parallel)


@dview.parallel(block=True)
def pointwise(a, b):
    return a * b


a = numpy.arange(64.0).reshape(8, 8)
print("pointwise product:", bool((pointwise(a, a) == a * a).all()))


@dview.remote(block=True)
def here():
    import os

    return os.path.exists("/")


print("remote:", here())
