/* SPDX-License-Identifier: MIT */
/**
 * @file await.h
 * Includes all public headers of libawait, except <await/easy.h> and the one for authors of backends
 * (<await/backend.h>).
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_AWAIT_H
#define AWAIT_AWAIT_H

#include <await/base.h>
#include <await/completion.h>
#include <await/connect.h>
#include <await/context.h>
#include <await/coro.h>
#include <await/datagram.h>
#include <await/debug.h>
#include <await/error.h>
#include <await/executor.h>
#include <await/fd.h>
#include <await/file.h>
#include <await/future.h>
#include <await/gather.h>
#include <await/interrupt.h>
#include <await/iterator.h>
#include <await/loop.h>
#include <await/names.h>
#include <await/op.h>
#include <await/operation.h>
#include <await/process.h>
#include <await/protocol.h>
#include <await/pty.h>
#include <await/queue.h>
#include <await/registry.h>
#include <await/run.h>
#include <await/server.h>
#include <await/signals.h>
#include <await/socket.h>
#include <await/stackless.h>
#include <await/stream.h>
#include <await/sync.h>
#include <await/task.h>
#include <await/taskgroup.h>
#include <await/timeout.h>
#include <await/wait.h>
#include <await/watch.h>

#endif
