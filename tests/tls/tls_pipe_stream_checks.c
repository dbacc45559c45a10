/* SPDX-License-Identifier: MIT */
/* Labels: backends real-time seconds=120 */
/* What every kind of stream has to do, over TLS over pipes and a pseudo-terminal. */
#define STREAM_KINDS_HEADER "../tls/tls_pipe_kinds.h"
#include "../stream/stream_checks.c"
