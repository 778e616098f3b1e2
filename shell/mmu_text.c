/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries and roles in words. */
#include "shell/mmu_text.h"

#include <stdio.h>

#include "mmu/gfmt.h"
#include "mmu/shadow/sp.h"
#include "mmu/spte.h"
#include "mmu/walk.h"

int spte_text(u64 e, char *buf, size_t size)
{
	u32 access = spte_access(e);

	if (e == 0)
		return snprintf(buf, size, "-");
	if (spte_is_trap(e))
		return snprintf(buf, size, "mmio slot %u gen %u", spte_trap_slot(e),
				spte_trap_gen(e));
	if (spte_is_table(e))
		return snprintf(buf, size, "table");
	return snprintf(buf, size, "leaf %c%c%c%s%s", access & MMU_R ? 'R' : '-',
			access & MMU_W ? 'W' : '-', access & MMU_X ? 'X' : '-',
			e & SPTE_SLOT_W ? "" : " rom", e & SPTE_MMU_W ? "" : " tracked");
}

const char *rights_text(u32 rights)
{
	static const char *const text[2][4] = { { "-", "r", "w", "rw" },
						{ "x", "rx", "wx", "rwx" } };

	return text[(rights & MMU_X) != 0][rights & (MMU_R | MMU_W)];
}

int role_text(union page_role role, char *buf, size_t size)
{
	static const char *const fmt[8] = { "lin", "32-", "pse", "pae", "lm", "?", "?", "?" };
	static const char *const quadrant[4] = { "", " q1", " q2", " q3" };
	char pkey[16] = "";

	if (role.pkey)
		snprintf(pkey, sizeof(pkey), " pkey=%u", role.pkey);
	return snprintf(buf, size, "%s%u%s%s%s%s%s%s%s%s%s%s%s access=%s%s%s%s caps=%u%s",
			fmt[role.fmt], role.level, quadrant[role.quadrant],
			role.direct ? " direct" : "", role.split ? " split" : "",
			role.nx ? " nx" : "", role.wp ? " wp" : "", role.smep_nwp ? " smep!wp" : "",
			role.emul_nwp ? " emul!wp" : "", role.ad_off ? " noad" : "",
			role.nested ? " nested" : "", role.passthru ? " passthru" : "",
			role.mbec ? " mbec" : "", role.access & MMU_R ? "r" : "-",
			role.access & MMU_W ? "w" : "-", role.access & MMU_U ? "u" : "-",
			role.access & MMU_X ? "x" : "-", role.caps, pkey);
}

/* --- shadow paging ---------------------------------------------------------------------------- */

static const char *flag_words(const char *kind, u64 e, u32 key, char buf[WORDS_MAX])
{
	static const struct {
		u64 bit;
		const char *name;
	} bits[] = {
		{ GPTE_P, "P" }, { GPTE_W, "W" }, { GPTE_U, "U" },   { GPTE_A, "A" },
		{ GPTE_D, "D" }, { BIT(8), "G" }, { GPTE_NX, "NX" },
	};

	size_t n = (size_t)snprintf(buf, WORDS_MAX, "%s", kind);

	for (u32 i = 0; i < ARRAY_SIZE(bits); i++)
		if (e & bits[i].bit)
			n += (size_t)snprintf(buf + n, WORDS_MAX - n, "%s%s", n ? " " : "",
					      bits[i].name);
	if (key)
		snprintf(buf + n, WORDS_MAX - n, " key %u", key);
	return buf;
}

const char *gpte_words(u64 e, u32 level, char buf[WORDS_MAX])
{
	bool leaf = level == 1 || (level <= 3 && (e & GPTE_PS));

	return flag_words(!(e & GPTE_P) ? "not present" : leaf ? "leaf" : "table", e, 0, buf);
}

const char *sspte_words(u64 e, char buf[WORDS_MAX])
{
	if (e == 0)
		return "-";
	return flag_words(sspte_is_table(e) ? "table" : "leaf", e, gpte_pkey(e), buf);
}

const char *source_words(u64 word, char buf[WORDS_MAX])
{
	u64 flags = (word & SRC_FLAGS) | (word & SRC_NX ? GPTE_NX : 0);

	return flag_words("", flags, (u32)(word >> SRC_PKEY_SHIFT) & 15, buf);
}

const char *mode_words(union page_role role, char buf[WORDS_MAX])
{
	static const char *const fmt[8] = {
		[ROLE_LIN] = "linear",
		[ROLE_32] = "32-bit",
		[ROLE_32_PSE] = "32-bit pse",
		[ROLE_PAE] = "pae",
		[ROLE_LM] = "long",
		"?",
		"?",
		"?",
	};
	const char *mode = fmt[role.fmt];

	if (role.fmt == ROLE_LM && role.level >= 4)
		mode = role.level == 5 ? "5-level" : "4-level";
	snprintf(buf, WORDS_MAX, "%s%s%s%s%s%s", mode, role.split ? " split" : "",
		 role.nx ? " nx" : "", role.wp ? " wp" : "", role.smep_nwp ? " smep" : "",
		 role.emul_nwp ? " smap/pke" : "");
	return buf;
}
