/* SPDX-License-Identifier: MIT */
/* Nothing is wrong with it. */
#include "plugin.h"

static const aw_backend table = {PLUGIN("good")};

const aw_backend *aw_backend_entry(void) {
	return &table;
}
