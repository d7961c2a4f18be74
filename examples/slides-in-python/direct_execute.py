"""Run source text on the engines."""
from ipyparallel import Client, RemoteError

rc = Client()
dview = rc[:]

dview.execute("a = 5", block=True)
dview.execute("b = 10", block=True)
dview.execute("c = a * b", block=True)
print("c:", dview["c"])

ar = dview.execute("print('c is', c)")
ar.get()
ar.wait_for_output()
print("printed:", ar.stdout)

try:
    rc[0].execute("c / 0", block=True)
except RemoteError as error:
    print("an error:", error.ename, error.evalue)
