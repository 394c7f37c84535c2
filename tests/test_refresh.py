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
