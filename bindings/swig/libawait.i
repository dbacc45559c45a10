/* SPDX-License-Identifier: MIT */
/*
 * The whole public interface, read from the headers: a function added there is wrapped without a change here.
 * Each language's glue.i, found through -I, defines the treatment of callbacks, statuses, values and handles.
 */
%module libawait

%include <stdint.i>
%include "glue.i"
%include "handles.i"
%include "left_out.i"

/* SWIG understands neither limits nor macros that type a literal; stackless.h contains only macros for C. */
%ignore AW_FOREVER;
%ignore AW_MICROSECOND;
%ignore AW_MILLISECOND;
%ignore AW_SECOND;
%constant long long FOREVER = INT64_MAX;
%constant long long MICROSECOND = 1000;
%constant long long MILLISECOND = 1000000;
%constant long long SECOND = 1000000000;

/* Passed as arrays by aw_loop_submit() and aw_loop_drain(). */
%ignore aw_submission;
%ignore aw_completion;
/* Of datagram endpoints and resolvers, which no host language wraps. */
%ignore aw_resolver;
%ignore aw_addrinfo_entry;
%ignore aw_datagram_options;
%ignore aw_datagram_protocol;
%ignore aw_datagram_message;

%include <await/base.h>
/*
 * Host code never runs on a coroutine's stack; the `_coro` variant, or a step, takes the place of a stackful call.
 * With this macro each declaration with the mark names a function type, for which SWIG writes no wrapper.
 */
#undef AW_STACKFUL
#define AW_STACKFUL typedef
%include <await/names.h>
%include <await/op.h>
%include <await/operation.h>
%include <await/completion.h>
%include <await/context.h>
%include <await/coro.h>
%include <await/datagram.h>
%include <await/debug.h>
%include <await/error.h>
%include <await/loop.h>
%include <await/fd.h>
%include <await/file.h>
%include <await/watch.h>
/* future.h is the only header where an error in an out-parameter is borrowed. */
BORROWED_OUT(aw_error)
%include <await/future.h>
NEW_OUT(aw_error)
%include <await/gather.h>
%include <await/process.h>
%include <await/pty.h>
%include <await/queue.h>
%include <await/registry.h>
%include <await/task.h>
%include <await/run.h>
%include <await/iterator.h>
%include <await/interrupt.h>
%include <await/executor.h>
%include <await/signals.h>
%include <await/socket.h>
%include <await/stream.h>
%include <await/protocol.h>
%include <await/connect.h>
%include <await/server.h>
%include <await/sync.h>
%include <await/taskgroup.h>
%include <await/timeout.h>
%include <await/wait.h>
