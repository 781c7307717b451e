// SPDX-License-Identifier: Apache-2.0
// libslirp's header needs nothing of glib, which its pkg-config file asks for: so there is no pkg-config here.
#include <slirp/libslirp.h>
