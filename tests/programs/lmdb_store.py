# SPDX-License-Identifier: BSD-2-Clause
"""A program that uses LMDB, for the tests to run natively and under resident.

lmdb_store.py load DIR MODE MAP_MIB DATA_MB   fill, delete some, read all
lmdb_store.py forever DIR MODE MAP_MIB        print the process's number, then
                                              commit and print, until killed
lmdb_store.py check DIR COMMITS               all these commits must be there

MODE is default or writemap.  Records depend on their number alone.
"""
import hashlib
import sys

import lmdb

RECORD_BYTES = 1000
BATCH = 1000            # records per transaction of 'load'
SMALL_BATCH = 64        # of 'forever': a commit every few milliseconds
SPACING = 7919          # a prime: the keys come in no order


def record(number):
    key = b"%012d" % (number * SPACING % 1000000007)
    seed = hashlib.sha256(key).digest()
    return key, hashlib.shake_128(seed).digest(RECORD_BYTES)


def opened(path, mode, map_mib):
    """sync=False: what survives then is up to the memory, not the disk."""
    return lmdb.open(path, map_size=map_mib << 20, writemap=mode == "writemap",
                     sync=mode != "writemap", map_async=True)


def load(path, mode, map_mib, data_mb):
    env = opened(path, mode, map_mib)
    count = data_mb * 1000000 // RECORD_BYTES
    for first in range(0, count, BATCH):
        with env.begin(write=True) as txn:
            for number in range(first, first + BATCH):
                txn.put(*record(number))
            if first % (8 * BATCH) == 0:    # and reuse of freed pages
                for number in range(first, first + BATCH, 3):
                    txn.delete(record(number)[0])
    digest = hashlib.sha256()
    with env.begin() as txn:
        for key, value in txn.cursor():
            digest.update(key + value)
        print(txn.stat()["entries"], "entries", digest.hexdigest())
    env.close()


def forever(path, mode, map_mib):
    import os
    env = opened(path, mode, map_mib)
    print(os.getpid(), flush=True)
    for commit in range(1 << 40):
        with env.begin(write=True) as txn:
            # The same 64 MB of records over and over, with new values.
            for i in range(SMALL_BATCH):
                slot = (commit * SMALL_BATCH + i) % 64000
                key, value = record(slot)
                txn.put(key, b"%016d" % commit + value[16:])
        print(0, commit + 1, flush=True)


def check(path, commits):
    env = lmdb.open(path, map_size=4 << 30, readonly=True, lock=False)
    with env.begin() as txn:
        last = 64000 // SMALL_BATCH     # commits before a slot comes again
        for commit in range(max(0, commits - last), commits):
            for i in range(SMALL_BATCH):
                check_one(txn, commit, i)
    print("all there")


def check_one(txn, commit, i):
    slot = (commit * SMALL_BATCH + i) % 64000
    key, expected = record(slot)
    value = txn.get(key)
    if value is None:
        sys.exit(f"record {slot} of commit {commit} is gone")
    if int(value[:16]) < commit or value[16:] != expected[16:]:
        sys.exit(f"record {slot} of commit {commit} has "
                 f"{value[:16]!r} or a wrong body")


def main(verb, path, *rest):
    if verb == "load":
        load(path, rest[0], int(rest[1]), int(rest[2]))
    elif verb == "forever":
        forever(path, rest[0], int(rest[1]))
    elif verb == "check":
        check(path, int(rest[0]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
