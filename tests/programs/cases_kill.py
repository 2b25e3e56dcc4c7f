# SPDX-License-Identifier: BSD-2-Clause
"""Signals in the middle of writing.

A native run that is killed loses nothing that it had written into a shared
mapping: the page cache has it.  Under resident, all that was written before
the last report must be in the file when 'resident run' has ended, and the
exit status says which signal it was.
"""
import array
import os
import selectors
import signal
import subprocess
import sys
import time

import measure
from harness import (HERE, PYTHON, Failed, case, compiled, environment,
                     needs_module, require)

PAGE_WORDS = 512            # 8-byte words in a page of writer.c
STEP = 40503                # as in writer.c
PATIENCE_S = 120            # for the reports, and again for the end


class Reports:
    """The child's lines: its process number, then 'thread sequence'."""

    def __init__(self, pipe):
        self.pipe = pipe
        self.rest = b""
        self.pid = None
        self.last = {}
        self.ended = False
        self.selector = selectors.DefaultSelector()
        self.selector.register(pipe, selectors.EVENT_READ)

    def read_some(self):
        if not self.selector.select(timeout=1):
            return
        data = os.read(self.pipe.fileno(), 65536)
        self.ended = not data
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            if self.pid is None:
                self.pid = int(line)
            else:
                thread, sequence = line.split()
                self.last[int(thread)] = int(sequence)

    def until(self, target):
        """Read until all threads' writes are target or more together."""
        deadline = time.monotonic() + PATIENCE_S
        while sum(self.last.values()) < target:
            require(not self.ended, "it ended before it was killed")
            require(time.monotonic() < deadline,
                    f"only {sum(self.last.values())} of {target} writes "
                    f"after {PATIENCE_S} s")
            self.read_some()

    def until_end(self):
        deadline = time.monotonic() + PATIENCE_S
        while not self.ended and time.monotonic() < deadline:
            self.read_some()
        require(self.ended, f"no end in {PATIENCE_S} s after the signal")


def killed(test, side, argv, target, number, to_launcher):
    """Start, wait for target writes, kill, wait; the last reports."""
    figures_path = os.path.join(test.directory, f"{side}.json")
    command = argv if side == "native" else measure.resident_command(
        figures_path, test.options, argv)
    with open(test.stream(side, "stderr"), "wb") as stderr:
        process = subprocess.Popen(
            command, cwd=test.sides[side], env=environment(), stderr=stderr,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            start_new_session=True)
    try:
        reports = Reports(process.stdout)
        reports.until(target)
        os.kill(process.pid if to_launcher else reports.pid, number)
        reports.until_end()
        status = process.wait(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        raise Failed(f"{side}: no end after {number.name}") from None
    finally:
        clean_up(process)
    status = 128 - status if status < 0 else status
    require(status == 128 + number, f"{side}: exit status {status}, not "
            f"{128 + number}" + (test.last_words() if side != "native"
                                 else ""))
    if side == "resident":
        test.right_figures(measure.figures_of(figures_path), evicts=True)
    return reports.last


def clean_up(process):
    """Only what is still there: its process group is our own making."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    process.stdout.close()


def check_pages(path, last):
    """Each page has its thread's last reported write to it, or a later."""
    words = array.array("Q")
    with open(path, "rb") as file:
        words.frombytes(file.read())
    pages, threads = len(words) // PAGE_WORDS, len(last)
    own = pages // threads
    inverse = pow(STEP, -1, own)
    for thread, reported in last.items():
        for index in range(own):
            # Sequence numbers i with i * STEP % own == index:
            first = index * inverse % own
            at_least = (reported - (reported - first) % own
                        if reported >= first else 0)
            page = index * threads + thread
            check_page(words, page, max(at_least, 0), reported, first, own)


def check_page(words, page, at_least, reported, first, own):
    value = words[page * PAGE_WORDS]
    other = words[page * PAGE_WORDS + PAGE_WORDS - 1]
    require(value >= at_least, f"page {page} has write {value}, but write "
            f"{at_least} to it was made before the signal")
    require(value == 0 or (value - first) % own == 0,
            f"page {page} has write {value}, which is not its own")
    whole = value ^ other == (1 << 64) - 1 or value == other == 0
    require(whole or value > reported,
            f"page {page} has but half of write {value}")


def kill_writer(test, number, to_launcher=False):
    program = compiled(test.shared, "writer")
    test.limit("4M", "16M")
    size = test.pick(16 << 20, 128 << 20)
    target = test.pick(4, 10) * size // 4096    # passes over the whole file
    argv = [program, "pages", str(size), "2"]
    for side, directory in test.sides.items():
        last = killed(test, side, argv, target, number,
                      to_launcher and side == "resident")
        check_pages(os.path.join(directory, "pages"), last)


@case("writer-killed-by-KILL")
def writer_kill(test):
    kill_writer(test, signal.SIGKILL)


@case("writer-ended-by-TERM")
def writer_term(test):
    kill_writer(test, signal.SIGTERM)


@case("launcher-passes-TERM-on")
def launcher_term(test):
    kill_writer(test, signal.SIGTERM, to_launcher=True)


def kill_lmdb(test, number):
    needs_module("lmdb")
    test.limit("8M", "16M")
    script = os.path.join(HERE, "lmdb_store.py")
    target = test.pick(600, 4000)       # commits of 64 records of 1000 bytes
    for side, directory in test.sides.items():
        os.mkdir(os.path.join(directory, "db"))
        last = killed(test, side, [PYTHON, script, "forever", "db",
                                   "writemap", "1024"], target, number, False)
        checked = subprocess.run(
            [PYTHON, script, "check", os.path.join(directory, "db"),
             str(last[0])], check=False, capture_output=True, text=True)
        require(checked.returncode == 0, f"{side}: "
                + (checked.stderr.strip().splitlines() or ["?"])[-1])


@case("lmdb-writemap-killed-by-KILL")
def lmdb_kill(test):
    kill_lmdb(test, signal.SIGKILL)


@case("lmdb-writemap-ended-by-TERM")
def lmdb_term(test):
    kill_lmdb(test, signal.SIGTERM)


@case("exit-status-is-the-programs")
def exit_status(test):
    """No mapping at all: only what the launcher passes on."""
    test.limit("4M", "4M")
    for argv, status in ((["true"], 0), (["sh", "-c", "exit 7"], 7),
                         (["sh", "-c", "kill -KILL $$"], 137),
                         (["sh", "-c", "kill -TERM $$"], 143),
                         (["/nowhere/at/all"], 127), ([os.devnull], 126)):
        test.steps += 1
        ours = test.run_side("resident", argv, None, test.under, 60)
        require(ours.status == status, f"{' '.join(argv)}: exit status "
                f"{ours.status}, not {status}")


if __name__ == "__main__":
    sys.exit("run tests/programs/run instead")
