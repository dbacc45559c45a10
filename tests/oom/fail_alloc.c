/* SPDX-License-Identifier: MIT */
/*
 * The failing allocator. It identifies the caller by the return address, and refuses only requests of
 * libawait and its plug-ins.
 */

/* The fortified variants of some of these functions are macros, which can't be redefined. */
#undef _FORTIFY_SOURCE

#include "fail_alloc.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The C library's own functions, which it exports for programs like this one. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

#define MAX_LIVE 65536

typedef struct piece {
	void *memory;
	fail_place where;
} piece;

static piece live[MAX_LIVE]; /* unordered, without gaps */
static size_t live_count;
static fail_place first;
static long nth, count, refused;
static bool sticky;
static atomic_bool armed;
static atomic_flag busy = ATOMIC_FLAG_INIT;
static _Thread_local bool inside; /* set during a request made while handling a request */

static void enter(void) {
	while (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire)) sched_yield();
}

static void leave(void) {
	atomic_flag_clear_explicit(&busy, memory_order_release);
}

static bool is_libawait(const void *caller) {
	Dl_info info;
	return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "libawait");
}

/* Remembers the answers, with the lowest bit for "yes": dladdr searches all symbols of a library. */
static bool is_ours(const void *caller) {
	static _Atomic uintptr_t known[4096];
	uintptr_t key = (uintptr_t)caller << 1;
	_Atomic uintptr_t *slot = &known[((uintptr_t)caller * 2654435761u >> 8) % 4096];
	uintptr_t answer = atomic_load(slot);
	if ((answer & ~(uintptr_t)1) != key) {
		answer = key | is_libawait(caller);
		atomic_store(slot, answer);
	}
	return answer & 1;
}

static void look(fail_place *out) {
	out->count = backtrace(out->frames, FAIL_FRAMES);
}

/* Counts a request; returns true if it must be refused. `*ours` says whether libawait made it. */
static bool refuse(const void *caller, bool *ours) {
	*ours = false;
	if (!atomic_load(&armed) || inside || !is_ours(caller)) return false;
	inside = *ours = true;
	enter();
	count++;
	bool no = nth && (sticky ? count >= nth : count == nth);
	if (no && !refused++) look(&first);
	leave();
	inside = false;
	if (no) errno = ENOMEM;
	return no;
}

static void remember(void *memory) {
	if (!memory) return;
	inside = true;
	enter();
	if (live_count < MAX_LIVE) {
		live[live_count].memory = memory;
		look(&live[live_count].where);
		live_count++;
	}
	leave();
	inside = false;
}

static void forget(const void *memory) {
	if (!memory || inside || !live_count) return;
	enter();
	for (size_t i = live_count; i-- > 0;) {
		if (live[i].memory != memory) continue;
		live[i] = live[--live_count];
		break;
	}
	leave();
}

/* --- replacements of the C library's functions --- */

void *malloc(size_t size) {
	bool ours;
	if (refuse(__builtin_return_address(0), &ours)) return NULL;
	void *memory = __libc_malloc(size);
	if (ours) remember(memory);
	return memory;
}

void *calloc(size_t number, size_t size) {
	bool ours;
	if (refuse(__builtin_return_address(0), &ours)) return NULL;
	void *memory = __libc_calloc(number, size);
	if (ours) remember(memory);
	return memory;
}

void *realloc(void *old, size_t size) {
	bool ours;
	if (refuse(__builtin_return_address(0), &ours)) return NULL;
	forget(old);
	void *memory = __libc_realloc(old, size);
	if (ours) remember(memory);
	return memory;
}

void free(void *memory) {
	forget(memory);
	__libc_free(memory);
}

int posix_memalign(void **out, size_t alignment, size_t size) {
	bool ours;
	if (refuse(__builtin_return_address(0), &ours)) return ENOMEM;
	void *memory = __libc_memalign(alignment, size);
	if (!memory) return ENOMEM;
	if (ours) remember(memory);
	*out = memory;
	return 0;
}

char *strdup(const char *text) {
	bool ours;
	if (refuse(__builtin_return_address(0), &ours)) return NULL;
	size_t size = strlen(text) + 1;
	char *copy = __libc_malloc(size);
	if (!copy) return NULL;
	if (ours) remember(copy);
	return memcpy(copy, text, size);
}

static int print_to(const void *caller, char **out, const char *format, va_list list) {
	bool ours;
	if (refuse(caller, &ours)) return -1;
	int length = vasprintf(out, format, list);
	if (length >= 0 && ours) remember(*out);
	return length;
}

int asprintf(char **out, const char *format, ...) {
	va_list list;
	va_start(list, format);
	int length = print_to(__builtin_return_address(0), out, format, list);
	va_end(list);
	return length;
}

/* asprintf in a program built with _FORTIFY_SOURCE. */
int __asprintf_chk(char **out, int flag, const char *format, ...);
int __asprintf_chk(char **out, int flag, const char *format, ...) {
	(void)flag;
	va_list list;
	va_start(list, format);
	int length = print_to(__builtin_return_address(0), out, format, list);
	va_end(list);
	return length;
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
	bool ours;
	if (refuse(__builtin_return_address(0), &ours)) return MAP_FAILED;
	return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
}

/* --- the interface for walk.c --- */

void fail_arm(long which, bool on) {
	fail_place warm;
	look(&warm); /* loads what it needs */
	nth = which;
	sticky = on;
	count = refused = 0;
	live_count = 0;
	atomic_store(&armed, true);
}

void fail_disarm(void) {
	atomic_store(&armed, false);
}

long fail_count(void) {
	return count;
}

long fail_refused(void) {
	return refused;
}

const fail_place *fail_first(void) {
	return &first;
}

size_t fail_live(void (*fn)(const fail_place *where, void *ud), void *ud) {
	for (size_t i = 0; i < live_count; i++) fn(&live[i].where, ud);
	return live_count;
}
