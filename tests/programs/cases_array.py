# SPDX-License-Identifier: BSD-2-Clause
"""Arrays and streams: numpy, fio, ripgrep."""
import json
import os
import random

import measure
from harness import HERE, PYTHON, case, needs, needs_module, require

NUMPY = [PYTHON, os.path.join(HERE, "numpy_map.py")]


def numpy(test, mode, make_first, figures=None):
    needs_module("numpy")
    test.limit("8M", "32M")
    megabytes = test.pick(48, 256)
    if make_first:
        made = os.path.join(test.directory, "made")
        fill(made, megabytes * 1000000)
        test.copy_in(made, "array")
        os.unlink(made)
    test.both([*NUMPY, mode, "array", str(megabytes)], files=["array"],
              figures=figures)


def fill(path, size_bytes):
    """The same bytes each time, no two MiB alike."""
    numbers = random.Random(20)
    with open(path, "wb") as file:
        while size_bytes > 0:
            block = numbers.randbytes(min(size_bytes, 1 << 20))
            file.write(block)
            size_bytes -= len(block)


@case("numpy-writes-a-shared-map")
def numpy_write(test):
    numpy(test, "w+", make_first=False)


@case("numpy-reads-at-random")
def numpy_read(test):
    numpy(test, "r", make_first=True)


@case("numpy-copies-on-write")
def numpy_copy(test):
    """Private copies are the program's own memory: reported, not limited."""
    def has_private(figures):
        require(figures["private_bytes"] > 0,
                "private copies were made, but private_bytes is 0")
        require(figures["pages_out"] == 0,
                "pages of a private mapping were written to the file")
    numpy(test, "c", make_first=True, figures=has_private)


@case("numpy-in-its-own-memory")
def numpy_memory(test):
    """Half of what it has natively: private anonymous memory, with swap."""
    needs_module("numpy")
    test.limit("40M", "110M", "--anon")
    test.both([PYTHON, os.path.join(HERE, "numpy_memory.py"),
               str(test.pick(64, 200))])


@case("sort-with-a-large-buffer")
def sort_buffer(test):
    test.limit("16M", "96M", "--anon")
    megabytes = test.pick(32, 192)
    made = os.path.join(test.directory, "made")
    numbers = random.Random(20)
    with open(made, "w", encoding="ascii") as file:
        for _ in range(megabytes * 12000):
            file.write(f"{numbers.getrandbits(60)}\n")
    test.copy_in(made, "lines")
    os.unlink(made)
    test.both(["sort", "--parallel=2", "-S", f"{megabytes}m", "lines"])


def fio_verdict(output):
    """What of fio's report is the same in each run: bytes and errors."""
    report = output[output.index(b"{"):]
    return [(job["error"], job["read"]["io_bytes"], job["write"]["io_bytes"],
             job["read"]["total_ios"], job["write"]["total_ios"])
            for job in json.loads(report)["jobs"]]


@case("fio-verifies-its-random-writes")
def fio(test):
    """fio puts the time into each block: files cannot be compared.  It
    verifies itself, and a second fio, native, verifies what was left."""
    needs("fio")
    test.limit("8M", "32M")
    common = ["fio", "--name=v", "--ioengine=mmap", "--bs=4k",
              "--rw=randwrite", "--verify=crc32c", "--verify_fatal=1",
              "--randseed=7", "--output-format=json"]
    for argv in (common + ["--filename=data",
                           "--size=" + test.pick("48m", "256m")],
                 common + ["--thread", "--numjobs=2",
                           "--filename_format=data.$jobnum",
                           "--size=" + test.pick("8m", "64m")]):
        test.both(argv, plain=fio_verdict)
        left = test.run_side("resident", argv + ["--verify_only=1"], None,
                             measure.run, 90)
        require(left.status == 0, "the file that was left does not verify")


@case("ripgrep-maps-many-files")
def ripgrep(test):
    needs("rg")
    words = ["page", "frame", "slot", "busy", "wire", "laundry", "shadow"]
    tree = os.path.join(test.directory, "tree")
    os.mkdir(tree)
    numbers = random.Random(20)
    for i in range(test.pick(12, 60)):
        lines = [" ".join(numbers.choices(words, k=9)) + f" {line}"
                 for line in range(40000)]
        with open(os.path.join(tree, f"{i:03}.txt"), "w",
                  encoding="ascii") as file:
            file.write("\n".join(lines))
    test.copy_in(tree, "tree")
    test.limit("4M", "8M")
    # The build folder is ignored by git, and so by rg.
    test.both(["rg", "--no-ignore", "--mmap", "--sort", "path", "-n",
               "wire wire (busy|laundry) shadow page", "tree"])
    test.both(["rg", "--no-ignore", "--mmap", "--threads", "4", "-c",
               "laundry$|busy page", "tree"], plain=lambda text: sorted(text.splitlines()))
