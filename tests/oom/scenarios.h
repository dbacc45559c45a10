/* SPDX-License-Identifier: MIT */
/*
 * Well-behaved programs on the public interface: each passes on the first error it gets, and releases what it
 * holds.
 */
#ifndef OOM_SCENARIOS_H
#define OOM_SCENARIOS_H

#include <await/await.h>

/* The result if no call failed, but something did not happen. */
#define WENT_WRONG 1

typedef struct scenario {
	const char *name;
	aw_status (*run)(const char *backend);
} scenario;

extern const scenario scenarios[];
extern const size_t scenario_count;

#endif
