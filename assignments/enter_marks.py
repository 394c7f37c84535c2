"""Enter marks given by hand from a table, instead of one by one in the formgrader.

python enter_marks.py --blank marks.csv    write a table of all that waits for a mark
python enter_marks.py marks.csv            enter the points and comments of the table

Run it in the course folder, where gradebook.db is. Rows without points are left waiting.
"""

import argparse
import csv
import sys

from nbgrader.api import Gradebook, MissingEntry

COLUMNS = ["assignment", "student", "question", "max", "points", "comment"]
DATABASE = "sqlite:///gradebook.db"


def waiting(gradebook):
    """Return a row for each answer that nobody has marked."""
    return [
        {
            "assignment": assignment.name,
            "student": submission.student.id,
            "question": grade.name,
            "max": f"{grade.max_score:g}",
            "points": "" if grade.manual_score is None else f"{grade.manual_score:g}",
            "comment": "",
        }
        for assignment in gradebook.assignments
        for submission in gradebook.assignment_submissions(assignment.name)
        for notebook in submission.notebooks
        for grade in notebook.grades
        if grade.needs_manual_grade
    ]


def enter(gradebook, row):
    """Put a row's points and comment into the gradebook; the caller commits."""
    set_name = row["assignment"]
    place = (row["question"], set_name, set_name, row["student"])  # a set's notebook has its name
    grade = gradebook.find_grade(*place)
    points = float(row["points"])
    if not 0 <= points <= grade.max_score:
        raise ValueError(f"the points must be between 0 and {grade.max_score:g}")
    grade.manual_score = points
    grade.needs_manual_grade = False
    if row["comment"]:
        gradebook.find_comment(*place).manual_comment = row["comment"]


def main(argv=None):
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table", help="a CSV file")
    parser.add_argument("--blank", action="store_true", help="write the table, to be filled in")
    options = parser.parse_args(argv)
    with Gradebook(DATABASE) as gradebook:
        if options.blank:
            rows = waiting(gradebook)
            with open(options.table, "w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
            print(f"{len(rows)} answers wait for a mark: fill in {options.table}")
            return 0
        with open(options.table, encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["points"].strip()]
        for number, row in enumerate(rows, start=1):
            try:
                enter(gradebook, row)
            except (MissingEntry, ValueError) as error:
                gradebook.db.rollback()
                print(f"mark {number}, {row}: {error}. Nothing was entered.", file=sys.stderr)
                return 1
        gradebook.db.commit()
        print(f"{len(rows)} marks entered; {len(waiting(gradebook))} answers wait for one.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
