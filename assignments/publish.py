"""Make the public course repository from a private one.

python assignments/publish.py ../em-public https://github.com/uni/em-course week1

writes into a new folder what students need: the book, emlib, and the sets as they are handed out,
built from assignments/source. Solutions, hidden tests, answers and model derivations stay behind.
Set-up cells and links lead to that address, at that tag; commit the folder, and set the tag.
"""

import argparse
import re
import shutil
import sys
from pathlib import Path

import build
import refresh

ROOT = build.ROOT
# All that is public; a file that somebody adds to the private repository is not, by itself.
PUBLIC = [
    "emlib",
    "notebooks",
    "figures",
    "pyproject.toml",
    "requirements.txt",
    "runtime.txt",
    "LICENSE",
    "LICENSE-text",
    "CITATION.cff",
    ".gitignore",
    ".gitattributes",
]
NOT_COPIED = shutil.ignore_patterns("__pycache__", ".*_cache", ".ipynb_checkpoints", "*.egg-info")
README = """\
# A course on EM

The problem sets are in `assignments/release`: {names}. Open them with the links in their second
cell. They go with the book *Expectation-Maximization, from the ELBO up*, which is in `notebooks`
(its home: {home}), and use its library, `emlib`.
"""


def moved(text: str, address: str, tag: str) -> str:
    """Return a notebook's text with its set-up and its links at another address and tag."""
    old, new = refresh.repository(), address
    old_path, new_path = (each.removeprefix("https://github.com/") for each in (old, new))
    for before, after in {
        f"git+{old}": f"git+{new}@{tag}",
        f"mybinder.org/v2/gh/{old_path}/HEAD": f"mybinder.org/v2/gh/{new_path}/{tag}",
        f"github/{old_path}/blob/main": f"github/{new_path}/blob/{tag}",
    }.items():
        text = text.replace(before, after)
    return text


def publish(folder: Path, address: str, tag: str) -> None:
    """Write the public repository into a folder that is not there yet."""
    sets = build.releases(build.sources())
    folder.mkdir(parents=True)
    for name in PUBLIC:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, folder / name, ignore=NOT_COPIED)
        elif path.exists():
            shutil.copy(path, folder / name)
    for path, text in sets.items():
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True)
        copy.write_text(text, encoding="utf-8", newline="\n")
    for path in folder.rglob("*.ipynb"):
        text = moved(path.read_text(encoding="utf-8"), address, tag)
        path.write_text(text, encoding="utf-8", newline="\n")
    names = ", ".join(path.stem for path in sets)
    text = README.format(names=names, home=refresh.repository())
    (folder / "README.md").write_text(text, encoding="utf-8", newline="\n")


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="a folder that is not there yet")
    parser.add_argument("address", help="https://github.com/OWNER/NAME, of the public repository")
    parser.add_argument("tag", help="the tag that students get")
    options = parser.parse_args(argv)
    address = options.address.rstrip("/").removesuffix(".git")
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", address):
        parser.error("the address must be https://github.com/OWNER/NAME: Colab opens no other")
    if options.folder.exists():
        parser.error(f"{options.folder} is there already: give a new folder, and copy its files")
    try:
        publish(options.folder, address, options.tag)
    except build.Unfit as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.folder} is ready: commit it to {address}, and set the tag {options.tag}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
