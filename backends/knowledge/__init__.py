"""A team's documents: read, cut into passages, embedded, stored, and found again."""

import os

# One query is a few milliseconds of small matrix products: a second BLAS thread only
# adds waiting (40 to 328 ms instead of 8 on a busy machine). OpenBLAS reads this once,
# when numpy is first imported, so it has to stand before every import of numpy here.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
