#!/usr/bin/env python3
"""Hundreds of planted bugs, made by rewriting the cores: does any scenario notice?

Each `if (condition)` of a component can be turned round, each call statement left out. All of these mutants are compiled
into one program, switched by the environment variable CUPOLA_MUTANT; the scenarios are played once without any to see
which mutants they reach, and then a drawn sample is played until a scenario fails, cheapest scenario first.

usage: automatic.py [--sample N] [--draw SEED] [--jobs J] [--only FOLDER] [--report FILE]

The report names what caught each, how fast, and every survivor with its line. Not part of `./dev test`: an hour's work.
"""
import argparse
import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
    for file in sorted(path for folder in FOLDERS if only in folder for path in (source / folder).glob("*.c")):
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
    try:
        run = subprocess.run([WORK / "build/cupola", "sim", "run", scenario, "--seed", str(seed), "--quiet"],
                             cwd=WORK / "source", env=environment, capture_output=True, text=True, timeout=timeout,
                             check=False, errors="replace")
    except subprocess.TimeoutExpired:
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
    found = re.match(r"([a-z_]+):", seen or "")
    return found.group(1) if found else "wait in vain" if "in vain" in seen else "assertion" if "assertion" in seen \
        else "expectation" if "expected" in seen else "other"


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


def report(mutants, unreached, page):
    print(len(mutants), unreached, page)


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
    report(mutants, len(mutants) - len(reached), options.page)


if __name__ == "__main__":
    main()
