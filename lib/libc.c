/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Glue under newlib. The hypervisor uses string.h, ctype.h, strtoull() and friends, qsort(),
 * bsearch(), snprintf() and vsnprintf(): no heap, no streams, no locale, no floating point.
 *
 * All CPUs share one struct _reent. That is safe because the functions above only ever store an
 * error number in it, which nothing reads (the hypervisor reports errors by return value, and
 * `make lint` finds any use of errno); none of them keeps state there from call to call.
 */

#include <errno.h>
#include <locale.h>
#include <reent.h>

static struct _reent libc_reent;

struct _reent *_impure_ptr = &libc_reent;

int *__errno(void)
{
	return &libc_reent._errno;
}

/* Asked for by the flag ' of printf formats, which we do not use: no grouping of digits. */
struct lconv *_localeconv_r(struct _reent *r)
{
	static char empty[1];
	static struct lconv c = { .decimal_point = empty,
				  .thousands_sep = empty,
				  .grouping = empty };

	(void)r;
	return &c;
}

/*
 * The engine of vsnprintf() is shared with asprintf(), which we do not have, and its code for that
 * names the allocator under these names (lib/newlib/newlib.mk). A caller gets "no memory".
 */
void *libc_no_malloc(struct _reent *r, size_t size);
void *libc_no_realloc(struct _reent *r, void *p, size_t size);
void libc_no_free(struct _reent *r, void *p);

void *libc_no_malloc(struct _reent *r, size_t size)
{
	(void)r;
	(void)size;
	return NULL;
}

void *libc_no_realloc(struct _reent *r, void *p, size_t size)
{
	(void)r;
	(void)p;
	(void)size;
	return NULL;
}

void libc_no_free(struct _reent *r, void *p)
{
	(void)r;
	(void)p;
}
