# SPDX-License-Identifier: Apache-2.0
# make            builds the emulator                 make test       everything that must pass; .ci/run calls it
# make run        boots the demo disk, screen.png     make test-all   the same with long tests, long fuzzing and the benchmark
# make lint       style, imports, tail calls          make bench      figures against QEMU, Docs/Performance.md tells how
# make images     boot media for tests                make fuzz       fuzzing, SECONDS_EACH=60 by default
# make install PREFIX=/usr/local                      make fuzz-cpu   the processor against the host's, CASES=5000000
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := all

PREFIX ?= /usr/local
CASES ?= 5000000
SECONDS_EACH ?= 60
# End-to-end tests at a time; those of one file come one after the other.
JOBS ?= 2
PYTEST_ARGS ?=
export PYTHONDONTWRITEBYTECODE := 1

# Tests are built apart from the shipped binary: SwiftPM compiles them with other flags, and switching would rebuild both.
TEST_SCRATCH := .build-test
SWIFT_TEST := swift test -c release --scratch-path $(TEST_SCRATCH)
# The Swift runtime is linked in: the binary needs no toolchain to run, and starts three times as fast.
SWIFT_BUILD := swift build -c release --static-swift-stdlib
BINARY := .build/release/apus

.PHONY: all build firmware deps deps-run run test test-swift test-e2e test-long test-all lint bench fuzz fuzz-cpu images images-demo install clean

all: build

deps:
	@Tools/deps all
deps-run:
	@Tools/deps run

# Option ROMs, which the binary finds in the tree and `install` puts beside SeaBIOS's.
firmware: deps-run
	@$(MAKE) --no-print-directory -C firmware all

build: deps-run firmware
	$(SWIFT_BUILD) --product apus
	$(SWIFT_BUILD) --product exact-run

images: deps
	@$(MAKE) --no-print-directory -C images all
images-demo: deps-run
	@$(MAKE) --no-print-directory -C images demo

run: build images-demo
	Tools/run-demo --picture screen.png

.venv/ready: Tests/EndToEnd/requirements.txt | deps
	rm -rf .venv
	python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

test-swift: deps firmware images
	$(SWIFT_TEST)

test-e2e: build images .venv/ready
	$(SWIFT_BUILD) --product lockstep
	.venv/bin/pytest -p no:cacheprovider -m 'not long' -n $(JOBS) --dist loadfile Tests/EndToEnd $(PYTEST_ARGS)

# Those that take minutes.
test-long: build images .venv/ready
	$(MAKE) --no-print-directory -C images installer
	.venv/bin/pytest -p no:cacheprovider -m long Tests/EndToEnd $(PYTEST_ARGS)

# One after the other: two cores are busy with one of them.
test: deps
	$(MAKE) --no-print-directory build
	$(MAKE) --no-print-directory images
	$(MAKE) --no-print-directory test-swift
	$(MAKE) --no-print-directory test-e2e
	$(MAKE) --no-print-directory lint
	@echo 'make test: all passed (build, images, Swift tests, end-to-end tests, lint)'

test-all: test
	$(MAKE) --no-print-directory test-long
	$(MAKE) --no-print-directory fuzz
	$(MAKE) --no-print-directory fuzz-cpu
	$(MAKE) --no-print-directory bench
	@echo 'make test-all: all passed'

lint: deps
	Tools/lint

bench: build images
	Tools/bench $(BENCH_ARGS)

# Both are tests of the suite with a larger budget.
fuzz: deps firmware images
	APUS_FUZZ_SECONDS=$(SECONDS_EACH) $(SWIFT_TEST) --filter 'Fuzz'
fuzz-cpu: deps
	APUS_ORACLE_CASES=$$(( $(CASES) / 3 )) $(SWIFT_TEST) --filter 'Oracle'

# What we assemble ourselves goes to share/apus; SeaBIOS stays where the distribution puts it.
install: build
	install -D -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/apus
	if compgen -G 'firmware/out/*.bin' > /dev/null; then \
	  install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/apus firmware/out/*.bin; fi
	$(if $(QEMU_IMG),ln -sf apus $(DESTDIR)$(PREFIX)/bin/qemu-img)

clean:
	rm -rf .build $(TEST_SCRATCH) .venv screen.png
	$(MAKE) --no-print-directory -C images clean
	$(MAKE) --no-print-directory -C firmware clean
