/* SPDX-License-Identifier: MIT */
/* Labels: backends seconds=120 */
/* What every kind of stream has to do, over TLS. */
#define STREAM_KINDS_HEADER "../tls/tls_kinds.h"
#include "../stream/stream_checks.c"
