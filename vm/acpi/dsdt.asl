/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest cannot find by itself: the PCI host bridge with its windows, the ISA devices, and
 * how to power off. The ports are those of vm/dev/. Source: ACPI specification "ASL Reference".
 */
DefinitionBlock ("dsdt.aml", "DSDT", 2, "UMBRA ", "UMBRAPC ", 1)
{
	/* SLP_TYP 5: VPM_SLP_S5 in vm/dev/vpm.h */
	Name (\_S5, Package () { 5, 5, 0, 0 })

	Scope (\_SB)
	{
		Device (PCI0)
		{
			Name (_HID, EisaId ("PNP0A03"))
			Name (_UID, 0)
			Name (_CRS, ResourceTemplate ()
			{
				WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode,
					0, 0, 0xff, 0, 0x100)
				IO (Decode16, 0xcf8, 0xcf8, 1, 8)
				WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode,
					EntireRange, 0, 0, 0xcf7, 0, 0xcf8)
				WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode,
					EntireRange, 0, 0xd00, 0xffff, 0, 0xf300)
				DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed,
					NonCacheable, ReadWrite, 0,
					0xc0000000, 0xfebfffff, 0, 0x3ec00000)
			})

			Device (COM1)
			{
				Name (_HID, EisaId ("PNP0501"))
				Name (_UID, 1)
				Name (_CRS, ResourceTemplate ()
				{
					IO (Decode16, 0x3f8, 0x3f8, 1, 8)
					IRQNoFlags () { 4 }
				})
			}

			Device (RTC)
			{
				Name (_HID, EisaId ("PNP0B00"))
				Name (_CRS, ResourceTemplate ()
				{
					IO (Decode16, 0x70, 0x70, 1, 2)
					IRQNoFlags () { 8 }
				})
			}

			Device (TIMR)
			{
				Name (_HID, EisaId ("PNP0100"))
				Name (_CRS, ResourceTemplate ()
				{
					IO (Decode16, 0x40, 0x40, 1, 4)
					IRQNoFlags () { 0 }
				})
			}

			Device (PIC)
			{
				Name (_HID, EisaId ("PNP0000"))
				Name (_CRS, ResourceTemplate ()
				{
					IO (Decode16, 0x20, 0x20, 1, 2)
					IO (Decode16, 0xa0, 0xa0, 1, 2)
					IO (Decode16, 0x4d0, 0x4d0, 1, 2)
					IRQNoFlags () { 2 }
				})
			}

			/* Ports of the board that no driver claims: nothing may be put there. */
			Device (BORD)
			{
				Name (_HID, EisaId ("PNP0C02"))
				Name (_CRS, ResourceTemplate ()
				{
					IO (Decode16, 0x61, 0x61, 1, 1)
					IO (Decode16, 0x92, 0x92, 1, 1)
					IO (Decode16, 0xe9, 0xe9, 1, 1)
					IO (Decode16, 0xf4, 0xf4, 1, 4)
					IO (Decode16, 0x600, 0x600, 1, 12)
				})
			}
		}

		/* Source: QEMU "QEMU Firmware Configuration (fw_cfg) Device", ACPI interface */
		Device (FWCF)
		{
			Name (_HID, "QEMU0002")
			Name (_STA, 0x0b)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x510, 0x510, 1, 12)
			})
		}
	}
}
