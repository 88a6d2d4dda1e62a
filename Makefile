# The two commands of the README are `make demo` and `make test`. Both work on a machine that has Swift, git and make:
# what else they need, Scripts/install-packages installs or names.

SWIFT ?= swift
SOURCES = $(wildcard Package.swift Sources Tests Examples Benchmarks Plugins Fuzz)

.DEFAULT_GOAL := help
.PHONY: help build test directories demo demo-test bench-quick bench-helper soak hostile install tool install-tool helper helper-test \
	install-helper launcher install-launcher fuzz sanitize lint format doctor packages benchmarks clean

help: ## Lists the targets
	@sed -n -E 's/^([a-z-]+):.*## (.*)/  make \1	\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24

build: packages ## Builds the libraries and the impersonate tool
	$(SWIFT) build

test: ## Builds and runs every test in the test bed, as root or not, and the fuzzers for a short time
	@Scripts/install-packages test
	@[ "$$(id -u)" -ne 0 ] || Scripts/install-packages directories
	$(SWIFT) build --build-tests
	Scripts/test
	$(MAKE) --no-print-directory helper-test
	$(MAKE) --no-print-directory demo-test
	RUNS=20000 Scripts/fuzz

directories: ## Runs the tests that ask Active Directory, SSSD, LDAP and winbind alone; as root
	@Scripts/install-packages directories
	$(SWIFT) build --build-tests
	Scripts/test --filter '^DirectoryTests\.'

demo: packages ## Runs the example worker with real accounts in the test bed and prints who ran what as whom
	$(SWIFT) build --package-path Examples/RenderWorker
	Scripts/testbed -- Examples/RenderWorker/demo

demo-test: packages ## Builds and runs the example worker's own tests in the test bed
	$(SWIFT) build --package-path Examples/RenderWorker --build-tests
	Scripts/test --package-path Examples/RenderWorker

bench-quick: packages ## Measures how fast jobs start, against the other ways there are; two minutes
	$(SWIFT) build --package-path Benchmarks --configuration release --product spawn-benchmarks
	Scripts/testbed -- Benchmarks/.build/release/spawn-benchmarks $(BENCH)

bench-helper: packages benchmarks helper launcher ## The same with rows for the system helper, PAM and sudo
	Scripts/testbed -- Benchmarks/.build/release/spawn-benchmarks measure --helper .build/helper/impersonation-helper \
		--launcher .build/launcher/impersonation-launcher $(BENCH)

soak: packages benchmarks helper ## 20,000 launches each way beside threads that come and go; not part of CI
	Scripts/testbed -- Benchmarks/.build/release/spawn-benchmarks soak --helper .build/helper/impersonation-helper $(BENCH)

hostile: packages benchmarks helper ## Launches of one account beside an attack of another; not part of CI
	Scripts/testbed -- Benchmarks/.build/release/spawn-benchmarks hostile --helper .build/helper/impersonation-helper $(BENCH)

benchmarks:
	$(SWIFT) build --package-path Benchmarks --configuration release

# What the rules below install; `make -o tool -o helper -o launcher install` installs what was built elsewhere.
TOOL_PROGRAM = .build/helper/impersonate
HELPER_PROGRAM = .build/helper/impersonation-helper
LAUNCHER_PROGRAM = .build/launcher/impersonation-launcher

install: install-tool install-helper install-launcher ## Installs the tool, the helper and the launcher below DESTDIR

tool: packages ## Builds the impersonate tool as it is installed, with Swift's libraries in it
	$(SWIFT) build --configuration release --product impersonate --static-swift-stdlib --disable-local-rpath \
		--scratch-path .build/helper
	strip -o .build/helper/impersonate .build/helper/release/impersonate
	@! readelf -d .build/helper/impersonate | grep -E 'R(UN)?PATH' \
		|| { echo 'tool: the program would look for libraries in places of its own' >&2; exit 1; }

install-tool: tool ## Installs it below DESTDIR
	install -D -m 0755 $(TOOL_PROGRAM) $(DESTDIR)/usr/bin/impersonate

# Everything is bound before the first fork: each process of the helper would look the same names up again, and nobody can write to
# the table of them afterwards.
helper: packages ## Builds the system helper as it is installed, with Swift's libraries in it
	$(SWIFT) build --configuration release --product impersonation-helper --static-swift-stdlib --disable-local-rpath \
		-Xlinker -z -Xlinker now --scratch-path .build/helper
	strip -o .build/helper/impersonation-helper .build/helper/release/impersonation-helper
	@! readelf -d .build/helper/impersonation-helper | grep -E 'R(UN)?PATH' \
		|| { echo 'helper: the program would look for libraries in places of its own' >&2; exit 1; }
	@readelf -d .build/helper/impersonation-helper | grep -q BIND_NOW \
		|| { echo 'helper: the program would be bound call by call' >&2; exit 1; }
	@! readelf -d .build/helper/impersonation-helper | grep NEEDED \
		| grep -v -E '\[(libpam\.so\.0|libm\.so\.6|libstdc\+\+\.so\.6|libgcc_s\.so\.1|libc\.so\.6|ld-linux-[a-z0-9_-]+\.so\.[0-9])\]' \
		|| { echo 'helper: the program would need a library that the machine may not have' >&2; exit 1; }

# What a release build and what is linked into it make of it; everything else is tried with the one of the tests.
helper-test: helper ## Builds the helper as it is installed, and tries with it what holds for every way to a job
	$(SWIFT) build --build-tests
	IMPERSONATION_TEST_BED_HELPER=$(CURDIR)/.build/helper/impersonation-helper \
		Scripts/test --filter '^LaunchTests\.(LaunchContractTests|HelperStartTests)/'

install-helper: helper ## Installs it with its units and its service of PAM below DESTDIR; the policy is yours to write
	install -D -m 0711 $(HELPER_PROGRAM) $(DESTDIR)/usr/libexec/impersonation-helper
	install -D -m 0644 Packaging/impersonation-helper.service $(DESTDIR)/usr/lib/systemd/system/impersonation-helper.service
	install -D -m 0644 Packaging/impersonation-helper.socket $(DESTDIR)/usr/lib/systemd/system/impersonation-helper.socket
	test -e $(DESTDIR)/etc/pam.d/impersonation \
		|| install -D -m 0644 Packaging/pam.d/impersonation $(DESTDIR)/etc/pam.d/impersonation
	install -D -m 0600 Packaging/policy.conf $(DESTDIR)/etc/impersonation/helper.conf.sample

# By the C compiler alone: SwiftPM links the Swift runtime to what is C as well, with a search path of the toolchain's in it, and
# that costs each launch two milliseconds.
launcher: packages ## Builds the program that sudo runs for a daemon with nothing but a rule; static, without any library
	mkdir -p .build/launcher
	$(CC) -std=c11 -O2 -Wall -Wextra -Werror -fstack-protector-strong -static -s -ISources/CLaunchPlan/include \
		-o .build/launcher/impersonation-launcher Sources/impersonation-launcher/*.c Sources/CLaunchPlan/interpreter.c
	@! readelf -d .build/launcher/impersonation-launcher | grep -E 'NEEDED|R(UN)?PATH' \
		|| { echo 'launcher: the program would look for libraries' >&2; exit 1; }

install-launcher: launcher ## Installs it below DESTDIR; impersonate sudoers prints the rule
	install -D -m 0711 $(LAUNCHER_PROGRAM) $(DESTDIR)/usr/libexec/impersonation-launcher

fuzz: packages ## Fuzzes every decoder and parser; make fuzz RUNS=1000000 TARGETS="frames policy" for more of some
	RUNS=$(or $(RUNS),100000) Scripts/fuzz $(TARGETS)

sanitize: packages ## Builds and runs every test with the address sanitizer and with the thread sanitizer
	Scripts/sanitize address
	Scripts/sanitize thread

lint: ## Checks the style of every Swift file
	$(SWIFT) format lint --strict --recursive --parallel $(SOURCES)

format: ## Formats every Swift file
	$(SWIFT) format --in-place --recursive --parallel $(SOURCES)

doctor: build ## Tells which ways of starting jobs work on this machine and what the others lack
	.build/debug/impersonate doctor

packages:
	@Scripts/install-packages

clean: ## Removes what was built
	rm -rf .build Examples/*/.build Benchmarks/.build Fuzz/.build
