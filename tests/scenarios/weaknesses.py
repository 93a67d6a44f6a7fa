#!/usr/bin/env python3
"""Writes docs/weaknesses.md: each weakness of v1 (scenarios/v1), its scenario, what trips it, and what was measured.

usage: weaknesses.py [--seeds N] [--jobs J]     plays every scenario on seeds 1..N (default 100) and writes the page
       weaknesses.py r3-one r16-un              only those whose names begin so: the other lines stay
       weaknesses.py --check                    only: does the page list exactly the scenarios that there are?
"""
import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs/weaknesses.md"
HEAD = """# Weaknesses of v1, and what became of them

Each row was a failure of the 2011 kernel, or of one that came after it. Each is a scenario that holds, and a bug or a
setting that makes it fail. This page is written by `tests/scenarios/weaknesses.py`; the figures are simulated time over
as many seeds as the line says, from 1 on. A line without times has nothing that recovers: its check holds all the while.
"At once": it was so when the scenario looked.

"""
TABLE = "| row | what v1 did | scenario | always checked | tripped by | measured |\n|---|---|---|---|---|---|\n"


def listed(cupola):
    out = subprocess.run([cupola, "sim", "list", "--json", "scenarios/v1"], cwd=ROOT, capture_output=True, text=True)
    found = [json.loads(line) for line in out.stdout.splitlines() if line]
    for scenario in found:
        if "error" in scenario or "row" not in scenario:
            sys.exit(f"{scenario['file']}: {scenario.get('error', 'it names no row')}")
    order = {letter: place for place, letter in enumerate("BRDHCST")}
    return sorted(found, key=lambda s: (order.get(s["row"][0], 9), int(re.sub(r"\D", "", s["row"]) or 0), s["file"]))


def shown(unit, value):
    if unit != "ns":
        return str(value)
    if value == 0:
        return "at once"
    for name, size, digits in (("s", 10**9, 2), ("ms", 10**6, 1), ("us", 10**3, 0)):
        if value >= size:
            return f"{value / size:.{digits}f} {name}"
    return f"{value} ns"


def checks(file):
    text = (ROOT / file).read_text()
    always = re.search(r"always\s*=\s*{(.*?)}", text, re.S)
    return sorted(set(re.findall(r"cupola\.(\w+)", always.group(1)))) if always else []


def play(cupola, scenario, options):
    out = subprocess.run([cupola, "sim", "run", scenario["file"], "--seeds", f"1..{options.seeds}", "--jobs",
                          str(options.jobs), "--json"], cwd=ROOT, capture_output=True, text=True)
    result = json.loads(out.stdout)
    verdict = f"{result['runs']} runs" + (f", **{result['failed']} failed**" if int(result.get("failed", 0)) else "")
    # What every load measures is no recovery.
    times = [f"{m['name']}: p50 {shown(m['unit'], int(m['p50']))}, p99 {shown(m['unit'], int(m['p99']))}"
             for m in result.get("measurements", []) if m["unit"] == "ns" and not re.search("^request|: latency p", m["name"])]
    return verdict, times


def row(scenario, verdict, times):
    trip = f"`{scenario['mutation']}`" if "mutation" in scenario else "a setting (in the file)"
    name = Path(scenario["file"]).stem
    return (f"| {scenario['row']} | {scenario.get('weakness', '')} | [{name}](../{scenario['file']}) | "
            f"{', '.join(checks(scenario['file'])) or 'its own'} | {trip} | {'; '.join([verdict] + times)} |\n")


def check(scenarios):
    page = PAGE.read_text() if PAGE.exists() else ""
    missing = [s["file"] for s in scenarios if f"../{s['file']})" not in page]
    gone = [f for f in re.findall(r"\(\.\./(scenarios/v1/[^)]*)\)", page) if not (ROOT / f).exists()]
    for file in missing:
        print(f"docs/weaknesses.md does not list {file}: run tests/scenarios/weaknesses.py")
    for file in gone:
        print(f"docs/weaknesses.md lists {file}, which is not there: run tests/scenarios/weaknesses.py")
    sys.exit(bool(missing or gone))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--cupola", default=str(ROOT / "build/cupola"))
    options = parser.parse_args()
    scenarios = listed(options.cupola)
    if options.check:
        check(scenarios)
    former = PAGE.read_text().splitlines(True) if PAGE.exists() else []
    lines = {s["file"]: next((line for line in former if f"(../{s['file']})" in line), "") for s in scenarios}
    for number, scenario in enumerate(scenarios, 1):
        if options.names and lines[scenario["file"]] and not Path(scenario["file"]).name.startswith(tuple(options.names)):
            continue
        print(f"{number}/{len(scenarios)} {scenario['file']}", file=sys.stderr, flush=True)
        lines[scenario["file"]] = row(scenario, *play(options.cupola, scenario, options))
        PAGE.write_text(HEAD + TABLE + "".join(lines.values()))  # Whoever is interrupted keeps what was played.


if __name__ == "__main__":
    main()
