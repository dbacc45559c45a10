/* SPDX-License-Identifier: MIT */
/* Imports a function that does not exist. */
#include "plugin.h"

extern int a_function_that_nobody_has(void);

static const aw_backend table = {PLUGIN("needs_symbol")};

const aw_backend *aw_backend_entry(void) {
	return a_function_that_nobody_has() ? &table : NULL;
}
