# SPDX-License-Identifier: Apache-2.0
"""How the scripts of this folder take the time of a peer, as its programs take omnio's."""
import statistics
import time


def median_time(work, group=0.01):
    """Microseconds of one call, processor time of the thread: the median of five groups of about
    `group` seconds."""
    work()
    start = time.thread_time()
    work()
    calls = max(1, int(group / (time.thread_time() - start + 1e-6)))
    groups = []
    for _ in range(5):
        start = time.thread_time()
        for _ in range(calls):
            work()
        groups.append((time.thread_time() - start) / calls * 1e6)
    return statistics.median(groups)
