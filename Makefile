# make                                builds $(BUILD)/esmigrate
# make check                          unit tests
# make fuzz                           fuzzing with libFuzzer (clang), FUZZ_SECONDS=5 for each target
# make soak                           the long tests with many faults, after contrib/test has set up the rest;
#                                     ESMIGRATE_SOAK_KILLS, _SECONDS and _SEED bound and repeat the random ones
# make bench                          how fast it is, beside the engine's limit: see tests/bench/bench.py for the
#                                     environment that bounds it (BENCH_ROWS, BENCH_CASES ...); an hour by default
# make bench-docs                     the figures of that run into README and its chart
# make docs                           completion, man pages and README's reference, from the tables
# make check-docs                     fails when they say something else than the tables
# make lint                           formatting, clang-tidy, shellcheck, the floors of core/, check-docs
# make DEVELOPER=1                    warnings are errors
# make SANITIZE=address,undefined BUILD=build/sanitize
# make COVERAGE=1 BUILD=build/coverage  counts the lines that run, for `make coverage`
# make install PREFIX=/usr/local DESTDIR=

# make V=1                            shows the whole command lines

BUILD ?= build
PREFIX ?= /usr/local
PACKAGES = libpq libcurl json-c uuid smartcols libcrypto zlib
PKG_CONFIG ?= pkg-config

ifneq ($(MAKECMDGOALS),clean)
ifneq ($(shell $(PKG_CONFIG) --exists $(PACKAGES) && echo yes),yes)
$(error Missing libraries, one of: $(PACKAGES). Run contrib/dependencies)
endif
endif

WARNINGS = -Wall -Wextra -Wshadow -Wvla -Wundef -Wformat=2 -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wwrite-strings \
	-Wnull-dereference -Wconversion -Wno-sign-conversion -Wimplicit-fallthrough
HARDENING = -fstack-protector-strong -fstack-clash-protection -fPIE -D_FORTIFY_SOURCE=2
OPTIMIZE = -O2 -g

# $(call say,WHAT) announces a step; with V=1 the command line itself is shown.
ifdef V
say =
else
Q = @
say = @printf '  %-5s %s\n' $(1) $@
endif

ifdef DEVELOPER
WARNINGS += -Werror
endif
ifdef SANITIZE
HARDENING = -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
OPTIMIZE = -O1 -g
LDFLAGS_CHECKS = -fsanitize=$(SANITIZE)
endif
ifdef COVERAGE
HARDENING += --coverage -fprofile-update=atomic
LDFLAGS_CHECKS += --coverage
endif

CFLAGS_ALL = -std=gnu17 -D_GNU_SOURCE $(OPTIMIZE) $(WARNINGS) $(HARDENING) \
	-Icore -Icli -I$(BUILD)/generated $(shell $(PKG_CONFIG) --cflags $(PACKAGES)) $(CFLAGS)
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS_CHECKS) $(LDFLAGS)
LIBS = $(shell $(PKG_CONFIG) --libs $(PACKAGES))

SQL = $(sort $(wildcard sql/*/*.sql)) $(sort $(wildcard migrations/*.sql))
CORE = $(sort $(wildcard core/*/*.c))
CLI = $(sort $(wildcard cli/*.c))
TESTS = $(sort $(wildcard tests/unit/test_*.c))

CORE_OBJECTS = $(CORE:%.c=$(BUILD)/objects/%.o) $(BUILD)/objects/sql.o
CLI_OBJECTS = $(CLI:%.c=$(BUILD)/objects/%.o)
TEST_PROGRAMS = $(TESTS:tests/unit/%.c=$(BUILD)/unit/%)

COMMANDS = $(patsubst cli/%.c,%,$(wildcard cli/es_*.c))

all: $(BUILD)/esmigrate

$(BUILD)/esmigrate: $(CLI_OBJECTS) $(BUILD)/libesmigrate.a
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

$(BUILD)/libesmigrate.a: $(CORE_OBJECTS)
	@rm -f $@
	$(call say,AR)
	$(Q)$(AR) rcs $@ $^

$(BUILD)/generated/sql.h: $(SQL) contrib/embed.awk
	@mkdir -p $(@D)
	$(Q)awk -v part=header -f contrib/embed.awk $(SQL) > $@

$(BUILD)/generated/sql.c: $(SQL) contrib/embed.awk
	@mkdir -p $(@D)
	$(Q)awk -v part=source -f contrib/embed.awk $(SQL) > $@

$(BUILD)/objects/sql.o: $(BUILD)/generated/sql.c $(BUILD)/generated/sql.h
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CFLAGS_ALL) -c -o $@ $<

$(BUILD)/objects/%.o: %.c $(BUILD)/generated/sql.h Makefile
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# ---- unit tests ----

$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/libesmigrate.a Makefile
	@mkdir -p $(@D)
	$(call say,TEST)
	$(Q)$(CC) $(CFLAGS_ALL) $(shell $(PKG_CONFIG) --cflags cmocka) -MMD -MP $(LDFLAGS_ALL) -o $@ $< \
		$(filter-out $(BUILD)/objects/cli/main.o,$(filter $(BUILD)/objects/cli/%,$^)) \
		$(BUILD)/libesmigrate.a $(LIBS) $(shell $(PKG_CONFIG) --libs cmocka)

$(BUILD)/unit/test_argv: $(BUILD)/objects/cli/argv.o
$(BUILD)/unit/test_commands: $(filter-out $(BUILD)/objects/cli/main.o,$(CLI_OBJECTS))
$(BUILD)/unit/test_options: $(BUILD)/objects/cli/options.o
$(BUILD)/unit/test_output: $(BUILD)/objects/cli/output.o
$(BUILD)/unit/test_progress: $(BUILD)/objects/cli/progress.o $(BUILD)/objects/cli/options.o

check: $(TEST_PROGRAMS)
	@code=0; for program in $(TEST_PROGRAMS); do $$program || code=1; done; exit $$code

# What the runs of a build with COVERAGE=1 have reached, the lines they have not, and a failure below the least.
LEAST_COVERAGE = 90

coverage:
	$(Q)gcovr --root . --object-directory $(BUILD)/objects --filter core/ --filter cli/ --sort-percentage \
		--exclude-throw-branches --txt $(BUILD)/coverage.txt --fail-under-line $(LEAST_COVERAGE) --print-summary \
		$(BUILD)/objects

# ---- long runs with many faults, on both engines; at the end of each, what was broken and what was lost ----

SOAK_ENGINES ?= opensearch elasticsearch

soak: $(BUILD)/esmigrate
	@code=0; for family in $(SOAK_ENGINES); do \
		ESMIGRATE=$(abspath $(BUILD)/esmigrate) ESMIGRATE_TEST_ENGINES=$$family $(BUILD)/venv/bin/python -m pytest \
			-c tests/pytest.ini --rootdir=. -p no:cacheprovider -m soak || code=1; \
	done; exit $$code

# ---- how fast it is; what compares and measures is in C where Python would be what is measured ----

BENCH_PROGRAMS = $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))

$(BUILD)/bench/%: tests/bench/%.c Makefile
	@mkdir -p $(@D)
	$(call say,BENCH)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $< $(shell $(PKG_CONFIG) --libs libcurl)

bench-programs: $(BENCH_PROGRAMS)

bench: $(BUILD)/esmigrate bench-programs
	$(Q)$(BUILD)/venv/bin/python tests/bench/bench.py $(BUILD)

bench-docs:
	$(Q)$(BUILD)/venv/bin/python tests/bench/report.py $(BUILD)/bench/results.json

# ---- fuzzing: libFuzzer, on a build of its own with clang and sanitizers ----

FUZZ_SECONDS = 5
FUZZ = $(sort $(wildcard tests/fuzz/*.c))
FUZZ_TARGETS = $(FUZZ:tests/fuzz/%.c=%)

fuzz:
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC=clang SANITIZE=address,undefined \
		CFLAGS=-fsanitize=fuzzer-no-link DEVELOPER= fuzz-programs
	$(Q)tests/fuzz/run $(BUILD)/fuzz $(FUZZ_SECONDS) $(FUZZ_TARGETS)

fuzz-programs: $(FUZZ_TARGETS:%=$(BUILD)/%)

$(FUZZ_TARGETS:%=$(BUILD)/%): $(BUILD)/%: tests/fuzz/%.c tests/fuzz/fuzz.h $(BUILD)/objects/cli/options.o \
		$(BUILD)/libesmigrate.a Makefile
	$(call say,FUZZ)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $< $(filter %.o %.a,$^) $(LIBS)

# ---- documentation of the command line: made of its tables ----

PAGES = esmigrate $(COMMANDS)
DOCS = completion/esmigrate $(PAGES:%=man/%.1) README.md

$(BUILD)/docs/docs: contrib/docs/docs.c $(filter-out $(BUILD)/objects/cli/main.o,$(CLI_OBJECTS)) \
		$(BUILD)/libesmigrate.a
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

$(BUILD)/docs/completion/esmigrate: $(BUILD)/docs/docs contrib/docs/completion.bash
	@mkdir -p $(@D)
	$(Q)$< completion > $@
	$(Q)cat contrib/docs/completion.bash >> $@

$(BUILD)/docs/man/%.1: $(BUILD)/docs/docs
	@mkdir -p $(@D)
	$(Q)$< man $* > $@

# The reference stands between two comments.
$(BUILD)/docs/README.md: $(BUILD)/docs/docs README.md
	$(Q)$< readme > $@.part
	$(Q)awk -v part=$@.part '/^<!-- end of the reference -->/ { skip = 0 } !skip { print } \
		/^<!-- reference:/ { skip = found = 1; while ((getline line < part) > 0) print line } \
		END { exit !found }' README.md > $@
	@rm $@.part

docs: $(DOCS:%=$(BUILD)/docs/%)
	$(Q)cp -r $(BUILD)/docs/completion $(BUILD)/docs/man contrib/
	$(Q)cp $(BUILD)/docs/README.md README.md

check-docs: $(DOCS:%=$(BUILD)/docs/%)
	$(Q)diff -ru contrib/completion $(BUILD)/docs/completion && diff -ru contrib/man $(BUILD)/docs/man && \
		diff -u README.md $(BUILD)/docs/README.md || { echo "Run make docs" >&2; exit 1; }
	$(Q)mandoc -T lint -W warning contrib/man/*.1
	@echo "documentation: ok"

# ---- lint ----

C_FILES = $(CORE) $(CLI) $(TESTS) $(wildcard core/*/*.h cli/*.h tests/unit/*.h tests/fuzz/*.[ch] tests/bench/*.c \
	contrib/docs/*.c)
SHELL_FILES = $(shell grep -rIlE '^\#!(/usr/bin/env bash|/bin/(ba)?sh)' contrib tests .ci 2>/dev/null)

lint: $(BUILD)/generated/sql.h check-docs
	@contrib/check-floors
	$(Q)clang-format --dry-run --Werror $(C_FILES)
	@echo "clang-format: ok"
	$(Q)shellcheck $(SHELL_FILES)
	$(Q)shellcheck -s bash contrib/completion/esmigrate
	@echo "shellcheck: ok"
	$(Q)printf '%s\n' $(CORE) $(CLI) $(FUZZ) $(wildcard tests/bench/*.c) contrib/docs/docs.c | xargs -P "$$(nproc)" -I{} clang-tidy --quiet \
		--warnings-as-errors='*' {} -- $(CFLAGS_ALL) 2>$(BUILD)/clang-tidy.log
	@echo "clang-tidy: ok"

format:
	$(Q)clang-format -i $(C_FILES)

# ---- install ----

install: all
	install -D -m 755 $(BUILD)/esmigrate $(DESTDIR)$(PREFIX)/bin/esmigrate
	for command in $(COMMANDS); do ln -sf esmigrate $(DESTDIR)$(PREFIX)/bin/$$command; done
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 contrib/man/*.1
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/bash-completion/completions contrib/completion/esmigrate
	for command in $(COMMANDS); do \
		ln -sf esmigrate $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$command; done

# Servers that tests or the quickstart left running keep their data below $(BUILD).
clean:
	rm -rf $(BUILD)/objects $(BUILD)/generated $(BUILD)/unit $(BUILD)/fuzz $(BUILD)/bench $(BUILD)/docs \
		$(BUILD)/esmigrate $(BUILD)/libesmigrate.a

-include $(wildcard $(BUILD)/objects/*/*/*.d $(BUILD)/objects/*/*.d $(BUILD)/unit/*.d)

.PHONY: all check fuzz fuzz-programs soak bench bench-programs bench-docs docs check-docs lint coverage format install clean
.DELETE_ON_ERROR:
