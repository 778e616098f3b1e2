/* SPDX-License-Identifier: BSD-2-Clause */
/* Fixed-width types, compiler attributes and the few macros that every file may use. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

/* newlib's <sys/cdefs.h> has some of these, with the same meaning. */
#undef __packed
#undef __aligned
#undef __noinline
#undef __unused
#undef __used
#undef __section
#define __must_check   __attribute__((warn_unused_result))
#define __packed       __attribute__((packed))
#define __aligned(n)   __attribute__((aligned(n)))
#define __noreturn     __attribute__((noreturn))
#define __noinline     __attribute__((noinline))
#define __unused       __attribute__((unused))
#define __used         __attribute__((used))
#define __section(s)   __attribute__((section(s)))
#define __printf(f, a) __attribute__((format(printf, f, a)))
#define __cold         __attribute__((cold))
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))

#undef static_assert
#define static_assert _Static_assert

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ARRAY_SIZE(a)                   (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define BIT(n)           (1ULL << (n))
#define BIT32(n)         (1U << (n))
#define MASK(hi, lo)     ((~0ULL >> (63 - (hi))) & (~0ULL << (lo)))
#define FIELD(v, hi, lo) (((u64)(v)&MASK(hi, lo)) >> (lo))

#define SZ_4K 0x1000ULL
#define SZ_1M 0x100000ULL
#define SZ_2M 0x200000ULL
#define SZ_1G 0x40000000ULL
#define SZ_4G 0x100000000ULL

#define PAGE_SHIFT 12
#define PAGE_SIZE  SZ_4K

#define ALIGN_UP(x, a)   (((x) + (a)-1) & ~((__typeof__(x))(a)-1))
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a)-1))
#define IS_ALIGNED(x, a) (((x) & ((a)-1)) == 0)

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Single-copy loads and stores of words that another CPU (or the MMU hardware) may change. */
#define READ_ONCE(x)     (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))
