"""ABO blood groups by gene counting: EM for allele frequencies, older than its name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr, rel_entr, xlogy

from emlib._machinery.validation import frozen, number_array, reject_rows
from emlib._machinery.value import FloatArray
from emlib.coordinates import SIMPLEX
from emlib.em import Expectation
from emlib.families._multinomial import (
    CellCounts,
    cell_counts,
    log_coefficient,
    log_multinomial,
)

PHENOTYPES = ("A", "B", "AB", "O")
GENOTYPES = ("AA", "AO", "BB", "BO", "AB", "OO")
# How many genes A, B, O each genotype has (rows: genes, columns: genotypes).
GENES = np.array([[genotype.count(gene) for genotype in GENOTYPES] for gene in "ABO"], dtype=float)


@dataclass(frozen=True, eq=False)
class ABO(CellCounts):
    """Blood groups of people whose two genes are drawn independently from A, B and O.

    A and B show themselves and O is hidden by both: group A is AA or AO, group B is BB or BO,
    AB is AB, and O is OO. Which of the two a person of group A or B is, is the latent variable.

    Parameters
    ----------
    frequencies : array_like, shape (3,)
        Frequencies p_A, p_B, p_O of the alleles; they sum to one. One may be zero: EM arrives
        there when nobody shows the allele, and stays there.

    Raises
    ------
    ValueError
        If the frequencies are negative or do not sum to one.

    References
    ----------
    Ceppellini, Siniscalco and Smith (1955), Annals of Human Genetics 20:97-115; Smith (1957),
    Annals of Human Genetics 21:254-276; Lange (2002), Mathematical and Statistical Methods for
    Genetic Analysis, 2nd edition, chapter 2; chapter 7 of the book.

    Examples
    --------
    >>> from emlib import data, em
    >>> result = em.fit(ABO([0.3, 0.2, 0.5]), data.blood_groups())
    >>> result.model.frequencies.round(4)
    array([0.2136, 0.0501, 0.7363])
    """

    frequencies: FloatArray
    of: ClassVar = "people"
    cells: ClassVar = (0, 0, 1, 1, 2, 3)  # the blood group of each genotype
    spaces: ClassVar = {"frequencies": SIMPLEX}

    def __post_init__(self) -> None:
        p = frozen(self.frequencies, "frequencies", (3,))
        if (p < 0).any() or abs(p.sum() - 1) > 1e-8:
            raise ValueError(
                f"frequencies must be non-negative and sum to 1, but they are {p.tolist()} with "
                f"sum {p.sum():.10g}. Divide them, as np.float64, by their sum."
            )
        object.__setattr__(self, "frequencies", p)

    @property
    def genotype_probabilities(self) -> FloatArray:
        """Hardy-Weinberg probabilities of AA, AO, BB, BO, AB, OO, shape (6,)."""
        a, b, o = self.frequencies
        return np.array([a * a, 2 * a * o, b * b, 2 * b * o, 2 * a * b, o * o])

    @property
    def complete_probabilities(self) -> FloatArray:
        """Probabilities of the genotypes, shape (6,)."""
        return self.genotype_probabilities

    @property
    def phenotype_probabilities(self) -> FloatArray:
        """Probabilities of the blood groups A, B, AB, O, shape (4,)."""
        aa, ao, bb, bo, ab, oo = self.genotype_probabilities
        return np.array([aa + ao, bb + bo, ab, oo])

    @property
    def responsibilities(self) -> FloatArray:
        """Probabilities that a person of group A is AO, and one of group B is BO, shape (2,).

        By Bayes' rule 2 p_A p_O / (p_A^2 + 2 p_A p_O), where p_A cancels; B likewise. Zero for a
        group that cannot occur, because neither of its alleles does.
        """
        own, o = self.frequencies[:2], self.frequencies[2]
        total = own + 2 * o
        return np.asarray(2 * o / np.where(total > 0, total, 1.0))

    def log_density_block(self, x: FloatArray) -> FloatArray:
        """Return the log probability of each row of counts, shape (N,), in nats."""
        return log_multinomial(x, self.phenotype_probabilities)

    def expect_block(self, x: FloatArray, w: FloatArray | None) -> Expectation:
        """Split groups A and B into genotypes, in expectation.

        Returns
        -------
        Expectation
            With `counts` (6,): expected numbers of AA, AO, BB, BO, AB, OO.

        Raises
        ------
        ValueError
            If x has people of a group that cannot occur, an allele having frequency zero.
        """
        log_density = self.log_density_block(x)
        fault, remedy = "impossible under the model", "Start from frequencies above zero."
        reject_rows(~np.isfinite(log_density), "x", fault, remedy)
        w = np.ones(len(x)) if w is None else w
        n_a, n_b, n_ab, n_o = w @ x
        q_a, q_b = self.responsibilities
        genotypes = [n_a * (1 - q_a), n_a * q_a, n_b * (1 - q_b), n_b * q_b, n_ab, n_o]
        return Expectation(float(w @ log_density), np.array(genotypes))

    def m_step(self, expectation: Expectation) -> Self:
        """Return the model that maximises the expected log joint: count genes.

        An allele that nobody shows gets frequency zero. That is the maximum-likelihood estimate
        and no failure: unlike a collapsing variance, it leaves the likelihood bounded.
        """
        genes = GENES @ expectation.counts
        total = genes.sum()
        if not total > 0:
            raise ValueError("x counts no people, or all sample weights are zero.")
        return replace(self, frequencies=genes / total)

    def elbo(self, x: ArrayLike, q: ArrayLike) -> float:
        """Return the evidence lower bound L(q, theta), in nats.

        Parameters
        ----------
        x : array_like, shape (4,) or (N, 4)
            Counts.
        q : array_like, shape (2,)
            Any probabilities that a person of group A is AO and that one of group B is BO; the
            numbers of them are then binomial under q.

        Notes
        -----
        The binomial coefficients of the complete-data likelihood and of q cancel.
        """
        counts = cell_counts(x, "people")
        q = _probabilities(q)
        groups = counts.sum(axis=0)
        split = np.array([1 - q[0], q[0], 1 - q[1], q[1], 1, 1])
        expected = groups[[0, 0, 1, 1, 2, 3]] * split
        bound = xlogy(expected, self.genotype_probabilities).sum()
        entropy = groups[:2] @ (entr(q) + entr(1 - q))
        return float(log_coefficient(counts).sum() + bound + entropy)

    def kl(self, x: ArrayLike, q: ArrayLike) -> float:
        """Return KL(q || posterior), the gap between log-likelihood and ELBO, in nats."""
        p, q = self.responsibilities, _probabilities(q)
        groups = cell_counts(x, "people")[:, :2].sum(axis=0)
        gap = rel_entr(q, p) + rel_entr(1 - q, 1 - p)
        return float(groups @ np.where(groups > 0, gap, 0.0))  # 0 times inf counts as 0


def _probabilities(q: ArrayLike) -> FloatArray:
    array = number_array(q, "q")
    if array.shape != (2,) or not ((array >= 0) & (array <= 1)).all():
        raise ValueError(f"q must be two probabilities, but it is {array.tolist()!r}.")
    return array
