# SPDX-License-Identifier: BSD-2-Clause
#
# The short way in.  Each target first installs what it needs (tools/setup;
# nothing to do from the second time on), then calls Meson and ninja.
#
#   make                  the library and the program, in build/
#   make demo             sqlite3 under 16 MiB, against the kernel
#   make check            every test that a machine with two cores can run
#   make coverage         how much of src/ the tests run, room by room
#   make mutants          whether the tests see what is broken on purpose
#   make check-programs   the full versions of tests/programs
#   make sim              more runs on a simulated machine: SEEDS=100000, or
#                         one again: SEED=7; see docs/simulation.md
#   make bench            the explicit path against floors and peers, in ten
#                         minutes; see bench/METHOD.md
#   make bench-policy    replacement policies over the traces in TRACES, into
#                         docs/policies.tsv and docs/policies.png
#   make bench-system     whole programs; see bench/system/METHOD.md
#   make install          PREFIX (default /usr/local) and DESTDIR are honoured
#   make clean
#
# TIMEOUT=4 gives each test four times its time, for slow machines.
PREFIX ?= /usr/local
DESTDIR ?=
BUILD ?= build
TIMEOUT ?= 1
# After those of `make check`.
SEEDS ?= 100000
SEED ?=
# Traces of page numbers, NAME.txt or NAME.txt.zst.
TRACES ?= ../shared/data/traces

# Where the scripts find what was built, and may leave their data.
BUILT = BUILD_DIR=$(abspath $(BUILD)) RESIDENT=$(abspath $(BUILD))/resident \
    PROGRAMS_DIR=$(abspath $(BUILD))/programs

# Exit status of a script that found the machine to lack something.
SKIPPED = 77

all: build

build: setup-build
	@tools/configure $(BUILD) --prefix=$(PREFIX)
	@ninja -C $(BUILD)

build-tests: setup-test
	@tools/configure $(BUILD) --prefix=$(PREFIX) -Dtests=enabled
	@ninja -C $(BUILD)

demo: setup-demo build
	@$(BUILT) demo/run

check: build-tests
	@meson test -C $(BUILD) -t $(TIMEOUT) --print-errorlogs; \
	    status=$$?; tools/lineage $(BUILD) || status=1; \
	    tools/summary $(BUILD) && exit $$status

check-programs: build-tests
	@$(BUILT) tests/programs/run --full || [ $$? -eq $(SKIPPED) ]

# A build of its own, in build-coverage; what earlier runs counted is forgotten.
# Without what says nothing of src: the suite build, which a library that counts
# could not be installed by, and the models.
coverage: setup-coverage
	@CC=gcc tools/configure $(BUILD)-coverage -Dtests=enabled \
	    -Dbuildtype=debug -Db_coverage=true
	@find $(BUILD)-coverage -name '*.gcda' -delete
	@RESIDENT_STEPS=200000 SIM_COUNT=200 meson test -C $(BUILD)-coverage \
	    -t $$((4 * $(TIMEOUT))) --print-errorlogs \
	    --no-suite build --no-suite spin
	@tools/coverage $(BUILD)-coverage

mutants: setup-ci
	@tools/mutate

# What a task does is printed for one seed.
sim: setup-test
	@tools/configure $(BUILD) --prefix=$(PREFIX) -Dtests=enabled
	@ninja -C $(BUILD) tests/sim/sim
	@SIM_FIRST=10000 SIM_COUNT=$(SEEDS) \
	    $(if $(SEED),SIM_SEED=$(SEED) SIM_SAY=1) $(BUILD)/tests/sim/sim

# The option says nothing new but makes Meson look for what was just installed.
bench: setup-bench
	@tools/configure $(BUILD) --prefix=$(PREFIX) -Dpeers=auto
	@ninja -C $(BUILD)
	@$(BUILD)/bench/resident-bench all --json $(BUILD)/bench/figures.json \
	    || [ $$? -eq $(SKIPPED) ]

bench-policy: setup-policy build
	@[ -n "$(wildcard $(TRACES)/*.txt.zst $(TRACES)/*.txt)" ] || { \
	    echo "no traces in '$(TRACES)': say TRACES=FOLDER" >&2; exit 1; }
	@$(BUILD)/resident sim --policy all --size 5%,10%,20% \
	    --tsv docs/policies.tsv --plot docs/policies.png \
	    $(foreach trace,$(wildcard $(TRACES)/*.txt.zst $(TRACES)/*.txt), \
	    --trace $(trace))

bench-system: setup-bench build
	@$(BUILT) bench/run

# As root and for this machine, the linker's cache learns of the library.
install: build
	@meson install -C $(BUILD) --no-rebuild --quiet \
	    $(if $(DESTDIR),--destdir $(abspath $(DESTDIR)))
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" -eq 0 ]; then ldconfig; fi

clean:
	@rm -rf $(BUILD)

setup-%:
	@tools/setup $*

# Two at once would only wait for the package manager's lock.
.NOTPARALLEL:

.PHONY: all build build-tests demo check coverage mutants check-programs sim \
    bench bench-policy bench-system install clean
