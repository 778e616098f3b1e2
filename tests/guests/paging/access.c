/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses that may fault, as the supervisor and in user mode. */

#include "tests/guests/paging/paging.h"

#define CODE_USER 16 /* offset of what user mode fetches; the supervisor's is at 0 */

extern u8 pg_stub_read[], pg_stub_write[], pg_stub_fetch[], pg_stub_end[], pg_ret[];
int pg_go_user(va_t va, const void *stub, struct tss *t, u32 value);

volatile u32 pg_value[MAX_CPUS];

void pg_code(u64 frame)
{
	volatile u8 *p = at(frame);

	p[0] = 0xc3;         /* ret */
	p[CODE_USER] = 0xcd; /* int $0x81 */
	p[CODE_USER + 1] = 0x81;
}

static int fetch(va_t va)
{
	struct caught *c = caught();

	c->vector = NO_TRAP;
	c->fetch = va;
	c->resume = (uintptr_t)pg_ret;
	((void (*)(void))va)();
	c->fetch = 0;
	return c->vector;
}

int pg_kernel(enum pg_op op, va_t va)
{
	u32 value = pg_value[cpu_index()];
	int vector;

	if (op == PG_FETCH)
		return fetch(va);
	if (op == PG_WRITE)
		return PROBE("mov %0, (%1)", , OPERANDS("r"(value), "r"(va)));
	vector = PROBE("mov (%1), %0", OPERANDS("+r"(value)), OPERANDS("r"(va)));
	pg_value[cpu_index()] = value;
	return vector;
}

int pg_user(enum pg_op op, va_t va)
{
	static const void *const stubs[] = { pg_stub_read, pg_stub_write, pg_stub_fetch };
	u32 cpu = cpu_index(), value;
	struct caught *c = caught();

	if (op == PG_FETCH)
		va += CODE_USER;
	c->vector = NO_TRAP;
	c->fetch = op == PG_FETCH ? va : 0;
	c->resume = (uintptr_t)pg_stub_end;
	value = (u32)pg_go_user(va, stubs[op], &tss[cpu], pg_value[cpu]);
	c->fetch = 0;
	if (op == PG_READ)
		pg_value[cpu] = value;
	return c->vector;
}

bool pg_expect(const char *name, enum pg_op op, bool user, va_t va, u32 error)
{
	int vector = user ? pg_user(op, va) : pg_kernel(op, va);
	struct caught *c = caught();
	u64 cr2 = va + (user && op == PG_FETCH ? CODE_USER : 0);

	if (error == PG_OK)
		return pg_check(vector == NO_TRAP, name, "vector %d, error 0x%x", vector, c->error);
	return pg_check(vector == EXC_PF && c->error == error && c->cr2 == cr2, name,
			"vector %d, error 0x%x, not 0x%x; CR2 0x%llx", vector, c->error, error,
			(unsigned long long)c->cr2);
}
