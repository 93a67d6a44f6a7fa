#!/usr/bin/env python3
"""usage: ctest --show-only=json-v1 | jobs.py NAME...: a line for each test that has a NAME in its name: the name, its
folder and its command, with tabs between; for a machine that has no ctest."""
import json
import shlex
import sys


def line_of(test):
    properties = {entry["name"]: entry["value"] for entry in test.get("properties", [])}
    words = ["env", *properties.get("ENVIRONMENT", []), *test["command"]]
    return "\t".join([test["name"], properties.get("WORKING_DIRECTORY", "/"), shlex.join(words)])


for test in json.load(sys.stdin)["tests"]:
    if any(name in test["name"] for name in sys.argv[1:]) and "sanitized" not in test["name"]:
        print(line_of(test))
