"""README, requirements, CITATION.cff and CI say the same."""

import re
import shutil
import subprocess
import tomllib

import nbformat
import pytest
import yaml

import refresh

ROOT = refresh.ROOT
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def bounds(lines):
    """Return {name: lower bound} of lines such as "numpy>=2.0"."""
    return dict(re.findall(r"^([\w-]+)(?:>=|==)([\d.]+\d)", "\n".join(lines), re.MULTILINE))


def lines_of(path):
    return (ROOT / path).read_text(encoding="utf-8").splitlines()


def test_generated_parts_of_readme_are_current():
    assert refresh.readme_text(README) == README, "run python notebooks/refresh.py"


def test_citation_says_what_pyproject_and_readme_say():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert refresh.citation_text(text) == text, "run python notebooks/refresh.py"
    cited = yaml.safe_load(text)
    assert cited["version"] == PROJECT["version"]
    assert cited["repository-code"] == PROJECT["urls"]["Repository"]
    assert cited["license"] == PROJECT["license"]
    assert cited["keywords"] == PROJECT["keywords"]
    assert [author["name"] for author in cited["authors"]] == [
        author["name"] for author in PROJECT["authors"]
    ]
    assert f"# {cited['title']}" in README.splitlines()
    assert {"cff-version", "message", "type", "title", "authors"} <= set(cited)


def test_requirements_have_the_bounds_of_pyproject():
    lines = lines_of("requirements.txt")
    stated = bounds(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"])
    read = bounds(lines)
    assert lines[-1] == "-e ."
    assert len(read) == sum(not line.startswith(("#", "-e")) for line in lines)
    assert read == {name: stated.get(name) for name in read}
    assert set(bounds(PROJECT["dependencies"])) <= set(read)


def test_ci_tests_the_lower_bounds():
    assert bounds(lines_of(".ci/oldest.txt")) == bounds(PROJECT["dependencies"])


@pytest.mark.parametrize("name", ["read", "test"])
def test_readme_has_its_command_in_one_line(name):
    blocks = re.findall(
        rf"^<!-- {name} -->\n```bash\n(.*?)\n```$", README, re.MULTILINE | re.DOTALL
    )
    assert len(blocks) == 1
    assert "\n" not in blocks[0]
    if bash := shutil.which("bash"):
        command = [bash, str(ROOT / ".ci" / "run"), "command", name]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert found == blocks[0] + "\n"


def test_contributing_names_files_that_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"\b(?:notebooks|tests|emlib|docs|figures)/[\w./*-]*[\w*]", text)
    future = {
        "notebooks/12-*.ipynb",
        "notebooks/12-my-question.ipynb",
        "docs/build/html/index.html",
    }
    examples = {name for name in named if "NAME" in name or "NN" in name}
    wanted = set(named) - future - examples
    assert len(wanted) > 8
    assert [name for name in wanted if not list(ROOT.glob(name))] == []


def test_the_address_stands_in_one_place():
    """Everywhere else refresh.py writes it, so that a move is one edit and one command."""
    generated = {
        "README.md",
        "CITATION.cff",
        *(path.relative_to(ROOT).as_posix() for path in refresh.notebook_files()),
    }
    for path in (ROOT / "assignments").glob("*/*/*.ipynb"):  # what assignments/build.py writes
        generated.add(path.relative_to(ROOT).as_posix())
    addresses = [refresh.repository(), refresh.web_edition()]
    addresses = [address.removeprefix("https://") for address in addresses]
    folders = ["emlib", "tests", "notebooks", ".ci", "docs", "figures", "benchmarks", "assignments"]
    files = [p for f in folders for p in (ROOT / f).rglob("*") if p.is_file()]
    files += [p for p in ROOT.iterdir() if p.is_file()]
    holders = {
        path.relative_to(ROOT).as_posix()
        for path in files
        if not {"__pycache__", "build"} & set(path.parts)
        and any(a in path.read_bytes().decode("utf-8", errors="ignore") for a in addresses)
    }
    assert holders - generated == {"pyproject.toml"}


def test_readme_s_five_lines_run():
    [code] = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    space: dict = {}
    exec(code, space)
    from emlib import em

    start = space["PoissonMixture"]([0.3, 0.7], [1.0, 2.5])
    fit = em.fit(start, space["deaths"], sample_weight=space["days"], tol=0, max_iter=100)
    assert space["model"] == fit.model


def test_readme_s_proof_is_what_the_page_says():
    import trust

    agree, total = re.search(r"(\d+) of (\d+) printed values come out", trust.page()).groups()
    assert f"{agree} of {total} printed values come out the same" in README.replace("\n", " ")
    words = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    assert f"the other {words[int(total) - int(agree) - 2]} are explained" in README.replace(
        "\n", " "
    )


def test_readme_s_minutes_are_those_of_the_chapters():
    cells = [nbformat.read(path, as_version=4).cells[0] for path in refresh.chapter_files()[1:]]
    minutes = [int(refresh.TIME.search(cell.source)[1]) for cell in cells]
    low, high = map(int, re.search(r"(\d+) to (\d+) minutes", README).groups())
    assert low - 5 <= min(minutes) <= max(minutes) <= high
