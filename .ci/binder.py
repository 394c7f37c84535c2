"""Ask repo2docker what Binder would build: `PYTHON .ci/binder.py`, with jupyter-repo2docker.

Nothing is built; the recipe is read. It must take requirements.txt and the Python of runtime.txt,
which must be one that the book supports, and nothing in the tree may take their place.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def recipe(folder: Path) -> str:
    """Return what repo2docker says, and the Dockerfile that it would build."""
    tool = Path(sys.executable).with_name("jupyter-repo2docker")
    done = subprocess.run(
        [tool, "--no-build", "--debug", folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout + done.stderr


def problems(folder: Path) -> list[str]:
    text = recipe(folder)
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest = tuple(int(n) for n in re.findall(r"\d+", project["requires-python"]))
    python = re.search(r"^Building conda environment for python=(\d+)\.(\d+)", text, re.M)
    found = []
    if "unspecified" in text or python is None:
        found.append("repo2docker chose a Python by itself")
    elif tuple(int(n) for n in python.groups()) < oldest:
        found.append(f"Python {python[1]}.{python[2]} is too old for the book")
    if not re.search(r'^RUN \S+/bin/pip install .*-r "?requirements\.txt', text, re.M):
        found.append("requirements.txt is not installed")
    return found


def main() -> int:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "book"
        for file in filter(None, names.split("\0")):
            if (ROOT / file).is_file():
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / file, folder / file)
        found = problems(folder)
        # The check can fail: a Dockerfile takes the place of everything.
        (folder / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
        if not problems(folder):
            found.append("this check does not see a Dockerfile")
    print("\n".join(found) or "repo2docker takes runtime.txt and requirements.txt")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
