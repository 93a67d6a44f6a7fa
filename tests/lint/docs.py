#!/usr/bin/env python3
"""What the documents point at is there: links and their headings, files of the tree, commands of the program and of ./dev
with their options. usage: docs.py PROGRAM"""
import functools
import os
import re
import subprocess
import sys

PROGRAM = os.path.abspath(sys.argv[1])
FOLDERS = "apps|cli|cmake|core|docs|drivers|examples|lua|packaging|scenarios|services|sim|stagers|tests"
LINK = re.compile(r"\]\(([^)\s]+)\)")
FILE = re.compile(rf"`((?:{FOLDERS})/[\w./-]*\.\w+)[:`]")
COMMAND = re.compile(r"^(?:sudo )?(?:CUPOLA_\w+=\S+ )*(?:build/|\./)?cupola ([^`|>]*)")
DEV = re.compile(r"^\./dev ([a-z][^`|>]*)")


def tracked():
    return subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout.split()


def slug(heading):
    """As hosts of repositories make it: small letters, no punctuation, dashes for blanks."""
    return re.sub(r"[^\w\- ]", "", heading.strip().replace("`", "").lower()).replace(" ", "-")


@functools.lru_cache(maxsize=None)
def headings(path):
    with open(path, encoding="utf-8") as file:
        return {slug(line.lstrip("#")) for line in file if line.startswith("#")}


@functools.lru_cache(maxsize=None)
def help_of(*words):
    done = subprocess.run([PROGRAM, *words, "--help"], capture_output=True, text=True, timeout=30, check=False)
    return done.stdout if done.returncode == 0 else ""


@functools.lru_cache(maxsize=None)
def commands():
    """All that the shell's completion offers: old names, too."""
    said = subprocess.run([PROGRAM, "completion", "words", ""], capture_output=True, text=True, check=True).stdout
    return {line.split("\t")[0] for line in said.splitlines()} | {"help", "workload-run"}


def wrong_link(document, target):
    path, _, anchor = target.partition("#")
    path = os.path.normpath(os.path.join(os.path.dirname(document), path)) if path else document
    if not os.path.exists(path):
        return f"there is no {path}"
    if anchor and path.endswith(".md") and anchor not in headings(path):
        return f"{path} has no heading #{anchor}"
    return None


def wrong_command(line):
    words = line.split("#")[0].replace("[", " ").replace("]", " ").split()
    if not words or words[0].startswith(("-", "COMMAND", "...")):
        return None
    name = words[:2] if words[0] == "sim" and len(words) > 1 and words[1].islower() else words[:1]
    if words[0] not in commands() or not help_of(*name):
        return f"there is no command cupola {' '.join(name)}"
    for option in re.findall(r"(?<!\S)--[a-z][a-z0-9-]*", " ".join(words)):
        if option not in ("--help", "--version") and not re.search(re.escape(option) + r"(?![\w-])", help_of(*name)):
            return f"cupola {' '.join(name)} knows no {option}"
    return None


def wrong_dev(line):
    words = line.split("#")[0].split()
    with open("dev", encoding="utf-8") as file:
        known = re.findall(r"^([a-z |-]+)\)$", file.read(), re.M)
    if words[0] not in {name.strip() for row in known for name in row.split("|")}:
        return f"there is no command ./dev {words[0]}"
    if words[0] == "bench" and len(words) > 1 and words[1].islower():
        with open("tests/bench/run.sh", encoding="utf-8") as file:
            if not re.search(rf"^\s*(?:[\w |]+\|\s*)?{re.escape(words[1])}(?:\s*\|[\w |]+)?\)", file.read(), re.M):
                return f"there is no ./dev bench {words[1]}"
    return None


def commands_in(text):
    """(position, words) of what stands in `...` or at the beginning of a line of a block."""
    for found in re.finditer(r"`([^`\n]+)`", text):
        yield found.start(), found.group(1)
    for block in re.finditer(r"^```(?:sh|console|bash)?\n(.*?)^```", text, re.M | re.S):
        for line in re.finditer(r"^(?:\$ )?(.+)$", block.group(1).replace("\\\n", "  "), re.M):
            yield block.start(1) + line.start(), line.group(1)


def look(document, files):
    with open(document, encoding="utf-8") as file:
        text = file.read()
    for found in LINK.finditer(text):
        if not re.match(r"[a-z]+:", found.group(1)):
            yield found.start(), wrong_link(document, found.group(1))
    for found in FILE.finditer(text):
        path = found.group(1)
        if path not in files and "pb-c" not in path:
            yield found.start(), f"there is no {path}"
    for position, words in commands_in(text):
        if command := COMMAND.match(words):
            yield position, wrong_command(command.group(1))
        elif command := DEV.match(words):
            yield position, wrong_dev(command.group(1))


def main():
    files = set(tracked())
    failures = 0
    for document in sorted(file for file in files if file.endswith(".md") and file != "CHANGELOG.md"):
        with open(document, encoding="utf-8") as file:
            text = file.read()
        for position, complaint in look(document, files):
            if complaint:
                print(f"{document}:{text.count(chr(10), 0, position) + 1}: {complaint}")
                failures += 1
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main())
