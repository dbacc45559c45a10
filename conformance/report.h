/* SPDX-License-Identifier: MIT */
/* Prints the results: a matrix, and diffs of traces. */
#ifndef CONFORMANCE_REPORT_H
#define CONFORMANCE_REPORT_H

#include <stdbool.h>
#include <stddef.h>

typedef enum run_verdict {
	RUN_LEFT_OUT, /* does not apply to this backend */
	RUN_GOOD,
	RUN_SLOW, /* passed, but took longer than usual */
	RUN_BAD
} run_verdict;

/* One case on one backend. */
typedef struct run_result {
	run_verdict verdict;
	bool starved; /* it lacked a core, which may be why it failed */
	double seconds;
	char *got;   /* its trace */
	char *wrong; /* problems other than the trace, including its stderr */
} run_result;

/* One row per case, one column per backend: results[case * backends + backend]. */
void report_matrix(const char *const *cases, size_t case_count, const char *const *backends,
                   size_t backend_count, const run_result *results);
/* Prints a diff of the two traces. */
void report_difference(const char *expected, const char *got);

#endif
