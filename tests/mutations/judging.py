"""Plays mutants: the scenarios are asked first, cheapest first, then the unit tests, with the leak checker on."""
import json
import os
import re
import resource
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from making import SOURCE, WORK

WAITING = 30  # Times its share of CPU time: then it waits for something.
LONGEST = {"scenario": 2, "unit": 30}  # Seconds: what plays longer is not asked.
MEMORY = 4 << 30


def spend(command, mutant, hits, limit, environment):
    """(exit code or None when it did not end, output, seconds of CPU time). On a busy machine the clock on the wall
    tells nothing."""
    environment = dict(os.environ, CUPOLA_MUTANT=str(mutant), **environment)
    if hits:
        environment["CUPOLA_MUTANT_HITS"] = str(hits)
    limit = int(limit) + 1

    def confine():
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
        if "ASAN_OPTIONS" not in environment:  # Whose shadow takes all addresses.
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    process = subprocess.Popen(command, cwd=SOURCE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, errors="replace", preexec_fn=confine)
    alarm = threading.Timer(WAITING * limit, process.kill)
    alarm.start()
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    alarm.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    is_endless = process.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
    return None if is_endless else process.returncode, said, usage.ru_utime + usage.ru_stime


def play(scenario, seed=1, mutant=0, hits=None, limit=120):
    """(passed, what was seen, trace hash, seconds)."""
    code, said, seconds = spend([WORK / "build/cupola", "sim", "run", scenario, "--seed", str(seed), "--json"], mutant,
                                hits, limit, {})
    result = next((json.loads(line) for line in said.splitlines() if line.startswith('{"scenario"')), {})
    if code is None:
        return False, "it did not come to its end", "", seconds
    seen = result.get("failure") or (said.strip().splitlines() or ["it died"])[-1]
    return code == 0, seen, result.get("hash", ""), seconds


def try_unit(test, mutant=0, hits=None, limit=120):
    """(passed, what was seen, "", seconds)."""
    code, said, seconds = spend([test], mutant, hits, limit, {"ASAN_OPTIONS": "hard_rss_limit_mb=4000"})
    if code is None:
        return False, "it did not come to its end", "", seconds
    found = re.search(r"ERROR: (\w+Sanitizer: [\w -]+)|(assertion failed[^\n]*)|\[ +ERROR +\] --- ([^\n]*)", said)
    seen = next((word for word in found.groups() if word), "") if found else "it died"
    return code == 0, seen, "", seconds


def look_around(things, how, longest, jobs):
    """[(seconds, thing, what it reaches, trace hash)] without any mutant, cheapest first. `how` plays a thing."""
    def look(thing):
        hits = WORK / (re.sub(r"\W", "_", thing) + ".hits")
        return thing, hits, how(thing, hits=hits, limit=longest)
    with ThreadPoolExecutor(jobs) as pool:
        found = list(pool.map(look, things))
    for thing, _, (passed, seen, _, _) in found:
        if not passed:
            print(f"{thing} is left out: {seen}", file=sys.stderr)
    return sorted((seconds, thing, hits.read_bytes(), trace) for thing, hits, (passed, _, trace, seconds) in found
                  if passed and hits.exists())


def ask_scenarios(mutant, plays, budget, verdict):
    """A scenario whose first seed plays to the same trace hash as without the mutant is not asked again: the bug does
    not show there at all."""
    questions = [(seconds, name, 1, trace) for seconds, name, _, trace in plays]
    for seconds, name, seed, trace in questions:
        if verdict["by"] or verdict["seconds"] > budget:
            return
        passed, seen, hash_now, took = play(name, seed, mutant, limit=20 * seconds + 5)
        verdict["seconds"] += took
        if not passed:
            verdict.update(by=name, seed=seed, seen=seen)
        if trace:
            verdict["asked"] += 1
        if trace and hash_now != trace:
            verdict["changed"] += 1
            if seed < 3:
                questions.append((seconds, name, seed + 1, None))
        elif trace is None and seed < 3:
            questions.append((seconds, name, seed + 1, None))


def ask_units(mutant, units, verdict):
    for seconds, test, _, _ in units:
        if verdict["by"]:
            return
        passed, seen, _, took = try_unit(test, mutant, limit=20 * seconds + 5)
        verdict["seconds"] += took
        if not passed:
            verdict.update(by=Path(test).name, seen=seen)


def ask_again(mutant, plays, units, former, verdict):
    """What caught it in another tree; the time is that of the former hunt, which did not know whom to ask. What
    survived every scenario there is shown to the unit tests first: they are what has most likely changed."""
    for seconds, name, _, _ in plays:
        if name == former["by"]:
            passed, seen, _, _ = play(name, former["seed"], mutant, limit=20 * seconds + 5)
            if not passed:
                verdict.update(by=name, seed=former["seed"], seen=seen, seconds=former["seconds"])
    if former["by"] is None:
        ask_units(mutant, units, verdict)
        return
    ask_units(mutant, [one for one in units if Path(one[1]).name == former["by"]], verdict)
    verdict["seconds"] = former["seconds"] if verdict["by"] else 0.0


def hunt(mutant, plays, units, former, budget):
    """The verdict. `former` is the one of another tree, or None; `budget` is how many seconds the scenarios have; unit
    tests are all asked."""
    plays = [one for one in plays if one[2][mutant]]
    units = [one for one in units if one[2][mutant]]
    verdict = {"by": None, "seed": None, "seen": None, "seconds": 0.0, "scenarios": len(plays), "asked": 0, "changed": 0,
               "units": len(units)}
    if former:
        ask_again(mutant, plays, units, former, verdict)
    ask_scenarios(mutant, plays, budget, verdict)
    if former is None or former["by"]:
        ask_units(mutant, units, verdict)
    return verdict | {"seconds": round(verdict["seconds"], 2)}


def kind_of(verdict):
    """An oracle's name out of what was seen."""
    seen = verdict["seen"] or ""
    found = re.match(r"([a-z_]+): ", seen)
    if verdict["seed"] is None:
        return ("a unit test and the leak checker" if "LeakSanitizer" in seen else
                "a unit test and the address checker" if "AddressSanitizer" in seen else "a unit test")
    if "in vain" in seen:
        return "a promise within its bound (wait_until)"
    if "assertion" in seen:
        return "an assertion of the cores"
    if found and found.group(1) != "cupola":
        return f"`{found.group(1)}` at all times"
    if re.match(r"(scenarios|lua)/", seen) or "expected" in seen:
        return "an expectation of the scenario"
    return "its end (`it did not come to its end`)" if "its end" in seen else "a crash"
