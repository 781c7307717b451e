// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

// Macros that check the structure's size, which Swift does not import.
static inline int zlib_inflate_begin(z_streamp stream, int window_bits) { return inflateInit2(stream, window_bits); }
static inline int zlib_deflate_begin(z_streamp stream, int level, int window_bits) {
  return deflateInit2(stream, level, Z_DEFLATED, window_bits, 9, Z_DEFAULT_STRATEGY);
}
