#!/usr/bin/env python3
"""Writes docs/reference.md, the reference of the scenario language, from the editor's type stubs (lua/types)
and the fault menu (sim/faults/fault.h). With --check it only tells whether the page, the stubs and the language agree.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
STUBS = "\n".join((ROOT / "lua/types" / name).read_text() for name in ("cupola.lua", "components.lua", "faults.lua"))
PAGE = ROOT / "docs/reference.md"
HEAD = """# Reference of the scenario language

Written by `tests/lua/reference.py` from `lua/types`; an editor with the Lua language server shows the same:
here by `.luarc.json`, elsewhere when its `workspace.library` names that folder (`/usr/share/cupola/lua/types` of the
package). What a scenario looks like: [the walkthrough](walkthrough.md).
"""
WORDS = {"cupola": "`require \"cupola\"`", "scenario": "The scenario's table", "trip": "`tripped_by`",
         "cloud_plan": "`cloud`", "link_plan": "`cloud.link`, `link_between_zones`, `link_outside`",
         "app_plan": "`apps.NAME`", "health_plan": "`apps.NAME.health`",
         "probe_plan": "`health.startup`, `liveness`, `readiness`", "load_plan": "`load[n]`", "gateway_config": "`cloud.gateway_config`", "cloud": "The cloud in `run`",
         "requests": "What `cloud:requests` returns", "fault_options": "Options of `cloud:fault`", "fault": "A fault",
         "component": "A component", "host": "A host", "instance": "An instance", "operation": "An operation",
         "session": "A command in an instance",
         "mark": "A mark of `sometimes`", "raw_plan": "Options of `cloud:raw_client`", "raw_client": "A raw client",
         "partition": "A partition", "partition_options": "Options of `cloud:partition`",
         "storm": "A storm", "storm_options": "Options of `cloud:storm`"}


def blocks():
    """The comment lines before each function or class, with the line that follows them."""
    comment = []
    for line in STUBS.splitlines():
        if line.startswith("---"):
            comment.append(line[3:].strip())
        else:
            if comment:
                yield comment, line
            comment = []
    if comment:
        yield comment, ""


def type_of(text):
    """Splits `TYPE words`: a type ends at the first space outside of its brackets that does not follow a , : or |."""
    depth = 0
    for place, letter in enumerate(text):
        depth += letter in "(<" and 1 or letter in ")>" and -1 or 0
        if letter == " " and depth == 0 and text[place - 1] not in ",:|":
            return text[:place], text[place + 1:]
    return text, ""


def cell(text):
    return text.replace("|", "\\|")


def field_row(line):
    name, rest = line.removeprefix("@field ").split(" ", 1)
    kind, words = type_of(rest)
    needed = "" if name.endswith("?") else " (needed)"
    return name.rstrip("?"), kind, words, needed


def write_class(comment, out):
    name = next(line for line in comment if line.startswith("@class")).split()[1]
    out.append(f"\n## {WORDS.get(name, name)}\n")
    out.append(" ".join(line for line in comment if not line.startswith("@")))
    fields = [field_row(line) for line in comment if line.startswith("@field")]
    if fields:
        is_input = name.endswith("plan") or name in ("scenario", "trip", "fault_options", "partition_options", "storm_options")
        out.append("\n| field | type | |\n|---|---|---|")
        for field, kind, words, needed in fields:
            out.append(f"| `{field}` | `{cell(kind)}` | {cell(words)}{needed if is_input else ''} |")


def write_function(comment, line, out):
    signature = re.match(r"function ([\w.:]+\(.*\))", line).group(1)
    returned = [type_of(text.removeprefix("@return "))[0] for text in comment if text.startswith("@return")]
    arrow = f" -> {', '.join(returned)}" if returned else ""
    out.append(f"\n`{signature}`{arrow}  ")
    out.append(" ".join(text for text in comment if not text.startswith("@")) or "See its name.")
    for text in comment:
        if text.startswith("@param"):
            name, rest = text.removeprefix("@param ").split(" ", 1)
            kind, words = type_of(rest)
            out.append(f"- `{name}`: {cell(kind)}{'. ' + words if words else ''}")


def faults():
    """(name, what it does) of each kind, from the comments of sim/faults/fault.h."""
    text = (ROOT / "sim/faults/fault.h").read_text()
    body = re.search(r"enum fault_kind {(.*?)FAULT_KIND_END", text, re.S).group(1)
    return [(name, re.sub(r"\s+", " ", words).strip())
            for name, words in re.findall(r'/\* "(\w+)"(?::? ?)(.*?)\*/', body, re.S)]


def victims():
    """fault -> the tests in which somebody suffers from it; those that play the whole menu aside."""
    names = dict(re.findall(r'\[(FAULT_\w+)\] = {"(\w+)", FAULT_FAMILY', (ROOT / "sim/faults/menu.c").read_text()))
    found = {name: [] for name in names.values()}
    for file in sorted((ROOT / "tests/sim").glob("test_fault_*.c")):
        text = file.read_text()
        for test, body in re.findall(r"^static void (\w+)\(void \*\*state\)\n{(.*?)^}", text, re.S | re.M):
            for enum in sorted(set(re.findall(r"\bFAULT_\w+\b", body)) if file.name != "test_fault_undo.c" else []):
                found.get(names.get(enum), []).append((file.stem, test))
    return found


def page():
    out = [HEAD]
    for comment, line in blocks():
        if line.startswith("function"):
            write_function(comment, line, out)
        elif any(text.startswith("@class") for text in comment):
            write_class(comment, out)
        elif comment[-1].startswith("@alias") and "fault_kind" not in comment[-1]:
            out.append(f"\n**{comment[-1].split()[1]}**: {comment[0]}")
    suffered = victims()
    out.append("\n## The fault menu\n\nEach is mended again, which is verified (`tests/sim/test_fault_undo.c`), and each has a "
               "test in which somebody who relies on\nthe opposite suffers.\n\n| fault | what it does | somebody suffers in |\n|---|---|---|")
    for name, words in faults():
        file, test = suffered[name][0]
        out.append(f"| `{name}` | {cell(words)} | `{file}`: {test.replace('_', ' ')} |")
    return "\n".join(out) + "\n"


def disagreements():
    """What the language has and the stubs lack, or the other way round."""
    stubs = STUBS
    cloud = "".join((ROOT / "lua" / name).read_text() for name in ("cloud.lua", "faults.lua"))
    language = {f"{owner.lower()}:{name}" for owner, name in re.findall(r"^ *function (\w+):(\w+)\(", cloud, re.M)}
    for owner, names in re.findall(r"for _, \w+ in ipairs {([^}]*)} do\s+(\w+)\[", cloud):
        language |= {f"{names.lower()}:{name}" for name in re.findall(r'"(\w+)"', owner)}
    described = set(re.findall(r"^function (\w+:\w+)\(", stubs, re.M))
    for name in sorted(language ^ described):
        yield f"{name} is {'not in lua/types' if name in language else 'not in lua/cloud.lua'}"
    checks = set(re.findall(r'\] = "(\w+)"', (ROOT / "sim/checks/check.c").read_text()))
    known = set(re.findall(r"^---@field (\w+) check", stubs, re.M))
    for name in sorted(checks ^ known):
        yield f"the check {name} is only in one of lua/types and sim/checks/check.c"
    menu = set(re.findall(r'{"(\w+)", FAULT_FAMILY', (ROOT / "sim/faults/menu.c").read_text()))
    alias = re.search(r"@alias fault_kind\n((?:---\|.*\n)+)", stubs).group(1)
    kinds = set(re.findall(r'"(\w+)"', alias))
    for name in sorted(menu ^ kinds):
        yield f"the fault {name} is only in one of lua/types and sim/faults/menu.c"
    for name in sorted(menu - {fault for fault, _ in faults()}):
        yield f"sim/faults/fault.h does not say what the fault {name} does"
    suffered = {fault for fault, tests in victims().items() if tests}
    for name in sorted(menu - suffered):
        yield f"no test shows what the fault {name} does to who relies on the opposite (tests/sim/test_fault_*.c)"
    plan = (ROOT / "lua/plan.lua").read_text()
    for record, kind in (("cloud", "cloud_plan"), ("app", "app_plan"), ("load", "load_plan"), ("link", "link_plan"),
                         ("health", "health_plan"), ("probe", "probe_plan")):
        keys = set(re.findall(r"^  (\w+) =", re.search(rf"local {record} = schema.record {{(.*?)^}}", plan, re.S | re.M)
                              .group(1), re.M))
        fields = set(re.findall(r"@field (\w+)", re.search(rf"@class {kind}\n(.*?)\n\n", stubs, re.S).group(1)))
        for name in sorted(keys ^ fields):
            yield f"{kind}.{name} is only in one of lua/types and lua/plan.lua"


def main():
    wrong = list(disagreements())
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text() != page():
            wrong.append("docs/reference.md is not what lua/types says: run tests/lua/reference.py")
    else:
        PAGE.write_text(page())
    print("\n".join(wrong) if wrong else "stubs, language and reference agree")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
