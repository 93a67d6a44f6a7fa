#!/usr/bin/env python3
"""How often is a living host taken for dead? Calculated from the model of loss, and held against counts at more loss.

usage: false_alarms.py CUPOLA [--runs N] [--jobs J]

Under 2 % loss and a stall of 5 s of every host each minute alarms are rare: `targets.py 2` counts as many looks as 31,000
host-days have (stalls-and-noise.lua). The calculation is checked where alarms are frequent, at more loss.

What it takes to be taken for dead, of a stalled host: none of the health manager's own three connects is accepted within
400 ms, and none of three others gets through, looks and tells within that time. Of one that runs, in addition: a ping and
its answer take more than 1.2 s. A segment that is lost k times comes 200 ms x (2^k - 1) later (drivers/sim/network/network.c).
"""
import argparse
import json
import math
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HOSTS, SECONDS, STALLS_A_DAY = 60, 600, 1440
PING_MS, SUSPECT_MS, PROBE_MS, MOST_LOSSES, RETRANSMISSION_MS = 500, 800, 400, 5, 200
STEP_MS, STEPS = 20, 100
TARGET = 1e-4


# ---- Calculated: ways as distributions over multiples of STEP_MS; the last stands for all that is longer ----

def segment(loss):
    """The delay of one segment."""
    way = [0.0] * STEPS
    for lost in range(MOST_LOSSES + 1):
        chance = loss ** lost * (1 - loss if lost < MOST_LOSSES else 1)
        way[min(STEPS - 1, RETRANSMISSION_MS * (2 ** lost - 1) // STEP_MS)] += chance
    return way


def message(loss):
    """One message in eight is cut into two segments, and both must come."""
    return segment(min(1.0, loss * 9 / 8))


def busy(way, loss, messages_a_second):
    """The same on a connection on which others may be late, whom it cannot overtake."""
    late, cut = [], 0.0
    for chance in reversed(segment(loss)):
        late.append((late[-1] if late else 0.0) + cut * STEP_MS / 1000)  # Mean of what is left of a delay, in seconds.
        cut += chance
    late.reverse()
    after, longer = [], 1.0
    for chance, rest in zip(way, late):
        longer -= chance
        after.append(1 - (1 - max(0.0, longer)) * math.exp(-messages_a_second * rest))
    after[-1] = 0.0
    return [before - now for before, now in zip([1.0] + after, after)]


def together(*ways):
    total = [1.0] + [0.0] * (STEPS - 1)
    for way in ways:
        joined = [0.0] * STEPS
        for i, p in enumerate(total):
            for j, q in enumerate(way):
                joined[min(STEPS - 1, i + j)] += p * q
        total = joined
    return total


def at_least(way, ms):
    return sum(way[math.ceil(max(0, ms) / STEP_MS):])


def own_looks_fail(loss):
    """SYN and its answer, three times: after 0, 133 and 267 ms, all by 400 ms."""
    connect = together(segment(loss), segment(loss))
    return math.prod(at_least(connect, left) for left in (PROBE_MS, PROBE_MS * 2 / 3, PROBE_MS / 3))


def helpers_fail(loss, hosts):
    """To the bus and back from it is one way for all three; to the helper, SYN, answer and back are each one's own."""
    shared = together(busy(message(loss), loss, 3), busy(message(loss), loss, hosts / 10 + 3))
    own = together(message(loss), segment(loss), segment(loss), message(loss))
    return sum(p * at_least(own, PROBE_MS - i * STEP_MS) ** 3 for i, p in enumerate(shared))


def alarms_a_day(loss, stalls, hosts=HOSTS, helpers=True):
    look = own_looks_fail(loss) * (helpers_fail(loss, hosts) if helpers else 1)
    silence = at_least(together(message(loss), message(loss)), SUSPECT_MS + PROBE_MS)
    return look * (stalls + 86400 * 1000 / PING_MS * silence)


# ---- Counted ----

def count(options, loss, stalls):
    """(host-days, suspected, taken for dead)."""
    text = (ROOT / "tests/bench/false-alarms.lua").read_text()
    text = re.sub(r"local loss = \d+", f"local loss = {round(loss * 1e6)}", text)
    text = re.sub(r"local stalls = \d+", f"local stalls = {stalls}", text)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(text)
        file.flush()
        run = subprocess.run([options.cupola, "sim", "run", file.name, "--seeds", f"1..{options.runs}", "--json",
                              "--jobs", str(options.jobs)], capture_output=True, text=True, check=False)
    result = json.loads(run.stdout) if run.returncode == 0 else sys.exit(f"false-alarms.lua: {run.stdout} {run.stderr}")
    sums = {one["name"]: int(one["total"]) for one in result["measurements"]}
    return options.runs * HOSTS * SECONDS / 86400, sums["suspected"], sums["taken for dead"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cupola")
    parser.add_argument("--runs", type=int, default=20, help="of ten simulated minutes at each loss")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    is_checked = True
    print("loss   stalls/day  host-days  suspected  taken for dead  a host and day: counted  calculated, at most")
    for loss in (0.15, 0.20, 0.25, 0.30):
        for stalls in (0, 1):
            days, suspected, lost = count(options, loss, stalls)
            most = alarms_a_day(loss, stalls * STALLS_A_DAY)
            # A count this far above the calculated one is no chance (normal approximation, 3 sigma).
            is_checked = is_checked and lost <= most * days + 3 * math.sqrt(most * days) + 1
            print(f"{loss:4.0%} {stalls * STALLS_A_DAY:11d} {days:10.1f} {suspected:10d} {lost:15d} {lost / days:24.3f} {most:20.3f}",
                  flush=True)
    most, thousand, alone = (alarms_a_day(0.02, STALLS_A_DAY, hosts, helpers) for hosts, helpers in
                             ((HOSTS, True), (1000, True), (HOSTS, False)))
    print(f"calculated at 2 % loss and {STALLS_A_DAY} stalls: {most:.1e} at most, among 1,000 hosts {thousand:.1e}, if no other "
          f"DEA ever helped {alone:.1e}; promised {TARGET:.0e}")
    kept = is_checked and alone < TARGET
    print("kept" if kept else "BROKEN")
    sys.exit(not kept)


if __name__ == "__main__":
    main()
