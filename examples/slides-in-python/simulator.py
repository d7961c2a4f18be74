"""A simulator, as a program of its own: `simulator.py PARAMETER` prints a walker's distance after a thousand steps."""
import random
import sys

seed = int(sys.argv[1])
walk = random.Random(seed)
position = sum(walk.choice((-1, 1)) for _ in range(1000))
print(abs(position))
