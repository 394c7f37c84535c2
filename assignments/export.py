"""Write the marks of the gradebook into a table, with what late work costs.

python export.py marks.csv                      a row for each student and set
python export.py marks.csv --format tasks       a row for each student and task
python export.py marks.csv --format canvas      one for each student, to import into Canvas
python export.py marks.csv --format moodle      one for each student, to import into Moodle

Run it in the course folder, where gradebook.db is. It writes nothing if a mark is below 0 or above
its maximum. Late work costs nothing unless --per-day says so.
"""

import argparse
import csv
import math
import sys
from typing import NamedTuple

from nbgrader.api import Gradebook, MissingEntry

from enter_marks import DATABASE, waiting

DAY = 24 * 60 * 60


class Mark(NamedTuple):
    """What a student got for a set."""

    score: float
    days_late: int = 0
    lost: float = 0.0  # points, for being late; not in the score any more


def impossible(gradebook):
    """Return a sentence for each mark below 0 or above its maximum."""
    return [
        f"{submission.student.id}, {grade.name}: {grade.score:g} of {grade.max_score:g} points"
        for assignment in gradebook.assignments
        for submission, grade in graded(assignment)
        if not 0 <= grade.score <= grade.max_score
    ]


def graded(assignment):
    """Yield each graded cell that was handed in, with its submission."""
    for submission in sorted(assignment.submissions, key=lambda each: each.student.id):
        for notebook in submission.notebooks:
            for grade in notebook.grades:
                yield submission, grade


def roster(gradebook):
    """Return the students, by name and then by identifier."""
    return sorted(gradebook.students, key=lambda each: (each.last_name or "", each.id))


def days_late(submission):
    """Return how many days are begun since the deadline, moved by an extension if there is one."""
    return math.ceil(submission.total_seconds_late / DAY)


def marks(gradebook, names, per_day=0.0, slip_days=0):
    """Return a Mark by set and student; a set that was not handed in counts as 0.

    Each student's slip days go to the late sets in the order of `names`. A day beyond them takes
    `per_day` per cent of the set's maximum, down to 0 points.
    """
    table = {}
    for student in roster(gradebook):
        free = slip_days
        for name in names:
            try:
                submission = gradebook.find_submission(name, student.id)
            except MissingEntry:
                table[name, student.id] = Mark(0.0)
                continue
            late = days_late(submission)
            charged = max(0, late - free)
            free -= late - charged
            lost = min(submission.score, charged * per_day / 100 * submission.max_score)
            table[name, student.id] = Mark(submission.score - lost, late, lost)
    return table


def totals(gradebook, names, table):
    """Return the rows of a table by set and student."""
    rows = [["set", "student", "first_name", "last_name", "days_late", "lost", "score", "max"]]
    for name in names:
        best = gradebook.find_assignment(name).max_score
        for student in roster(gradebook):
            mark = table[name, student.id]
            who = [student.id, student.first_name or "", student.last_name or ""]
            rows.append([name, *who, mark.days_late, mark.lost, mark.score, best])
    return rows


def tasks(gradebook, names, _):
    """Return the rows of a table by set, student and task; without what late work costs."""
    rows = [["set", "student", "task", "score", "max"]]
    for name in names:
        for submission, grade in graded(gradebook.find_assignment(name)):
            task = grade.name.removesuffix("-test")
            rows.append([name, submission.student.id, task, grade.score, grade.max_score])
    return rows


def canvas(gradebook, names, table):
    """Return the rows that Canvas imports: students by their login, the maxima on top.

    Canvas (Instructor Guide, "How do I import grades in the Gradebook?") makes a new assignment
    of a column that it does not know.
    """
    rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *names]]
    best = [gradebook.find_assignment(name).max_score for name in names]
    rows.append(["    Points Possible", "", "", "", "", *best])
    for student in roster(gradebook):
        who = ", ".join(part for part in (student.last_name, student.first_name) if part)
        scores = [table[name, student.id].score for name in names]
        rows.append([who or student.id, "", "", student.id, "", *scores])
    return rows


def moodle(gradebook, names, table):
    """Return the rows that Moodle imports: one asks there which column is which."""
    rows = [["Username", "Email address", *names]]
    for student in roster(gradebook):
        scores = [table[name, student.id].score for name in names]
        rows.append([student.id, student.email or "", *scores])
    return rows


FORMATS = {form.__name__: form for form in (totals, tasks, canvas, moodle)}


def main(argv=None):
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table", help="the CSV file to write")
    parser.add_argument("sets", nargs="*", help="the sets to write, by default all")
    parser.add_argument("--format", choices=FORMATS, default="totals")
    parser.add_argument("--per-day", type=float, default=0, help="per cent lost for a day late")
    parser.add_argument("--slip-days", type=int, default=0, help="free days for each student")
    parser.add_argument(
        "--extend",
        nargs=3,
        action="append",
        default=[],
        metavar=("STUDENT", "SET", "DAYS"),
        help="move a student's deadline; the gradebook keeps it",
    )
    options = parser.parse_args(argv)
    with Gradebook(DATABASE) as gradebook:
        if wrong := impossible(gradebook):
            print("Nothing was written:", *wrong, sep="\n", file=sys.stderr)
            return 1
        try:
            for student, name, days in options.extend:
                gradebook.grant_extension(name, student, days=float(days))
            names = options.sets or sorted(each.name for each in gradebook.assignments)
            wait = sum(row["assignment"] in names for row in waiting(gradebook))
            table = marks(gradebook, names, options.per_day, options.slip_days)
            rows = FORMATS[options.format](gradebook, names, table)
        except (MissingEntry, ValueError) as error:
            print(f"Nothing was written: {error}", file=sys.stderr)
            return 1
    with open(options.table, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    note = f"; {wait} answers still wait for a mark" if wait else ""
    print(f"{len(rows) - 1} rows in {options.table}{note}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
