"""A hundred runs of a simulator, each by whichever engine is free."""
import os
import subprocess
import sys

from ipyparallel import Client

rc = Client()
lview = rc.load_balanced_view()
program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "simulator.py")
rc[:].push({"program": program}, block=True)


def simulate(parameter):
    import subprocess
    import sys

    done = subprocess.run([sys.executable, program, str(parameter)], capture_output=True, check=True)  # noqa: F821
    return int(done.stdout)


ar = lview.map(simulate, range(100), chunksize=1)
distances = ar.get()

print("runs:", len(distances))
print("mean distance:", sum(distances) / len(distances))
print("engines that took part:", len(set(ar.engine_id)))
here = [int(subprocess.check_output([sys.executable, program, str(seed)])) for seed in (0, 50, 99)]
print("the same as here:", here == [distances[0], distances[50], distances[99]])
