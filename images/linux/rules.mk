# SPDX-License-Identifier: Apache-2.0
# Linux guests from Debian 12 packages, for ARCH amd64 and i386 (the 686-pae kernel):
#   linux/ARCH/vmlinuz, initrd.gz   kernel, and an initramfs with a busybox shell on ttyS0 and tty1
#   linux/amd64/virtio.gz           the same initramfs with drivers of disks, IDE and virtio, and other virtio devices, for modprobe
#   linux/amd64/input.gz            the same initramfs with drivers of input devices, for modprobe
#   linux/amd64/network.gz          the same initramfs with Ethernet drivers, for modprobe, and a script for udhcpc
#   linux/ARCH/cd.iso, disk.img     both behind isolinux, and behind GRUB on a partitioned disk
#   linux/debian/                   a Debian root with systemd: root.img, vmlinuz, initrd.gz, answers.json; made by root only
#   linux/exact/initrd.gz           an initramfs that works processor and disk by itself, for runs that are compared
#   linux/memtest.bin               memtest86+, which is a kernel to -kernel
# Packages are kept in cache/, which git ignores and `make clean` leaves alone.
CACHE := cache
KERNEL_amd64 := linux-image-amd64
KERNEL_i386 := linux-image-686-pae
LINUX := $(foreach arch,amd64 i386,$(addprefix $(OUT)/linux/$(arch)/,vmlinuz initrd.gz cd.iso disk.img)) \
  $(OUT)/linux/exact/initrd.gz $(OUT)/linux/memtest.bin $(OUT)/linux/amd64/virtio.gz $(OUT)/linux/amd64/input.gz \
  $(OUT)/linux/amd64/network.gz

.PHONY: linux
linux: $(LINUX)

# Of the modules, what disks, file systems and the power button need.
MODULES := $(foreach part,drivers/ata drivers/scsi drivers/cdrom drivers/acpi drivers/input drivers/virtio drivers/block/virtio_blk.ko \
  drivers/char/virtio_console.ko drivers/char/hw_random drivers/net/ethernet/intel/e1000 drivers/net/virtio_net.ko \
  drivers/net/net_failover.ko net/core/failover.ko fs/ext4 fs/jbd2 fs/mbcache.ko fs/autofs lib crypto \
  arch/x86/crypto block,'./lib/modules/*/kernel/$(part)*') './lib/modules/*/modules.*'

$(CACHE)/amd64/kernel.ready $(CACHE)/i386/kernel.ready: $(CACHE)/%/kernel.ready: linux/fetch linux/rules.mk
	rm -rf $(CACHE)/$*/kernel
	linux/fetch $(CACHE) $* $(CACHE)/$*/kernel $(KERNEL_$*) './boot/*' $(MODULES)
	touch $@

$(CACHE)/amd64/busybox.ready $(CACHE)/i386/busybox.ready: $(CACHE)/%/busybox.ready: linux/fetch
	rm -rf $(CACHE)/$*/busybox
	linux/fetch $(CACHE) $* $(CACHE)/$*/busybox busybox-static ./bin/busybox
	touch $@

$(OUT)/linux/%/vmlinuz: $(CACHE)/%/kernel.ready
	mkdir -p $(@D)
	cp $(CACHE)/$*/kernel/boot/vmlinuz-* $@

$(OUT)/linux/%/initrd.gz: $(CACHE)/%/busybox.ready linux/initramfs $(wildcard linux/shell/etc/*)
	mkdir -p $(@D)
	linux/initramfs $@ $(CACHE)/$*/busybox/bin/busybox linux/shell

$(OUT)/linux/amd64/virtio.gz: $(CACHE)/amd64/kernel.ready $(CACHE)/amd64/busybox.ready linux/initramfs linux/modules $(wildcard linux/shell/etc/*)
	mkdir -p $(@D)
	linux/modules $(CACHE)/amd64/kernel $(CACHE)/amd64/virtio ata_piix sd_mod virtio_pci virtio_blk virtio_rng virtio_balloon virtio_console
	linux/initramfs $@ $(CACHE)/amd64/busybox/bin/busybox linux/shell $(CACHE)/amd64/virtio

$(OUT)/linux/amd64/input.gz: $(CACHE)/amd64/kernel.ready $(CACHE)/amd64/busybox.ready linux/initramfs linux/modules $(wildcard linux/shell/etc/*)
	mkdir -p $(@D)
	linux/modules $(CACHE)/amd64/kernel $(CACHE)/amd64/input psmouse evdev
	linux/initramfs $@ $(CACHE)/amd64/busybox/bin/busybox linux/shell $(CACHE)/amd64/input

$(OUT)/linux/amd64/network.gz: $(CACHE)/amd64/kernel.ready $(CACHE)/amd64/busybox.ready linux/initramfs linux/modules $(wildcard linux/shell/etc/* linux/network/etc/*)
	mkdir -p $(@D)
	linux/modules $(CACHE)/amd64/kernel $(CACHE)/amd64/network e1000 virtio_pci virtio_net
	cp -r linux/network/. $(CACHE)/amd64/network/
	linux/initramfs $@ $(CACHE)/amd64/busybox/bin/busybox linux/shell $(CACHE)/amd64/network

$(OUT)/linux/%/cd.iso: $(OUT)/linux/%/vmlinuz $(OUT)/linux/%/initrd.gz linux/isolinux/isolinux.cfg
	rm -rf $(@D)/cd && mkdir -p $(@D)/cd/isolinux
	cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 linux/isolinux/isolinux.cfg $(@D)/cd/isolinux/
	ln $(@D)/vmlinuz $(@D)/initrd.gz $(@D)/cd/
	genisoimage -quiet -o $@ -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot -boot-load-size 4 \
	  -boot-info-table -R -J $(@D)/cd
	rm -rf $(@D)/cd

$(OUT)/linux/%/disk.img: $(OUT)/linux/%/vmlinuz $(OUT)/linux/%/initrd.gz linux/disk linux/grub/grub.cfg
	linux/disk $@ $(@D)/vmlinuz $(@D)/initrd.gz

$(OUT)/linux/exact/initrd.gz: $(CACHE)/amd64/kernel.ready $(CACHE)/amd64/busybox.ready linux/initramfs linux/modules $(wildcard linux/exact/etc/*)
	mkdir -p $(@D)
	linux/modules $(CACHE)/amd64/kernel $(CACHE)/exact/modules ata_piix sd_mod crc32c_generic crct10dif_generic
	linux/initramfs $@ $(CACHE)/amd64/busybox/bin/busybox linux/exact $(CACHE)/exact/modules

# A Debian with systemd on an unpartitioned ext4 disk, and an initramfs that mounts it. The files come from mmdebstrap once, and are kept.
DEBIAN := $(addprefix $(OUT)/linux/debian/,root.img answers.json initrd.gz vmlinuz)

.PHONY: debian
debian: $(DEBIAN)

$(CACHE)/debian/root.tar: linux/debian/bootstrap
	mkdir -p $(@D)
	linux/debian/bootstrap $@

# The modules have their index by then.
$(OUT)/linux/debian/root.img: $(CACHE)/debian/root.tar $(OUT)/linux/debian/initrd.gz linux/debian/image
	linux/debian/image $< $(CACHE)/amd64/kernel/lib/modules $(@D)
$(OUT)/linux/debian/answers.json: $(OUT)/linux/debian/root.img

$(OUT)/linux/debian/initrd.gz: $(CACHE)/amd64/kernel.ready $(CACHE)/amd64/busybox.ready linux/initramfs linux/modules linux/debian/initramfs/init
	mkdir -p $(@D)
	linux/modules $(CACHE)/amd64/kernel $(CACHE)/debian/modules ata_piix sd_mod virtio_pci virtio_blk ext4 crc32c_generic crct10dif_generic
	linux/initramfs $@ $(CACHE)/amd64/busybox/bin/busybox linux/debian/initramfs $(CACHE)/debian/modules

$(OUT)/linux/debian/vmlinuz: $(OUT)/linux/amd64/vmlinuz
	mkdir -p $(@D)
	ln -f $< $@

$(CACHE)/amd64/memtest.ready: linux/fetch
	linux/fetch $(CACHE) amd64 $(CACHE)/amd64/memtest memtest86+ './boot/memtest86+x64.bin'
	touch $@

$(OUT)/linux/memtest.bin: $(CACHE)/amd64/memtest.ready
	mkdir -p $(@D)
	cp $(CACHE)/amd64/memtest/boot/memtest86+x64.bin $@
