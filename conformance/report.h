/* SPDX-License-Identifier: MIT */
/* What came of the runs, for people: a matrix, and what differs. */
#ifndef CONFORMANCE_REPORT_H
#define CONFORMANCE_REPORT_H

#include <stdbool.h>
#include <stddef.h>

typedef enum run_verdict {
	RUN_LEFT_OUT, /* nothing for this backend */
	RUN_GOOD,
	RUN_SLOW, /* good, and later than usual */
	RUN_BAD
} run_verdict;

/* One case on one backend. */
typedef struct run_result {
	run_verdict verdict;
	bool starved; /* others had the cores; if it is bad, that may be why */
	double seconds;
	char *got;   /* its trace */
	char *wrong; /* what is wrong besides the trace, or what it wrote to stderr */
} run_result;

/* One row a case, one column a backend: results[case * backends + backend]. */
void report_matrix(const char *const *cases, size_t case_count, const char *const *backends,
                   size_t backend_count, const run_result *results);
/* The two traces, line by line, with what is missing and what is too much. */
void report_difference(const char *expected, const char *got);

#endif
