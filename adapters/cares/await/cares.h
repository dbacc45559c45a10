/* SPDX-License-Identifier: MIT */
/**
 * @file cares.h
 * A resolver on c-ares, for aw_loop_set_resolver(): names are looked up on the loop, without threads.
 *
 * The library is libawait-cares; its module for pkg-config has the same name. It reads /etc/resolv.conf and
 * /etc/hosts as c-ares does, and not /etc/nsswitch.conf.
 *
 *     aw_resolver resolver;
 *     AW_TRY(aw_cares_resolver_new(NULL, NULL, &resolver));
 *     AW_TRY(aw_loop_set_resolver(NULL, &resolver));
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_CARES_H
#define AWAIT_CARES_H

#include <await/base.h>
#include <await/names.h>

AW_BEGIN_DECLS

/** Flags of ::aw_cares_options. */
enum aw_cares_flag {
	AW_CARES_ROTATE = 1,    /**< asks the servers in turn, and not always the first one first */
	AW_CARES_NO_SEARCH = 2, /**< appends no search domain */
	AW_CARES_NO_HOSTS = 4,  /**< does not look in /etc/hosts */
	AW_CARES_TCP = 8        /**< asks over TCP only */
};

/** Options of a resolver. Set `size`, and the rest to zero except for what is wanted. */
typedef struct aw_cares_options {
	uint32_t size;       /**< sizeof(aw_cares_options) */
	uint32_t flags;      /**< of ::aw_cares_flag */
	const char *servers; /**< "192.0.2.1,192.0.2.2:5353,[2001:db8::1]:53"; NULL: the system's */
	int64_t timeout_ns;  /**< of the first attempt; each later one has more time; 0: that of c-ares, 5 s */
	int32_t attempts;    /**< at each server; 0: that of c-ares */
	uint32_t reserved;
} aw_cares_options;

/**
 * Makes a resolver for `loop` (NULL: the loop that runs). `options` may be NULL. aw_loop_set_resolver() of the
 * same loop takes it over; otherwise call `out->destroy(out->ud)` before the loop is closed.
 *
 * A look-up that fails has ::AW_EGAIERROR, with c-ares' text as its message and the nearest `EAI_…` code as its
 * payload: EAI_AGAIN if no server answers, EAI_NONAME if nobody has the name. A look-up in progress when the
 * resolver is destroyed fails with -ECANCELED.
 *
 * Returns: 0, and the resolver in `out`.
 *
 * Errors: -EINVAL for options or servers that are none; ::AW_EBADHANDLE; ::AW_ENOLOOP; ::AW_ELOOPCLOSED;
 * -ENOMEM.
 *
 * Thread: the one that drives `loop`.
 *
 * Cancellation: a look-up's future is cancelled at once; the query ends by itself, and its result is dropped.
 */
AW_NODISCARD AW_API aw_status aw_cares_resolver_new(aw_loop *loop, const aw_cares_options *options,
                                                    aw_resolver *out);

AW_END_DECLS

#endif
