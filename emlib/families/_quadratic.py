"""The E-step of a Gaussian mixture as two matrix products.

The logarithm of a normal density is a quadratic polynomial of the observation. Lay out the
monomials of all observations as one array (z_i, 1, z_i z_j), and the log joints of all components
are one matrix product; their moments are another. That is the form in which a computer works
fastest. Coordinates z in which the mixture as a whole has mean zero and covariance one keep the
monomials of a size.

The price is cancellation: where a component is much finer than the whole mixture, or an
observation far outside it, large terms add up to a small one and digits are lost.
`Quadratic.is_accurate` says for which observations that can be neglected.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from emlib._machinery.value import FloatArray
from emlib.families.covariance import cholesky, inverse

LARGEST_TERMS = 1e3  # of |y|^2, half as many nats: they may cancel, at the cost of three digits
KEPT = 2**19  # numbers: monomials and joint densities that are kept for the second product
MANY = 30  # monomials from which on their product with responsibilities is faster transposed
WIDE = 8  # features from which on a product turns rows into columns faster than a difference does
PIECE = 990_000  # multiplications in a piece: OpenBLAS does up to 10^6 without rearranging factors
SHORT = 256  # rows of a piece, at least


class _Memory(threading.local):
    """Memory for the largest array, kept from block to block; each thread has its own.

    To get it anew from the system takes about as long as to fill it.
    """

    numbers = np.empty(0)

    def array(self, n_rows: int, n_columns: int) -> FloatArray:
        if self.numbers.size < n_rows * n_columns:
            self.numbers = np.empty(n_rows * n_columns)
        return self.numbers[: n_rows * n_columns].reshape(n_rows, n_columns)


_memory = _Memory()


@dataclass(frozen=True, eq=False)
class Quadratic:
    """The log joint density of each component as a polynomial in z = T^{-1} (x - centre).

    Attributes
    ----------
    centre : ndarray, shape (D,)
        Mean of the mixture.
    whitener : ndarray, shape (D, D) or (D,)
        T^{-1}, where T T^T is the covariance of the mixture; a diagonal if components are.
    slopes, offsets : ndarray, shape (K, D, D) or (K, D), and (K, D)
        Component k's own whitened coordinates are y_k = slopes_k z - offsets_k.
    coefficients : ndarray, shape (K, F)
        Of the monomials: z_i, one, the squares and, unless diagonal, z_i z_j for `_pairs`.
    steepness, offset : float
        For any z and k the terms of |y_k|^2 add up to (steepness |z| + offset)^2 at most, even
        if all are taken as positive.
    """

    centre: FloatArray
    whitener: FloatArray
    slopes: FloatArray
    offsets: FloatArray
    coefficients: FloatArray
    steepness: float
    offset: float

    @classmethod
    def of(
        cls,
        log_constants: FloatArray,
        differences: FloatArray,
        whiteners: FloatArray,
        centre: FloatArray,
        total: FloatArray,
    ) -> Quadratic:
        """Return the polynomials of log_constants_k - |whiteners_k (x - means_k)|^2 / 2.

        Parameters
        ----------
        log_constants : ndarray, shape (K,)
            Log joint density at each mean.
        differences : ndarray, shape (K, D)
            Means of the components less that of the mixture.
        whiteners : ndarray, shape (K, D, D), (1, D, D) or (K, D)
            Inverse factors of the components' covariances.
        centre, total : ndarray
            Mean and covariance of the mixture, (D, D), or its variances, (D,).
        """
        with np.errstate(all="ignore"):  # what overflows is not accurate
            return cls._of(log_constants, differences, whiteners, centre, total)

    @classmethod
    def _of(
        cls,
        log_constants: FloatArray,
        differences: FloatArray,
        whiteners: FloatArray,
        centre: FloatArray,
        total: FloatArray,
    ) -> Quadratic:
        k, d = differences.shape
        factor = np.sqrt(total) if total.ndim == 1 else cholesky(total[None])[0]
        whitener = 1 / factor if total.ndim == 1 else inverse(factor[None])[0]
        if whitener.ndim == 1:
            slopes, offsets = whiteners * factor, whiteners * differences
            precisions = slopes**2
            linear, quadratic = slopes * offsets, -0.5 * precisions
            steepness = precisions.max()
        else:
            slopes = whiteners @ factor
            offsets = (whiteners @ differences[:, :, None])[:, :, 0]
            linear = (offsets[:, None, :] @ slopes)[:, 0]
            precisions = slopes.transpose(0, 2, 1) @ slopes
            i, j = _pairs(d)  # z_i z_j stands for z_j z_i too: twice the half
            quadratic = np.where(i == j, -0.5, -1.0) * precisions[:, i, j]
            quadratic = np.broadcast_to(quadratic, (k, len(i)))
            steepness = abs(precisions).sum(axis=2).max()
        squares = (offsets**2).sum(axis=1)
        constant = log_constants - 0.5 * squares
        coefficients = np.hstack([linear, constant[:, None], quadratic])
        bounds = float(np.sqrt(steepness)), float(np.sqrt(squares.max()))
        return cls(centre, whitener, slopes, offsets, coefficients, *bounds)

    def coordinates(self, x: FloatArray) -> FloatArray:
        """Return z, shape (D, N), of observations (N, D)."""
        if self.whitener.ndim == 2 and x.shape[1] >= WIDE:
            return np.asarray(self.whitener @ (x - self.centre).T)
        difference = np.subtract(x.T, self.centre[:, None], order="C")
        if self.whitener.ndim == 2:
            return np.asarray(self.whitener @ difference)
        difference *= self.whitener[:, None]
        return difference

    def is_accurate(self, z: FloatArray) -> bool:
        """Return whether no terms above LARGEST_TERMS cancel for any of these observations."""
        reach = float(np.sqrt(np.einsum("dn,dn->n", z, z).max(initial=0.0)))
        return bool(self.steepness * reach + self.offset <= LARGEST_TERMS**0.5)  # not if NaN

    def pieces(self, n: int) -> Iterator[slice]:
        """Yield slices of n rows whose monomials are not too many to stay near the processor."""
        most = max(1, KEPT // sum(self.coefficients.shape))
        rows = -(-n // -(-n // most))  # all of about the same length
        for start in range(0, n, rows):
            yield slice(start, start + rows)

    def monomials(self, z: FloatArray) -> FloatArray:
        """Return z_i, one, and the products or squares of observations, as an array (F, N).

        It is overwritten by the next call.
        """
        d, n = z.shape
        n_shifts = 1 if self.whitener.ndim == 1 else (d + 1) // 2  # see `_pairs`
        again = n_shifts - 1  # the last rows of z come before the first ones, too
        array = _memory.array(again + self.coefficients.shape[1], n)
        array[:again] = z[d - again :]
        array[again : again + d] = z
        monomials = array[again:]
        monomials[d] = 1
        z, products = monomials[:d], monomials[d + 1 :]
        shifted = as_strided(z, (n_shifts, d, n), (-z.strides[0], *z.strides))  # z_(i - shift)
        np.multiply(z, shifted, out=products[: n_shifts * d].reshape(n_shifts, d, n))
        half = products[n_shifts * d :]  # a shift by D/2, if D is even, meets each pair twice
        np.multiply(z[: len(half)], z[d - len(half) :], out=half)
        return monomials

    def log_joint(self, monomials: FloatArray) -> FloatArray:
        """Return the log joint of every component, shape (K, N)."""
        log_joint = np.empty((len(self.coefficients), monomials.shape[1]))
        for some, rows in self._products(monomials):
            factors = self.coefficients[:, some], monomials[some, rows]
            if some.start == 0:
                np.matmul(*factors, out=log_joint[:, rows])
            else:
                log_joint[:, rows] += np.matmul(*factors)
        return log_joint

    def add_sums(self, total: FloatArray, monomials: FloatArray, r: FloatArray) -> None:
        """Add to `total`, shape (F, K), the sums over n of each monomial times r_nk."""
        for some, rows in self._products(monomials):
            if len(monomials) >= MANY:
                total[some] += (r[rows].T @ monomials[some, rows].T).T
            else:
                total[some] += monomials[some, rows] @ r[rows]

    def _products(self, monomials: FloatArray) -> Iterator[tuple[slice, slice]]:
        """Yield slices of monomials and of rows that make products of K no larger than PIECE."""
        k = len(self.coefficients)
        n_monomials, n = monomials.shape
        rows = max(SHORT, PIECE // (k * n_monomials))
        some = max(1, PIECE // (k * rows))
        for start in range(0, n, rows):
            for first in range(0, n_monomials, some):
                yield slice(first, first + some), slice(start, start + rows)

    def whitened(self, sums: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return first and second moments of y_k from sums of the monomials (F, K)."""
        k, d = self.offsets.shape
        first, counts, products = sums[:d].T, sums[d : d + 1].T, sums[d + 1 :].T
        if self.whitener.ndim == 1:
            first = self.slopes * first
            second = self.slopes**2 * products - 2 * self.offsets * first
            return first - counts * self.offsets, second + counts * self.offsets**2
        first = (self.slopes @ first[:, :, None])[:, :, 0]
        half = np.zeros((k, d, d))  # of each symmetric matrix: it and its transpose make the whole
        half[:, *_pairs(d)] = products
        half.reshape(k, -1)[:, :: d + 1] /= 2  # the diagonals
        half = self.slopes @ half @ self.slopes.transpose(0, 2, 1)
        half -= (first - counts / 2 * self.offsets)[:, :, None] * self.offsets[:, None, :]
        return first - counts * self.offsets, half + half.transpose(0, 2, 1)


@functools.cache
def _pairs(d: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return each pair (i, j) of features once: all (i, i), then all (i, i - 1 mod D), and so on.

    In this order NumPy makes all products z_i z_j in two calls, not one for each difference of
    i and j: between calls, threads wait for each other.
    """
    pair = np.arange(d * (d + 1) // 2)
    i = pair % d
    return i, (i - pair // d) % d
