/* SPDX-License-Identifier: MIT */
/* It calls itself otherwise than its file. */
#include "plugin.h"

static const aw_backend table = {PLUGIN("somebody_else")};

const aw_backend *aw_backend_entry(void) {
	return &table;
}
