/* SPDX-License-Identifier: MIT */
/* Lacks the cancel function. */
#include "plugin.h"

static const aw_backend table = {
	.abi = AW_BACKEND_ABI,
	.size = sizeof(aw_backend),
	.name = "incomplete",
	.description = "lacks functions",
	.probe = plugin_probe,
	.open = plugin_open,
	.close = plugin_close,
	.abandon = plugin_close,
	.submit = plugin_submit,
	.wait = plugin_wait,
	.wake = plugin_close,
	.fd = plugin_fd,
};

const aw_backend *aw_backend_entry(void) {
	/* Used, so that this is the only thing missing. */
	(void)plugin_cancel;
	return &table;
}
