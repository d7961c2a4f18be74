"""Call a function on all engines, or on some."""
from ipyparallel import Client

rc = Client()
print("engines:", rc.ids)

dview = rc[:]


def process():
    import os

    return os.getpid()


pids = dview.apply_sync(process)
print("processes:", len(set(pids)))

# Without waiting: the result is there when it is asked for.
ar = dview.apply_async(lambda a, b: a + b, 10, b=20)
print("sums:", ar.get())

# A view of one engine gives one value; every other engine is a slice away.
print("the first is the first:", rc[0].apply_sync(process) == pids[0])
print("every other one:", len(rc[::2].apply_sync(process)))
