#!/usr/bin/env python3
"""The claims of the simulator: each by a check that prints its figure beside its target and what repeats it.
M minutes are for each claim, and what it did in that time is in the figure; the full length of each is in docs/claims.md.
Speed is told by CPU time, the rest by the clock on the wall. Exit status: 0 all hold, 1 one is missed."""
import argparse
import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/mutations"))
import run as mutations  # noqa: E402
PLAIN, MUTANTS = ROOT / "build/cupola", ROOT / "build/mutants/cupola"
BASELINE = ROOT / "tests/recovery/baseline.json"
options = argparse.Namespace(claims=[], minutes=2.0, save=False)
SECONDS = 0


def sim(cupola, *words, env=None):
    return subprocess.run([str(cupola), "sim", *map(str, words)], cwd=ROOT, capture_output=True, text=True,
                          env={**os.environ, **(env or {})})


def scenarios():
    """In an order that is drawn once and for all, those of simulated hours and days last: a short look sees many."""
    files = sorted(path for path in (ROOT / "scenarios").rglob("*.lua"))
    random.Random(1).shuffle(files)
    files.sort(key=lambda path: re.search(r'"\d+h"|"\d\d+m"', path.read_text()) is not None)
    return [str(path.relative_to(ROOT)) for path in files]


def hash_of(output):
    return re.search(r"hash of all (\w+)", output).group(1)


def determinism():
    """Every run twice: scenarios in one worker and in two, fresh memory filled differently; then drawn clouds."""
    began, runs, different, played, seeds = time.monotonic(), 0, [], set(), 2
    while time.monotonic() - began < SECONDS / 2 and not different:
        for file in scenarios():
            hashes = [hash_of(sim(PLAIN, "run", file, "--seeds", f"1..{seeds}", "--quiet", "--jobs", jobs,
                                  env={"MALLOC_PERTURB_": fill}).stdout) for jobs, fill in ((1, "0"), (2, "85"))]
            runs += seeds
            played.add(file)
            different += [file] if hashes[0] != hashes[1] else []
            if time.monotonic() - began > SECONDS / 2:
                break
        seeds *= 4
    with tempfile.TemporaryDirectory() as folder:
        said = sim(PLAIN, "explore", "--cloud", "--twice", "--storm", 15, "--time", int(SECONDS / 2), "--saturation", 0,
                   "--fresh", "--quiet", "--out", folder).stdout
    drawn, others = re.search(r"(\d+) runs .*?, (\d+) failed", said).groups()
    start = time.monotonic()
    found = sim(MUTANTS, "bisect", "scenarios/instance-crash.lua", "--", "--mutation", "BUS_CLIENT_READS_AN_UNSET_BYTE")
    took = time.monotonic() - start
    named = found.returncode == 1 and took < 10
    return (not different and others == "0" and named, f"{runs} runs of {len(played)} scenarios and {drawn} of drawn "
            f"clouds twice, {len(different) + int(others)} mismatches; the "
            f"planted byte {'named' if found.returncode == 1 else 'not named'} in {took:.1f} s",
            "no mismatch in 1 M runs; the byte in 10 s", "./dev campaign 1000000 --twice --out reports/twice")


CLOCKS = """local cupola = require "cupola"
return cupola.scenario {{
  title = "Clocks", cloud = {{ deas = 4, health_managers = 1 }}, apps = {{ shop = {{ instances = 8 }} }},
  always = {{ cupola.no_lost_app, cupola.one_of_each }},
  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("5s")
    cloud:fault("clock_step", {{ target = "{target}", amount = {seconds} * 1000000000 }})
    for i = 1, 4 do
      cloud:wait("12s")
      cloud:instances("shop")[i]:kill()
      cloud:wait("100ms")
      cloud:wait_until(cupola.converged, "4s")
    end
  end,
}}
"""


def clocks():
    """A bug that needs +40 s on one host alone: shown there, hidden when all clocks go together or the step is small;
    and found by a search that is told nothing of clocks."""
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        for target, seconds in (("dea-0", 40), ("all", 40), ("dea-0", 20)):
            file = Path(folder) / "clocks.lua"
            file.write_text(CLOCKS.format(target=target, seconds=seconds))
            said = sim(MUTANTS, "run", file, "--seeds", "1..50", "--quiet", "--mutation", "HM_TRUSTS_CLOCKS").stdout
            failed.append(int(re.search(r"(\d+) failed", said).group(1)))
        said = sim(MUTANTS, "explore", "--cloud", "--mutation", "HM_TRUSTS_CLOCKS", "--runs", 2000, "--time",
                   int(SECONDS), "--fresh", "--quiet", "--out", folder).stdout
    searched = re.search(r"(\d+) runs .*?, (\d+) failed", said)
    one, together, small = failed
    return (one > 0 and together == 0 and small == 0 and int(searched.group(2)) > 0,
            f"+40 s on one host: {one} of 50 seeds fail; on all hosts: {together}; +20 s on one host: {small}; drawn "
            f"clouds: {searched.group(2)} of {searched.group(1)} runs fail", "found; hidden", "./dev claims 2")


def shrinking():
    """Failures of planted bugs, made small: steps left, how far from the optimum, and the time it took."""
    said = subprocess.run([sys.executable, "tests/sim/shrink_mutants.py", "--most", "50", "--budget", str(SECONDS)],
                          cwd=ROOT, capture_output=True, text=True).stdout
    found = re.search(r"^(\d+) planted bugs shrunk: median ([\d.]+) steps, .* most (\d+) s; (\d+) fail", said, re.M)
    ratio = re.search(r"^times the optimum: median at most ([\d.]+).*", said, re.M)
    if found is None or ratio is None:
        return False, said.strip()[-200:], "50 bugs", "tests/sim/shrink_mutants.py"
    count, median, longest, kept = int(found[1]), float(found[2]), int(found[3]), int(found[4])
    holds = median <= 10 and float(ratio[1]) <= 2 and longest <= 61 and kept == count
    return (holds, "\n".join(said.splitlines()[-2:]), "50 bugs: median 10 steps and 2 x the optimum, 60 s each",
            "./dev claims 3 --minutes 100")


def scale():
    """A large cloud loses a host or a zone."""
    large = sorted(ROOT.glob("tests/bench/*thousand-deas-lose-a-*.lua"))
    file = large[-1].relative_to(ROOT)
    said = subprocess.run(["/usr/bin/env", "python3", "-c", "import resource,subprocess,sys;"
                           "r=subprocess.run(sys.argv[1:],capture_output=True,text=True);print(r.stdout);"
                           "print('peak',resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)",
                           str(PLAIN), "sim", "run", str(file)], cwd=ROOT, capture_output=True, text=True).stdout
    ratio, peak = re.search(r"\((\S+) x\)", said), int(re.search(r"peak (\d+)", said).group(1))
    return ("PASSED" in said and float(ratio.group(1)) >= 1, f"{file.name}: {ratio.group(1)} x real time, "
            f"{peak / 1024 / 1024:.2f} GiB", "10,000 DEAs, 100,000 instances: 8 GiB, real time", f"cupola sim run {file}")


def speed():
    """Fully checked events a second of CPU time, and how much faster than real time 50 idle DEAs are."""
    subprocess.run([str(ROOT / "dev"), "build", "release", "cupola"], check=True)

    def play(name):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = json.loads(sim(ROOT / "build/release/cupola", "run", f"tests/bench/{name}.lua", "--json").stdout)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return result, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    busy, busy_s = play("fifty-deas-lose-a-host")
    full, full_s = play("fifty-deas-idle")
    empty, empty_s = play("fifty-deas-empty")
    rate, steady = busy["steps"] / busy_s, full["steps"] / full_s
    ratio, loaded = empty["virtual_ns"] / 1e9 / empty_s, full["virtual_ns"] / 1e9 / full_s
    return (rate >= 1e6 and ratio >= 1e4, f"{rate / 1000:.0f} k steps/s in a storm, {steady / 1000:.0f} k at rest; 50 DEAs "
            f"with nothing to run {ratio:.0f} x real time, with 1,000 instances {loaded:.0f} x",
            "1 M/s; 10,000 x", "./dev claims 9")


def oracles():
    """Bugs planted by hand, and how long it takes to catch each; the automatic ones from their page."""
    cases = {}
    for name, file, how in mutations.cases():
        if name in mutations.planted():
            cases.setdefault(name, (file, how))
    began, times, survivors = time.monotonic(), [], []
    for name, (file, how) in cases.items():
        if time.monotonic() - began > SECONDS:
            break
        seen, seconds = mutations.catch((name, file, how), 20)
        times.append(seconds) if seen and seconds else survivors.append(name)
    page = (ROOT / "docs/mutants.md").read_text()
    judged, caught = (int(re.search(rf"{word}: (\d+)", page).group(1)) for word in ("Judged", "Caught"))
    tried = len(times) + len(survivors)
    return (tried + judged >= 200 and len(times) + caught >= 0.95 * (tried + judged),
            f"{len(times)} of {tried} bugs planted by hand caught within 20 seeds, in {statistics.median(times):.1f} s "
            f"(median), at most {max(times):.1f} s"
            f"{', not: ' + ' '.join(survivors) if survivors else ''}; {caught} of {judged} automatic ones "
            "(docs/mutants.md)",
            "95% of 200 mutants", "./dev test -R mutations; tests/mutations/automatic.py")


def no_false_alarms():
    """Seeds that must stay green: every scenario, and drawn clouds."""
    began, runs, failed = time.monotonic(), 0, 0
    for file in scenarios():
        said = sim(PLAIN, "run", file, "--seeds", "1..10", "--quiet").stdout
        counts = re.search(r"(\d+) runs, (\d+) failed", said)
        runs, failed = runs + int(counts.group(1)), failed + int(counts.group(2))
        if time.monotonic() - began > SECONDS / 2:
            break
    with tempfile.TemporaryDirectory() as folder:
        said = sim(PLAIN, "explore", "--cloud", "--time", int(SECONDS / 2), "--fresh", "--quiet", "--out", folder).stdout
    counts = re.search(r"(\d+) runs .*?, (\d+) failed", said)
    return (failed + int(counts.group(2)) == 0, f"{runs} runs of scenarios, {counts.group(1)} of drawn clouds: "
            f"{failed + int(counts.group(2))} failed", "10,000 green", "./dev campaign 10000")


def story():
    """Pages of failures: the words before the timeline must name what was violated and every fault, in their order."""
    began, told, tried = time.monotonic(), 0, 0
    about = [json.loads(line) for line in sim(PLAIN, "list", "scenarios/v1", "--json").stdout.splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        for one in about:
            if time.monotonic() - began > SECONDS:
                break
            page = Path(folder) / "page.html"
            said = sim(MUTANTS, "run", one["file"], "--trip", "--html", page, "--json").stdout
            result = json.loads(said) if said.startswith("{") else {"passed": True}
            if result.get("passed"):
                continue
            text = page.read_text()
            words = re.sub(r"<[^>]+>", " ", text[:text.find('id="look"')])
            lines = sim(MUTANTS, "run", one["file"], "--trip").stdout.splitlines()
            faults = [re.search(r"^ *([\d.]+) s +fault +(?:\S+ +)?\w+ ", line) for line in lines if " is over" not in line]
            places = [words.find(f"{fault.group(1)} s") for fault in faults if fault]
            tried += 1
            told += "What was violated" in words and -1 not in places and places == sorted(places)
    return (tried > 0 and told == tried, f"{told} of {tried} pages tell in words what was violated, and each fault with its moment, in order",
            "a stranger names the cause in five minutes", "cupola sim run FILE --trip --html PAGE")


def recovery():
    """p50 and p99 of the time to recovery by family of faults, beside those that were kept."""
    seeds = max(25, min(1000, int(2 * SECONDS)))
    run = sim(PLAIN, "run", "tests/recovery/families.lua", "--seeds", f"1..{seeds}", "--json",
              *(["--save-baseline", BASELINE] if options.save else ["--baseline", BASELINE]))
    lines = [f"{one['name']} {one['p50'] / 1e9:.2f} / {one['p99'] / 1e9:.2f} s"
             for one in json.loads(run.stdout.splitlines()[0])["measurements"]]
    return (run.returncode == 0, f"p50 / p99 over {seeds} seeds: " + ", ".join(lines) + f"; slower than "
            f"kept: {run.stderr.count('  SLOWER' + chr(10))}", "compared with the last release", "./dev test -R recovery")


CLAIMS = {1: determinism, 2: clocks, 3: shrinking, 8: scale, 9: speed, 10: oracles, 11: no_false_alarms, 12: story,
          13: recovery}


def read_options():
    what = "\n".join(f"  {number:2}  {claim.__doc__.splitlines()[0]}" for number, claim in CLAIMS.items())
    parser = argparse.ArgumentParser(prog="./dev claims", description=f"{__doc__}\n\nclaims:\n{what}",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("claims", nargs="*", type=int, metavar="NUMBER", help="which (default: all)")
    parser.add_argument("--minutes", type=float, default=2, metavar="M", help="for each (default 2)")
    parser.add_argument("--save", action="store_true", help="claim 13: keep these figures as the ones to compare with")
    parser.add_argument("--check", action="store_true", help="say only whether there are such claims")
    parser.parse_args(namespace=options)
    for number in options.claims:
        if number not in CLAIMS:
            parser.error(f"there is no claim {number} here; {', '.join(map(str, CLAIMS))} are")
    if options.minutes <= 0:
        parser.error("--minutes: a number above 0 is expected")


def main():
    global SECONDS
    read_options()
    if options.check:
        return
    SECONDS = options.minutes * 60
    held = True
    for number in options.claims or CLAIMS:
        ok, figure, target, command = CLAIMS[number]()
        held = held and ok
        print(f"{number:2}  {'HOLDS ' if ok else 'MISSED'}  {CLAIMS[number].__name__.replace('_', ' ')}: {figure}\n"
              f"            target: {target}; again: {command}", flush=True)
    sys.exit(not held)


if __name__ == "__main__":
    main()
