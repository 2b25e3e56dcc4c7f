# SPDX-License-Identifier: BSD-2-Clause
"""A program that uses numpy.memmap, run natively and under resident.

numpy_map.py w+|r|c FILE MEGABYTES

w+  makes the file, writes it in order and then at random, and reads it
r   reads rows at random, then all of it in order
c   writes to a private copy and reads it; the file must not change
"""
import sys

import numpy

ROW = 1024      # 8-byte numbers: 8 KiB, two pages


def opened(mode, path, megabytes):
    rows = megabytes * 1000000 // (ROW * 8)
    return numpy.memmap(path, dtype=numpy.int64, mode=mode, shape=(rows, ROW))


def write(table, random):
    columns = numpy.arange(ROW, dtype=numpy.int64)
    for first in range(0, len(table), 64):
        numbers = numpy.arange(first, min(first + 64, len(table)))
        table[first:first + 64] = (numbers[:, None] * 1000003) ^ columns
    for row in random.integers(0, len(table), len(table) // 2):
        table[row, row % ROW] += row
        table[row] ^= 0x5555


def read(table, random):
    total = 0
    for row in random.integers(0, len(table), len(table)):
        total ^= int(table[row, row % ROW]) * (int(row) + 1)
    for first in range(0, len(table), 256):
        total += int(table[first:first + 256].sum())
    print("checksum", total & (1 << 64) - 1)


def change_copy(table, random):
    for row in random.integers(0, len(table), len(table) // 8):
        table[row, :16] = row
    print("column", int(table[:, 3].sum()))


def main(mode, path, megabytes):
    table = opened(mode, path, int(megabytes))
    random = numpy.random.default_rng(20)
    if mode == "w+":
        write(table, random)
    if mode == "c":
        change_copy(table, random)
    read(table, random)
    if mode == "w+":
        table.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
