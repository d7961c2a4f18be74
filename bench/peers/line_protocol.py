"""The peer's side of the harness: questions come in on stdin, answers go out on file descriptor 3, one JSON line each.

Standard output and standard error stay free for what the measured library wants to say.
"""
import json
import os
import sys
import time


def serve(version, workloads, close):
    """Answer `{"workload": name, "count": n, "engines": n}` until stdin ends, then close.

    A workload takes (count, engines), and the seconds of each task where the question names them, and returns the seconds of each of its samples.
    """
    answers = os.fdopen(3, "w", buffering=1)
    answers.write(json.dumps({"version": version}) + "\n")
    try:
        for line in sys.stdin:
            question = json.loads(line)
            try:
                task_seconds = [question["taskSeconds"]] if "taskSeconds" in question else []
                seconds = workloads[question["workload"]](question["count"], question["engines"], *task_seconds)
                answer = {"seconds": seconds}
            except Exception as error:  # The harness reports it in the peer's place in the table.
                answer = {"failed": f"{type(error).__name__}: {error}"}
            answers.write(json.dumps(answer) + "\n")
    finally:
        close()


def missing(error):
    """Tell the harness that this peer is not installed here."""
    with os.fdopen(3, "w") as answers:
        answers.write(json.dumps({"missing": str(error)}) + "\n")
    sys.exit(0)


class Stopwatch:
    """Seconds spent inside `with stopwatch:`."""

    def __enter__(self):
        self.started = time.perf_counter()
        return self

    def __exit__(self, *_):
        self.seconds = time.perf_counter() - self.started


def samples(count, once):
    """The seconds of each of `count` calls, one after the other."""
    found = []
    for _ in range(count):
        with Stopwatch() as stopwatch:
            once()
        found.append(stopwatch.seconds)
    return found
