"""On a cluster: dask's arrays, in two worker processes on this machine."""

import os

import numpy as np
import pytest

from clouds import START, clouds
from emlib import GaussianMixture1D, em
from emlib._machinery.validation import RowError
from laws import assert_same_expectation, assert_same_fit, assert_same_model

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def client():
    """Two worker processes on this machine, who reach each other over the loopback only."""
    pytest.importorskip("dask.array")
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            silence_logs="CRITICAL",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.wait_for_workers(2)
        yield client


@pytest.fixture(scope="module")
def cloud():
    return clouds(60_000)


@pytest.fixture(scope="module")
def wanted(cloud):
    return em.fit(START, cloud, max_iter=3)


def chunked(x, chunks):
    import dask.array as da

    return da.from_array(x, chunks=chunks)


@pytest.mark.parametrize("chunks", [(16_000, 2), (60_000, 2), (20_000, 1)])
def test_a_dask_array_gives_the_same_fit(chunks, client, cloud, wanted):
    assert_same_fit(em.fit(START, chunked(cloud, chunks).persist(), max_iter=3), wanted)


def test_other_families_on_a_cluster(client):
    x = clouds(5_000)[:, 0] + np.repeat([0, 9], 2_500)
    start = GaussianMixture1D([0.5, 0.5], [0.0, 9.0], 4.0)
    fit = em.fit(start, chunked(x, 2_000), tol=1e-3)
    assert fit.converged
    assert_same_fit(fit, em.fit(start, x, tol=1e-3))


def test_chunks_stay_while_they_are_iterated_over(client, cloud, wanted):
    """The caller keeps no hold of the array that lies on the cluster."""
    steps = em.iterate(START, chunked(cloud, (16_000, 2)).persist())
    for step, objective in zip(steps, wanted.objective, strict=False):
        assert step.objective == pytest.approx(objective, rel=1e-12)


@pytest.mark.parametrize("weight_chunks", [None, 9_000])
@pytest.mark.parametrize("known", [True, False])
def test_sample_weights_on_a_cluster(weight_chunks, known, client, cloud):
    w = np.random.default_rng(2).integers(0, 4, len(cloud)).astype(float)
    x = chunked(cloud, (16_000, 2))
    x, cloud = (x, cloud) if known else (x[x[:, 0] > 0], cloud[cloud[:, 0] > 0])
    w = w[: len(cloud)]
    weights = w if weight_chunks is None else chunked(w, weight_chunks)
    ours = em.fit(START, x, sample_weight=weights, max_iter=2)
    in_memory = em.fit(START, cloud, sample_weight=w, max_iter=2)
    assert_same_model(ours.model, in_memory.model, 1e-9)


def test_a_selection_of_rows_whose_number_nobody_knows(client, cloud):
    x = chunked(cloud, (16_000, 2)).persist()
    chosen = x[x[:, 0] > 4]  # rare: chunks may be small, and their sizes are unknown
    few = x[(x[:, 0] > 4) & (x[:, 1] > 5)]  # most chunks are empty
    for rows, same in ((chosen, cloud[:, 0] > 4), (few, (cloud[:, 0] > 4) & (cloud[:, 1] > 5))):
        weights = chunked(np.ones(len(cloud)), 16_000)[chunked(same, 16_000)]
        ours = em.expect(START, rows, weights)
        assert_same_expectation(ours, START.e_step(cloud[same]), 1e-12)
        assert np.isnan(rows.shape[0])  # the caller's array is as it was
    with pytest.raises(ValueError, match="x is empty"):
        em.fit(START, x[x[:, 0] > 100])


@pytest.mark.parametrize("known", [True, False])
def test_bad_rows_on_a_cluster_are_numbered_as_in_the_whole(known, client, cloud):
    bad = cloud.copy()
    bad[40_000, 1] = np.nan
    x = chunked(bad, (16_000, 2))
    x = x if known else x[chunked(np.full(len(bad), True), 16_000)]
    with pytest.raises(RowError, match=r"x: 1 row .* \(row 40000\)"):
        em.fit(START, x)


@pytest.mark.parametrize("as_dask", [True, False])
def test_wrong_weights_on_a_cluster_are_refused(as_dask, client, cloud):
    x = chunked(cloud, (16_000, 2))
    for w in (np.ones(59_999), np.ones((60_000, 1))):
        w = chunked(w, 6_000) if as_dask else w
        with pytest.raises(ValueError, match=r"sample_weight must have shape \(60000,\)"):
            em.fit(START, x, sample_weight=w)
    negative = np.ones(60_000)
    negative[50_000] = -1
    with pytest.raises(RowError, match=r"sample_weight: 1 row .* \(row 50000\)"):
        em.fit(START, x, sample_weight=chunked(negative, 6_000) if as_dask else negative)


def make_chunk(block_info=None):
    """Make one chunk on the worker that is to hold it."""
    (i, _), shape = block_info[None]["chunk-location"], block_info[None]["chunk-shape"]
    return clouds(*shape, rng=i)


def made_there(n_chunks=12, rows=40_000):
    """Return a dask array of which no row has ever been here."""
    import dask.array as da

    return da.map_blocks(
        make_chunk, chunks=((rows,) * n_chunks, 2), dtype=float, meta=np.empty((0, 2))
    )


def traffic(dask_worker):
    """Return how many bytes of values this worker has been sent by others."""
    return sum(entry["total"] for entry in dask_worker.transfer_incoming_log)


def test_only_statistics_travel(client, monkeypatch):
    from distributed import wait
    from distributed.comm.tcp import TCP

    sent = []  # all messages of this process: between client, scheduler and workers
    write = TCP.write

    async def counting_write(self, *args, **kwargs):
        n = await write(self, *args, **kwargs)
        sent.append(n)
        return n

    x = made_there().persist()
    wait(x)
    w = np.ones(len(x))
    before = sum(client.run(traffic).values())
    monkeypatch.setattr(TCP, "write", counting_write)
    fit = em.fit(START, x, max_iter=3)
    between_workers = sum(client.run(traffic).values()) - before
    assert fit.n_iter == 3 and len(sent) > 10
    assert x.nbytes > 7.6e6
    assert sum(sent) < 0.5e6
    assert between_workers < x.nbytes / 2  # a chunk may move to an idle worker, once
    sent.clear()
    em.fit(START, x, sample_weight=w, max_iter=3)
    assert sum(sent) < 3 * w.nbytes  # to the scheduler and on to the workers, once


def test_a_worker_is_killed_in_mid_fit(client):
    psutil = pytest.importorskip("psutil")
    x = made_there(6, 20_000).persist()
    in_memory = np.concatenate([clouds(20_000, rng=i) for i in range(6)])
    killed = []

    def kill(step):
        if len(killed) < 2:
            killed.append(None)
        elif len(killed) == 2:
            pid = next(iter(client.run(os.getpid).values()))
            psutil.Process(pid).kill()
            killed.append(pid)

    fit = em.fit(START, x, max_iter=6, callback=kill)
    assert len(killed) == 3 and not psutil.pid_exists(killed[-1])
    assert_same_fit(fit, em.fit(START, in_memory, max_iter=6))


def test_ctrl_c_on_a_cluster(client, cloud):
    x = chunked(cloud, (16_000, 2))
    seen = []

    def press(step):
        seen.append(step)
        if len(seen) == 3:
            raise KeyboardInterrupt

    fit = em.fit(START, x, callback=press)
    assert fit.status == "interrupted" and fit.n_iter == 2
