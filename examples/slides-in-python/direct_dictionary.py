"""The engines' namespaces, as a dictionary."""
from ipyparallel import Client, RemoteError

rc = Client()
dview = rc[:]

dview["a"] = ["foo", "bar"]
print("a:", dview["a"])

dview.update({"x": 1, "y": 2})
print("x, y on the first:", rc[0]["x"], rc[0]["y"])
print("x + y:", dview.apply_sync(lambda: x + y))  # noqa: F821

try:
    rc[0]["nosuchname"]
except RemoteError as error:
    print("a name that is not there:", error.ename)
