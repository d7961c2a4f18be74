"""Send names to the engines, and fetch them."""
import numpy

from ipyparallel import Client

rc = Client()
dview = rc[:]
dview.block = True

dview.push({"a": 1.03234, "b": 3453})
print("a:", dview.pull("a"))
print("b of the first:", rc[0].pull("b", block=True))
print("both:", dview.pull(("a", "b")))

dview.push({"c": "speed"})
print("c:", dview.pull("c"))

# Large arrays go out of band, and come back as they were.
array = numpy.random.default_rng(1).normal(size=(500, 1000))
rc[0].push({"array": array}, block=True)
back = rc[0].pull("array", block=True)
print("the array is the same:", bool((back == array).all()), back.shape, back.dtype)
