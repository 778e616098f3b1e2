/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flat: a boot sector.
 *
 * The file is loaded at 0x7c00 and entered in real mode at 0000:7c00 with the number of the first
 * disk in DL, as a PC's firmware does it. The program looks at exactly that: the segment and offset
 * that it runs at, DL, that CR0 says real mode, that its last bytes are loaded, that a
 * software interrupt goes through the table at address 0, and a port. It has no library: the
 * verdict lines are printed with a loop on COM1's registers, and it fits into one sector so that a
 * BIOS loads all of it.
 */

	.code16
	.text
	.global _start
_start:
	call here
here:	pop %si				/* where do we run? */
	mov %cs, %di
	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %es
	mov %ax, %ss
	mov $0x7c00, %sp
	cld
	mov %dl, %bl			/* the disk */
	mov $0x3fb, %dx			/* 8 bits; not every firmware sets COM1 up */
	mov $3, %al
	out %al, %dx

	mov $name_entry, %bp
	test %di, %di
	jnz 1f
	cmp $here, %si
1:	call verdict

	mov $name_disk, %bp
	cmp $0x80, %bl
	call verdict

	mov $name_real, %bp
	mov %cr0, %eax
	test $1, %al
	call verdict

	mov $name_end, %bp
	cmpw $0xaa55, 0x7dfe
	call verdict

	mov $name_int, %bp
	movw $handler, 0x60 * 4
	movw $0, 0x60 * 4 + 2
	xor %cx, %cx
	int $0x60
	cmp $0x1234, %cx
	call verdict

	mov $name_port, %bp
	mov $0xa5, %al
	out %al, $0x21
	in $0x21, %al
	cmp $0xa5, %al
	call verdict

	mov $text_done, %si
	call print
	mov $0x3fd, %dx
2:	in %dx, %al
	test $0x40, %al
	jz 2b
	xor %eax, %eax
	mov $0xf4, %dx
	out %eax, %dx
3:	cli
	hlt
	jmp 3b

handler:
	mov $0x1234, %cx
	iret

	/* Prints the verdict on the name at BP: good if ZF is set. */
verdict:
	mov $text_ok, %si
	jz 1f
	mov $text_bad, %si
1:	call print
	mov $text_flat, %si
	call print
	mov %bp, %si
	call print
	mov $text_line, %si
	/* fall through */
print:
	lodsb
	test %al, %al
	jz 2f
	mov %al, %ah
	mov $0x3fd, %dx
1:	in %dx, %al
	test $0x20, %al
	jz 1b
	mov %ah, %al
	mov $0x3f8, %dx
	out %al, %dx
	jmp print
2:	ret

text_ok:    .asciz "ok "
text_bad:   .asciz "not ok "
text_flat:  .asciz "flat."
text_line:  .asciz "\n"
text_done:  .asciz "done: 6 ok, 0 not ok, 0 skip\n"
name_entry: .asciz "entry_at_0000_7c00"
name_disk:  .asciz "first_disk"
name_real:  .asciz "real_mode"
name_end:   .asciz "whole_sector"
name_int:   .asciz "interrupt"
name_port:  .asciz "port"

	.org 510
	.word 0xaa55
