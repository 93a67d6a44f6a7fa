#!/usr/bin/env python3
"""Hundreds of planted bugs, made by rewriting the cores: does anything notice?

Each `if (condition)` of a component can be turned round, each call statement left out. All of these mutants are compiled
into one program, switched by the environment variable CUPOLA_MUTANT. A sample drawn by a fixed seed is played, cheapest
scenario first, until a scenario fails; what survives is given to the unit tests of the components, with the address and
leak sanitizers.

usage: automatic.py [--sample N] [--draw SEED] [--jobs J] [--budget SECONDS] [--only FOLDER]
                    [--tree COMMIT] [--page FILE]

The page names what caught each, how fast, and every survivor with its line and the reason (survivors.txt). A run that is
ended goes on where it was as long as the tree is the same; in another tree what caught a mutant before is asked first.
Not part of `./dev test`: an hour's work.
"""
import argparse
import json
import os
import pickle
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from judging import LONGEST, hunt, kind_of, look_around, play, try_unit
from making import ROOT, SOURCE, WORK, build, draw, names_of


def read(file):
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def former_verdicts():
    """What was found of a mutant in any tree, the last one counting."""
    return {line["name"]: line for file in sorted(WORK.glob("verdicts-*.jsonl"), key=lambda file: file.stat().st_mtime)
            for line in read(file)}


def survey(tests, commit, jobs):
    """(scenarios, unit tests) with what each takes and reaches; looked at once a tree."""
    kept = WORK / f"survey-{commit}.pickle"
    if kept.exists():
        return pickle.loads(kept.read_bytes())
    listed = subprocess.run([WORK / "build/cupola", "sim", "list", "--json"], cwd=SOURCE, capture_output=True,
                            text=True, check=True).stdout
    plays = look_around([json.loads(line)["file"] for line in listed.splitlines() if line], play,
                        LONGEST["scenario"], jobs)
    units = look_around(tests, try_unit, LONGEST["unit"], jobs)
    kept.write_bytes(pickle.dumps((plays, units)))
    return plays, units


def judge_all(mutants, names, sample, plays, units, options, results):
    """Every verdict is written at once, so that a run that is ended goes on where it was."""
    done = {line["name"]: line for line in read(results)}
    known = former_verdicts()
    left = [mutant for mutant in sample if names[mutant - 1] not in done]

    def judge(mutant):
        place, line = mutants[mutant - 1]
        name = names[mutant - 1]
        return {"name": name, "place": place, "line": line} | hunt(mutant, plays, units, known.get(name),
                                                                    options.budget)

    caught = sum(done[names[mutant - 1]]["by"] is not None for mutant in sample if names[mutant - 1] in done)
    with ThreadPoolExecutor(options.jobs) as pool, results.open("a") as file:
        for number, result in enumerate(pool.map(judge, left), len(sample) - len(left) + 1):
            file.write(json.dumps(result) + "\n")
            file.flush()
            caught += result["by"] is not None
            print(f"\r{number}/{len(sample)}, {caught} caught ", end="", file=sys.stderr)
    print(file=sys.stderr)


def known_reasons():
    lines = (Path(__file__).parent / "survivors.txt").read_text().splitlines()
    parts = [[part.strip().replace("\\|", "|") for part in re.split(r"(?<!\\)\|", line)]
             for line in lines if line and not line.startswith("#")]
    return {(Path(file).name, line): reason for file, line, reason in parts}


def seen_of(result):
    """What the machine knows of a survivor."""
    if not result["scenarios"] and not result["units"]:
        return "nothing comes there"
    if not result["scenarios"]:
        return f"{result['units']} unit tests come there"
    if not result["changed"]:
        return f"same trace hash in all {result['asked']} scenarios (of {result['scenarios']} that come there)"
    return f"another trace in {result['changed']} of {result['asked']} scenarios (of {result['scenarios']})"


def quantile(times, share):
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def time_table(caught):
    by_kind = {"all": [result["seconds"] for result in caught]}
    for result in caught:
        by_kind.setdefault(kind_of(result), []).append(result["seconds"])
    return ["| what noticed | mutants | median | p90 | most |", "|---|---|---|---|---|"] + [
        f"| {kind} | {len(times)} | {quantile(times, 0.5):.1f} s | {quantile(times, 0.9):.1f} s | {max(times):.1f} s |"
        for kind, times in sorted(by_kind.items(), key=lambda item: -len(item[1])) if times]


def report(count, results, commit, page):
    """The page of what has been judged so far."""
    results = sorted(read(results), key=lambda result: (result["place"].split(":")[0],
                                                        int(result["place"].split(":")[1])))
    caught = [result for result in results if result["by"]]
    by_scenario = [result for result in caught if result["seed"]]
    known = known_reasons()
    share = 100 * len(caught) // max(1, len(results))
    lines = ["# Automatic mutants: which bugs are noticed", "",
             "Generated by `tests/mutations/automatic.py --page docs/mutants.md`. Each `if` of the cores turned round and each",
             f"call left out is a mutant: {count}. A sample drawn by a fixed seed is played, cheapest scenario first, up to three",
             "seeds, until a scenario fails; what no scenario notices is given to the unit tests, with the address and leak",
             "sanitizers. The bugs that were planted by hand are judged by `tests/mutations/run.py`;",
             "`tests/mutations/invariants.py` shows that each invariant is tripped, and by its own name.", "",
             f"Judged: {len(results)} (tree {commit}). Caught: {len(caught)}, {share} %: {len(by_scenario)} by a scenario, "
             f"{len(caught) - len(by_scenario)} by a unit test.", "",
             "## Time to detection", "", "Seconds of CPU time until it was noticed, those of what noticed nothing before among",
             "them; of what had been caught in another tree already, the time that it took there.", "", *time_table(caught),
             "", "## Survivors", "", f"Places are those of the tree {commit}; files may have moved since.", "",
              "| component | place | line | what is seen | reason |", "|---|---|---|---|---|"]
    for result in results:
        if not result["by"]:
            line = result["line"].replace("|", "\\|")
            reason = known.get((Path(result["place"].split(":")[0]).name, result["line"])) or "not looked into yet"
            place = Path(result["place"])
            lines.append(f"| {place.parts[1]} | `{place.name}` | `{line}` | {seen_of(result)} | {reason} |")
    Path(page).write_text("\n".join(lines) + "\n")
    print(f"{len(results)} judged, {len(caught)} caught")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--draw", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="", help="a part of a folder's name, such as router")
    parser.add_argument("--budget", type=float, default=60, help="seconds that the scenarios have for a mutant")
    parser.add_argument("--tree", default="HEAD", help="the commit to judge (default HEAD)")
    parser.add_argument("--page", help="where to write the table and the survivors")
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    commit = subprocess.run(["git", "rev-parse", "--short", options.tree], cwd=ROOT, capture_output=True, text=True,
                            check=True).stdout.strip()
    results = WORK / f"verdicts-{commit}.jsonl"
    mutants, tests = build(options.only, commit, options.jobs)
    plays, units = survey(tests, commit, options.jobs)
    print(f"{len(plays)} scenarios, {sum(one[0] for one in plays):.0f} s; {len(units)} unit tests, "
          f"{sum(one[0] for one in units):.0f} s", file=sys.stderr)
    names = names_of(mutants)
    judge_all(mutants, names, draw(names, options.sample, options.draw), plays, units, options, results)
    if options.page:
        report(len(mutants), results, commit, options.page)


if __name__ == "__main__":
    main()
