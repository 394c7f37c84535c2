"""refresh.py saves a notebook in one form, whatever happens to be random in a run."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import refresh

SLIDER = """
import ipywidgets as widgets
import matplotlib.pyplot as plt
figure = plt.figure()
widgets.VBox([widgets.IntSlider(max=3), widgets.Image(value=b"png")])
"""


def write(folder, *sources):
    """Write a chapter as jupytext makes it: with random ids."""
    cells = [new_markdown_cell("# Title"), new_markdown_cell(refresh.BADGES_MARK)]
    cells += [new_code_cell(refresh.SETUP_MARK), *map(new_code_cell, sources)]
    path = folder / "01-sample.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return path


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory):
    """Return the bytes of a chapter that has been refreshed."""
    path = write(tmp_path_factory.mktemp("refreshed"), SLIDER, "1 + 1")
    refresh.refresh(path)
    return path.read_bytes()


def test_twice_gives_the_same_bytes(refreshed, tmp_path):
    path = tmp_path / "01-sample.ipynb"
    path.write_bytes(refreshed)
    refresh.refresh(path)
    assert path.read_bytes() == refreshed
    refresh.refresh(write(tmp_path, SLIDER, "1 + 1"))  # other random ids
    assert path.read_bytes() == refreshed


def test_widgets_and_their_views_are_renamed_together(refreshed):
    nb = nbformat.reads(refreshed.decode(), as_version=4)
    state = nb.metadata.widgets[refresh.WIDGET_STATE].state
    view = nb.cells[3].outputs[0].data["application/vnd.jupyter.widget-view+json"]
    assert state[view.model_id].model_name == "VBoxModel"
    for child in state[view.model_id].state.children:
        assert child.removeprefix("IPY_MODEL_") in state


def test_the_generated_cells_are_written(refreshed, tmp_path):
    path = write(tmp_path, SLIDER, "1 + 1")
    assert refresh.stale_generated(nbformat.read(path, as_version=4), path.name)
    nb = nbformat.reads(refreshed.decode(), as_version=4)
    assert refresh.stale_generated(nb, path.name) == []
    assert [cell.id for cell in nb.cells[1:3]] == ["badges", "setup"]
    assert nb.cells[-1].outputs[0].data["text/plain"] == "2"


@pytest.mark.parametrize(
    ("source", "said"),
    [("1 / 0", "ZeroDivisionError"), ("import warnings; warnings.warn('beware')", "beware")],
)
def test_errors_and_warnings_leave_the_file_alone(tmp_path, capsys, source, said):
    path = write(tmp_path, source)
    before = path.read_bytes()
    assert refresh.main([str(path)]) == 1
    assert path.read_bytes() == before
    assert said in capsys.readouterr().err


def test_ids_are_readable_stable_and_unique():
    nb = new_notebook(cells=[new_code_cell("x = 1") for _ in range(3)])
    nb.cells[2].id = "kept"
    refresh.settle_ids(nb, known={})
    ids = [cell.id for cell in nb.cells]
    assert ids[1] == ids[0] + "-2"
    assert ids[2] == "kept"
    refresh.settle_ids(nb, known={})
    assert [cell.id for cell in nb.cells] == ids


def test_a_committed_id_is_taken_up_again():
    nb = new_notebook(cells=[new_code_cell("x = 1")])
    refresh.settle_ids(nb, known={("code", "x = 1"): "the-step"})
    assert nb.cells[0].id == "the-step"


def test_the_set_up_cell_is_short():
    assert refresh.setup_source().count("\n") < 15


def chapter(folder, name, title, minutes=""):
    """Write a chapter of which only the first cell matters."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    first = f"# {title}\n\n**How long it takes.** {minutes}"
    nbformat.write(new_notebook(cells=[new_markdown_cell(first)]), path)
    return path


@pytest.fixture
def small_book(tmp_path, monkeypatch):
    """Return the way in to a book whose chapters have just been written."""
    monkeypatch.setattr(refresh, "HERE", tmp_path)
    chapter(tmp_path, "01-a-start.ipynb", "01 · A start", "About 70 minutes.")
    chapter(tmp_path, "08-later.ipynb", "08 · Later?", "About 85 minutes; exercises 40 minutes.")
    chapter(tmp_path, "09-unfinished.ipynb", "09 · Unfinished", "An evening.")
    chapter(tmp_path, "deeper/08-later.ipynb", "08 · Deeper: much later")
    path = write(tmp_path).rename(tmp_path / "00-way-in.ipynb")
    nb = nbformat.read(path, as_version=4)
    nb.cells.append(new_markdown_cell(refresh.MAP_MARK))
    nbformat.write(nb, path)
    return path


def test_the_map_has_a_line_for_each_chapter_and_its_optional_sections(small_book):
    nb = nbformat.read(small_book, as_version=4)
    refresh.write_generated(nb, small_book.name)
    assert nb.cells[-1].id == "map"
    assert nb.cells[-1].source.splitlines()[4:] == [
        "| [01 · A start](01-a-start.ipynb) | 70 minutes |  |",
        "| [08 · Later?](08-later.ipynb) | 85 minutes | [Deeper](deeper/08-later.ipynb) |",
        "| [09 · Unfinished](09-unfinished.ipynb) |  |  |",
    ]


def test_a_chapter_that_changes_makes_the_map_stale(small_book):
    nb = nbformat.read(small_book, as_version=4)
    assert any("the map cell" in problem for problem in refresh.check([small_book]))
    refresh.write_generated(nb, small_book.name)
    nbformat.write(nb, small_book)
    assert not any("the map cell" in problem for problem in refresh.check([small_book]))
    chapter(small_book.parent, "09-unfinished.ipynb", "09 · Finished", "About 80 minutes.")
    assert any("the map cell" in problem for problem in refresh.check([small_book]))


def test_two_maps_are_one_too_many(small_book):
    nb = nbformat.read(small_book, as_version=4)
    nb.cells.append(new_markdown_cell(refresh.MAP_MARK))
    assert "2 cells begin" in refresh.stale_generated(nb, small_book.name)[0]


def test_readme_names_the_optional_sections_too(small_book):
    later, unfinished = refresh.chapter_table().splitlines()[-2:]
    assert "[notebook](notebooks/08-later.ipynb) · [Binder](" in later
    assert f"[deeper]({refresh.web_edition()}/chapters/deeper/08-later.html) |" in later
    assert "deeper" not in unfinished
