#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a recipe's training takes, output by output and task by task, at the speed that was measured.

  bench/plan.py RECIPE RUN STEPS [OMNIO]

RUN is a folder in which some steps of it have run; only its log.csv is read. GFLOP a step is what
`omnio check -v RECIPE` tells of each output's graph (forward, backward), GFLOP a lesson that divided by the
lessons of a step; hours are those of STEPS steps, by the median seconds of a step that asks the
output. A task's hours are its part of the steps that have lessons of it, each step's time divided
equally among the tasks that have. Prints two tables in Markdown.
"""
import csv
import json
import re
import statistics
import subprocess
import sys


def flops_of(omnio, recipe):
    """GFLOP of a step by output."""
    told = subprocess.run([omnio, "check", "--format", "json", recipe], check=True,
                          capture_output=True, text=True).stdout
    out = {}
    for row in json.loads(told)["needs"]:
        much = re.search(r"([0-9.]+) GFLOP a step", row.get("part", ""))
        if row["what"].startswith("teaching ") and much:
            out[row["what"][len("teaching "):]] = float(much.group(1))
    return out


def steps_of(run):
    """(seconds, lessons, tasks, what is wanted) of each step; the first of a start is left out."""
    with open(run + "/log.csv", newline="") as f:
        rows = list(csv.DictReader(f))
    for last, row in zip(rows, rows[1:]):
        if int(row["step"]) != int(last["step"]) + 1:
            continue
        yield (float(row["seconds"]), int(row["lessons"]) - int(last["lessons"]),
               [k[5:] for k, v in row.items() if k.startswith("loss.") and v],
               [k[9:] for k, v in row.items() if k.startswith("modality.") and v])


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    recipe, run, total = sys.argv[1], sys.argv[2], int(sys.argv[3])
    flops = flops_of(sys.argv[4] if len(sys.argv) > 4 else "./omnio", recipe)
    by_output, by_task, n = {}, {}, 0
    for seconds, lessons, tasks, wanted in steps_of(run):
        # codes of pictures and of sounds are outputs of their own, all else is words
        output = next((w for w in wanted if w in flops and w != "text"), "text")
        by_output.setdefault(output, []).append((seconds, lessons))
        for t in tasks:
            by_task.setdefault((t, output), []).append(seconds / len(tasks))
        n += 1
    if not n:
        sys.exit(f"{run}/log.csv has no two steps behind each other")
    print("| output | steps | lessons a step | GFLOP a step | GFLOP a lesson | s a step | GFLOP/s | "
          f"hours of {total} steps |\n|---|---|---|---|---|---|---|---|")
    scale = {}
    for output, rows in sorted(by_output.items()):
        much, each = flops.get(output), statistics.median(s for s, _ in rows)
        lessons = statistics.mean(k for _, k in rows)
        hours = each * total * len(rows) / n / 3600
        scale[output] = hours / sum(s for s, _ in rows)
        print(f"| {output} | {100 * len(rows) / n:.0f} % | {lessons:.1f} | {much:.0f} | "
              f"{much / lessons:.1f} | {each:.2f} | {much / each:.0f} | {hours:.1f} |")
    print("\n| task | output | in so many of its steps | hours |\n|---|---|---|---|")
    for (task, output), rows in sorted(by_task.items(), key=lambda x: (x[0][1], x[0][0])):
        print(f"| `{task}` | {output} | {100 * len(rows) / len(by_output[output]):.0f} % | "
              f"{sum(rows) * scale[output]:.2f} |")


main()
