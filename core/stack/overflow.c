/* SPDX-License-Identifier: MIT */
/*
 * Reports a stack overflow, and an access to the stack of a finished task. A flow without stack left can't
 * run a signal handler, so each thread has an alternate stack, unmapped when the thread ends. After the
 * report, the previously installed handler decides what happens.
 */
#include "overflow.h"

#include "stack.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ALTERNATE_MIN = 32 * 1024, LINE = 256, OWNER_NAME_MAX = 100 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int once_result;
static pthread_key_t alternate_key; /* frees a thread's alternate stack */
static struct sigaction previous;

/* ---- formatting a line: stdio is not async-signal-safe ---- */

typedef struct line {
	char text[LINE];
	size_t length;
} line;

static void line_add(line *l, const char *text, size_t max) {
	for (size_t i = 0; text[i] && i < max && l->length < LINE - 1; i++) {
		char c = text[i];
		/* The name comes from the user: it must not contain newlines or terminal escapes. */
		l->text[l->length++] = (unsigned char)c < ' ' || c == 127 ? '?' : c;
	}
}

static void line_add_number(line *l, size_t number) {
	char digits[24];
	size_t at = sizeof digits - 1;
	digits[at] = '\0';
	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	line_add(l, digits + at, SIZE_MAX);
}

static void line_write(line *l) {
	l->text[l->length++] = '\n';
	for (size_t done = 0; done < l->length;) {
		ssize_t n = write(STDERR_FILENO, l->text + done, l->length - done);
		if (n < 0 && errno == EINTR) continue;
		if (n <= 0) return;
		done += (size_t)n;
	}
}

static void line_add_task(line *l, const char *name, const char *without) {
	if (!name || !*name) {
		line_add(l, without, SIZE_MAX);
		return;
	}
	line_add(l, "task \"", SIZE_MAX);
	line_add(l, name, OWNER_NAME_MAX);
	line_add(l, "\"", SIZE_MAX);
}

static void report(const stack *s) {
	line l = {.length = 0};
	line_add(&l, "libawait: the stack of ", SIZE_MAX);
	line_add_task(&l, s->owner_name, "a task");
	line_add(&l, " overflowed (", SIZE_MAX);
	line_add_number(&l, s->whole);
	line_add(&l, " bytes); aw_loop_set_stack_size() makes it larger", SIZE_MAX);
	line_write(&l);
}

static void report_closed(const char *name) {
	line l = {.length = 0};
	line_add(&l, "libawait: access to the stack of a finished task: ", SIZE_MAX);
	line_add_task(&l, name, "it had no name");
	line_add(&l, "; what outlives a task must not be a local variable of it", SIZE_MAX);
	line_write(&l);
}

/* ---- the handler ---- */

/*
 * Acts as if this handler were not installed. A fault recurs when the handler returns; a signal that was sent
 * does not.
 */
static void hand_over(int signo, siginfo_t *info, void *context) {
	bool is_fault = info->si_code > 0;
	bool has_handler = (previous.sa_flags & SA_SIGINFO) ||
	                   (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN);
	if (!has_handler) {
		if (!is_fault && previous.sa_handler == SIG_IGN) return;
		sigaction(signo, &previous, NULL);
		if (!is_fault) raise(signo); /* stays pending until this handler returns */
		return;
	}
	if (previous.sa_flags & (int)SA_RESETHAND) {
		struct sigaction fallback = {.sa_handler = SIG_DFL};
		sigaction(signo, &fallback, NULL);
	}
	/* Returning from this handler restores the mask. */
	pthread_sigmask(SIG_BLOCK, &previous.sa_mask, NULL);
	if (previous.sa_flags & SA_NODEFER) {
		sigset_t own;
		sigemptyset(&own);
		sigaddset(&own, signo);
		pthread_sigmask(SIG_UNBLOCK, &own, NULL);
	}
	if (previous.sa_flags & SA_SIGINFO)
		previous.sa_sigaction(signo, info, context);
	else
		previous.sa_handler(signo);
}

static void on_fault(int signo, siginfo_t *info, void *context) {
	int saved = errno;
	/* si_addr is valid only for a fault; a sent signal has the sender there. */
	const stack *s = info->si_code > 0 ? stack_find(info->si_addr) : NULL;
	const char *closed = info->si_code > 0 ? stack_find_closed(info->si_addr) : NULL;
	if (s) report(s);
	if (closed) report_closed(closed);
	errno = saved;
	hand_over(signo, info, context);
}

/* ---- installation ---- */

static size_t alternate_bytes(void) {
	long recommended = sysconf(_SC_SIGSTKSZ); /* depends on the register state that the processor saves */
	size_t bytes = recommended > ALTERNATE_MIN ? (size_t)recommended : ALTERNATE_MIN;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	return (bytes + page - 1) / page * page;
}

static void alternate_free(void *memory) {
	stack_t now;
	if (sigaltstack(NULL, &now) == 0 && now.ss_sp == memory) {
		stack_t none = {.ss_flags = SS_DISABLE};
		/* Fails only if the thread is running on it; then it must stay mapped. */
		if (sigaltstack(&none, NULL)) return;
	}
	munmap(memory, alternate_bytes());
}

static int alternate_install(void) {
	stack_t now;
	if (sigaltstack(NULL, &now)) return -errno;
	if (!(now.ss_flags & SS_DISABLE)) return 0; /* the program has installed one */
	stack_t alternate = {.ss_size = alternate_bytes()};
	alternate.ss_sp =
		mmap(NULL, alternate.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (alternate.ss_sp == MAP_FAILED) return -ENOMEM;
	int result = -pthread_setspecific(alternate_key, alternate.ss_sp);
	if (!result && sigaltstack(&alternate, NULL)) {
		result = -errno;
		pthread_setspecific(alternate_key, NULL);
	}
	if (result) munmap(alternate.ss_sp, alternate.ss_size);
	return result;
}

static void install_once(void) {
	once_result = -pthread_key_create(&alternate_key, alternate_free);
	if (once_result) return;
	/*
	 * SA_ONSTACK is needed here and by language runtimes in the same process. The previous flags are not
	 * copied: hand_over() emulates them.
	 */
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | (int)SA_ONSTACK};
	sigemptyset(&action.sa_mask);
	/* Query first, so that the handler never sees `previous` half written. */
	if (sigaction(SIGSEGV, NULL, &previous) || sigaction(SIGSEGV, &action, NULL)) once_result = -errno;
}

int overflow_report_install(void) {
	pthread_once(&once, install_once);
	if (once_result) return once_result;
	return alternate_install();
}
