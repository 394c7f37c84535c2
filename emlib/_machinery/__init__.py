"""What the library stands on and no learner must open: checks of input, blocks, threads, dask."""
