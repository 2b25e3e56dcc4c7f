# SPDX-License-Identifier: BSD-2-Clause
"""The demo's database: one table with text of many lengths and an index in
an order that has nothing to do with the table's, so that integrity_check
walks one in sequence and the other at random.

The content is a function of the row number alone.
"""
import base64
import hashlib
import os
import sqlite3
import sys

RECIPE = 1              # part of the file name: raise it when rows() changes
ROWS_PER_MB = 1652      # measured: 10^6 bytes of file, index included
LONG_EVERY = 64         # such a row has 6000 characters: overflow pages
BATCH_ROWS = 4096       # rows between two looks at the progress
QUERY = ("PRAGMA mmap_size=2000000000; "
         "SELECT count(*),sum(length(v)),max(h) FROM t; "
         "PRAGMA integrity_check;")


class Progress:
    """A bar on a terminal, a line each quarter elsewhere."""

    def __init__(self, title):
        self.title = title
        self.tty = sys.stdout.isatty()
        self.shown = -1

    def show(self, done):
        """done: from 0 to 1."""
        step = int(done * (100 if self.tty else 4))
        if step == self.shown:
            return
        self.shown = step
        if self.tty:
            bar = "#" * (step * 40 // 100)
            end = "\n" if step == 100 else ""
            print(f"\r{self.title} [{bar:<40}] {step:3}%", end=end,
                  flush=True)
        else:
            print(f"{self.title}: {step * 25}%", flush=True)


def rows(first, last):
    for i in range(first, last):
        seed = hashlib.sha256(i.to_bytes(8, "little")).digest()
        length = 6000 if i % LONG_EVERY == 0 else 60 + seed[6] * 2 + seed[7]
        raw = hashlib.shake_128(seed).digest(length * 3 // 4 + 3)
        text = base64.b64encode(raw)[:length].decode("ascii")
        yield i, text, int.from_bytes(seed[:6], "little")


def build(path, megabytes, progress=None):
    """Make the database unless it is there; a half made one never is."""
    if os.path.exists(path):
        return False
    partial = path + ".partial"
    for stale in (partial, partial + "-journal"):
        if os.path.exists(stale):
            os.unlink(stale)
    count = megabytes * ROWS_PER_MB
    base = sqlite3.connect(partial, isolation_level=None)
    base.executescript("PRAGMA page_size=4096; PRAGMA journal_mode=OFF; "
                       "PRAGMA synchronous=OFF; PRAGMA cache_size=-65536; "
                       "CREATE TABLE t(i INTEGER PRIMARY KEY, v TEXT, "
                       "h INTEGER);")
    base.execute("BEGIN")
    for first in range(0, count, BATCH_ROWS):
        base.executemany("INSERT INTO t VALUES(?,?,?)",
                         rows(first, min(first + BATCH_ROWS, count)))
        if progress:
            progress.show(0.95 * first / count)     # the rest: the index
    base.execute("COMMIT")
    base.execute("CREATE INDEX t_h ON t(h)")
    base.close()
    finish(partial, path)
    if progress:
        progress.show(1)
    return True


def finish(partial, path):
    fd = os.open(partial, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
    os.rename(partial, path)
