"""At any size: on files larger than memory, on all cores, and stopped at any time."""

import contextlib
import io
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import tracemalloc

import numpy as np
import pytest

from cases import CASES
from clouds import START, clouds
from emlib import (
    BinomialMixture,
    Expectation,
    GaussianMixture,
    Linkage,
    em,
)
from emlib._machinery import parallel
from emlib._machinery.validation import RowError
from laws import assert_same_expectation, assert_same_fit, assert_same_model

MIB = 2**20


@pytest.fixture
def threads(monkeypatch):
    """Have every sum taken by three threads, as on a machine with three cores."""
    pytest.importorskip("threadpoolctl")
    monkeypatch.setattr(parallel, "_n_threads", lambda: 3)


def one_thread(function, *args):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "_n_threads", lambda: 1)
        return function(*args)


# --- out of core: in a process of its own, whose memory is limited

OUT_OF_CORE = """
import pickle, resource, sys, threading
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from emlib import GaussianMixture, em

path, headroom, start = sys.argv[1], int(sys.argv[2]), pickle.load(sys.stdin.buffer)

class Reader:
    def __iter__(self):
        whole = np.load(path, mmap_mode="r")
        for i in range(0, len(whole), 10_000):
            yield np.array(whole[i : i + 10_000])  # a copy in memory, as another reader gives

threading.stack_size(2**19)  # a thread's 8 MiB, hardly used, would count as data
# Once on few rows, so that libraries have what memory they keep: buffers and threads' stacks.
few = np.load(path, mmap_mode="r")[:100_000]
with ThreadPoolExecutor(2) as pool:  # each thread at once, for each keeps buffers of its own
    list(pool.map(lambda _: em.fit(start, few, max_iter=1), range(2)))
em.fit(start, few, max_iter=1)
with open("/proc/self/status") as status:
    held = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))
# Linux counts as data what a process may write to: not a file that is mapped to be read.
resource.setrlimit(resource.RLIMIT_DATA, (held + headroom, held + headroom))
try:
    np.load(path)
except MemoryError:
    pass
else:
    sys.exit("the file fits into memory")
mapped = em.fit(start, np.load(path, mmap_mode="r"), max_iter=1)
blocks = em.fit(start, Reader(), max_iter=1)
pickle.dump((mapped, blocks), sys.stdout.buffer)
"""


def run(script, *args, **options):
    """Start Python on a script, with two threads for linear algebra."""
    environment = {
        **os.environ,
        "OPENBLAS_NUM_THREADS": "2",
        "MALLOC_ARENA_MAX": "1",  # no memory set aside for each thread
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    command = [sys.executable, "-c", script, *args]
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_DATA is Linux's own")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_file_ten_times_larger_than_memory(dtype, tmp_path):
    headroom = 8 * MIB
    d = 16
    x = clouds(10 * headroom // (d * np.dtype(dtype).itemsize) + 1, d, dtype)
    assert x.dtype == dtype and x.nbytes > 10 * headroom
    path = tmp_path / "x.npy"
    np.save(path, x)
    start = GaussianMixture([0.5, 0.5], [np.zeros(d), np.ones(d)], np.ones((2, d)), "diag")
    process = run(OUT_OF_CORE, str(path), str(headroom))
    out, _ = process.communicate(pickle.dumps(start), timeout=120)
    assert process.returncode == 0
    mapped, blocks = pickle.loads(out)
    wanted = em.fit(start, x, max_iter=1)
    for fit in (mapped, blocks):
        assert_same_model(fit.model, wanted.model, 1e-9)
        np.testing.assert_allclose(fit.objective, wanted.objective, rtol=1e-12)


# --- memory

BIG = 2_000_000


def peak(function, *args):
    """Return the most memory that a call holds at a time, its result included, in bytes."""
    tracemalloc.start()
    try:
        function(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def assert_bounded(function, *args):
    """A quarter of the rows takes as much: blocks, and no array as long as the data.

    On one thread, for two may be at their worst together, or not; on two it is not much.
    """
    assert peak(function, *args) < 24 * MIB  # of the 64 that were promised
    few = [a[: BIG // 4] for a in args]
    one_thread(function, *few)  # what is made once
    whole, quarter = one_thread(peak, function, *args), one_thread(peak, function, *few)
    assert whole < quarter + 1 * MIB


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16])
def test_memory_does_not_grow_with_the_data(dtype, threads):
    x = np.random.default_rng(0).integers(-3, 4, (BIG, 2)).astype(dtype)
    START.e_step(x[:100])  # what is imported or made once
    assert_bounded(START.e_step, x)
    assert_bounded(START.log_likelihood, x)


def test_memory_does_not_grow_with_weights_or_criteria(threads):
    x, w = np.zeros((BIG, 2)), np.ones(BIG)
    START.e_step(x[:100])
    assert_bounded(START.e_step, x, w)
    assert_bounded(START.icl, x)  # BIC within


def test_arrays_over_the_data_cost_little_more_than_themselves():
    x = np.zeros((BIG, 2), dtype=np.float32)
    assert peak(START.predict, x) < 2 * 8 * BIG + 16 * MIB
    assert peak(START.log_density, x) < 2 * 8 * BIG + 16 * MIB


def test_a_fit_keeps_nothing_from_step_to_step():
    x = clouds(20_000)
    held = []

    def note(step):
        held.append(tracemalloc.get_traced_memory()[0])

    peak(lambda: em.fit(START, x, tol=0, max_iter=60, callback=note))
    assert held[-1] - held[10] < 50_000


# --- threads


@pytest.mark.parametrize("case", CASES, ids=str)
def test_threads_change_nothing(case, threads, monkeypatch):
    monkeypatch.setattr("emlib.rows.BLOCK", 1)
    monkeypatch.setattr("emlib.rows.FEWEST", 3)
    model, x = case.draw(np.random.default_rng(0))
    x = np.repeat(x, 12, axis=0)[: 12 * 25 - 1]  # more blocks than shares, the last one cut
    w = np.random.default_rng(1).integers(0, 3, len(x))
    for weights in (None, w):
        together = [model.e_step(x, weights) for _ in range(3)]
        alone = one_thread(model.e_step, x, weights)
        for expectation in together:
            assert_same_expectation(expectation, alone, tol=1e-14)
            assert_same_expectation(expectation, together[0], tol=0)
    assert model.log_likelihood(x) == one_thread(model.log_likelihood, x)
    assert model.log_likelihood(x) == pytest.approx(model.log_density(x).sum(), rel=1e-13)


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 1000])
def test_every_item_counts_once_and_in_order(n, threads):
    assert parallel.total(lambda i: [i], range(n)) == list(range(n))
    assert one_thread(parallel.total, lambda i: [i], range(n)) == list(range(n))


def test_all_threads_take_part_and_linear_algebra_keeps_to_one(threads):
    from threadpoolctl import threadpool_limits

    meeting = threading.Barrier(3, timeout=20)
    seen = []

    def meet(i):
        if i < 3:  # with 64 items each is a share: three threads must be there at once
            meeting.wait()
        seen.append({library.num_threads for library in parallel._blas().lib_controllers})
        return 0

    with threadpool_limits(2):
        parallel.total(meet, range(64))
        assert {library.num_threads for library in parallel._blas().lib_controllers} == {2}
    assert all(numbers == {1} for numbers in seen)


@pytest.mark.parametrize("limit", [1, 2])
def test_a_limit_for_linear_algebra_is_one_for_emlib(limit):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(limit):
        assert parallel._n_threads() == limit


def test_sums_at_the_same_time_do_not_all_take_all_cores(threads):
    limits = pytest.importorskip("threadpoolctl").threadpool_limits
    names = []

    def outer(i):
        parallel.total(lambda j: names.append(threading.current_thread().name) or 0, range(8))
        return 0

    with limits(2):
        parallel.total(outer, range(6))
        assert parallel._blas().lib_controllers[0].num_threads == 2
    assert len(names) == 48 and len(set(names)) <= 3


def test_without_threadpoolctl_there_is_one_thread(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)  # its import fails
    parallel._blas.cache_clear()
    try:
        assert parallel._n_threads() == 1
        x = clouds(50_000)
        assert_same_expectation(START.e_step(x), Expectation(*whole(START, x)), tol=1e-12)
    finally:
        parallel._blas.cache_clear()


def whole(model, x):
    r = model.responsibilities(x)
    return model.log_density(x).sum(), r.sum(axis=0), model.statistics(x, r)


def test_bad_rows_are_numbered_as_in_the_whole(threads):
    x = clouds(100_000)
    for rows in ([70_001], [99_999], [12_345, 12_346]):
        bad = x.copy()
        bad[rows, 1] = np.nan
        listed = ", ".join(map(str, rows))
        for call in (START.e_step, START.log_likelihood, START.predict, START.log_density):
            with pytest.raises(RowError, match=rf"\(rows? {listed}\)") as caught:
                call(bad)
            assert caught.value.rows == rows


def test_of_several_bad_blocks_the_first_is_named_every_time(threads):
    x = clouds(100_000)
    x[[55_000, 80_000], 0] = np.nan
    for _ in range(5):
        with pytest.raises(RowError, match=r"\(row 55000\)"):
            START.e_step(x)


def test_impossible_rows_are_numbered_as_in_the_whole(threads):
    x = np.tile([3, 10], (200_000, 1))
    x[150_000] = 0, 10
    never_fails = BinomialMixture([0.5, 0.5], [1.0, 1.0])
    w = np.zeros(len(x))
    w[149_990:] = 1
    x[:149_000], x[150_001:] = [10, 10], [10, 10]
    x[149_000:149_995] = 10, 10
    with pytest.raises(RowError, match="impossible") as caught:
        never_fails.e_step(x)
    assert caught.value.rows[0] == 149_995
    with pytest.raises(RowError, match="impossible") as caught:
        never_fails.e_step(x, w)  # rows of weight zero count as absent, but keep their numbers
    assert caught.value.rows == [149_995, 149_996, 149_997, 149_998, 149_999, 150_000]


def test_an_error_stops_all_threads(threads):
    done = []

    def fail(i):
        if i == 0:
            raise ValueError("no")
        time.sleep(0.005)
        done.append(i)
        return 0

    with pytest.raises(ValueError, match="no"):
        parallel.total(fail, range(6400))
    n = len(done)
    assert n < 100  # a share is 100 items, and two more threads are at theirs
    time.sleep(0.01)
    assert len(done) == n  # nothing goes on behind the caller's back


# --- Ctrl-C


def test_ctrl_c_leaves_history_and_model_of_the_same_step():
    class Pressed(Linkage):
        def log_prior(self):
            if self.theta > 0.62:
                raise KeyboardInterrupt
            return 0.0

    x = [125, 18, 20, 34]
    wanted = em.fit(Linkage(0.5), x, max_iter=1)
    fit = em.fit(Pressed(0.5), x)
    assert fit.status == "interrupted"
    assert fit.model.theta == wanted.model.theta
    np.testing.assert_array_equal(fit.objective, wanted.objective)
    np.testing.assert_array_equal(fit.log_likelihood, wanted.log_likelihood)


@pytest.mark.parametrize("press_at", [3, 0])
def test_ctrl_c_ends_all_restarts_with_the_best_so_far(press_at):
    x = [125, 18, 20, 34]
    steps = []

    class Watched(Linkage):
        def e_step(self, x, sample_weight=None):
            steps.append(self.theta)
            if self.theta > 0.9:
                steps.clear()
            if len(steps) == press_at and len(seen) > 1:
                raise KeyboardInterrupt
            return super().e_step(x, sample_weight)

    seen = []

    def starts():
        for theta in (0.1, 0.95, 0.2, 0.3):
            seen.append(theta)
            yield Watched(theta)

    try:
        best = em.fit_best(starts(), x)
    except KeyboardInterrupt:
        pytest.fail("the runs before are lost")
    assert seen == [0.1, 0.95]
    assert [run.status for run in best.runs] == ["converged", "interrupted"][: 1 + bool(press_at)]
    assert best.status == "converged"


def test_ctrl_c_before_anything_is_known_passes():
    class Pressed(Linkage):
        def e_step(self, x, sample_weight=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        em.fit_best([Pressed(0.5)], [125, 18, 20, 34])


CTRL_C = """
import signal, sys, threading, time
import numpy as np
from emlib import GaussianMixture, em, rows

rows.BLOCK = 1  # blocks of 64 rows
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it

class Slow(GaussianMixture):
    def expect_block(self, x, w):
        if told:
            time.sleep(0.002)
        return super().expect_block(x, w)

def tell(step):
    told.append(step)  # first: Ctrl-C may come as soon as the line is out
    print(len(told) - 1, flush=True)

told = []
x = np.random.default_rng(0).standard_normal((64 * int(sys.argv[1]), 2))
start = Slow([0.5, 0.5], x[:2], [np.eye(2)] * 2)
fit = em.fit(start, x, tol=0, callback=tell)
print(fit.status, fit.n_iter, fit.model is told[-1].model, len(fit.log_likelihood) == len(told))
print(fit.objective[-1] == told[-1].objective, threading.active_count())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize(("n_blocks", "delay"), [(1, 0.0), (4000, 0.2)])
def test_ctrl_c_from_outside_in_mid_fit(n_blocks, delay):
    """With 4000 blocks the second E-step takes seconds, on two threads: Ctrl-C need not wait."""
    pytest.importorskip("threadpoolctl")
    with run(CTRL_C, str(n_blocks)) as process:
        assert process.stdout.readline() == b"0\n"
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        pressed = time.perf_counter()
        *_, first, second = process.stdout.read().decode().splitlines()
        waited = time.perf_counter() - pressed
    status, n_iter, *same = first.split()
    assert status == "interrupted" and same == ["True", "True"]
    assert second.split() == ["True", "1"]
    if n_blocks > 1:
        assert int(n_iter) == 0  # the E-step was cut short
        assert waited < 2


# --- progress


def test_progress_is_the_bar_that_knows_notebooks(monkeypatch, capsys):
    tqdm = pytest.importorskip("tqdm.auto")
    made = []

    class Bar(tqdm.tqdm):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, file=io.StringIO(), **kwargs)
            made.append(self)

    monkeypatch.setattr(tqdm, "tqdm", Bar)
    x = clouds(200)
    plain = em.fit(START, x)
    em.fit_best([START, START], [x, x])
    assert made == [] and capsys.readouterr() == ("", "")
    fit = em.fit(START, x, progress=True)
    [bar] = made
    assert bar.n == fit.n_iter + 1 and bar.disable  # closed
    assert f"{fit.objective[-1]:.6f}" in bar.postfix
    np.testing.assert_array_equal(fit.objective, plain.objective)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_the_bar_is_closed_whatever_happens(error, capsys):
    auto = pytest.importorskip("tqdm.auto")

    def stop(step):
        raise error

    with contextlib.suppress(RuntimeError):
        em.fit(START, clouds(200), callback=stop, progress=True)
    assert len(auto.tqdm._instances) == 0
    assert capsys.readouterr().out == ""


# --- in dask's arrays: test_cluster.py has them on a cluster


def test_a_dask_array_without_a_cluster():
    """On threads, dask's own choice, where each task could want all cores."""
    dask = pytest.importorskip("dask")
    da = pytest.importorskip("dask.array")
    x = clouds(60_000)
    with dask.config.set(scheduler="threads"):
        fit = em.fit(START, da.from_array(x, chunks=(16_000, 2)), max_iter=3)
    assert_same_fit(fit, em.fit(START, x, max_iter=3))


def test_nothing_imports_unasked_what_is_optional_or_slow():
    """scipy.stats takes as long as all else in emlib, in every notebook and every process.

    And scipy.optimize a third of that; scipy.cluster is slow too.
    """
    script = """
import sys
import numpy as np
import emlib.plotting
from emlib import GaussianMixture1D, em
em.fit(GaussianMixture1D([0.5, 0.5], [0, 1], 1.0), np.arange(9.0), max_iter=2)
slow = {"dask", "distributed", "tqdm", "scipy.stats", "scipy.optimize", "scipy.cluster"}
sys.exit(bool(slow & set(sys.modules)))
"""
    with run(script) as process:
        out = process.stdout.read()
    assert process.returncode == 0 and out == b""
