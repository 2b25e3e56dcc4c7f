# SPDX-License-Identifier: BSD-2-Clause
"""One case: a program runs natively on one copy of its data and under
resident on another copy.  Standard output, the files and the exit status
must be the same, and the figures must show that resident did its work and
stayed within its limit.

A case is a function with a Case as its argument; CASES has them in order.
"""
import hashlib
import os
import shutil
import subprocess
import time

import measure

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"     # Debian's: numpy and lmdb are its packages
# A run may take this many times native's time, and not less than the floor:
# a hang is a failure, a slow machine is not.
SLOWEST_FACTOR, SLOWEST_FLOOR_S = 60, 90
BLOCK = 1 << 16
CASES = {}


class Failed(Exception):
    """Why a case failed, in a sentence."""


class Missing(Exception):
    """What the machine lacks to run this case."""


def case(name):
    def add(function):
        CASES[name] = function
        return function
    return add


class Case:
    """The two directories of a case, and its steps in both."""

    def __init__(self, name, place, full):
        self.full = full
        self.directory = os.path.join(place, name)
        self.shared = os.path.join(place, "shared")     # made once, kept
        self.sides = {side: os.path.join(self.directory, side)
                      for side in ("native", "resident")}
        self.steps = 0
        self.note = ""
        self.options = []
        shutil.rmtree(self.directory, ignore_errors=True)
        for path in (self.shared, *self.sides.values()):
            os.makedirs(path, exist_ok=True)

    def pick(self, small, full):
        return full if self.full else small

    def limit(self, small, full, *options):
        """The memory limit from here on, and further options."""
        self.options = ["--mem", self.pick(small, full), "--quiet", *options]
        self.limit_bytes = measure.size_of(self.pick(small, full))

    def copy_in(self, path, name=None):
        for side in self.sides.values():
            subprocess.run(["cp", "--reflink=auto", "--sparse=always", "-r",
                            path, os.path.join(side, name or "")], check=True)

    def both(self, argv, files=(), stdin=None, plain=None, evicts=True,
             status=0, figures=None):
        """Run argv on both sides and compare.

        files: names of which the contents must be the same after it;
        plain: removes from standard output what may differ (times);
        evicts: the data are larger than the limit, so pages must have gone;
        figures: called with resident's figures for further checks.
        """
        self.steps += 1
        native = self.run_side("native", argv, stdin, measure.run,
                               SLOWEST_FLOOR_S)
        bound_s = max(SLOWEST_FLOOR_S, SLOWEST_FACTOR * native.seconds)
        ours = self.run_side("resident", argv, stdin, self.under, bound_s)
        require(native.status == status,
                f"natively it ended with {native.status}, not {status}")
        require(not ours.timed_out, f"still running after {bound_s:.0f} s")
        require(ours.status == native.status,
                f"exit status {ours.status}, natively {native.status}"
                + self.last_words())
        self.same_output(plain)
        self.same_files(files)
        self.right_figures(ours.figures, evicts)
        if figures:
            figures(ours.figures)
        self.note += f" {native.seconds:.1f}/{ours.seconds:.1f} s"
        return ours.figures

    def under(self, argv, **keywords):
        return measure.run_resident(self.options, argv, **keywords)

    def run_side(self, side, argv, stdin, runner, bound_s):
        directory = self.sides[side]
        streams = {}
        try:
            if stdin:
                streams["stdin"] = open(stdin, "rb")
            for name in ("stdout", "stderr"):
                streams[name] = open(self.stream(side, name), "wb")
            return runner(argv, limit_s=bound_s, cwd=directory,
                          env=environment(), **streams)
        finally:
            for stream in streams.values():
                stream.close()

    def stream(self, side, name):
        return os.path.join(self.directory, f"{side}.{self.steps}.{name}")

    def last_words(self):
        lines = content(self.stream("resident", "stderr")).decode(
            errors="replace").strip().splitlines()
        return f" ({lines[-1]})" if lines else ""

    def same_output(self, plain):
        outputs = [content(self.stream(side, "stdout"))
                   for side in self.sides]
        if plain:
            outputs = [plain(output) for output in outputs]
        require(outputs[0] == outputs[1],
                f"standard output of step {self.steps} differs")

    def same_files(self, names):
        for name in names:
            digests = [digest(os.path.join(side, name))
                       for side in self.sides.values()]
            require(digests[0] == digests[1],
                    f"file {name} differs after step {self.steps}")

    def right_figures(self, figures, evicts):
        require(figures is not None, "resident left no figures (--json)")
        require(figures["limit_bytes"] == self.limit_bytes,
                f"limit_bytes is {figures['limit_bytes']}, not "
                f"{self.limit_bytes}")
        require(figures["peak_bytes"] <= figures["limit_bytes"],
                f"peak of {figures['peak_bytes']} bytes is above the limit "
                f"of {figures['limit_bytes']}")
        require(figures["errors"] == 0, f"{figures['errors']} errors")
        require(figures["maps_managed"] > 0, "no mapping was managed")
        gone = figures["evicted_clean"] + figures["evicted_dirty"]
        require(gone > 0 or not evicts, "nothing was ever evicted")

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)


def require(truth, sentence):
    if not truth:
        raise Failed(sentence)


def environment():
    kept = {name: value for name, value in os.environ.items()
            if name not in ("RESIDENT_CONF", "LD_PRELOAD")}
    return kept | {"LC_ALL": "C", "PYTHONDONTWRITEBYTECODE": "1", "TZ": "UTC"}


def content(path):
    with open(path, "rb") as file:
        return file.read()


def digest(path):
    """Of size and content; holes and zeros are the same, and holes of a
    sparse file are not read."""
    sha = hashlib.sha256()
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        sha.update(b"%d" % size)
        position = 0
        while position < size:
            try:
                position = os.lseek(file.fileno(), position, os.SEEK_DATA)
            except OSError:     # only a hole is left
                break
            position -= position % BLOCK
            block = os.pread(file.fileno(), BLOCK, position)
            if block.strip(b"\0"):
                sha.update(b"%d " % position + block)
            position += BLOCK
    return sha.hexdigest()


def needs(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Missing(f"the program {program} is not installed")


def needs_module(name):
    found = subprocess.run([PYTHON, "-c", f"import {name}"], check=False,
                           capture_output=True)
    if found.returncode != 0:
        raise Missing(f"{PYTHON} has no module {name}")


def compiled(shared, name):
    """Compile NAME.c once; the path of the program."""
    program = os.path.join(shared, name)
    source = os.path.join(HERE, name + ".c")
    if not os.path.exists(program) \
            or os.path.getmtime(program) < os.path.getmtime(source):
        subprocess.run([os.environ.get("CC", "cc"), "-std=c17", "-O2",
                        "-D_GNU_SOURCE", "-Wall", "-pthread", "-o", program,
                        source], check=True)
    return program


def run_case(name, place, full):
    """Run one case and print its line: 'ok', 'FAILED' or 'missing'."""
    started = time.monotonic()
    test = Case(name, place, full)
    try:
        CASES[name](test)
    except Missing as what:
        return finish("missing", name, str(what), test)
    except Failed as why:
        return finish("FAILED", name, f"{why}; see {test.directory}")
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        return finish("FAILED", name, f"{error!r}; see {test.directory}")
    taken = time.monotonic() - started
    return finish("ok", name, f"{taken:.1f} s{test_note(test)}", test)


def test_note(test):
    return f" (native/resident:{test.note})" if test.note else ""


def finish(verdict, name, text, finished=None):
    if finished:
        finished.remove()
    print(f"{verdict:7} {name}: {text}", flush=True)
    return verdict
