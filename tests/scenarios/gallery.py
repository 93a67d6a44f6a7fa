#!/usr/bin/env python3
"""usage: gallery.py [--check] --cupola PROGRAM: scenarios/README.md, the gallery of scenarios sorted by what fails.

Titles come from `cupola sim list --json`; what fails, from the file's name (scenarios/v1: from the row of the weakness
catalogue). --check says whether the page is as it would be written.
"""
import argparse
import json
import os
import re
import subprocess
import sys

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

# What fails: heading, names of files, letter of the rows. The first that fits wins.
SECTIONS = [
    ("The network: partitions, loss, connections that go dead", r"partition|network|link|connection|half-open|bus-gap", ""),
    ("The message bus", r"bus|subject|consumer", "B"),
    ("Hosts: power, machines that never come back", r"host(?!s-of)|power", ""),
    ("Routers", r"router|route", "R"),
    ("Controllers and their journal", r"controller|control-plane|journal", "C"),
    ("The health manager", r"health-manager|hm-|complain", "H"),
    ("The agents (DEAs)", r"dea|agent|evacuation", "D"),
    ("Apps: processes that crash, leak or never start", r"crash|instance|leak|app", ""),
    ("Operators and load: commands while things go on", r"scale|load|update|push|order|singleton", ""),
    ("Everything else", r"", ""),
]


def section_of(about):
    name = os.path.basename(about["file"])
    if about.get("row"):
        for index, (_, _, letter) in enumerate(SECTIONS):
            if letter and about["row"].startswith(letter):
                return index
    return next(i for i, (_, names, _) in enumerate(SECTIONS) if re.search(names, name))


def natural(text):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", text)]


def write(program):
    lines = subprocess.run([program, "sim", "list", "--json", "scenarios"], check=True, capture_output=True, text=True)
    all_about = [json.loads(line) for line in lines.stdout.splitlines()]
    page = ["# The gallery of scenarios", "",
            "Every file is one way to fail, and what must follow; sorted by what fails. Play one with",
            "`cupola sim run FILE`, a thousand times with `--seeds 1..1000`, look at it with `--html page.html`. "
            "[The tutorial](../docs/tutorial.md)",
            "writes one from an empty file. Scenarios with a row (B7) belong to the weakness catalogue:",
            "what the platform of 2011 did wrong; `--trip` makes those fail, to show that they notice.", "",
            "This page is written by `tests/scenarios/gallery.py`.", ""]
    for index, (heading, _, _) in enumerate(SECTIONS):
        own = [about for about in all_about if section_of(about) == index]
        if not own:
            continue
        page += [f"## {heading}", "", "| scenario | what breaks, and what must follow |", "|---|---|"]
        for about in sorted(own, key=lambda a: (a["file"].count("/"), natural(a["file"]))):
            path = os.path.relpath(about["file"], "scenarios")
            name = os.path.basename(path).removesuffix(".lua")
            row = f"**{about['row']}** " if about.get("row") else ""
            title = about.get("title", about.get("error", "")).replace("|", "\\|")
            page.append(f"| [{name}]({path}) | {row}{title} |")
        page.append("")
    return "\n".join(page)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--cupola", required=True)
    arguments = parser.parse_args()
    page, path = write(arguments.cupola), "scenarios/README.md"
    if not arguments.check:
        open(path, "w").write(page)
    elif not os.path.exists(path) or open(path).read() != page:
        sys.exit(f"{path} is not what the scenarios say; run tests/scenarios/gallery.py --cupola {arguments.cupola}")


main()
