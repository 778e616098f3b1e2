/* SPDX-License-Identifier: BSD-2-Clause */
/* Choice of the vendor backend, and every CPU into guest operation. */
#pragma once

#include "vm/hv_ops.h"

/*
 * Takes the first of the nr backends that this machine can run and enables it on every CPU. When
 * none can, logs one sentence for each and returns -ENOSYS; hv is then NULL. without: what of the
 * CPU is not to be used, enum hv_without. Must run on a thread.
 */
int backend_start(const struct hv_ops *const *backends, u32 nr, u32 without);
