"""Makes the automatic mutants: the tree once more, each of its bugs switched by the environment variable CUPOLA_MUTANT."""
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
WORK = ROOT / "build/automutants"
SOURCE = WORK / "source"
FOLDERS = ["core/bus", "core/router", "core/cloud_controller", "core/dea", "core/health_manager"]
SKIPPED = re.compile(r"varz|inspect|view\.c|_monitor|^monitor\.c|assert_that|assert_unreachable|mutation_is|errors\.c|frameworks")
IF = re.compile(r"^(\s+)(else )?if \((.*)\)( \{)?$")
CALL = re.compile(r"^(\s+)([a-z_][a-z0-9_]*\((?:[^;\"]|\"[^\"]*\")*\);)$")
SWITCH_H = """#ifndef CUPOLA_AUTOMATIC_MUTANT_H
#define CUPOLA_AUTOMATIC_MUTANT_H
extern unsigned cupola_mutant;
extern unsigned char cupola_mutant_hits[];
#define mutant_is(n) (cupola_mutant_hits[n] = 1, cupola_mutant == (n))
#endif
"""
SWITCH_C = """#include "core/base/automatic_mutant.h"
#include <stdio.h>
#include <stdlib.h>
unsigned cupola_mutant;
unsigned char cupola_mutant_hits[%d];
static void tell(void)
{
    FILE *file = fopen(getenv("CUPOLA_MUTANT_HITS"), "wb");
    if (file != NULL) {
        fwrite(cupola_mutant_hits, 1, sizeof cupola_mutant_hits, file);
        fclose(file);
    }
}
__attribute__((constructor)) static void choose(void)
{
    const char *number = getenv("CUPOLA_MUTANT");
    cupola_mutant = number == NULL ? 0 : (unsigned)atoi(number);
    if (getenv("CUPOLA_MUTANT_HITS") != NULL)
        atexit(tell);
}
"""


def balanced(text):
    depth = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            return False
    return depth == 0


def mutate_line(line, before, number):
    """The line with mutant `number` in it, or None. `before` is the one above: does a statement begin here?"""
    if SKIPPED.search(line) or not before.rstrip().endswith((";", "{", "}", ")", ":", "else", "*/")):
        return None
    found = IF.match(line)
    if found and balanced(found.group(3)):
        blanks, other, condition, brace = found.groups()
        return f"{blanks}{other or ''}if (mutant_is({number}) != !!({condition})){brace or ''}"
    found = CALL.match(line)
    if found and balanced(found.group(2)[:-1]) and not found.group(2).startswith(("return", "machine_log", "sizeof")):
        return f"{found.group(1)}do {{ if (!mutant_is({number})) {found.group(2)} }} while (0);"
    return None


def mutate_tree(only, commit):
    """Copies the commit's tree with all mutants in it; returns their list."""
    subprocess.run(["rm", "-rf", SOURCE], check=True)
    SOURCE.mkdir(parents=True)
    archive = subprocess.Popen(["git", "archive", commit], cwd=ROOT, stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", SOURCE], stdin=archive.stdout, check=True)
    mutants = []
    for file in sorted(path for folder in FOLDERS if only in folder for path in (SOURCE / folder).rglob("*.c")):
        if SKIPPED.search(file.name):
            continue
        text = file.read_text().splitlines()
        lines, found = list(text), False
        for place, line in enumerate(text):
            mutated = mutate_line(line, text[place - 1] if place else "", len(mutants) + 1)
            if mutated:
                mutants.append((f"{file.relative_to(SOURCE)}:{place + 1}", line.strip()))
                lines[place], found = mutated, True
        if found:
            file.write_text('#include "core/base/automatic_mutant.h"\n#line 1\n' + "\n".join(lines) + "\n")
    (SOURCE / "core/base/automatic_mutant.h").write_text(SWITCH_H)
    (SOURCE / "core/base/automatic_mutant.c").write_text(SWITCH_C % (len(mutants) + 1))
    return mutants


def names_of(mutants):
    """What a mutant is called in any tree: component, file, the line's text and which of several alike it is."""
    seen, names = {}, []
    for place, line in mutants:
        file = Path(place.split(":")[0])
        alike = (file.parts[1], file.name, line)
        seen[alike] = seen.get(alike, 0) + 1
        names.append("|".join((*alike, str(seen[alike]))))
    return names


def draw(names, count, seed):
    """The numbers of `count` mutants; a changed tree draws the same ones as far as they are there."""
    def key(number):
        return hashlib.blake2b(f"{seed} {names[number - 1]}".encode()).digest()
    return sorted(range(1, len(names) + 1), key=key)[:count]


def configure(folder, kind, flags):
    quiet = "-Wno-error -Wno-unused-value -Wno-parentheses -Wno-int-in-bool-context -fno-inline-small-functions -w"
    subprocess.run(["cmake", "-S", SOURCE, "-B", WORK / folder, "-G", "Ninja", f"-DCMAKE_BUILD_TYPE={kind}",
                    f"-DCMAKE_C_FLAGS={quiet} {flags}"], check=True, stdout=subprocess.DEVNULL)


def build(only, commit, jobs):
    """The program for the scenarios, and the unit tests of the components with the address and leak sanitizers; built
    once a tree. Returns the mutants and the tests."""
    built = WORK / "built.json"
    if built.exists():
        before = json.loads(built.read_text())
        if before["of"] == [only, commit]:
            return before["mutants"], before["tests"]
        built.unlink()
    mutants = mutate_tree(only, commit)
    print(f"{len(mutants)} mutants; building them into one program", file=sys.stderr)
    configure("build", "Release", "")
    subprocess.run(["ninja", "-C", WORK / "build", f"-j{jobs}", "cupola"], check=True, stdout=subprocess.DEVNULL)
    configure("units", "RelWithDebInfo", "-fsanitize=address -fno-omit-frame-pointer")
    tests = [str(file.relative_to(SOURCE / "tests").with_suffix("")).replace("/", "_") for folder in FOLDERS
             for file in sorted((SOURCE / "tests" / folder).rglob("test_*.c"))]
    subprocess.run(["ninja", "-C", WORK / "units", f"-j{jobs}", *tests], check=True, stdout=subprocess.DEVNULL)
    tests = [str(next((WORK / "units/tests").rglob(test))) for test in tests]
    built.write_text(json.dumps({"of": [only, commit], "mutants": mutants, "tests": tests}))
    return mutants, tests
