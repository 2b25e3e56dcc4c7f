# SPDX-License-Identifier: BSD-2-Clause
"""Run a program natively, in a memory cgroup or under resident, and say what
it took.

Times are wall clock.  "Major faults" and "read bytes" of native and cgroup
runs are the kernel's figures for the process tree (getrusage); one major
fault may bring in many pages, because the kernel reads ahead.  What resident
did is in the JSON file that it writes.
"""
import contextlib
import json
import os
import re
import select
import signal
import statistics
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD_DIR", os.path.join(ROOT, "build"))
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
SUFFIX = {"": 1, "k": KIB, "m": MIB, "g": GIB}


def size_of(text):
    """'16M' is 16777216."""
    match = re.fullmatch(r"(\d+)([kmg]?)", text.lower())
    if not match:
        raise SystemExit(f"'{text}' is not a size like 16M")
    return int(match[1]) * SUFFIX[match[2]]


def resident_path():
    """The program under test: $RESIDENT, or where the build leaves it."""
    named = os.environ.get("RESIDENT")
    places = [named] if named else [
        os.path.join(BUILD, "resident"),
        os.path.join(BUILD, "cli", "resident")]
    for place in places:
        if os.access(place, os.X_OK) and not os.path.isdir(place):
            return os.path.abspath(place)
    raise SystemExit("no program 'resident' at " + " or ".join(places)
                     + "; build it, or set RESIDENT=path")


def end_cleanly():
    """Let TERM and HUP end this script as ^C does: no child stays behind."""
    def leave(number, _):
        raise SystemExit(128 + number)
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)


class Result:
    """What one run took; what does not apply is None."""

    def __init__(self):
        self.status = None          # as a shell says it: 128 + signal
        self.seconds = None
        self.timed_out = False
        self.max_rss_bytes = None   # of the largest process of the tree
        self.major_faults = None
        self.read_bytes = None      # from the disk, read-ahead included
        self.cgroup_peak_bytes = None
        self.figures = None         # resident's JSON


def shell_status(wait_status):
    if os.WIFSIGNALED(wait_status):
        return 128 + os.WTERMSIG(wait_status)
    return os.WEXITSTATUS(wait_status)


def wait_bounded(pid, limit_s):
    """wait4(), with SIGKILL to the process group at the limit."""
    pidfd = os.pidfd_open(pid)
    try:
        ready, _, _ = select.select([pidfd], [], [], limit_s)
    except BaseException:   # interrupted: leave nothing behind
        os.killpg(pid, signal.SIGKILL)
        raise
    finally:
        os.close(pidfd)
    if not ready:
        os.killpg(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    return not ready, status, usage


def run(argv, limit_s=None, cgroup=None, stdin=None, stdout=None, stderr=None,
        cwd=None, env=None):
    """Run argv to its end or to the limit; stdin, stdout, stderr: files."""
    result = Result()
    started = time.monotonic()
    process = subprocess.Popen(
        argv, cwd=cwd, env=env, stdin=stdin or subprocess.DEVNULL,
        stdout=stdout, stderr=stderr, start_new_session=True,
        preexec_fn=cgroup.enter if cgroup else None)
    result.timed_out, status, usage = wait_bounded(process.pid, limit_s)
    result.seconds = time.monotonic() - started
    process.returncode = result.status = shell_status(status)
    result.max_rss_bytes = usage.ru_maxrss * KIB
    result.major_faults = usage.ru_majflt
    result.read_bytes = usage.ru_inblock * 512
    if cgroup:
        result.cgroup_peak_bytes = cgroup.peak_bytes()
    return result


def resident_command(json_path, options, argv):
    return [resident_path(), "run", *options, "--json", json_path,
            "--", *argv]


def run_resident(options, argv, **keywords):
    """As run(), under 'resident run OPTIONS'; figures from its JSON."""
    with tempfile.TemporaryDirectory(prefix="resident-") as scratch:
        json_path = os.path.join(scratch, "figures.json")
        result = run(resident_command(json_path, options, argv), **keywords)
        result.figures = figures_of(json_path)
    return result


def figures_of(json_path):
    """The figures, or None where the run left none that can be read."""
    try:
        with open(json_path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


class Cgroup:
    """A memory cgroup, version 1 or 2, for one run; raises OSError where
    none can be made."""

    def __init__(self, limit_bytes):
        mounts = cgroup_mounts()
        error = OSError("no memory cgroup controller is mounted")
        for version, mount in mounts:
            try:
                self._make(version, mount, limit_bytes)
                return
            except OSError as failure:
                error = failure
        raise error

    def _make(self, version, mount, limit_bytes):
        self.version = version
        self.path = os.path.join(mount, f"resident-{os.getpid()}")
        os.mkdir(self.path)
        try:
            if version == 1:
                self._write("memory.limit_in_bytes", limit_bytes)
            else:
                self._write("memory.max", limit_bytes)
        except OSError:
            os.rmdir(self.path)
            raise

    def _write(self, name, value):
        with open(os.path.join(self.path, name), "w",
                  encoding="ascii") as file:
            file.write(str(value))

    def enter(self):
        """In the child, before exec."""
        self._write("cgroup.procs", os.getpid())

    def peak_bytes(self):
        """The kernel's high-water mark: page cache, heap and all."""
        name = ("memory.max_usage_in_bytes" if self.version == 1
                else "memory.peak")
        try:
            with open(os.path.join(self.path, name),
                      encoding="ascii") as file:
                return int(file.read())
        except OSError:
            return None     # memory.peak came with Linux 5.19

    def close(self):
        """A killed member may take a moment to leave: bounded retries."""
        for _ in range(50):
            with contextlib.suppress(OSError):
                os.rmdir(self.path)
                return
            time.sleep(0.1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def cgroup_mounts():
    """[(version, mount point)], those with a memory controller."""
    found = []
    with open("/proc/self/mounts", encoding="utf-8") as file:
        for line in file:
            _, point, kind, options = line.split()[:4]
            if kind == "cgroup" and "memory" in options.split(","):
                found.append((1, point))
            elif kind == "cgroup2" and controls_memory(point):
                found.append((2, point))
    return found


def controls_memory(point):
    try:
        with open(os.path.join(point, "cgroup.subtree_control"),
                  encoding="ascii") as file:
            return "memory" in file.read().split()
    except OSError:
        return False


def drop_cache(*paths):
    """Write a file's dirty pages and drop it from the page cache: all that
    is needed for a fair start, and any user may do it."""
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(fd)


def disk_of(path):
    """(device name, read_ahead_kb) behind a path; None where unknown."""
    device = os.stat(path).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    name = os.path.basename(os.path.realpath(f"/sys/dev/block/{number}"))
    try:
        with open(f"/sys/class/bdi/{number}/read_ahead_kb",
                  encoding="ascii") as file:
            return name, int(file.read())
    except OSError:
        return name, None


def disk_line(path):
    name, read_ahead_kb = disk_of(path)
    known = "unknown" if read_ahead_kb is None else f"{read_ahead_kb} KiB"
    return f"device {name}, its read_ahead_kb: {known}"


def on_memory(path):
    """Is this directory on tmpfs, where a test of paging proves nothing?"""
    kind = subprocess.run(["stat", "-f", "-c", "%T", path], check=True,
                          capture_output=True, text=True).stdout.strip()
    return kind in ("tmpfs", "ramfs")


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def spread(values):
    """'median (least..most)' of some runs."""
    return (f"{number(statistics.median(values))} "
            f"({number(min(values))}..{number(max(values))})")
