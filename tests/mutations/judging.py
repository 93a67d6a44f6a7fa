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

from making import SOURCE, WORK

WAITING = 30  # Times its share of CPU time: then it waits for something.
LONGEST = 3  # Seconds: what plays longer is left to others.
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


def play(scenario, seed, mutant=0, hits=None, limit=120):
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


def survey(things, how, jobs):
    """[(seconds, thing, what it reaches, trace hash)] without any mutant, cheapest first."""
    def look(thing):
        hits = WORK / (str(thing).replace("/", "_") + ".hits")
        passed, seen, trace, seconds = how(thing, hits) if how is try_unit else how(thing, 1, hits=hits)
        return thing, passed, seen, trace, seconds, hits.read_bytes() if hits.exists() else b""
    with ThreadPoolExecutor(jobs) as pool:
        found = list(pool.map(look, things))
    for thing, passed, seen, _, _, _ in found:
        if not passed:
            print(f"{thing} fails without any mutant: {seen}", file=sys.stderr)
    return sorted((seconds, str(thing), reached, trace) for thing, passed, _, trace, seconds, reached in found
                  if passed and seconds < LONGEST)


def hunt(mutant, plays, units, hint):
    """The verdict. `hint` is the scenario and the seed that caught it in another tree: it is asked first.

    A scenario whose first seed plays to the same trace hash as without the mutant is not asked again: the bug does not
    show there at all."""
    verdict = {"by": None, "seed": None, "seen": None, "scenarios": 0, "changed": 0, "units": 0}
    spent, changed = 0.0, []

    def ask(name, seed, answer):
        nonlocal spent
        passed, seen, trace, took = answer
        spent += took
        if not passed:
            verdict.update(by=name, seed=seed, seen=seen)
        return passed, trace

    plays = [one for one in plays if one[2][mutant]]
    verdict["scenarios"] = len(plays)
    known = {one[1]: one for one in plays}
    if hint and hint[0] in known:
        ask(hint[0], hint[1], play(hint[0], hint[1], mutant, limit=20 * known[hint[0]][0] + 10))
    for seed in (1, 2, 3):
        for seconds, name, _, trace in plays if seed == 1 else changed:
            if verdict["by"]:
                break
            _, seen = ask(name, seed, play(name, seed, mutant, limit=20 * seconds + 10))
            if seed == 1 and seen != trace:
                changed.append((seconds, name, None, trace))
    verdict["changed"] = len(changed)
    units = [one for one in units if one[2][mutant]]
    verdict["units"] = len(units)
    for seconds, test, _, _ in units:
        if verdict["by"]:
            break
        passed, seen, _, took = try_unit(test, mutant, limit=20 * seconds + 10)
        spent += took
        if not passed:
            verdict.update(by=test.rsplit("/", 1)[-1], seen=seen)
    return verdict | {"seconds": round(spent, 2)}


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
