#!/usr/bin/env python3
"""Writes the man pages from what the program itself says, and cupola.json(5) with docs/configuration.md from
core/proto/config.proto, where every key is documented.

usage: manual.py PROGRAM FOLDER    man pages into FOLDER, gzipped
       manual.py --page            docs/configuration.md
       manual.py --check           is that page what config.proto says?
"""
import datetime
import gzip
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHANGES = ROOT / "CHANGELOG.md"
PAGE = ROOT / "docs/configuration.md"
ROLES = {"BusServerConfig": ("bus_server", "the message bus"), "RouterConfig": ("router", "the router"),
         "CloudControllerConfig": ("cloud_controller", "the cloud controller"), "DeaConfig": ("dea", "the DEA"),
         "HealthManagerConfig": ("health_manager", "the health manager"),
         "DriverConfig": ("driver", "what every role has: state, workloads, TLS")}
HEAD = """# Configuration

A configuration file is one JSON object. Each role reads the section of its name, and `driver`; one file may serve many
roles. Every key has a default, so an empty file is a valid one. Unknown keys and wrong values are errors that name the
line and the nearest known key; `cupola run ROLE --config FILE --check` only looks.

Written by `packaging/manual.py --page` from `core/proto/config.proto`.
"""


def messages():
    """(name, words before it, [(key, type, default, words)]) of each message of config.proto."""
    comment, fields, name, about = [], None, None, ""
    for line in (ROOT / "core/proto/config.proto").read_text().splitlines():
        begin = re.match(r"message (\w+) {", line)
        field = re.match(r"\s+(optional|repeated) (\w+) (\w+) = \d+\s*(?:\[default = (.*?)\])?;\s*(?://\s*(.*))?", line)
        if begin:
            name, about, fields, comment = begin.group(1), " ".join(comment), [], []
        elif line.startswith("}") and name:
            yield name, about, fields
            name, comment = None, []
        elif field and name:
            kind = field.group(2) if field.group(1) == "optional" else f"list of {field.group(2)}"
            words = " ".join(comment + [field.group(5) or ""]).strip()
            fields.append([field.group(3), kind, (field.group(4) or "").strip('"'), words])
            comment = []
        elif line.strip().startswith("//"):
            text = line.strip()[2:].strip()
            if fields and name and line.startswith("        "):
                fields[-1][3] += " " + text
            else:
                comment.append(text)
        elif not line.strip():
            comment = []


def page():
    out = [HEAD]
    everything = list(messages())
    for name, about, fields in sorted(everything, key=lambda m: list(ROLES).index(m[0]) if m[0] in ROLES else 99):
        if name in ("ClientConfig", "ProcessConfig"):
            continue
        title = f"`{ROLES[name][0]}`: {ROLES[name][1]}" if name in ROLES else f"{name}"
        out.append(f"\n## {title}\n\n{about}\n\n| key | type | default | |\n|---|---|---|---|")
        for key, kind, default, words in fields:
            out.append(f"| `{key}` | {kind} | {default} | {words.replace('|', '/')} |")
    return "\n".join(out) + "\n"


# ---- Man pages ----

def escape(text):
    return "\n".join("\\&" + line if line[:1] in ".'" else line for line in text.replace("\\", "\\e").splitlines())


def write(folder, name, section, summary, body):
    made = os.environ.get("SOURCE_DATE_EPOCH") or CHANGES.stat().st_mtime
    day = datetime.datetime.fromtimestamp(int(made), datetime.timezone.utc).date()
    text = f'.TH {name.upper()} {section} "{day}" "Cupola" "Cupola"\n.SH NAME\n{name} \\- {summary}\n{body}'
    with gzip.GzipFile(Path(folder) / f"{name}.{section}.gz", "wb", mtime=0) as file:
        file.write(text.encode())


def of_command(program, words, summary, folder):
    said = subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=True).stdout
    usage, _, rest = said.partition("\n\n")
    usage = "\n".join(line.removeprefix("usage:").strip() for line in usage.splitlines())
    write(folder, "-".join(["cupola", *words]), 1, summary,
          f".SH SYNOPSIS\n.nf\n{escape(usage)}\n.fi\n.SH DESCRIPTION\n.nf\n{escape(rest)}\n.fi\n"
          ".SH SEE ALSO\n.BR cupola (1), cupola.json (5)\n")


def of_configuration(folder):
    body = [".SH DESCRIPTION", escape(HEAD.split("\n", 2)[2].split("\nWritten by")[0].replace("`", ""))]
    for name, about, fields in messages():
        if name in ("ClientConfig", "ProcessConfig"):
            continue
        body.append(f".SH {ROLES[name][0] if name in ROLES else name}\n{escape(about)}")
        for key, kind, default, words in fields:
            body.append(f".TP\n.B {key}\n({kind}{', default ' + default if default else ''}) {escape(words)}")
    write(folder, "cupola.json", 5, "configuration of Cupola's components", "\n".join(body) + "\n")


def manual(program, folder):
    Path(folder).mkdir(parents=True, exist_ok=True)
    of_command(program, [], "a platform as a service, and the simulator that breaks it", folder)
    general = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    for name, summary in re.findall(r"^  ([a-z-]+) +(\S.*)$", general.partition("\nExamples")[0], re.M):
        of_command(program, [name], summary, folder)
    simulator = subprocess.run([program, "sim", "--help"], capture_output=True, text=True, check=True).stdout
    for name, summary in re.findall(r"^  ([a-z]+) [A-Z\[ ]*.*?  +(\S.*?)(?:  .*)?$", simulator, re.M):
        of_command(program, ["sim", name], summary, folder)
    of_configuration(folder)


def main():
    if sys.argv[1:] == ["--page"]:
        PAGE.write_text(page())
    elif sys.argv[1:] == ["--check"]:
        silent = [f"{name}.{field[0]}" for name, _, fields in messages() for field in fields
                  if not field[3] and name not in ("ClientConfig", "ProcessConfig")]
        if silent:
            sys.exit("core/proto/config.proto does not say what these keys are for: " + ", ".join(silent))
        if not PAGE.exists() or PAGE.read_text() != page():
            sys.exit("docs/configuration.md is not what core/proto/config.proto says: run packaging/manual.py --page")
    elif len(sys.argv) == 3:
        manual(sys.argv[1], sys.argv[2])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
