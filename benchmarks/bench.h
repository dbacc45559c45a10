/* SPDX-License-Identifier: MIT */
/*
 * Measuring variants of one workload side by side: in each round every variant runs once, in an order that
 * turns from round to round, so that what disturbs the machine disturbs all of them. A first round warms up
 * and is not counted.
 */
#ifndef BENCHMARKS_BENCH_H
#define BENCHMARKS_BENCH_H

#include <stddef.h>
#include <stdint.h>

typedef struct bench_variant {
	const char *name;
	/*
	 * Does the work `count` times. The whole call is timed, except between bench_pause() and bench_resume().
	 */
	void (*run)(void *ud, size_t count);
	void *ud;
	size_t count; /* 0: that of the first variant */
} bench_variant;

/*
 * Reads the arguments: --raw prints every sample as tab-separated text, --rounds N sets how many there are,
 * --quick divides the counts by 20.
 */
void bench_init(int argc, char **argv, int rounds);
/* Runs the variants of one workload and prints them; the first one is what the others are compared with. */
void bench_run(const char *workload, const bench_variant *variants, size_t count);
/* Prints a number that was measured otherwise, e.g. bytes. */
void bench_sample(const char *workload, const char *variant, double value);

/* Takes what lies between out of the time. */
void bench_pause(void);
void bench_resume(void);

/* Ends the program, saying why, if `status` is negative: a benchmark that fails has no result. */
void bench_check(const char *what, long status);

/* The open loops of libawait, one for each backend that is usable here; "epoll" first. */
typedef struct bench_backend {
	const char *name;    /* "epoll" */
	const char *variant; /* "libawait, epoll" */
	struct aw_loop *loop;
} bench_backend;

enum { BENCH_BACKENDS = 4 };

size_t bench_backends_open(bench_backend *out);
void bench_backends_close(bench_backend *backends, size_t count);

#endif
