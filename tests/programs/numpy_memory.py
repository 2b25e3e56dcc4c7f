#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""numpy_memory MEGABYTES - matrices in the program's own memory.

Two matrices of half of that each, summed, transposed, sorted by columns and
multiplied by bands; prints a checksum of each step.  Integers, so that the
sums are the same in whatever order.
"""
import sys
import zlib

import numpy


def show(what, array):
    print(what, f"{zlib.crc32(numpy.ascontiguousarray(array).data):08x}")


def main():
    # Two matrices of side * side numbers of 8 bytes.
    side = int((int(sys.argv[1]) * 1000000 / 16) ** 0.5) // 64 * 64
    random = numpy.random.default_rng(20)
    a = random.integers(0, 1 << 32, (side, side), dtype=numpy.int64)
    b = numpy.zeros((side, side), dtype=numpy.int64)
    show("random", a[::97])
    for row in range(0, side, 64):
        b[row:row + 64] = a[:, row:row + 64].T
    show("transposed", b[::89])
    b += 1
    b[:, ::2] -= a[:, ::2]
    show("summed", b[::83])
    for column in range(0, side, 64):
        b[:, column:column + 64].sort(axis=0)
    show("sorted", b[::79])
    product = a[:64] @ b[:, :64]
    show("multiplied", product)
    print("total", int(a.sum()) + int(b.sum()))


if __name__ == "__main__":
    main()
