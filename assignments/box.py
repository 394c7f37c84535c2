"""Where students' code runs, and what it must leave alone.

The box hides the course folder behind an empty one and makes emlib read-only, in name spaces of
Linux's own. Where it cannot be had, what a notebook changes is still found, and put back.
"""

import re
import shutil
import subprocess
from pathlib import Path

import emlib

INSTALLED = Path(emlib.__file__).parent
# An empty folder over the course's; emlib read-only; no right left to undo either.
SCRIPT = """
mount -t tmpfs none "$1" && mount --bind "$2" "$2" && mount -o remount,bind,ro "$2" || exit 1
cd "$1"; shift 2
exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
"""
SUSPICIOUS = re.compile(
    r"emlib\.checks|get_ipython|_getframe|sqlite3|gradebook|source/|\bopen\(|\bsetattr\(|\bexec\("
    r"|\beval\(|__import__|importlib|subprocess|os\._exit|sys\.exit|set_custom_exc|\bgc\b|inspect"
    r"|\bos\.kill|Path\(|ctypes|umount"
)


def boxed(course, command):
    """Return the command that runs `command` in a box."""
    inner = ["sh", "-c", SCRIPT, "box", str(course), str(INSTALLED), *command]
    return ["unshare", "--user", "--map-root-user", "--mount", *inner]


def available(course):
    """Return whether there can be a box on this machine."""
    if not (shutil.which("unshare") and shutil.which("setpriv")):
        return False
    return subprocess.run(boxed(course, ["true"]), capture_output=True, check=False).returncode == 0


def guarded(course):
    """Return the contents of what no notebook may change, by path."""
    files = [course / "gradebook.db", *INSTALLED.rglob("*.py")]
    return {path: path.read_bytes() for path in files if path.exists()}


def put_back(before, after):
    """Undo every change; return the paths that were changed."""
    changed = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
    for path in changed:
        if path in before:
            path.write_bytes(before[path])
        else:
            path.unlink()
    return sorted(changed)


def suspicious(source):
    """Return the words of an answer for which somebody should read it."""
    return sorted(set(SUSPICIOUS.findall(source)))
