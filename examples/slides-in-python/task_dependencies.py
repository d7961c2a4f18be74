"""Tasks that need a module, a place, or one another."""
import random

import ipyparallel as ipp
from ipyparallel import Client

rc = Client()
lview = rc.load_balanced_view()


# A module: the task runs where it can be imported.
@ipp.require("zlib")
def compressed(text):
    return len(zlib.compress(text))  # noqa: F821


print("compressed:", lview.apply_sync(compressed, b"a" * 1000))

# A place: the task runs where the function says so.
rc[:].scatter("number", rc.ids, flatten=True, block=True)


def is_here(wanted):
    return number == wanted  # noqa: F821


@ipp.depend(is_here, rc.ids[-1])
def where():
    return number  # noqa: F821


print("ran on the last engine:", lview.apply_sync(where) == rc.ids[-1])

# One another: a random graph of tasks without cycles, each to start after those that lead to it.
draw = random.Random(7)
nodes, edges = 32, {}
for node in range(nodes):
    edges[node] = sorted(draw.sample(range(node), min(node, draw.randint(0, 3))))

results = {}
for node in range(nodes):
    with lview.temp_flags(after=[results[before] for before in edges[node]], block=False):
        results[node] = lview.apply(lambda: None)
lview.wait(list(results.values()))

right = all(
    results[before].completed <= results[node].started for node in edges for before in edges[node]
)
print("tasks:", nodes, "edges:", sum(map(len, edges.values())))
print("every task began after those before it:", right)

# One that can never run is said to be impossible at once.
failed = lview.apply(lambda: 1 / 0)
failed.wait()
try:
    with lview.temp_flags(after=[failed]):
        lview.apply_sync(lambda: None)
except ipp.RemoteError as error:
    print("after a failure:", error.ename)

# The same place as another task.
first = lview.apply(lambda: number)  # noqa: F821
with lview.temp_flags(follow=[first]):
    second = lview.apply(lambda: number)  # noqa: F821
print("in the same place:", first.get() == second.get())
