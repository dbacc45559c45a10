/* SPDX-License-Identifier: MIT */
/* All cases, as embed.py lists them. */
#ifndef CONFORMANCE_TABLE_H
#define CONFORMANCE_TABLE_H

#include "case.h"

typedef struct table_entry {
	const conf_case *body;
	const char *expected; /* the trace that CPython printed */
} table_entry;

extern const table_entry table[];
extern const size_t table_count;

#endif
