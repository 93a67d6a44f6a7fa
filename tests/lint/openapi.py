#!/usr/bin/env python3
"""docs/api/openapi.yaml describes every call beyond v1 that the controller knows, and no other one."""
import glob
import re
import sys

METHODS = "GET|PUT|POST|DELETE|PATCH"
ROUTE = re.compile(rf'\{{"({METHODS})",\s*"(/[^"]+)"')
# Files that have many of one beginning: #define NAME(method, pattern...) { method, "/beginning/" pattern, ...
PREFIX = re.compile(r'#define (\w+)\(method, pattern[^)]*\)[\s\\]*\{[\s\\]*method, "(/[^"]*)" pattern')
# v1's own are in docs/protocol.md; offerings and their handles are calls of gateways, as in 2011.
BEYOND = re.compile(r"/cupola/v1/|/services/v1/(?!offerings)")


def routes():
    for path in glob.glob("core/cloud_controller/rest/**/*.c", recursive=True):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        found = ROUTE.findall(text)
        for name, prefix in PREFIX.findall(text):
            found += [(method, prefix + rest) for method, rest in re.findall(rf'\b{name}\("({METHODS})",\s*"([^"]+)"', text)]
        yield from (f"{method} {pattern}" for method, pattern in found if BEYOND.match(pattern))


def described():
    path = None
    with open("docs/api/openapi.yaml", encoding="utf-8") as file:
        for line in file:
            if re.match(r"\S", line):
                path = None  # Another section.
            elif found := re.match(r"  (/\S+):$", line):
                path = re.sub(r"\{\w+\}", ":", found[1])
            elif path and (found := re.match(r"    (get|put|post|delete|patch):", line)):
                yield f"{found[1].upper()} {path}"


def main():
    known, told = set(routes()), set(described())
    for call in sorted(known - told):
        print(f"docs/api/openapi.yaml does not describe {call}")
    for call in sorted(told - known):
        print(f"docs/api/openapi.yaml describes {call}, which no route table has")
    if not known:
        print("no route table was found")
    return 1 if known != told or not known else 0


if __name__ == "__main__":
    sys.exit(main())
