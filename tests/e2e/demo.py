#!/usr/bin/env python3
"""The main job, `./dev demo`: a failure in the simulator, the same failures on a real cloud, side by side.

Everything that it starts is gone afterwards, also after Ctrl-C; the reports stay in reports/.
"""
import html
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from cloud import Cloud, CloudError

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
CUPOLA = os.environ.get("CUPOLA") or os.path.join(ROOT, "build", "cupola")
REPORTS = os.path.join(ROOT, "reports")
APPS = {"hello-node": 2, "hello-python": 2}
IS_TERMINAL = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if IS_TERMINAL else text


def headline(text):
    print("\n" + paint("1", text), flush=True)


STORY = []


def step(text):
    STORY.append(text)
    print("  " + text, flush=True)


# ---- In the simulator -----------------------------------------------------------------------------------------------


def simulate(scenario, *arguments):
    done = subprocess.run([CUPOLA, "sim", "run", f"scenarios/{scenario}.lua", *arguments], cwd=ROOT, text=True,
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise CloudError(f"the scenario {scenario} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def show_simulation():
    headline("1. In the simulator: the host of a DEA loses power under load")
    report = os.path.join(REPORTS, "demo-simulation.html")
    os.makedirs(REPORTS, exist_ok=True)
    print(simulate("dea-host-power-off", "--seed", "1", "--html", report), end="", flush=True)
    return report


def simulated_recovery(scenario):
    """Median and 99th percentile of the time to recovery over some seeds, in seconds."""
    result = json.loads(simulate(scenario, "--seeds", "1..20", "--json"))
    for measurement in result["measurements"]:
        if measurement["name"] == "time to recovery":
            return measurement["p50"] / 1e9, measurement["p99"] / 1e9
    raise CloudError(f"the scenario {scenario} measured no time to recovery")


# ---- On the real cloud ------------------------------------------------------------------------------------------------


def serving(cloud, app):
    """The instances that answer through the routers now: index -> process id."""
    found = {}
    for attempt in range(24):
        status, body = cloud.get(f"{app}.{cloud.facts['domain']}", router=attempt % 2, timeout=2)
        if status == 200:
            answer = json.loads(body)
            found[answer["index"]] = answer["pid"]
    return found


def await_serving(cloud, app, count, without=(), bound=60):
    """Seconds until `count` instances answer, none of them one of the processes `without`."""
    began = time.monotonic()
    while time.monotonic() - began < bound:
        found = serving(cloud, app)
        if len(found) == count and not set(found.values()) & set(without):
            return time.monotonic() - began
        time.sleep(0.02)
    raise CloudError(f"{app}: {len(found)} of {count} instances answer after {bound} s: {found}")


def push_apps(cloud):
    for app, instances in APPS.items():
        began = time.monotonic()
        cloud.run("push", app, "--path", os.path.join(ROOT, "apps", app), "--instances", str(instances), "--memory", "128M")
        step(f"pushed {app} from its folder: {time.monotonic() - began:.2f} s to {instances} running instances")
        await_serving(cloud, app, instances)
        _, body = cloud.get(f"{app}.{cloud.facts['domain']}")
        step(f"  it answers: {body.strip()}")


def scale(cloud):
    cloud.run("scale", "hello-node", "4")
    step(f"scaled hello-node up to 4: all answer after {await_serving(cloud, 'hello-node', 4):.2f} s")
    cloud.run("scale", "hello-node", "2")
    began = time.monotonic()
    while len(serving(cloud, "hello-node")) != 2:
        if time.monotonic() - began > 30:
            raise CloudError("hello-node did not shrink to 2 instances")
    step("scaled it down to 2")


def kill_instance(cloud):
    victim = serving(cloud, "hello-node")[0]
    began = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    await_serving(cloud, "hello-node", 2, without=[victim])
    recovery = time.monotonic() - began
    step(f"killed instance 0 (process {victim}) with SIGKILL: both answer again after {recovery:.2f} s")
    return recovery


def answers_everywhere(cloud, app):
    """Whether every DEA tells of its instances of the app."""
    stats = cloud.run_json("stats", app)
    return len(stats) == APPS[app] and all("stats" in one for one in stats.values())


def kill_dea(cloud):
    before = {app: serving(cloud, app) for app in APPS}
    began = time.monotonic()
    cloud.kill("dea", 0)
    failed = 0
    while True:
        for app in APPS:
            failed += sum(cloud.get(f"{app}.{cloud.facts['domain']}", router=router)[0] != 200 for router in (0, 1))
        if all(answers_everywhere(cloud, app) for app in APPS):
            break
        if time.monotonic() - began > 30:
            raise CloudError("the killed DEA was not started again")
    recovery = time.monotonic() - began
    time.sleep(2)  # If it took its survivors for strangers, they would be gone or doubled by now.
    cloud.refresh()
    after = {app: serving(cloud, app) for app in APPS}
    if before != after:
        raise CloudError(f"instances changed although only the agent died: {before} became {after}")
    step(f"killed a DEA process with SIGKILL: it tells of its instances again after {recovery:.2f} s, "
         f"{failed} requests failed meanwhile, every instance is the same process as before")
    return recovery


def runs_below(pid, folder):
    try:
        return os.readlink(f"/proc/{pid}/cwd").startswith(folder)
    except OSError:
        return False


def lose_host(cloud):
    """A DEA falls silent and everything that it runs is gone: what a power cut looks like from outside."""
    dea = cloud.component("dea", 1)
    victims = [pid for app in APPS for pid in serving(cloud, app).values() if runs_below(pid, dea["data"])]
    began = time.monotonic()
    os.kill(dea["pid"], signal.SIGSTOP)
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    step(f"froze the other DEA and killed all {len(victims)} instances on it, as if its host had lost power; "
         "the health manager waits 8 s before it takes them for lost ...")
    for app, instances in APPS.items():
        await_serving(cloud, app, instances, without=victims)
    recovery = time.monotonic() - began
    os.kill(dea["pid"], signal.SIGCONT)
    step(f"all instances answer again, elsewhere, after {recovery:.2f} s")
    return recovery


def print_table(rows):
    headline("3. Real beside simulated: time until everything asked for answers again")
    print(f"  {'failure':<44} {'real':>9} {'simulated p50':>15} {'p99':>9}")
    for what, real, (p50, p99) in rows:
        print(f"  {what:<44} {real:>7.2f} s {p50:>13.2f} s {p99:>7.2f} s")
    print()


def write_report(rows):
    """The real run as a page beside the simulator's."""
    path = os.path.join(REPORTS, "demo-real.html")
    lines = "".join(f"<tr><td>{html.escape(what)}</td><td>{real:.2f} s</td><td>{p50:.2f} s</td><td>{p99:.2f} s</td></tr>"
                    for what, real, (p50, p99) in rows)
    story = "".join(f"<li>{html.escape(line)}</li>" for line in STORY)
    with open(path, "w", encoding="utf-8") as file:
        file.write("<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
                   "<title>Cupola: the demo on real processes</title><style>:root{color-scheme:light dark}"
                   "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}"
                   "table{border-collapse:collapse}td,th{padding:.3rem .8rem;text-align:left;border-bottom:1px solid #8885}"
                   "td+td,th+th{text-align:right}</style><h1>A real cloud on this machine, broken and healed</h1>"
                   "<h2>Time until everything asked for answers again</h2><table><tr><th>Failure<th>Real"
                   f"<th>Simulated p50<th>p99</tr>{lines}</table><h2>What happened</h2><ol>{story}</ol></html>")
    return path


def replay_recordings(cloud):
    for component in cloud.facts["components"]:
        trace = component.get("trace")
        if trace and os.path.exists(trace):
            done = subprocess.run([CUPOLA, "sim", "replay", trace], text=True, capture_output=True, check=False)
            step(done.stdout.strip().splitlines()[-1] if done.stdout else done.stderr.strip())
            if done.returncode != 0:
                raise CloudError(f"the recorded trace {trace} replays differently:\n{done.stdout}{done.stderr}")


def main():
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    folder = tempfile.mkdtemp(prefix="cupola-demo-")
    began = time.monotonic()
    try:
        simulation_report = show_simulation()
        headline("2. A real cloud on this machine: bus, two routers, controller, health manager, two DEAs")
        with Cloud(CUPOLA, folder, "--deas", "2", "--routers", "2", "--record") as cloud:
            for component in cloud.facts["components"]:
                step(f"{component['name']:<18} process {component['pid']}")
            push_apps(cloud)
            scale(cloud)
            instance = kill_instance(cloud)
            dea = kill_dea(cloud)
            host = lose_host(cloud)
        headline("   What the processes recorded, replayed: every effect is compared")
        replay_recordings(cloud)
        rows = [
            ("an instance is killed", instance, simulated_recovery("instance-crash")),
            ("a DEA process is killed", dea, simulated_recovery("dea-killed")),
            ("a DEA's host is gone", host, simulated_recovery("dea-host-power-off")),
        ]
        print_table(rows)
        print(f"  report of the simulation: {os.path.relpath(simulation_report, ROOT)}")
        print(f"  report of the real run:   {os.path.relpath(write_report(rows), ROOT)}")
        print(f"\nDone in {time.monotonic() - began:.0f} s; nothing of it is left running.")
        return 0
    except CloudError as error:
        print(f"\n{paint('31', 'demo failed')}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; everything that was started is stopped", file=sys.stderr)
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
