#!/usr/bin/env python3
"""How large a cloud the simulator carries: clouds of growing size lose a zone, with the hash of every step and all checks
on. For each: steps a second of CPU time, simulated to CPU time, peak memory, and memory of each simulated instance (all
memory, over all instances that ever ran at once).
usage: scale.py CUPOLA [DEAS:INSTANCES ...]: default 100:1000 1000:10000; the full size is 10000:100000."""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SCENARIO = Path(__file__).parent / "thousand-deas-lose-a-zone.lua"
CALLER = """import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, file=sys.stderr)
sys.exit(status)"""


def play(cupola, deas, instances):
    text, changes = re.subn(r"local deas, instances = \d+, \d+", f"local deas, instances = {deas}, {instances}",
                            SCENARIO.read_text())
    assert changes == 1
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(text)
        file.flush()
        ran = subprocess.run([sys.executable, "-c", CALLER, cupola, "sim", "run", file.name, "--json"],
                             capture_output=True, text=True)
    result = json.loads(ran.stdout.splitlines()[0])
    cpu_s, memory = (float(word) for word in ran.stderr.split()[-2:])
    return result, cpu_s, memory


def main():
    cupola, sizes = sys.argv[1], sys.argv[2:] or ["100:1000", "1000:10000"]
    failed = False
    print(f"{'DEAs':>6} {'instances':>9} {'M steps':>8} {'CPU s':>7} {'k steps/s':>9} {'x real time':>11} {'MB':>6} "
          f"{'KB an instance':>14}  start and recovery in simulated seconds", flush=True)
    for size in sizes:
        deas, instances = (int(number) for number in size.split(":"))
        result, cpu_s, memory = play(cupola, deas, instances)
        times = ", ".join(f"{one['value'] / 1e9:.1f}" for one in result["measurements"] if one["unit"] == "ns")
        print(f"{deas:>6} {instances:>9} {result['steps'] / 1e6:>8.2f} {cpu_s:>7.1f} "
              f"{result['steps'] / cpu_s / 1000:>9.0f} {result['virtual_ns'] / 1e9 / cpu_s:>11.1f} {memory / 1e6:>6.0f} "
              f"{memory / instances / 1000:>14.1f}  {times}", flush=True)
        if not result["passed"]:
            failed = True
            print(f"       {result['failure']}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
