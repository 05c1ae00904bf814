"""Waiting for a condition, with a bound.  Nothing in the suites sleeps for luck."""
import time


def until(condition, what, seconds=10.0, every=0.02):
    """The first true answer of condition(); AssertionError naming `what` after the
    bound."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(every)
