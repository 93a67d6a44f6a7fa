#!/usr/bin/env python3
"""The router beside nginx and HAProxy as reverse proxies: requests/s, latency, CPU a request, memory.

    tests/bench/router.py [BUILD_FOLDER] [SECONDS] [ROUNDS]

Each proxy is pinned to core 0; load (wrk) and backend (nginx serving 1 KB from memory) share core 1. The proxies take turns,
every figure is the median of the rounds, and ratios are to the better of the two peers in the same run. Beside them stands
byte_proxy, which only copies bytes: the limit of plain sockets. "added" is the p50 through a proxy less that of the backend
asked directly.
"""
import contextlib
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

BUILD = sys.argv[1] if len(sys.argv) > 1 else "build"
SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
CUPOLA = os.path.abspath(os.path.join(BUILD, "cupola"))
HOST = "bench.cupola.test"
CONNECTIONS = (1, 16, 64, 256)
PEERS = ("nginx", "haproxy")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_port(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"nothing listens on port {port}")


class Processes:
    """Started here, ended here."""

    def __init__(self):
        self.all = []

    def start(self, core, *command):
        process = subprocess.Popen(["taskset", "-c", str(core), *command], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.all.append(process)
        return process

    def stop(self):
        for process in reversed(self.all):
            process.terminate()
        for process in self.all:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def nginx_configuration(folder, name, port, server):
    path = os.path.join(folder, name + ".conf")
    with open(path, "w", encoding="ascii") as file:
        file.write(f"""daemon off; master_process off; worker_processes 1; pid {folder}/{name}.pid; error_log /dev/null;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; {server.format(port=port)} }}
""")
    return path


def start_nginx(processes, core, folder, name, port, server):
    return processes.start(core, "nginx", "-p", folder, "-c", nginx_configuration(folder, name, port, server))


def start_haproxy(processes, folder, port, backend):
    path = os.path.join(folder, "haproxy.cfg")
    with open(path, "w", encoding="ascii") as file:
        file.write(f"""global
    nbthread 1
    maxconn 4096
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 1s
    http-reuse always
frontend f
    bind 127.0.0.1:{port}
    default_backend b
backend b
    server s 127.0.0.1:{backend}
""")
    return processes.start(0, "haproxy", "-db", "-f", path)


def keep_registered(bus, backend):
    """As an instance does: a route that nobody speaks of for two minutes is forgotten."""
    def register():
        message = json.dumps({"host": "127.0.0.1", "port": backend, "uris": [HOST], "tags": {}})
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", bus)) as connection:
                connection.sendall(f"CONNECT {{}}\r\nPUB router.register {len(message)}\r\n{message}\r\nPING\r\n".encode())
                while b"PONG" not in connection.recv(4096):
                    pass
            time.sleep(20)
    threading.Thread(target=register, daemon=True).start()


def start_router(processes, folder, port, backend):
    bus = free_port()
    path = os.path.join(folder, "router.json")
    with open(path, "w", encoding="ascii") as file:
        json.dump({"driver": {"data_dir": folder + "/data", "log_level": "error"}, "router": {"settle_ms": 0}}, file)
    processes.start(1, CUPOLA, "run", "bus", "--listen", f"127.0.0.1:{bus}", "--data", folder + "/bus")
    await_port(bus)
    router = processes.start(0, CUPOLA, "run", "router", "--config", path, "--bus", f"127.0.0.1:{bus}", "--listen",
                             f"127.0.0.1:{port}")
    await_port(port)
    time.sleep(0.3)
    keep_registered(bus, backend)
    time.sleep(0.3)
    return router


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))


def in_microseconds(text):
    number, unit = re.match(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]


def measure(port, pid, connections):
    before = cpu_seconds(pid) if pid else 0
    output = subprocess.run(["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", "-H",
                             f"Host: {HOST}", f"http://127.0.0.1:{port}/1k"], capture_output=True, text=True,
                            check=True).stdout
    if "Non-2xx" in output:
        raise SystemExit(f"the proxy on port {port} answered with errors:\n{output}")
    requests = int(re.search(r"(\d+) requests in", output).group(1))
    return {
        "requests/s": float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1)),
        "p50 us": in_microseconds(re.search(r"^ +50% +(\S+)", output, re.MULTILINE).group(1)),
        "p99 us": in_microseconds(re.search(r"^ +99% +(\S+)", output, re.MULTILINE).group(1)),
        "CPU us/request": (cpu_seconds(pid) - before) * 1e6 / requests if pid else 0,
        "RSS MB": rss_kb(pid) / 1024 if pid else 0,
    }


def version(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().splitlines()[0]


def medians(runs):
    return {figure: statistics.median(run[figure] for run in runs) for figure in runs[0]}


def print_table(connections, results):
    print(f"\n{connections} keep-alive connections, 1 KB bodies")
    direct = results.pop("direct")
    names = list(results)
    for name in names:
        results[name]["added us"] = results[name]["p50 us"] - direct["p50 us"]
    print(f"  {'':<16}" + "".join(f"{name:>14}" for name in names) + f"{'ratio to best peer':>22}{'to bare':>10}")
    for figure in results["cupola"]:
        values = {name: results[name][figure] for name in names}
        peers = [values[name] for name in PEERS]
        best = max(peers) if figure == "requests/s" else min(peers)
        print(f"  {figure:<16}" + "".join(f"{values[name]:>14.1f}" for name in names) + "".join(
            f"{values['cupola'] / other if other else 0:>{width}.2f}" for other, width in ((best, 22), (values["bare"], 10))))


def main():
    print(version("nginx", "-v"), "|", version("haproxy", "-v"), "|", version(CUPOLA, "--version"))
    print(f"{ROUNDS} rounds of {SECONDS} s; proxy on core 0, wrk and backend on core 1")
    folder = tempfile.mkdtemp(prefix="cupola-bench-")
    processes = Processes()
    try:
        body = "x" * 1024
        backend = free_port()
        start_nginx(processes, 1, folder, "backend", backend,
                    "server {{ listen 127.0.0.1:{port}; location / {{ return 200 '" + body + "'; }} }}")
        await_port(backend)
        ports = {name: free_port() for name in ("cupola", *PEERS, "bare")}
        pids = {
            "cupola": start_router(processes, folder, ports["cupola"], backend).pid,
            "nginx": start_nginx(processes, 0, folder, "proxy", ports["nginx"],
                                 "upstream u {{ server 127.0.0.1:%d; keepalive 512; keepalive_requests 1000000000; }} "
                                 "server {{ listen 127.0.0.1:{port} backlog=1024; location / {{ proxy_pass http://u; "
                                 "proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Host $host; }} }}"
                                 % backend).pid,
            "haproxy": start_haproxy(processes, folder, ports["haproxy"], backend).pid,
            "bare": processes.start(0, f"{BUILD}/tests/bench/byte_proxy", str(ports["bare"]), str(backend)).pid,
        }
        for port in ports.values():
            await_port(port)
        ports["direct"], pids["direct"] = backend, None
        for connections in CONNECTIONS:
            runs = {name: [] for name in ports}
            for _ in range(ROUNDS):
                for name in ports:
                    runs[name].append(measure(ports[name], pids[name], connections))
            print_table(connections, {name: medians(runs[name]) for name in runs})
    finally:
        processes.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
