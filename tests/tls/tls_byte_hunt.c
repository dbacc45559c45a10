/* SPDX-License-Identifier: MIT */
/* Labels: backends seconds=120 */
/* The byte hunt over TLS. Its time is spread over the kinds. */
#define STREAM_KINDS_HEADER "../tls/tls_kinds.h"
#include "../stream/byte_hunt.c"
