/* SPDX-License-Identifier: MIT */
/* A valid plug-in. */
#include "plugin.h"

static const aw_backend table = {PLUGIN("good")};

const aw_backend *aw_backend_entry(void) {
	return &table;
}
