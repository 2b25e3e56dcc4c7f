# SPDX-License-Identifier: BSD-2-Clause
"""Programs that use some of a map often and the rest once, for refault.

skewed.py product A B         numpy: the rows of A, block by block, times B
skewed.py gets DIR COUNT      LMDB: gets by Zipf's law, each 8th a step of a
                              cursor that goes through everything
skewed.py make-product A B    the two files
skewed.py make-gets DIR       the store

What is printed depends on the arguments alone.
"""
import hashlib
import sys

COLUMNS = 1024          # of A; 8-byte numbers: 8 KiB a row
A_ROWS = 12288          # 96 MiB
B_COLUMNS = 1280        # 10 MiB
BLOCK = 256             # rows of A at a time: 2 MiB
RECORDS = 200000        # of 1000 bytes: 200 MB
RECORD_BYTES = 1000
EXPONENT = 0.99         # as in YCSB
STEP_EVERY = 8


def matrix(path, rows, columns, mode):
    import numpy
    return numpy.memmap(path, dtype=numpy.float64, mode=mode,
                        shape=(rows, columns))


def make_product(path_a, path_b):
    import numpy
    numbers = numpy.random.default_rng(20)
    for path, rows, columns in ((path_a, A_ROWS, COLUMNS),
                                (path_b, COLUMNS, B_COLUMNS)):
        table = matrix(path, rows, columns, "w+")
        for first in range(0, rows, BLOCK):
            table[first:first + BLOCK] = numbers.integers(
                0, 8, (min(BLOCK, rows - first), columns))
        table.flush()


def product(path_a, path_b):
    a = matrix(path_a, A_ROWS, COLUMNS, "r")
    b = matrix(path_b, COLUMNS, B_COLUMNS, "r")
    total = 0.0
    for first in range(0, A_ROWS, BLOCK):
        total += float((a[first:first + BLOCK] @ b).sum())
    print("sum", int(total))


def key(number):
    return hashlib.sha256(b"%d" % number).digest()[:16]


def make_gets(path):
    import lmdb
    env = lmdb.open(path, map_size=1 << 30, sync=False)
    for first in range(0, RECORDS, 1000):
        with env.begin(write=True) as txn:
            for number in range(first, first + 1000):
                seed = key(number)
                txn.put(seed, hashlib.shake_128(seed).digest(RECORD_BYTES))
    env.sync(True)
    env.close()


def gets(path, count):
    import lmdb
    import numpy
    numbers = numpy.random.default_rng(20)
    weights = 1 / numpy.arange(1, RECORDS + 1) ** EXPONENT
    draws = numpy.searchsorted(numpy.cumsum(weights) / weights.sum(),
                               numbers.random(count))
    digest = hashlib.sha256()
    env = lmdb.open(path, map_size=1 << 30, readonly=True, lock=False,
                    readahead=False)
    with env.begin() as txn:
        cursor = txn.cursor()
        cursor.first()
        for i, number in enumerate(draws):
            digest.update(txn.get(key(int(number))))
            if i % STEP_EVERY == 0:
                digest.update(cursor.value())
                if not cursor.next():
                    cursor.first()
    print("gets", digest.hexdigest())


def main(verb, *rest):
    {"product": product, "gets": lambda p, n: gets(p, int(n)),
     "make-product": make_product, "make-gets": make_gets}[verb](*rest)


if __name__ == "__main__":
    main(*sys.argv[1:])
