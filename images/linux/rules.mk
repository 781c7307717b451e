# SPDX-License-Identifier: Apache-2.0
# Linux guests from Debian 12 packages, for ARCH amd64 and i386 (the 686-pae kernel):
#   linux/ARCH/vmlinuz, initrd.gz   kernel, and an initramfs with a busybox shell on ttyS0 and tty1
#   linux/ARCH/cd.iso, disk.img     both behind isolinux, and behind GRUB on a partitioned disk
# Packages are kept in cache/, which git ignores and `make clean` leaves alone.
CACHE := cache
KERNEL_amd64 := linux-image-amd64
KERNEL_i386 := linux-image-686-pae
LINUX := $(foreach arch,amd64 i386,$(addprefix $(OUT)/linux/$(arch)/,vmlinuz initrd.gz cd.iso disk.img))

.PHONY: linux
linux: $(LINUX)

# Of the modules, what disks, file systems and the power button need.
MODULES := $(foreach part,drivers/ata drivers/scsi drivers/cdrom drivers/acpi drivers/input fs/ext4 fs/jbd2 fs/mbcache.ko fs/autofs lib crypto \
  arch/x86/crypto,'./lib/modules/*/kernel/$(part)*') './lib/modules/*/modules.*'

.SECONDARY: $(foreach arch,amd64 i386,$(CACHE)/$(arch)/kernel.ready $(CACHE)/$(arch)/busybox.ready)
$(CACHE)/%/kernel.ready: linux/fetch
	rm -rf $(CACHE)/$*/kernel
	linux/fetch $(CACHE) $* $(CACHE)/$*/kernel $(KERNEL_$*) './boot/*' $(MODULES)
	touch $@

$(CACHE)/%/busybox.ready: linux/fetch
	rm -rf $(CACHE)/$*/busybox
	linux/fetch $(CACHE) $* $(CACHE)/$*/busybox busybox-static ./bin/busybox
	touch $@

$(OUT)/linux/%/vmlinuz: $(CACHE)/%/kernel.ready
	mkdir -p $(@D)
	cp $(CACHE)/$*/kernel/boot/vmlinuz-* $@

$(OUT)/linux/%/initrd.gz: $(CACHE)/%/busybox.ready linux/initramfs $(wildcard linux/shell/etc/*)
	mkdir -p $(@D)
	linux/initramfs $@ $(CACHE)/$*/busybox/bin/busybox linux/shell

$(OUT)/linux/%/cd.iso: $(OUT)/linux/%/vmlinuz $(OUT)/linux/%/initrd.gz linux/isolinux/isolinux.cfg
	rm -rf $(@D)/cd && mkdir -p $(@D)/cd/isolinux
	cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 linux/isolinux/isolinux.cfg $(@D)/cd/isolinux/
	ln $(@D)/vmlinuz $(@D)/initrd.gz $(@D)/cd/
	genisoimage -quiet -o $@ -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot -boot-load-size 4 \
	  -boot-info-table -R -J $(@D)/cd
	rm -rf $(@D)/cd

$(OUT)/linux/%/disk.img: $(OUT)/linux/%/vmlinuz $(OUT)/linux/%/initrd.gz linux/disk linux/grub/grub.cfg
	linux/disk $@ $(@D)/vmlinuz $(@D)/initrd.gz
