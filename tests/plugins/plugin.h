/* SPDX-License-Identifier: MIT */
/*
 * A backend that can be loaded and does nothing. Each file here is such a plug-in with one defect.
 */
#ifndef TESTS_PLUGIN_H
#define TESTS_PLUGIN_H

#include <await/backend.h>
#include <errno.h>
#include <stdio.h>

AW_API const aw_backend *aw_backend_entry(void);

static inline aw_status plugin_probe(char *why, size_t length) {
	if (why && length) *why = 0;
	return 0;
}

static inline aw_status plugin_open(const aw_backend_core *core, uint32_t flags, uint64_t seed,
                                    aw_backend_state **out) {
	(void)core, (void)flags, (void)seed, (void)out;
	return -ENOTSUP;
}

static inline void plugin_close(aw_backend_state *state) {
	(void)state;
}

static inline aw_status plugin_submit(aw_backend_state *state, aw_op *op) {
	(void)state, (void)op;
	return -ENOTSUP;
}

static inline void plugin_cancel(aw_backend_state *state, aw_op *op) {
	(void)state, (void)op;
}

static inline aw_status plugin_wait(aw_backend_state *state, int64_t deadline) {
	(void)state, (void)deadline;
	return -ENOTSUP;
}

static inline int plugin_fd(aw_backend_state *state) {
	(void)state;
	return -1;
}

/* The fields of a valid table. */
#define PLUGIN(its_name)                                                                              \
	.abi = AW_BACKEND_ABI, .size = sizeof(aw_backend), .name = (its_name),                            \
	.description = "a plug-in of the tests", .probe = plugin_probe, .open = plugin_open,              \
	.close = plugin_close, .abandon = plugin_close, .submit = plugin_submit, .cancel = plugin_cancel, \
	.wait = plugin_wait, .wake = plugin_close, .fd = plugin_fd

#endif
