"""Run every chapter as Colab would: `.venv/bin/python .ci/colab.py PYTHON3.13`.

Colab opens one notebook alone, on packages of its own. So the kernel here is a new environment
with Colab's versions and without the book; each chapter is copied into an empty folder, and its
set-up cell has to bring emlib, from a copy of this working tree instead of the public address
(once for chapters, once for their Deeper, once for problem sets: the cells are the same).
What the cells print is compared with what is committed. Afterwards nothing may have changed in
the environment but that the book was added.

The interpreter that runs this script needs the packages of README's test command.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
# What Colab's image holds, as far as the book needs it; setuptools is what pip builds with.
COLAB = [
    "numpy==2.1.3",
    "scipy==1.16.3",
    "matplotlib==3.10.0",
    "ipywidgets==7.7.1",
    "ipykernel==6.17.1",
    "ipython==7.34.0",
    "scikit-learn==1.6.1",
    "pytest==8.4.*",
]
KERNEL = "colab"
BEGUN = time.monotonic()


def run(*command: object, **options: object) -> str:
    return subprocess.run(
        [str(part) for part in command], check=True, capture_output=True, text=True, **options
    ).stdout


def make_environment(folder: Path, interpreter: str) -> Path:
    """Make Colab's environment and a kernel in it; return its Python."""
    run(interpreter, "-m", "venv", folder)
    python = folder / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", *COLAB)
    spec = folder / "share" / "jupyter" / "kernels" / KERNEL
    spec.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel = {"argv": argv, "display_name": "Colab", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(kernel), encoding="utf-8")
    return python


def copy_tree(target: Path) -> None:
    """Copy the files of the working tree, committed or new, but none that git ignores."""
    names = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=ROOT)
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)


def strict_comparison() -> object:
    """Return notebooks/conftest.py: it compares strictly, and tries the solutions."""
    spec = importlib.util.spec_from_file_location("strict", ROOT / "notebooks" / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_chapter(path: Path) -> bool:
    """Run a notebook and compare its outputs; say whether all is as printed."""
    options = ["-q", "--no-header", "--tb=short", "-p", "no:cacheprovider", "-p", "no:xdist"]
    options += ["-c", os.devnull, f"--rootdir={path.parent}", "--nbval-cell-timeout=120"]
    options += ["--nbval", f"--nbval-kernel-name={KERNEL}", str(path)]
    return pytest.main(options, plugins=[strict_comparison()]) == 0


def run_set_up(path: Path) -> bool:
    """Run a problem set as far as its set-up cell, and import its checkers."""
    nb = nbformat.read(path, as_version=4)
    last = next(i for i, cell in enumerate(nb.cells) if cell.source.startswith("# Set-up"))
    nb.cells = nb.cells[: last + 1]
    nb.cells.append(nbformat.v4.new_code_cell(f"import emlib.checks.{path.stem}"))
    try:
        resources = {"metadata": {"path": str(path.parent)}}
        NotebookClient(nb, timeout=120, kernel_name=KERNEL, resources=resources).execute()
    except Exception as error:  # whatever goes wrong is this notebook's failure
        print(error)
        return False
    return True


def packages(python: Path) -> set[str]:
    """Return what is installed, with versions; faster than pip does.

    -I: not what lies in the current folder, where an editable installation leaves its traces.
    """
    code = "from importlib.metadata import distributions as d\n"
    code += "print(*(f'{p.name}=={p.version}' for p in d()), sep='\\n')"
    return set(run(python, "-I", "-c", code).split())


def attempt(notebook: Path, folder: Path) -> bool:
    """Run a notebook alone in an empty folder."""
    path = folder / notebook.name
    folder.mkdir()
    shutil.copy(notebook, path)
    return (run_chapter if "notebooks" in notebook.parts[-3:-1] else run_set_up)(path)


def attempt_all(notebooks: list[Path], python: Path, work: Path) -> list[str]:
    """Run notebooks of one kind, on an environment without the book; return which have failed.

    The first has to bring the book, and the others, whose set-up is the same, find it there.
    """
    run(python, "-c", "import importlib.util as u, sys; sys.exit(u.find_spec('emlib') is not None)")
    before, failed = packages(python), []
    for notebook in notebooks:
        name = f"{notebook.parent.name}-{notebook.stem}"
        print(f"--- {name} ({time.monotonic() - BEGUN:.0f} s so far)", flush=True)
        if not attempt(notebook, work / name):
            failed.append(name)
    gone, brought = before - packages(python), packages(python) - before
    if gone or [name.partition("==")[0] for name in brought] != ["em-book"]:
        failed.append(f"the environment has changed: {gone or 'nothing'} became {brought}")
    run(python, "-I", "-m", "pip", "uninstall", "-q", "-y", "em-book")
    return failed


def main() -> int:
    chapters = sorted((ROOT / "notebooks").glob("[0-9][0-9]-*.ipynb"))
    deeper = sorted((ROOT / "notebooks" / "deeper").glob("[0-9][0-9]-*.ipynb"))
    sets = sorted((ROOT / "assignments" / "release").glob("*/*.ipynb"))
    kinds = [chapters, deeper, sets]
    if not all(kinds):
        print("no chapters, or no released problem sets: python assignments/build.py")
        return 1
    failed = []
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        python = make_environment(work / "colab", sys.argv[1])
        copy_tree(work / "book")
        os.environ["EM_BOOK_SOURCE"] = str(work / "book")
        os.environ["JUPYTER_PATH"] = str(work / "colab" / "share" / "jupyter")
        os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
        os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # or every kernel prints a warning
        os.environ.pop("PYTHONPATH", None)
        os.chdir(work)  # where no emlib lies
        for kind in kinds:
            failed += attempt_all(kind, python, work)
    print(f"Colab: {time.monotonic() - BEGUN:.0f} s", *failed, sep="\n")
    print(f"{sum(map(len, kinds)) - len(failed)} passed, {len(failed)} failed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
