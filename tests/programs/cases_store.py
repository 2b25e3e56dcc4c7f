# SPDX-License-Identifier: BSD-2-Clause
"""Databases and stores: SQLite, LMDB, gdbm, RRDtool."""
import os
import re
import subprocess

import database
from harness import (HERE, PYTHON, Failed, Missing, case, needs,
                     needs_module, require)


@case("sqlite-reads-a-shared-map")
def sqlite_read(test):
    needs("sqlite3")
    test.limit("4M", "16M")
    megabytes = test.pick(48, 340)
    path = os.path.join(test.shared, f"t{megabytes}-{database.RECIPE}.db")
    database.build(path, megabytes)
    test.copy_in(path, "t.db")
    test.both(["sqlite3", "t.db", database.QUERY], files=["t.db"])


def without_times(output):
    """speedtest1 ends its lines with '....   0.053s'."""
    return re.sub(rb"\.* +\d+\.\d+s$", b"", output, flags=re.MULTILINE)


@case("speedtest1-writes-into-mapped-pages")
def speedtest1(test):
    needs("sqlite3")
    allowed = subprocess.run(
        ["sqlite3", ":memory:", "PRAGMA compile_options"],
        check=True, capture_output=True, text=True).stdout
    require("MAX_MMAP_SIZE=0\n" not in allowed,
            "this SQLite was built without memory mapping")
    made = subprocess.run([os.path.join(HERE, "get-speedtest1"),
                           os.path.join(test.shared, "speedtest1")],
                          check=False, capture_output=True, text=True)
    if made.returncode == 77:
        raise Missing(made.stderr.strip())
    if made.returncode != 0:
        raise Failed(made.stderr.strip())
    test.limit("2M", "8M")
    test.both([os.path.join(test.shared, "speedtest1", "speedtest1"),
               "--size", test.pick("15", "60"), "--mmap", "1000000000",
               "--verify", "s.db"],
              files=["s.db"], plain=without_times)


def lmdb(test, mode):
    """Load, then dump and copy what was loaded, all under resident."""
    needs("mdb_dump", "mdb_copy")
    needs_module("lmdb")
    test.limit("8M", "16M")
    for side in test.sides.values():
        os.mkdir(os.path.join(side, "db"))
        os.mkdir(os.path.join(side, "copy"))
    test.both([PYTHON, os.path.join(HERE, "lmdb_store.py"), "load", "db",
               mode, "2048", test.pick("32", "346")], files=["db/data.mdb"])
    test.both(["mdb_dump", "-a", "db"])
    test.both(["mdb_copy", "db", "copy"],
              files=["copy/data.mdb", "db/data.mdb"])


@case("lmdb-default")
def lmdb_default(test):
    lmdb(test, "default")


@case("lmdb-writemap")
def lmdb_writemap(test):
    lmdb(test, "writemap")


@case("gdbm-maps-and-unmaps")
def gdbm(test):
    """A map per growth of the file: hundreds of short ones."""
    needs("gdbmtool")
    count = test.pick(5000, 20000)
    script = os.path.join(test.directory, "script")
    with open(script, "w", encoding="ascii") as file:
        for i in range(count):
            value = str(i * 7919 % 1000003) * 40
            file.write(f"store key{i} {value}\n")
        for i in range(0, count, 3):
            file.write(f"delete key{i}\n")
        file.write("count\nfetch key77\nreorganize\ncount\n")
    test.limit("512k", "2M", "--min-map", "64k")
    test.both(["gdbmtool", "-n", "g.db"], stdin=script, files=["g.db"])


def without_rrd_times(output):
    return re.sub(rb"^OK u:.*$", b"OK", output, flags=re.MULTILINE)


@case("rrdtool-updates-and-fetches")
def rrdtool(test):
    """One map per command; create puts a random number into the file, so
    both sides start from one file."""
    needs("rrdtool")
    first = 1000000000
    made = os.path.join(test.directory, "made.rrd")
    subprocess.run(["rrdtool", "create", made, "--start", str(first),
                    "--step", "1", "DS:x:GAUGE:10:U:U",
                    "RRA:AVERAGE:0.5:1:400000", "RRA:MAX:0.5:10:400000"],
                   check=True)
    test.copy_in(made, "x.rrd")
    updates = test.pick(300, 3000)
    script = os.path.join(test.directory, "script")
    with open(script, "w", encoding="ascii") as file:
        for i in range(1, updates + 1):
            file.write(f"update x.rrd {first + 20 * i}:{i * 37 % 1000}\n")
        last = first + 20 * updates
        file.write(f"fetch x.rrd AVERAGE -s {first} -e {last}\n"
                   f"fetch x.rrd MAX -r 10 -s {first} -e {last}\n"
                   "dump x.rrd\n")
    test.limit("2M", "4M")
    test.both(["rrdtool", "-"], stdin=script, files=["x.rrd"],
              plain=without_rrd_times)
