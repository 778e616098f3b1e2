/* SPDX-License-Identifier: BSD-2-Clause */
/* AMD's backend: nested paging with SVM. */
#pragma once

#include "vm/hv_ops.h"

extern const struct hv_ops svm_ops;
