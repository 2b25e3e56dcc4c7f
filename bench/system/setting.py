# SPDX-License-Identifier: BSD-2-Clause
"""What the benchmarks of this folder share: where things are put, the
machine in words, the C programs compiled."""
import os
import platform
import shutil
import subprocess
import sys

import measure

HERE = os.path.dirname(os.path.abspath(__file__))
PLACE = os.environ.get("BENCH_DIR", os.path.join(measure.BUILD, "bench"))


def place(name):
    os.makedirs(PLACE, exist_ok=True)
    return os.path.join(PLACE, name)


def compiled(name, folder=HERE):
    """The program of NAME.c, made new each time: it takes half a second."""
    program = place(name)
    subprocess.run([os.environ.get("CC", "cc"), "-std=c17", "-O2",
                    "-D_GNU_SOURCE", "-Wall", "-pthread", "-o", program,
                    os.path.join(folder, name + ".c")], check=True)
    return program


def build_once(path, size_bytes, maker):
    """A large file, by 'maker make PATH BYTES'; kept for the next time."""
    if os.path.exists(path) and os.path.getsize(path) == size_bytes:
        return
    if shutil.disk_usage(PLACE).free < size_bytes + measure.GIB:
        sys.exit(f"{PLACE} has no room for {size_bytes >> 20} MiB")
    print(f"writing {path} ...", flush=True)
    subprocess.run([maker, "make", path + ".partial", str(size_bytes)],
                   check=True)
    os.rename(path + ".partial", path)


def describe(path):
    """Machine, kernel, page size, disk: without them a figure is nothing."""
    if measure.on_memory(PLACE):
        sys.exit(f"{PLACE} is in memory; set BENCH_DIR to a place on a disk")
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Linux "
          f"{platform.release()}, {os.sysconf('SC_PAGE_SIZE')} byte pages, "
          f"load {os.getloadavg()[0]:.1f}; {measure.disk_line(path)}")


def guarded(main):
    """No cgroup, no comparison: exit 77 and say so."""
    measure.end_cleanly()
    try:
        return main()
    except OSError as error:
        print(f"cannot measure here: {error}")
        return 77
