# healthdash: build, test and demo.  "make help" lists the targets.

SHELL = /bin/bash

BUILD     ?= build
NGINX_SRC ?= /usr/share/nginx/src
TESTS     ?= t
FUZZ      ?=
SECONDS   ?= 60
JOBS      ?= $(shell nproc)
SPARE     ?=
SUITES    ?= trixie forky
ONLY      ?=
MUTANTS   ?=

# tests wait for most of their time, so there are twice as many of them at once
# as there are processors; not with a sanitizer or valgrind, where they compute

WAITING = $(if $(filter file,$(origin JOBS)),$(shell \
	expr 2 '*' $(JOBS)),$(JOBS))

# what takes longest is begun first, or it would be alone at the end

LONG = $(addprefix t/,torture.t hostile_tls.t build_config.t render_large.t \
	render_json.t hostile.t page_order.t fault_conf.t upstream_skip.t \
	probe_curl_life.t sched_blocked.t fault_kill.t events_reload.t \
	page_live.t unit_restore.t probe_mysql.t names_resolver.t \
	events_stream.t probe_mail.t life_exit.t upstream_slow_start.t \
	upstream_slow_start_rules.t)

in_order = $(foreach test,$(LONG),$(filter $(test),$(1))) \
	$(filter-out $(LONG),$(1))
tests = $(call in_order,$(if $(filter t,$(TESTS)),$(sort $(1)),$(TESTS)))

# what depends on nginx's version, or on those of the libraries

CORE = $(wildcard $(addprefix t/,build_layout.t build_minimal.t conf_*.t \
	fault_lock.t life_*.t names_*.t probe_cert.t probe_curl_life.t \
	probe_http*.t probe_keepalive.t probe_proxy_protocol.t probe_request.t \
	probe_tcp.t probe_tls*.t render_http.t resolve_*.t sched_clients_first.t \
	sched_helpers.t sched_local_error.t sched_takeover.t \
	status_connections.t status_health.t torture.t unit_match.t \
	upstream_*.t))

# what depends on how nginx was built

VARIANTS ?= dynamic dynamic-compat static static-compat minimal
BUILT = $(wildcard $(addprefix t/,build_layout.t build_minimal.t \
	conf_balancer.t conf_zone_size.t life_reload.t probe_tls.t \
	resolve_follow.t status_connections.t upstream_skip.t \
	upstream_slow_start_rules.t))

ifeq ($(origin CC), default)
CC := gcc
endif

WARNINGS = -Wall -Wextra -Wno-unused-parameter -Wshadow -Wmissing-prototypes \
	-Wstrict-prototypes -Werror

CC_OPT = -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2 \
	-Wformat -Werror=format-security
LD_OPT = -Wl,-z,relro -Wl,-z,now -Wl,--as-needed

# only what the link needs is visible outside an object that becomes the module

HD_CFLAGS = $(WARNINGS) -fvisibility=hidden

# sanitizers: our own code is under all checks; what nginx's own code is known
# to do (memcpy() and pointer arithmetic with NULL and length 0, shifts of 255
# to bit 31, unaligned loads in hashes) is left out for nginx's files only

SAN       = -fsanitize=address,undefined -fno-omit-frame-pointer \
	-fno-sanitize-recover=undefined
SAN_NGINX = -fno-sanitize=nonnull-attribute,pointer-overflow,shift,alignment
ASAN      = $(BUILD)/asan

# tests that make much happen in one worker, and need no clock to be exact

VALGRIND_TESTS = t/upstream_skip.t t/probe_udp.t t/probe_http2.t \
	t/status_health.t

build = BUILD='$(1)' NGINX_SRC='$(2)' NGINX_FLAGS='$(NGINX_FLAGS)' CC='$(CC)' \
	CC_OPT='$(3)' LD_OPT='$(4)' HD_CFLAGS='$(5)' JOBS='$(JOBS)' .ci/build $(6)

.PHONY: help deps module demo demo-deps pictures test-deps test lint-deps lint \
	valgrind-deps sanitize-deps sanitize fault fuzz torture mutants versions \
	variants nightly clean


help:
	@echo "make demo        install what is missing, build, run a demo;"
	@echo "                 FULL=1 with a database, caches, PHP and mail"
	@echo "make module      build $(BUILD)/ngx_http_healthdash_module.so"
	@echo "                 NGINX_SRC=DIR against this nginx source tree,"
	@echo "                 NGINX_FLAGS='...' with these flags of configure,"
	@echo "                 CC=clang with this compiler"
	@echo "make test        install what is missing, build, run all tests"
	@echo "                 TESTS=t/x.t only this one, SANITIZE=1 under"
	@echo "                 AddressSanitizer and UBSan, VALGRIND=1 some of"
	@echo "                 them under valgrind, JOBS=N at once"
	@echo "make lint        style, locks, layers, mutants, warnings of gcc and clang"
	@echo "make sanitize    build nginx and the module with sanitizers"
	@echo "make fault       whatever may fail fails, in each place, under"
	@echo "                 sanitizers; and workers die at any instruction:"
	@echo "                 the long form of t/fault_*.t"
	@echo "make fuzz        libFuzzer on every dialogue, FUZZ='redis dns' only"
	@echo "                 these, SECONDS=600 each"
	@echo "make torture     reloads, upgrades, kills, broken and moving servers at"
	@echo "                 random, under load, SECONDS=1200 for so long, SEED=N"
	@echo "                 as before"
	@echo "make mutants     break the code on purpose and see that tests fail,"
	@echo "                 ONLY='A12 A31' in what is about these hazards"
	@echo "make versions    the core of the tests with the nginx and the libcurl of"
	@echo "                 SUITES='$(SUITES)', releases of Debian;"
	@echo "                 MUTANTS='A27 A28' break the code there instead"
	@echo "make variants    build nginx from source in these ways, and test it:"
	@echo "                 VARIANTS='$(VARIANTS)';"
	@echo "                 that of this machine and of SUITES, or NGINX_SRC=DIR"
	@echo "make nightly     all of these, at length: a night on two processors"
	@echo "make pictures    take those in docs again, of make demo FULL=1 (as root)"
	@echo "make deps        install the packages that a build needs"
	@echo "make test-deps   install the packages that the tests need"
	@echo "make clean       remove $(BUILD)"


deps:
	@.ci/deps build

test-deps:
	@.ci/deps build test
	@.ci/node '$(BUILD)/node'

lint-deps:
	@.ci/deps build lint

valgrind-deps:
	@.ci/deps build test valgrind
	@.ci/node '$(BUILD)/node'

sanitize-deps:
	@.ci/deps build test sanitize
	@.ci/node '$(BUILD)/node'


module:
	@$(call build,$(BUILD),$(NGINX_SRC),$(CC_OPT),$(LD_OPT),$(HD_CFLAGS),module)


demo: $(if $(FULL),demo-deps,deps) module
	@FULL='$(FULL)' ./tools/demo

demo-deps:
	@.ci/deps build demo

pictures: demo-deps test-deps module
	@HD_MODULE='$(abspath $(BUILD))/ngx_http_healthdash_module.so' \
	HD_NGINX_SRC='$(abspath $(BUILD))/nginx-src' \
	HD_NODE='$(abspath $(BUILD))/node' ./tools/pictures


ifneq ($(VALGRIND),)

# uninitialised memory is what only valgrind sees, in libraries, too; it is slow

test: valgrind-deps module
	@HD_MODULE='$(abspath $(BUILD))/ngx_http_healthdash_module.so' \
	HD_NGINX_SRC='$(abspath $(BUILD))/nginx-src' \
	HD_NODE='$(abspath $(BUILD))/node' HD_VALGRIND="$$(command -v valgrind)" \
		prove -j$(JOBS) $(call tests,$(VALGRIND_TESTS))

else ifeq ($(SANITIZE),)

test: test-deps module
	@HD_MODULE='$(abspath $(BUILD))/ngx_http_healthdash_module.so' \
	HD_NGINX_SRC='$(abspath $(BUILD))/nginx-src' \
	HD_NODE='$(abspath $(BUILD))/node' \
		prove -j$(WAITING) $(call tests,$(wildcard t/*.t))

else

# the module is linked into nginx here: a module that is loaded is unloaded
# before leaks are reported, and the report has no names then

test: sanitize
	@HD_NGINX='$(abspath $(ASAN))/nginx' HD_MODULE= HD_SANITIZE=1 \
	HD_NGINX_SRC='$(abspath $(ASAN))/nginx-src' \
	HD_NODE='$(abspath $(BUILD))/node' \
	ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1 \
	UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
	LSAN_OPTIONS=suppressions='$(CURDIR)/.ci/lsan.supp':print_suppressions=0 \
		prove -j$(JOBS) $(call tests,$(wildcard t/*.t))

endif


sanitize: sanitize-deps
	@BUILD='$(ASAN)' .ci/source
	@$(call build,$(ASAN),$(ASAN)/source,-O1 -g $(SAN) $(SAN_NGINX) \
		-DNGX_DEBUG_PALLOC=1,$(SAN),$(WARNINGS) $(SAN),nginx)


# the long form of tests that have one

fault:
	@HD_LONG=1 $(MAKE) --no-print-directory test SANITIZE=1 JOBS=1 \
		TESTS='$(if $(filter t,$(TESTS)),t/fault_*.t,$(TESTS))'


# libFuzzer needs all of nginx, and no sanitizer that its own code is known for

fuzz: sanitize-deps lint-deps
	@BUILD='$(ASAN)' .ci/source
	@BUILD='$(abspath $(BUILD))/fuzz' NGINX_SRC='$(abspath $(ASAN))/source' \
	FUZZ_OPT='-g -O1 $(SAN) -fno-sanitize=nonnull-attribute,pointer-overflow,shift,alignment,function' \
	FUZZ_SECONDS='$(SECONDS)' JOBS='$(JOBS)' .ci/fuzz $(FUZZ)


torture: test-deps module
	@HD_MODULE='$(abspath $(BUILD))/ngx_http_healthdash_module.so' \
	HD_TORTURE='$(SECONDS)' $(if $(SEED),HD_SEED='$(SEED)') \
		prove -v t/torture.t


mutants: test-deps
	@BUILD='$(BUILD)' NGINX_SRC='$(NGINX_SRC)' CC='$(CC)' JOBS='$(JOBS)' \
	HD_NODE='$(abspath $(BUILD))/node' perl .ci/mutants $(ONLY)


versions:
	@.ci/deps versions
	@BUILD='$(abspath $(BUILD))' JOBS='$(WAITING)' SPARE='$(SPARE)' \
	TESTS='$(call tests,$(CORE))' MUTANTS='$(MUTANTS)' \
		.ci/versions $(SUITES)


variants:
	@.ci/deps build core sanitize
	@BUILD='$(BUILD)' JOBS='$(WAITING)' SPARE='$(SPARE)' CC='$(CC)' \
	HD_CFLAGS='$(HD_CFLAGS)' VARIANTS='$(VARIANTS)' \
	TREE='$(filter-out /usr/share/nginx/src,$(NGINX_SRC))' \
	TESTS='$(call tests,$(BUILT))' \
		.ci/variants $(SUITES)


# most of a night; what DNS moves needs the newest nginx

nightly: make = @$(MAKE) --no-print-directory
nightly:
	$(make) lint
	$(make) test
	$(make) test SANITIZE=1
	$(make) test VALGRIND=1
	$(make) fault
	$(make) fuzz SECONDS=300
	@HD_LONG=1 HD_EACH=10000 $(MAKE) --no-print-directory test \
		TESTS='t/unit_store.t t/probe_leak_kinds.t'
	$(make) versions
	@HD_TORTURE=1200 HD_SECONDS=600 $(MAKE) --no-print-directory versions \
		SUITES='$(lastword $(SUITES))' TESTS='t/torture.t t/resolve_flap.t'
	$(make) variants SPARE=1
	$(make) mutants
	$(make) versions SUITES='$(lastword $(SUITES))' \
		MUTANTS='A19 A27 A28 A29 A30 A31 A32'


lint: lint-deps
	@perl .ci/style
	@perl .ci/locks
	@perl .ci/mutants --check
	@$(MAKE) --no-print-directory module CC=gcc
	@$(MAKE) --no-print-directory module BUILD=$(BUILD)/clang CC=clang
	@perl .ci/layers $(BUILD)


clean:
	rm -rf $(BUILD)
