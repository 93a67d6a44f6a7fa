#!/usr/bin/env python3
"""The router beside nginx and HAProxy with HTTP/2 clients, in clear and over TLS: requests/s and CPU a request.

    tests/bench/router_http2.py [BUILD_FOLDER] [SECONDS] [ROUNDS]

As router.py: each proxy on core 0, h2load and the backend (HTTP/1.1) on core 1, the proxies take turns, medians, ratios to
the better peer in the same run.
"""
import json
import re
import shutil
import statistics
import subprocess
import tempfile
import time

from router import CUPOLA, HOST, ROUNDS, SECONDS, Processes, await_port, cpu_seconds, free_port, keep_registered, \
    nginx_configuration

SHAPES = ((1, 1), (16, 1), (16, 32))  # Connections, streams on each.


def make_certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                    f"{folder}/key.pem", "-out", f"{folder}/cert.pem", "-subj", f"/CN={HOST}", "-days", "2"], check=True,
                   capture_output=True)
    with open(f"{folder}/both.pem", "wb") as both:
        for part in ("cert.pem", "key.pem"):
            with open(f"{folder}/{part}", "rb") as file:
                both.write(file.read())


def start_cupola(processes, folder, backend, plain, secure):
    bus = free_port()
    path = folder + "/router.json"
    with open(path, "w", encoding="ascii") as file:
        json.dump({"driver": {"data_dir": folder + "/data", "log_level": "error",
                              "tls": [{"certificate": folder + "/cert.pem", "key": folder + "/key.pem",
                                       "alpn": ["h2", "http/1.1"]}]},
                   "router": {"settle_ms": 0, "tls_listen": {"port": secure}}}, file)
    processes.start(1, CUPOLA, "run", "bus", "--listen", f"127.0.0.1:{bus}", "--data", folder + "/bus")
    await_port(bus)
    router = processes.start(0, CUPOLA, "run", "router", "--config", path, "--bus", f"127.0.0.1:{bus}", "--listen",
                             f"127.0.0.1:{plain}")
    await_port(plain)
    time.sleep(0.3)
    keep_registered(bus, backend)
    time.sleep(0.3)
    return router.pid


def start_nginx(processes, folder, backend, plain, secure):
    server = ("upstream u {{ server 127.0.0.1:%d; keepalive 512; keepalive_requests 1000000000; }} "
              "server {{ listen 127.0.0.1:{port} http2; listen 127.0.0.1:%d ssl http2; http2_max_requests 1000000000; "
              "ssl_certificate %s/cert.pem; ssl_certificate_key %s/key.pem; location / {{ proxy_pass http://u; "
              "proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Host $host; }} }}"
              % (backend, secure, folder, folder))
    path = nginx_configuration(folder, "proxy", plain, server.replace("http2_max_requests 1000000000; ", ""))
    return processes.start(0, "nginx", "-p", folder, "-c", path).pid


def start_haproxy(processes, folder, backend, plain, secure):
    path = folder + "/haproxy.cfg"
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
    bind 127.0.0.1:{plain} proto h2
    bind 127.0.0.1:{secure} ssl crt {folder}/both.pem alpn h2
    default_backend b
backend b
    server s 127.0.0.1:{backend}
""")
    return processes.start(0, "haproxy", "-db", "-f", path).pid


def measure(scheme, port, pid, connections, streams):
    before = cpu_seconds(pid)
    said = subprocess.run(["taskset", "-c", "1", "h2load", "-t1", f"-c{connections}", f"-m{streams}", f"-D{SECONDS}",
                           f"--header=:authority: {HOST}", f"{scheme}://127.0.0.1:{port}/1k"], capture_output=True,
                          text=True, check=True).stdout
    good = int(re.search(r"status codes: (\d+) 2xx", said).group(1))
    if good == 0 or not re.search(r" 0 3xx, 0 4xx, 0 5xx", said):
        raise SystemExit(f"the proxy on port {port} answered with errors:\n{said}")
    return {"requests/s": good / SECONDS, "CPU us/request": (cpu_seconds(pid) - before) * 1e6 / good}


def print_table(title, results):
    print("\n" + title)
    names = list(results)
    print(f"  {'':<16}" + "".join(f"{name:>12}" for name in names) + f"{'ratio to best peer':>22}")
    for figure in results["cupola"]:
        values = {name: results[name][figure] for name in names}
        peers = [values[name] for name in names if name != "cupola"]
        best = max(peers) if figure == "requests/s" else min(peers)
        print(f"  {figure:<16}" + "".join(f"{values[name]:>12.1f}" for name in names) +
              f"{values['cupola'] / best if best else 0:>22.2f}")


def main():
    print(f"{ROUNDS} rounds of {SECONDS} s; proxy on core 0, h2load and backend on core 1; 1 KB bodies")
    folder = tempfile.mkdtemp(prefix="cupola-bench-")
    processes = Processes()
    try:
        make_certificate(folder)
        backend = free_port()
        answer = "server {{ listen 127.0.0.1:{port}; location / {{ return 200 '" + "x" * 1024 + "'; }} }}"
        processes.start(1, "nginx", "-p", folder, "-c", nginx_configuration(folder, "backend", backend, answer))
        await_port(backend)
        starters = {"cupola": start_cupola, "nginx": start_nginx, "haproxy": start_haproxy}
        if shutil.which("haproxy") is None:
            del starters["haproxy"]
        ports = {name: {"http": free_port(), "https": free_port()} for name in starters}
        pids = {name: start(processes, folder, backend, ports[name]["http"], ports[name]["https"])
                for name, start in starters.items()}
        for pair in ports.values():
            await_port(pair["http"])
        for scheme in ("http", "https"):
            for connections, streams in SHAPES:
                runs = {name: [] for name in starters}
                for _ in range(ROUNDS):
                    for name in starters:
                        runs[name].append(measure(scheme, ports[name][scheme], pids[name], connections, streams))
                print_table(f"{scheme}, {connections} connections with {streams} streams each",
                            {name: {figure: statistics.median(run[figure] for run in runs[name])
                                    for figure in runs[name][0]} for name in runs})
    finally:
        processes.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
