"""Build the web edition: `python docs/build.py`, then open docs/build/html/index.html.

Needs `pip install -e ".[docs]"` and npm, which brings what the pages carry with them (MathJax,
fonts), so that they ask no other host for anything. No notebook is run.
"""

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

DOCS = Path(__file__).resolve().parent
BUILD = DOCS / "build"
sys.path[:0] = [str(DOCS), str(DOCS.parent / "notebooks")]

import sources  # noqa: E402

FONTS = ("source-serif-4", "source-sans-3", "source-code-pro")
ALPHABETS = ("latin", "latin-ext", "greek")


def install() -> Path:
    """Let npm bring what package-lock.json names; return the folder of packages."""
    folder = BUILD / "npm"
    folder.mkdir(parents=True, exist_ok=True)
    lock = (DOCS / "package-lock.json").read_bytes()
    done = folder / "installed"  # the lock file that was installed last
    if not done.exists() or done.read_bytes() != lock:
        npm = shutil.which("npm")
        if npm is None:
            raise SystemExit("npm not found: install Node.js 18 or newer, which brings it.")
        for name in ("package.json", "package-lock.json"):
            shutil.copy(DOCS / name, folder / name)
        subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=folder,
            check=True,
        )
        done.write_bytes(lock)
    return folder / "node_modules"


def font_css(package: Path) -> str:
    """Return the @font-face rules of a font for the alphabets of this book."""
    rules = []
    for style in ("index.css", "wght-italic.css"):
        for rule in (package / style).read_text(encoding="utf-8").split("/* ")[1:]:
            if any(f"-{alphabet}-wght-" in rule.partition("*/")[0] for alphabet in ALPHABETS):
                rules.append("/* " + rule.strip())
    return "\n".join(rules) + "\n"


def bundle(packages: Path, static: Path) -> None:
    """Copy MathJax and the fonts to where Sphinx takes them from."""
    mathjax = static / "mathjax"
    if not mathjax.exists():
        shutil.copytree(packages / "mathjax" / "input", mathjax / "input")
        shutil.copytree(packages / "mathjax" / "a11y", mathjax / "a11y")
        shutil.copytree(packages / "mathjax" / "ui", mathjax / "ui")
        shutil.copy(packages / "mathjax" / "tex-chtml.js", mathjax)
        font = packages / "@mathjax" / "mathjax-newcm-font"
        shutil.copytree(font / "chtml", mathjax / "fonts" / "mathjax-newcm-font" / "chtml")
        shutil.copy(font / "chtml.js", mathjax / "fonts" / "mathjax-newcm-font")
    files = static / "fonts" / "files"
    files.mkdir(parents=True, exist_ok=True)
    css = ""
    for name in FONTS:
        package = packages / "@fontsource-variable" / name
        css += font_css(package)
        for alphabet in ALPHABETS:
            for font in (package / "files").glob(f"{name}-{alphabet}-wght-*.woff2"):
                shutil.copy(font, files)
    sources.write(static / "fonts" / "fonts.css", css)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clean", action="store_true", help="throw away what was built before")
    arguments = parser.parse_args(argv)
    begun = time.monotonic()
    if arguments.clean:
        shutil.rmtree(BUILD, ignore_errors=True)
    static = BUILD / "static"
    bundle(install(), static)
    problems = sources.make(BUILD / "source", static)
    if problems:
        print("\n".join(problems), file=sys.stderr)
        return 1
    html = BUILD / "html"
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q"]
    command += ["-j", "auto", "-c", DOCS, "-d", BUILD / "doctrees", BUILD / "source", html]
    status = subprocess.run(command, check=False).returncode
    if status == 0:
        print(f"Built in {time.monotonic() - begun:.0f} s: {html / 'index.html'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
