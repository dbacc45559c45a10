/* SPDX-License-Identifier: MIT */
/* Its name differs from that of its file. */
#include "plugin.h"

static const aw_backend table = {PLUGIN("somebody_else")};

const aw_backend *aw_backend_entry(void) {
	return &table;
}
