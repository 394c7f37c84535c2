"""Published results beside ours, from the tests' own data and by the tests' own code."""

from itertools import islice

import numpy as np

import published
import test_published as tests
from emlib import data, em
from emlib.families.abo import ABO
from emlib.families.gaussian1d import GaussianMixture1D
from emlib.families.linkage import Linkage
from emlib.uncertainty import standard_errors
from published import as_printed

Row = tuple[str, str, float]  # what it is, the printed value, ours


def linkage() -> list[Row]:
    iterates = tests.linkage_iterates(len(published.LINKAGE_ITERATES))
    fit = em.fit(Linkage(0.5), published.LINKAGE_COUNTS, tol=1e-12)
    error = float(standard_errors(fit.model, published.LINKAGE_COUNTS)["theta"])
    rows = [
        (f"$\\theta$ after step {step}", printed, own)
        for step, (printed, own) in enumerate(
            zip(published.LINKAGE_ITERATES, iterates, strict=True)
        )
    ]
    return [
        *rows,
        ("$\\theta$ at the end", published.LINKAGE_LIMIT, fit.model.theta),
        ("rate of convergence", published.LINKAGE_RATE, fit.rate),
        ("information (chapter 9)", published.LINKAGE_INFORMATION, 1 / error**2),
        ("standard error (chapter 9)", published.LINKAGE_ERROR, error),
    ]


def coins() -> list[Row]:
    start = tests.coins(0.6, 0.5)
    responsibilities = start.responsibilities(tests.COINS)[:, 0]
    heads, tosses = start.e_step(tests.COINS).statistics
    path = [step.model.probabilities for step in islice(em.iterate(start, tests.COINS), 11)]
    rows = [
        (f"probability of coin A in series {n}", printed, own)
        for n, (printed, own) in enumerate(
            zip(published.COINS_RESPONSIBILITY_A, responsibilities, strict=True), start=1
        )
    ]
    pairs = [
        ("expected heads of coin", published.COINS_EXPECTED_HEADS, heads),
        ("expected tails of coin", published.COINS_EXPECTED_TAILS, tosses - heads),
        ("after 1 step, $\\theta$ of coin", published.COINS_ITERATION_1, path[1]),
        ("after 10 steps, $\\theta$ of coin", published.COINS_ITERATION_10, path[10]),
    ]
    for what, printed, own in pairs:
        rows += [(f"{what} {c}", p, o) for c, p, o in zip("AB", printed, own, strict=True)]
    return rows


def deaths() -> list[Row]:
    fit = tests.death_notices_fit(tol=1e-11)
    low, high = fit.model.rates
    return [
        ("weight of the first kind of day", published.DEATHS_WEIGHT, fit.model.weights[0]),
        ("deaths a day, first kind", published.DEATHS_RATES[0], low),
        ("deaths a day, second kind", published.DEATHS_RATES[1], high),
    ]


def faithful() -> list[Row]:
    fit = tests.faithful_fit(True)
    model = fit.model
    return [
        ("weight of the short waits", published.FAITHFUL_WEIGHTS[0], model.weights[0]),
        ("weight of the long waits", published.FAITHFUL_WEIGHTS[1], model.weights[1]),
        ("mean of the short waits, minutes", published.FAITHFUL_MEANS[0], model.means[0]),
        ("mean of the long waits, minutes", published.FAITHFUL_MEANS[1], model.means[1]),
        ("standard deviation, minutes", published.FAITHFUL_SD, np.sqrt(model.variances[0])),
        ("log-likelihood", published.FAITHFUL_LOG_LIKELIHOOD, fit.log_likelihood[-1]),
    ]


def galaxies() -> list[Row]:
    rows = []
    for k, (means, variances) in tests.GALAXY_STARTS.items():
        start = GaussianMixture1D(np.full(k, 1 / k), means, variances)
        own = em.fit(start, data.galaxies(), tol=1e-9).log_likelihood[-1]
        what = f"log-likelihood of {k} component" + ("s" if k > 1 else "")
        rows.append((what, published.GALAXIES_LOG_LIKELIHOOD[k], own))
    return rows


def blood() -> list[Row]:
    frequencies = em.fit(ABO([0.3, 0.2, 0.5]), data.blood_groups(), tol=1e-12).model.frequencies
    return [
        (f"frequency of the gene {gene}", printed, own)
        for gene, printed, own in zip(
            ("A", "B", "O"), published.ABO_FREQUENCIES, frequencies, strict=True
        )
    ]


def heavy() -> list[Row]:
    centre = tests.stack_loss_centre()
    columns = ("air flow", "water temperature", "acid concentration", "stack loss")
    rows = [
        (f"centre of the {name}", printed, own)
        for name, printed, own in zip(columns, published.STACKLOSS_CENTRE, centre, strict=True)
    ]
    names = [f"summit {n}" for n in range(1, 5)] + [f"minimum {n}" for n in range(1, 4)]
    printed = published.FOUR_MAXIMA + published.FOUR_MINIMA
    own = tests.four_observations_rests()
    return [*rows, *zip((f"four observations, {n}" for n in names), printed, own, strict=True)]


# Title, chapter, source, rows, and what to know where the last decimal differs.
RESULTS = [
    (
        "Genetic linkage", "chapters/01-the-elbo",
        "Dempster, Laird and Rubin (1977), section 1; Louis (1982)", linkage,
        "The three printed values that differ are one unit too high in the ninth decimal: the "
        "recursion, worked out in exact arithmetic, gives ours. The end, which both reach, is "
        "$(15 + \\sqrt{53809}) / 394$.",
    ),
    (
        "Two coins", "chapters/02-two-coins",
        "Do and Batzoglou (2008), figure 1", coins, "",
    ),
    (
        "Waiting for Old Faithful", "chapters/03-a-mixture-on-the-line",
        "Benaglia et al. (2009), two normals with a common variance", faithful,
        "The published run stopped a little early. At the maximum both means round to a value "
        "one unit lower in the fifth decimal.",
    ),
    (
        "Velocities of galaxies", "chapters/06-how-many-components",
        "Roeder (1990) for the data, McLachlan and Peel (2000) for the fits", galaxies, "",
    ),
    (
        "Deaths of women over 80 in The Times", "chapters/07-the-em-family",
        "Hasselblad (1969) and Titterington (1984)", deaths, "",
    ),
    (
        "Genes of the blood groups", "chapters/07-the-em-family",
        "Clarke et al. (1959) for the data, Lange (2002) for the fit", blood, "",
    ),
    (
        "Heavy tails", "chapters/11-heavy-tails",
        "R's MASS::cov.trob, by Kent, Tyler and Vardi (1994); McLachlan and Krishnan (2008), "
        "example 2.6", heavy,
        "The third summit is 1.99751, printed as 1.997: cut, not rounded.",
    ),
]  # fmt: skip


def table(rows: list[Row]) -> tuple[str, int]:
    """Return a Markdown table, and how many of its rows agree to the last digit."""
    lines = [
        "| What | Printed | Ours, rounded alike | Ours in full | Last digit |",
        "|---|---:|---:|---:|---|",
    ]
    same = 0
    for what, printed, own in rows:
        rounded = as_printed(float(own), printed)
        same += rounded == printed
        verdict = "same" if rounded == printed else "differs"
        lines.append(f"| {what} | {printed} | {rounded} | {float(own):.12g} | {verdict} |")
    return "\n".join(lines), same


def page() -> str:
    """Return all tables as Markdown, with the number of values that agree at their head."""
    parts, agree, total = [], 0, 0
    for title, chapter, source, rows, remark in RESULTS:
        found = rows()
        text, same = table(found)
        agree, total = agree + same, total + len(found)
        parts.append(
            f"## {title}\n\n{source}; [the chapter that does it]({chapter}.ipynb).\n\n{text}"
            + (f"\n\n{remark}" if remark else "")
        )
    head = f"**{agree} of {total} printed values come out the same, digit for digit.**"
    return "\n\n".join([head, *parts])
