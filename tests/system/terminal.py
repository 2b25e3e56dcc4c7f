#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""terminal.py RESIDENT - a shell on a terminal runs a program under resident.

Types Ctrl-C, Ctrl-Z and fg, and looks at what the program and the shell see.
Prints what was not as expected and exits 1.
"""
import os
import pty
import select
import sys
import time

PROGRAM = r'''
trap 'echo got-INT' INT
trap 'echo got-CONT' CONT
echo ready
while read -t 0.05 line || [ $? -gt 128 ]; do
	[ "$line" = end ] && exit 5
	[ -n "$line" ] && echo "read-$line"
	line=
done
'''

# 20 s: more than any step takes on a busy machine.
PATIENCE_S = 20


class Terminal:
    def __init__(self, argv):
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(argv[0], argv)

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, text):
        end = time.monotonic() + PATIENCE_S
        while text not in self.seen:
            ready, _, _ = select.select([self.fd], [], [],
                                        max(0, end - time.monotonic()))
            if not ready:
                sys.exit("no %r in %r" % (text, self.seen))
            self.seen += os.read(self.fd, 4096).decode("utf-8", "replace")
        before, self.seen = self.seen.split(text, 1)
        return before


def main():
    os.environ["PS1"] = "prompt> "
    with open("program", "w", encoding="utf-8") as out:
        out.write(PROGRAM)
    shell = Terminal(["/bin/bash", "--norc", "--noprofile", "-i"])
    shell.expect("prompt> ")
    shell.type("%s run --quiet --mem 16m -- bash program\n" % sys.argv[1])
    shell.expect("ready")
    # What is typed reaches the program.
    shell.type("hello\n")
    shell.expect("read-hello")
    # Ctrl-C comes once, not once more from the supervisor.
    shell.type("\x03")
    shell.expect("got-INT")
    shell.type("again\n")
    if "got-INT" in shell.expect("read-again"):
        sys.exit("Ctrl-C came twice")
    # Ctrl-Z gives the shell back; fg goes on.
    shell.type("\x1a")
    shell.expect("Stopped")
    shell.expect("prompt> ")
    shell.type("fg\n")
    shell.expect("got-CONT")
    shell.type("more\n")
    shell.expect("read-more")
    shell.type("end\n")
    shell.expect("prompt> ")
    shell.type("echo status $?\n")
    shell.expect("status 5")
    shell.type("exit\n")
    os.waitpid(shell.pid, 0)


main()
