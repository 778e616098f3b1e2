/* SPDX-License-Identifier: BSD-2-Clause */
/* Intel's backend: VMX with EPT. */
#pragma once

#include "vm/hv_ops.h"

extern const struct hv_ops vmx_ops;
