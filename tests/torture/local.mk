# SPDX-License-Identifier: MIT
# tests/torture/local.mk: the library and the module with each allocation and
# each system call failing in turn.  make check takes a sample of the points,
# make check-torture all of them.

# what stands between the library and the system: see faults.c
wrap_flags = \
	-Wl,--wrap=accept4 \
	-Wl,--wrap=bind \
	-Wl,--wrap=calloc \
	-Wl,--wrap=clock_gettime \
	-Wl,--wrap=close \
	-Wl,--wrap=connect \
	-Wl,--wrap=dup3 \
	-Wl,--wrap=epoll_create1 \
	-Wl,--wrap=epoll_ctl \
	-Wl,--wrap=epoll_wait \
	-Wl,--wrap=eventfd \
	-Wl,--wrap=fcntl \
	-Wl,--wrap=free \
	-Wl,--wrap=freeaddrinfo \
	-Wl,--wrap=getaddrinfo \
	-Wl,--wrap=gethostname \
	-Wl,--wrap=getnameinfo \
	-Wl,--wrap=getpeername \
	-Wl,--wrap=getsockname \
	-Wl,--wrap=getsockopt \
	-Wl,--wrap=listen \
	-Wl,--wrap=malloc \
	-Wl,--wrap=nanosleep \
	-Wl,--wrap=newlocale \
	-Wl,--wrap=poll \
	-Wl,--wrap=pthread_create \
	-Wl,--wrap=realloc \
	-Wl,--wrap=recv \
	-Wl,--wrap=send \
	-Wl,--wrap=setsockopt \
	-Wl,--wrap=shutdown \
	-Wl,--wrap=socket \
	-Wl,--wrap=write

torture_sources = \
	tests/torture/faults.c \
	tests/torture/faults.h \
	tests/torture/plain.c \
	tests/torture/plain.h

if HAVE_TORTURE
TORTURE_TESTS = tests/torture/torture
check_PROGRAMS += $(TORTURE_TESTS)
tests_torture_torture_SOURCES = tests/torture/torture.c $(torture_sources)
tests_torture_torture_LDADD = libluatcp-core.la
tests_torture_torture_LDFLAGS = $(wrap_flags)
TESTS += $(TORTURE_TESTS)

check-torture: $(TORTURE_TESTS)
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(TORTURE_TESTS)' TORTURE_STEP=1
else
check-torture:
	@echo 'The linker does not know --wrap: nothing can be made to fail.'; exit 1
endif
.PHONY: check-torture
