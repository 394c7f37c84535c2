"""What nbgrader needs to grade whatever a student hands in.

nbgrader_config.py puts these two steps into `nbgrader autograde`. Without them, a test cell that
lost its metadata is not graded, and a kernel that dies, a loop that cannot be interrupted or a
line of 100 MB takes the rest of the submission with it.
"""

import re
import sys
from copy import deepcopy
from pathlib import Path

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from nbgrader.api import Gradebook
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from nbgrader.utils import is_grade, is_locked, is_solution
from traitlets import Integer

import box

# What a student says about whose numbers these are: `me = "ada"`, or own("ada") outright.
WHO = re.compile(r"""(?:^\s*me\s*=|\bown\()\s*["']([^"'\n]*)["']""", re.M)


class KeepAnswersOnly(NbGraderPreprocessor):
    """Take the answers of a submission; all else that is graded or locked is the course's own.

    Test cells and locked cells get the source, the type and the metadata that `nbgrader
    generate_assignment` recorded, whether they were edited, lost their metadata or were deleted.
    Cells that the student added stay where they are, without any claim to points.
    """

    def preprocess(self, nb, resources):
        """Return the notebook as it is to be run."""
        names = resources["nbgrader"]
        with Gradebook(names["db_url"]) as gradebook:
            notebook = gradebook.find_notebook(names["notebook"], names["assignment"])
            points = {cell.name: cell.max_score for cell in notebook.grade_cells}
            solutions = {cell.name for cell in notebook.solution_cells}
            released = {
                cell.name: recorded_cell(cell, points.get(cell.name), cell.name in solutions)
                for cell in notebook.source_cells
            }
        nb.cells = self.merge(nb.cells, released)
        nb.nbformat_minor = 5  # Colab saves 4.0, which has no cell ids
        return nb, resources

    def merge(self, cells, released):
        """Return the submitted cells with every released one in its own form."""
        names = [name_of(cell, released) for cell in cells]
        last = {name: index for index, name in enumerate(names)}  # of two copies, as nbgrader
        merged = []
        for index, (cell, name) in enumerate(zip(cells, names, strict=True)):
            if name is None or last[name] != index:
                cell.metadata.pop("nbgrader", None)
                cell.id = f"own-{index}"
            else:
                cell = self.one(cell, released[name])
            self.mend_pictures(cell)
            merged.append(cell)
        after = 0  # where a missing cell goes: behind the one that it follows in the release
        for name, cell in released.items():
            if name in last:
                after = next(i for i, c in enumerate(merged) if c.id == name) + 1
            else:
                self.log.warning("Cell '%s' is missing: put back as released", name)
                merged.insert(after, cell)
                after += 1
        return merged

    def one(self, submitted, released):
        """Return a released cell with the student's answer in it, if it is there for one."""
        if not released.metadata.nbgrader.locked:
            released.source = submitted.source
            if released.cell_type == submitted.cell_type == "code":
                released.outputs = submitted.outputs  # kept if the cell is cut off
            if released.cell_type == "markdown" and "attachments" in submitted:
                released.attachments = submitted.attachments  # a photograph of a derivation
        elif released.source != submitted.source and not released.metadata.nbgrader.grade:
            self.log.warning("Cell '%s' was edited: put back as released", released.id)
        return released

    def mend_pictures(self, cell):
        """Say where a picture is missing: nbgrader's pages cannot be made with such a link."""
        if cell.cell_type != "markdown":
            return
        for link, name in re.findall(r"(!\[[^]]*\]\(attachment:([^)\s]*)[^)]*\))", cell.source):
            if name not in cell.get("attachments", {}):
                self.log.warning("Picture '%s' was not handed in with its answer", name)
                cell.source = cell.source.replace(link, f"[Picture {name} is missing.]")


def not_of(student, cells):
    """Return a sentence for each cell whose numbers are another student's, or for none at all."""
    found = [
        (index, name)
        for index, cell in enumerate(cells)
        if cell.cell_type == "code" and not is_locked(cell)
        for name in WHO.findall(cell.source)
    ]
    if not found and any("own(me)" in cell.source for cell in cells):
        return [f"No cell says whose numbers these are: `me` is not {student}"]
    return [
        f"Read cell {index}: me is {name!r}, handed in by {student}"
        for index, name in found
        if name.strip().casefold() != student.casefold()
    ]


def is_test(cell):
    """Return whether a cell is a test, and not an answer that is marked by hand."""
    return is_grade(cell) and not is_solution(cell)


def recorded_cell(source, points, solution):
    """Return a cell as the gradebook has it, hidden tests and all."""
    metadata = {
        "schema_version": 3,
        "grade_id": source.name,
        "cell_type": source.cell_type,
        "grade": points is not None,
        "solution": solution,
        "locked": source.locked,
        "task": False,
        "checksum": source.checksum,
    }
    if points is not None:
        metadata["points"] = points
    make = new_code_cell if source.cell_type == "code" else new_markdown_cell
    return make(source.source, id=source.name, metadata={"nbgrader": metadata})


def name_of(cell, released):
    """Return which released cell this one is: by nbgrader's metadata, or by its id.

    A cell id, equal to nbgrader's name in these sets, survives what metadata does not; Colab
    keeps it in the metadata.
    """
    claims = (
        cell.metadata.get("nbgrader", {}).get("grade_id"),
        cell.get("id"),
        cell.metadata.get("id"),
    )
    return next((name for name in claims if name in released), None)


class ExecuteAll(Execute):
    """Run every cell, whatever the others do.

    A cell that takes too long is interrupted, as nbgrader does. If that does not help, or if the
    kernel died, a new kernel runs the cells before it again, and goes on with the next one.
    """

    max_bytes = Integer(200_000, help="how much output of one cell is kept").tag(config=True)
    test_timeout = Integer(60, help="seconds for a test; `timeout` is for the rest").tag(
        config=True
    )

    def preprocess(self, nb, resources, km=None):
        """Run the notebook in a box, and see that it changed nothing outside."""
        self.given_up = set()  # indices of cells that are not to be run again
        self.course = Path(resources["nbgrader"]["db_url"].removeprefix("sqlite:///")).parent
        self.timeout_func = lambda cell: self.test_timeout if is_test(cell) else self.timeout
        for index, cell in enumerate(nb.cells):
            own = cell.cell_type == "code" and not is_locked(cell)
            if own and (words := box.suspicious(cell.source)):
                self.log.warning("Read cell %d: it has %s", index, ", ".join(words))
        for complaint in not_of(resources["nbgrader"]["student"], nb.cells):
            self.log.warning("%s", complaint)
        self.in_box = box.available(self.course)
        if not self.in_box:
            self.log.warning("No box here: this code runs with your rights")
        before = box.guarded(self.course)
        try:
            return super().preprocess(nb, resources, km)
        finally:
            if changed := box.put_back(before, box.guarded(self.course)):
                names = ", ".join(path.name for path in changed)
                raise RuntimeError(f"This notebook changed {names}: put back, not graded")

    def create_kernel_manager(self):
        """Return nbclient's, with a kernel in a box where there can be one."""
        manager = super().create_kernel_manager()
        if self.in_box:
            spec = manager.kernel_spec
            python = [sys.executable, *spec.argv[1:]]  # jupyter_client finds it only in front
            spec.argv = box.boxed(self.course, python)
        return manager

    def preprocess_cell(self, cell, resources, index):
        """Run one cell and leave its error in it, however it ended."""
        self.left = self.max_bytes
        handed_in = [] if is_test(cell) else cell.get("outputs", [])
        try:
            super().preprocess_cell(cell, resources, index)
        except (CellTimeoutError, DeadKernelError) as error:
            self.give_up(cell, index, error)
            self.start_again(index)
        if cell.cell_type == "code":
            if any(output.get("ename") == "CellTimeoutError" for output in cell.outputs):
                self.given_up.add(index)
            if index in self.given_up and len(str(handed_in)) <= self.max_bytes:
                cell.outputs = [*handed_in, *cell.outputs]  # the marker reads what was there
            for output in cell.outputs:
                self.tidy(output, is_grade(cell))
        return cell, resources

    def give_up(self, cell, index, error):
        """Write into a cell that it was cut off."""
        self.given_up.add(index)
        what = "The kernel died" if isinstance(error, DeadKernelError) else "No end to this cell"
        self.log.warning("%s (cell %d): going on with a new kernel", what, index)
        text = f"{what}: it was cut off, and the rest ran in a new kernel."
        output = new_output("error", ename=type(error).__name__, evalue=text, traceback=[text])
        cell.outputs.append(output)

    def start_again(self, index):
        """Bring a new kernel to where the old one was before the cell of this index."""
        self._cleanup_kernel()
        self.km = self.create_kernel_manager()
        self.start_new_kernel()
        self.start_new_kernel_client()
        for number, cell in enumerate(self.nb.cells[:index]):
            if cell.cell_type != "code" or is_grade(cell) or number in self.given_up:
                continue
            self.left = 0  # what it prints is there already
            try:
                self.execute_cell(deepcopy(cell), number)
            except (CellTimeoutError, DeadKernelError):
                self.given_up.add(number)
                self.start_again(index)
                return
            finally:
                self.nb.cells[number] = cell  # execute_cell puts the copy there

    def process_message(self, msg, cell, cell_index):
        """Take a message from the kernel, cut to what is left of the cell's allowance."""
        kind, content = msg["msg_type"], msg["content"]
        if kind == "stream":
            content["text"] = content["text"][: self.left]
            self.left -= len(content["text"])
            if not content["text"]:
                return None
        elif kind in {"display_data", "execute_result", "update_display_data"}:
            size = len(str(content["data"]))
            if size > self.left:
                content["data"] = {"text/plain": "[Output cut off: too large.]"}
            self.left -= min(size, self.left)
        return super().process_message(msg, cell, cell_index)

    def tidy(self, output, of_test):
        """Cut a long error; take warnings on stderr for what they are.

        nbgrader gives no points for a test that writes to stderr, although an answer that is
        right may warn of, say, log(0) on its way.
        """
        if output.output_type == "error":
            output.evalue = output.evalue[: self.max_bytes]
            output.traceback = [line[:2000] for line in output.traceback]
        elif of_test and output.get("name") == "stderr":
            output.name = "stdout"
