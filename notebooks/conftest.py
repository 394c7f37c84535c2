"""A chapter as nbval runs it: strictly compared, and each exercise solved where it stands.

.ci/colab.py gives this file to pytest as a plugin: it needs nothing of the book.
"""

import ast
import re
from collections import defaultdict

import pytest
from nbformat.v4 import new_code_cell
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError

FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
# In a copy of the names: the chapter goes on as if nobody had solved the exercise.
IN_A_COPY = "exec(get_ipython().transform_cell({!r}), dict(globals()))"


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Have a chapter wherever nbval has found a notebook."""
    found = yield
    return [
        Chapter.from_parent(parent, path=file_path) if isinstance(node, IPyNbFile) else node
        for node in found
    ]


class Chapter(IPyNbFile):
    """A notebook in which one more test follows every exercise: its folded solution."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # The bytes of every kind of picture, not only of PNG and JPEG as nbval does: another
        # matplotlib draws other pixels. That the picture is there, with its alt text, is checked
        # by tests/test_chapters.py; the numbers behind it are printed and compared.
        self.skip_compare += ("image/gif", "image/svg+xml")

    def collect(self):
        for item in super().collect():
            yield item
            if "exercise" in item.cell.metadata.get("tags", []):
                yield Solution.from_parent(self, name=f"{item.name}, solved", exercise=item)


class Solution(IPyNbCell):
    """What is folded in below an exercise, run in the chapter's kernel right after the stub."""

    def __init__(self, name, parent, exercise):
        super().__init__(name, parent, exercise.cell_num, exercise.cell, defaultdict(bool))
        self.exercise = exercise
        self.shown = exercise.cell.source  # if the test fails

    def runtest(self):
        self.demand("no answer yet" in printed(self.exercise), "The stub is not: no answer yet")
        self.shown = self.solution()
        self.cell = new_code_cell(IN_A_COPY.format(self.shown))
        super().runtest()
        said, warned = printed(self), printed(self, "stderr")
        self.demand(re.search(r"Exercise [\w.]+: correct\.", said), f"It is not correct: {said}")
        self.demand("not yet" not in said and "no answer yet" not in said, f"It prints: {said}")
        self.demand(not warned, f"It warns: {warned}")

    def solution(self):
        """Return the code in the fences, with the checker's call of the stub as its last line."""
        stub, cells = self.exercise.cell, self.parent.nb.cells
        answer = "".join(cell.source for cell in cells[cells.index(stub) + 1 :][:1])
        self.demand(answer.startswith("<details>"), "No folded solution follows")
        code = "\n".join(FENCE.findall(answer))
        self.demand(code, "The folded solution has no ```python fence")
        check = ast.get_source_segment(stub.source, ast.parse(stub.source).body[-1])
        return code if check in code else f"{code}\n{check}\n"

    def demand(self, good, message):
        if not good:
            self.raise_cell_error(message)

    def raise_cell_error(self, message, *args):
        raise NbCellError(self.cell_num, message, self.shown, *args)


def printed(item, stream="stdout"):
    """Return what a cell printed when nbval ran it."""
    return "".join(out.text for out in item.test_outputs or [] if out.get("name") == stream)
