"""Deal a sequence out, work on the pieces, put them together."""
import numpy

from ipyparallel import Client

rc = Client()
dview = rc[:]

dview.scatter("a", list(range(16)), block=True)
print("pieces:", dview["a"])
print("gathered:", dview.gather("a").get())

dview.scatter("x", range(64), block=True)
dview.execute("y = [i**10 for i in x]", block=True)
y = dview.gather("y").get()
print("the same as in series:", y == [i**10 for i in range(64)])

# The mean of many numbers, of which no engine sees more than its own.
numbers = numpy.arange(1_000_000.0)
dview.scatter("part", numbers, block=True)
sums = dview.apply_sync(lambda: (part.sum(), len(part)))  # noqa: F821
print("mean:", sum(total for total, _ in sums) / sum(count for _, count in sums))
