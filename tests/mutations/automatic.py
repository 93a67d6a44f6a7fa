#!/usr/bin/env python3
"""Hundreds of planted bugs, made by rewriting the cores: does any scenario notice?

Each `if (condition)` of a component can be turned round, each call statement left out. All of these mutants are compiled
into one program, switched by the environment variable CUPOLA_MUTANT; the scenarios are played once without any to see
which mutants they reach, and then a drawn sample is played until a scenario fails, cheapest scenario first.

usage: automatic.py [--sample N] [--draw SEED] [--jobs J] [--only FOLDER] [--page FILE]

The page names what caught each, how fast, and every survivor with its line and the reason (survivors.txt). A run that is
ended goes on where it was as long as the tree is the same. Not part of `./dev test`: an hour's work.
"""
import argparse
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

WAITING = 20  # Times its share of CPU time: then it waits for something.
ROOT = Path(__file__).resolve().parent.parent.parent
WORK = ROOT / "build/automutants"
COMMIT = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True,
                        check=True).stdout.strip()
RESULTS = WORK / f"results-{COMMIT}.jsonl"
FOLDERS = ["core/bus", "core/router", "core/cloud_controller", "core/dea", "core/health_manager"]
SKIPPED = re.compile(r"varz|inspect|view\.c|_monitor|assert_that|mutation_is|errors\.c|frameworks")
IF = re.compile(r"^(\s+)(else )?if \((.*)\)( \{)?$")
CALL = re.compile(r"^(\s+)([a-z_][a-z0-9_]*\((?:[^;\"]|\"[^\"]*\")*\);)$")
SWITCH_H = """#ifndef CUPOLA_AUTOMATIC_MUTANT_H
#define CUPOLA_AUTOMATIC_MUTANT_H
extern unsigned cupola_mutant;
extern unsigned char cupola_mutant_hits[];
#define mutant_is(n) (cupola_mutant_hits[n] = 1, cupola_mutant == (n))
#endif
"""
SWITCH_C = """#include "core/base/automatic_mutant.h"
#include <stdio.h>
#include <stdlib.h>
unsigned cupola_mutant;
unsigned char cupola_mutant_hits[%d];
static void tell(void)
{
    FILE *file = fopen(getenv("CUPOLA_MUTANT_HITS"), "wb");
    if (file != NULL) {
        fwrite(cupola_mutant_hits, 1, sizeof cupola_mutant_hits, file);
        fclose(file);
    }
}
__attribute__((constructor)) static void choose(void)
{
    const char *number = getenv("CUPOLA_MUTANT");
    cupola_mutant = number == NULL ? 0 : (unsigned)atoi(number);
    if (getenv("CUPOLA_MUTANT_HITS") != NULL)
        atexit(tell);
}
"""


# ---- Making them ----

def balanced(text):
    depth = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            return False
    return depth == 0


def mutate_line(line, before, number):
    """The line with mutant `number` in it, or None. `before` is the one above: does a statement begin here?"""
    if SKIPPED.search(line) or not before.rstrip().endswith((";", "{", "}", ")", ":", "else", "*/")):
        return None
    found = IF.match(line)
    if found and balanced(found.group(3)):
        blanks, other, condition, brace = found.groups()
        return f"{blanks}{other or ''}if (mutant_is({number}) != !!({condition})){brace or ''}"
    found = CALL.match(line)
    if found and balanced(found.group(2)[:-1]) and not found.group(2).startswith(("return", "machine_log", "sizeof")):
        return f"{found.group(1)}do {{ if (!mutant_is({number})) {found.group(2)} }} while (0);"
    return None


def mutate_tree(only):
    """Copies the tree with all mutants in it; returns their list."""
    source = WORK / "source"
    subprocess.run(["rm", "-rf", source], check=True)
    source.mkdir(parents=True)
    archive = subprocess.Popen(["git", "archive", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", source], stdin=archive.stdout, check=True)
    mutants = []
    for file in sorted(path for folder in FOLDERS if only in folder for path in (source / folder).rglob("*.c")):
        if SKIPPED.search(file.name):
            continue
        text = file.read_text().splitlines()
        lines, found = list(text), False
        for place, line in enumerate(text):
            mutated = mutate_line(line, text[place - 1] if place else "", len(mutants) + 1)
            if mutated:
                mutants.append((f"{file.relative_to(source)}:{place + 1}", line.strip()))
                lines[place], found = mutated, True
        if found:
            file.write_text('#include "core/base/automatic_mutant.h"\n#line 1\n' + "\n".join(lines) + "\n")
    (source / "core/base/automatic_mutant.h").write_text(SWITCH_H)
    (source / "core/base/automatic_mutant.c").write_text(SWITCH_C % (len(mutants) + 1))
    return mutants


def build(mutants):
    quiet = "-Wno-error -Wno-unused-value -Wno-parentheses -Wno-int-in-bool-context -fno-inline-small-functions"
    subprocess.run(["cmake", "-S", WORK / "source", "-B", WORK / "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                    f"-DCMAKE_C_FLAGS={quiet} -w"], check=True, stdout=subprocess.DEVNULL)
    print(f"{len(mutants)} mutants; building them into one program", file=sys.stderr)
    subprocess.run(["ninja", "-C", WORK / "build", "cupola"], check=True, stdout=subprocess.DEVNULL)


# ---- Playing them ----

def play(scenario, seed, mutant=0, hits=None, timeout=120):
    """(passed, what was seen, seconds)."""
    environment = dict(os.environ, CUPOLA_MUTANT=str(mutant))
    if hits:
        environment["CUPOLA_MUTANT_HITS"] = str(hits)
    began = time.monotonic()
    limit = int(timeout) + 1  # Of CPU time: on a busy machine the clock on the wall tells nothing.
    try:
        run = subprocess.run([WORK / "build/cupola", "sim", "run", scenario, "--seed", str(seed), "--quiet"],
                             cwd=WORK / "source", env=environment, capture_output=True, text=True, check=False,
                             errors="replace", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit)),
                             timeout=WAITING * limit)
        is_endless = run.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
    except subprocess.TimeoutExpired:
        is_endless = True
    if is_endless:
        return False, "it did not come to its end", time.monotonic() - began
    lines = run.stdout.strip().splitlines()
    seen = lines[1].strip() if len(lines) > 1 else (run.stderr.strip().splitlines() or ["it died"])[0]
    return run.returncode == 0, seen, time.monotonic() - began


def survey(scenarios, jobs):
    """What each scenario reaches and takes, without any mutant; those that take longer than 3 s are left out."""
    def look(scenario):
        hits = WORK / (scenario.replace("/", "_") + ".hits")
        passed, seen, seconds = play(scenario, 1, hits=hits)
        return scenario, passed, seen, seconds, hits.read_bytes() if hits.exists() else b""
    with ThreadPoolExecutor(jobs) as pool:
        found = list(pool.map(look, scenarios))
    for scenario, passed, seen, _, _ in found:
        if not passed:
            print(f"{scenario} fails without any mutant: {seen}", file=sys.stderr)
    return sorted((seconds, scenario, reached) for scenario, passed, _, seconds, reached in found
                  if passed and seconds < 3)


def hunt(mutant, plays):
    """(scenario, seed, what was seen, seconds) of the first failure, or None and the seconds."""
    spent = 0.0
    for seed in (1, 2, 3):
        for seconds, scenario, reached in plays:
            if not reached[mutant]:
                continue
            passed, seen, took = play(scenario, seed, mutant, timeout=20 * seconds + 10)
            spent += took
            if not passed:
                return scenario, seed, seen, spent
    return None, None, None, spent


def kind_of(seen):
    """An oracle's name out of a message."""
    found = re.match(r"([a-z_]+): ", seen or "")
    if "in vain" in seen:
        return "a promise within its bound (wait_until)"
    if "assertion" in seen:
        return "an assertion of the cores"
    if found and found.group(1) != "cupola":
        return f"`{found.group(1)}` at all times"
    if re.match(r"(scenarios|lua)/", seen) or "expected" in seen:
        return "an expectation of the scenario"
    return "its end (`it did not come to its end`)" if "end" in seen else "a crash"


def judged():
    """What earlier runs on this tree have found out, by mutant."""
    if not RESULTS.exists():
        return {}
    return {line["mutant"]: line for line in map(json.loads, RESULTS.read_text().splitlines())}


def judge_all(mutants, sample, plays, jobs):
    """Every verdict is written at once, so that a run that is ended goes on where it was."""
    done = judged()
    left = [mutant for mutant in sample if mutant not in done]
    def judge(mutant):
        place, line = mutants[mutant - 1]
        scenario, seed, seen, seconds = hunt(mutant, plays)
        return {"mutant": mutant, "place": place, "line": line, "scenario": scenario, "seed": seed, "seen": seen,
                "seconds": round(seconds, 2)}
    caught = sum(done[mutant]["scenario"] is not None for mutant in sample if mutant in done)
    with ThreadPoolExecutor(jobs) as pool, RESULTS.open("a") as file:
        for number, result in enumerate(pool.map(judge, left), len(sample) - len(left) + 1):
            file.write(json.dumps(result) + "\n")
            file.flush()
            caught += result["scenario"] is not None
            print(f"\r{number}/{len(sample)}, {caught} caught ", end="", file=sys.stderr)
    print(file=sys.stderr)


def reason_of(result, known):
    if re.search(r"(free|_destroy|_release)\(|_free_unpacked\(", result["line"]):
        return "only memory: it is given back"
    return known.get((result["place"].split(":")[0], result["line"]))


def known_reasons():
    lines = (Path(__file__).parent / "survivors.txt").read_text().splitlines()
    parts = [[part.strip().replace("\\|", "|") for part in re.split(r"(?<!\\)\|", line)]
             for line in lines if line and not line.startswith("#")]
    return {(file, line.replace("\\r", "\\r")): reason for file, line, reason in parts}


def quantile(times, share):
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def report(mutants, unreached, page):
    """The page of what has been judged so far."""
    results = sorted(judged().values(), key=lambda result: (result["place"].split(":")[0], result["mutant"]))
    caught = [result for result in results if result["scenario"]]
    known = known_reasons()
    by_kind = {}
    for result in caught:
        by_kind.setdefault(kind_of(result["seen"]), []).append(result["seconds"])
    by_kind["all"] = [result["seconds"] for result in caught]
    lines = ["# Automatic mutants: which bugs the scenarios notice", "",
             "Generated by `tests/mutations/automatic.py --page docs/mutants.md`. Each `if` of the cores turned round and each call",
             f"left out is a mutant: {mutants}, of which {unreached} lie where no scenario comes. A sample drawn by a fixed seed is",
             "played, cheapest scenario first, three seeds, until a scenario fails. The bugs that were planted by hand are judged",
             "by `tests/mutations/run.py`.", "",
             f"Judged: {len(results)} (tree {COMMIT}). Caught: {len(caught)}, {100 * len(caught) // max(1, len(results))} %.", "",
             "## Time to detection", "", "Seconds of play on one core that other work shared.", "",
             "| what noticed | mutants | median | p90 | most |", "|---|---|---|---|---|"]
    for kind, times in sorted(by_kind.items(), key=lambda item: -len(item[1])):
        if times:
            lines.append(f"| {kind} | {len(times)} | {quantile(times, 0.5):.1f} s | {quantile(times, 0.9):.1f} s | "
                         f"{max(times):.1f} s |")
    lines += ["", "## Survivors", "", "| place | line | reason |", "|---|---|---|"]
    for result in results:
        if not result["scenario"]:
            line = result["line"].replace("|", "\\|")
            lines.append(f"| `{result['place']}` | `{line}` | {reason_of(result, known) or 'not looked into yet'} |")
    Path(page).write_text("\n".join(lines) + "\n")
    print(f"{len(results)} judged, {len(caught)} caught")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--draw", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="", help="a part of a folder's name, such as router")
    parser.add_argument("--page", help="where to write the table and the survivors")
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    mutants = mutate_tree(options.only)
    build(mutants)
    listed = subprocess.run([WORK / "build/cupola", "sim", "list", "--json"], cwd=WORK / "source", capture_output=True,
                            text=True, check=True).stdout
    scenarios = [json.loads(line)["file"] for line in listed.splitlines() if line]
    plays = survey(scenarios, options.jobs)
    reached = [number for number in range(1, len(mutants) + 1) if any(hits[number] for _, _, hits in plays)]
    sample = random.Random(options.draw).sample(reached, min(options.sample, len(reached)))
    judge_all(mutants, sample, plays, options.jobs)
    if options.page:
        report(len(mutants), len(mutants) - len(reached), options.page)


if __name__ == "__main__":
    main()
