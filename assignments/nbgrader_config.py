"""Settings of the course; nbgrader reads this file from the course folder.

The rest of what nbgrader can be told is at its defaults: see `nbgrader --help-all`.
"""

import sys
from pathlib import Path

from nbgrader.converters import Autograde
from nbgrader.preprocessors import ClearOutput, Execute, OverwriteCells
from traitlets.config import get_config

sys.path.insert(0, str(Path(__file__).resolve().parent))  # for autograding.py, beside this file
from autograding import ExecuteAll, KeepAnswersOnly

c = get_config()

c.CourseDirectory.course_id = "em"

# What stands where an answer is to be written. The checkers know the second line.
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError()"}

# Students' files as they come from a learning platform, unpacked into
# downloaded/<set>/archive/: whatever name Colab or a browser gave to the notebook, it begins
# with the student and an underscore, and holds the name of the set.
c.FileNameCollectorPlugin.named_regexp = (
    r".*[/\\](?P<student_id>[^/\\_]+)_[^/\\]*?(?P<file_id>set[0-9])[^/\\]*"
)

# --- autograding
# The course's own test cells in place of whatever was handed in: see autograding.py.
# nbgrader's add_missing_cells, off by default, stumbles over read-only cells and does not know a
# cell whose metadata is gone.
steps = Autograde.sanitize_preprocessors.default()
steps.remove(ClearOutput)  # what was handed in is kept if a cell is cut off
steps.insert(steps.index(OverwriteCells), KeepAnswersOnly)
c.Autograde.sanitize_preprocessors = steps

# Every cell is run, whatever the others do: see autograding.py.
c.Autograde.autograde_preprocessors = [
    ExecuteAll if step is Execute else step for step in Autograde.autograde_preprocessors.default()
]
c.ExecuteAll.timeout = 600  # seconds for one cell, experiments too; then it is interrupted
c.ExecuteAll.test_timeout = 60  # seconds for a test
c.ExecuteAll.iopub_timeout = 20  # seconds for what it had printed to arrive
c.ExecuteAll.shutdown_kernel = "immediate"  # a kernel that hangs is not asked twice
c.ExecuteAll.max_bytes = 500_000  # of output of one cell; the rest is dropped as it comes
c.LimitOutput.max_lines = 200  # nbgrader's own limit knows lines only
