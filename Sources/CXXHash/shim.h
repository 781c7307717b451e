// SPDX-License-Identifier: Apache-2.0
// The library is all in its header: nothing to link, nothing to load at start-up.
#define XXH_INLINE_ALL
#include <xxhash.h>

/// XXH3 with 64 bits. (The library's own name is a macro, which Swift does not see.)
static inline uint64_t xxh3(const void *bytes, size_t count, uint64_t seed) { return XXH3_64bits_withSeed(bytes, count, seed); }
