# SPDX-License-Identifier: BSD-2-Clause
# C library: the few files the hypervisor needs, taken out of Debian's newlib-source and compiled
# with the hypervisor's own code generation flags into $(BUILD)/libc.a. Included by the Makefile.
# lib/newlib/newlib.h stands in for newlib's configure script; lib/libc.c is the glue.

NEWLIB_TAR := $(firstword $(wildcard /usr/src/newlib/newlib-*.tar.xz))
NEWLIB     := $(BUILD)/newlib
NEWLIB_INC := -isystem lib/newlib -isystem $(NEWLIB)/libc/include

NEWLIB_SRC := \
	$(addprefix machine/x86_64/,memcpy.S memset.S) \
	$(addprefix string/,memchr.c memcmp.c memmove.c memrchr.c strcasecmp.c strcat.c strchr.c \
		strchrnul.c strcmp.c strcpy.c strcspn.c strlcat.c strlcpy.c strlen.c strncasecmp.c \
		strncat.c strncmp.c strncpy.c strnlen.c strpbrk.c strrchr.c strspn.c strstr.c \
		strtok_r.c) \
	$(addprefix stdlib/,strtol.c strtoll.c strtoul.c strtoull.c) \
	$(addprefix search/,bsearch.c qsort.c) \
	$(addprefix ctype/,ctype_.c isalnum.c isalpha.c isblank.c iscntrl.c isdigit.c islower.c \
		isprint.c ispunct.c isspace.c isupper.c isxdigit.c tolower.c toupper.c) \
	$(addprefix stdio/,snprintf.c vfprintf.c vsnprintf.c)
NEWLIB_OBJ := $(NEWLIB_SRC:%=$(NEWLIB)/obj/%.o)

# vfprintf.c without floating point and for strings only is the engine of vsnprintf(). Its
# asprintf() paths, which nothing reaches, name the allocator: that goes to lib/libc.c.
NEWLIB_DEF := -DINTERNAL_NEWLIB -D__NO_SYSCALLS__ -D__SINGLE_THREAD__ -DMISSING_SYSCALL_NAMES \
	-DNO_FLOATING_POINT -DINTEGER_ONLY -DSTRING_ONLY -D_svfiprintf_r=_svfprintf_r \
	-D_malloc_r=libc_no_malloc -D_realloc_r=libc_no_realloc -D_free_r=libc_no_free

ifeq ($(NEWLIB_TAR),)
$(NEWLIB)/unpacked:
	@echo "The C library's source is missing: install the Debian package newlib-source." >&2; false
else
$(NEWLIB)/unpacked: $(NEWLIB_TAR)
	@echo "  UNPACK  newlib"
	$Q rm -rf $(NEWLIB) && mkdir -p $(NEWLIB)
	$Q tar -xJf $< -C $(NEWLIB) --strip-components=2 --wildcards \
		$(addprefix '*/newlib/libc/,$(addsuffix ',include machine/x86_64 string stdlib search \
		ctype stdio locale))
	$Q touch $@
endif

# The sources appear when the archive is unpacked.
$(NEWLIB_SRC:%=$(NEWLIB)/libc/%): $(NEWLIB)/unpacked ;

$(NEWLIB)/obj/%.o: $(NEWLIB)/libc/% lib/newlib/newlib.h $(BUILD)/flags
	$Q mkdir -p $(@D)
	$Q $(CC) $(CORE) -Os -w -fno-builtin $(INC) $(NEWLIB_DEF) -Wa,--noexecstack -c -o $@ $<

$(BUILD)/libc.a: $(NEWLIB_OBJ)
	@echo "  AR      $@"
	$Q rm -f $@ && $(AR) rcsD $@ $^
