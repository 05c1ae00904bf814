"""What the lints share: the tree's files, a C file without its comments, the findings."""
import re
import subprocess
import sys
from pathlib import Path

SAMPLES = "tests/lint/"  # bad on purpose

QUIET = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')


def root():
    return Path(sys.argv[1] if len(sys.argv) > 1 else ".")


def files(top, *options):
    """Paths below top, relative to it: what git holds, or would with `git add .`."""
    argv = ["git", "ls-files", "-z", *(options or ("-co", "--exclude-standard"))]
    done = subprocess.run(argv, cwd=top, check=True, stdout=subprocess.PIPE, text=True)
    return sorted(name for name in set(done.stdout.split("\0"))
                  if name and not name.startswith(SAMPLES) and (top / name).is_file())


def c_files(top, *folders):
    """Those of C below the folders, or of all."""
    below = tuple(folder + "/" for folder in folders) or ("",)
    return [name for name in files(top) if name.endswith((".c", ".h"))
            and name.startswith(below)]


def code_of(text):
    """C without comments and literals, line for line."""
    return QUIET.sub(lambda m: " " + "\n" * m[0].count("\n"), text)


def includes(text):
    """(line, name) of each include in quotes."""
    for number, line in enumerate(text.splitlines(), 1):
        hit = INCLUDE.match(line)
        if hit:
            yield number, hit[1]


def rows(path):
    """The lines of a list beside the lints, without comments; none without the file."""
    text = path.read_text() if path.exists() else ""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def report(findings):
    """Prints each finding and ends the lint: 1 when there is one."""
    found = 0
    for finding in findings:
        print(finding)
        found = 1
    sys.exit(found)
