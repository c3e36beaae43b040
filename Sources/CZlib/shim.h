#pragma once
// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

// inflateInit2 is a macro that the importer cannot see. 16 beside the bits of the window asks for gzip and nothing else.
static inline int bulkhead_inflate_gzip(z_stream *stream) { return inflateInit2(stream, 16 + MAX_WBITS); }
