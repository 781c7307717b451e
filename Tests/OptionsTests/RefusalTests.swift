// SPDX-License-Identifier: Apache-2.0
import Testing

/// A command line and the messages with which QEMU 7.2 refuses it; `OPT: ` stands for the last option and its argument.
struct Refused: Sendable, CustomTestStringConvertible {
  var line: String
  var messages: [String]
  init(_ line: String, _ messages: String...) { (self.line, self.messages) = (line, messages) }
  var testDescription: String { line }

  func check() {
    let words = line.split(separator: " ").map { $0 == "''" ? "" : String($0) }
    let option = words.suffix(2).joined(separator: " ") + ": "
    let expected = messages.map { $0.hasPrefix("OPT: ") ? option + $0.dropFirst(5) : $0 }
    #expect(Line.refusal(line) == expected)
  }
}

private let size = """
  expects a non-negative number below 2^64
  Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-
  and exabytes, respectively.
  """
private let identifier = """
  OPT: Parameter 'id' expects an identifier
  Identifiers consist of letters, digits, '-', '.', '_', starting with a letter.
  """

/// Sentences recorded from qemu-system-x86_64 7.2.
struct RefusalTests {
  @Test(arguments: [
    Refused("-foo", "-foo: invalid option"),
    Refused("--bar=1", "--bar=1: invalid option"),
    Refused("---m 64", "---m: invalid option"),
    Refused("-", "-: invalid option"),
    Refused("--", "--: invalid option"),
    Refused("-? x", "-?: invalid option"),
    Refused("-S1", "-S1: invalid option"),
    Refused("-no-reboot=1", "-no-reboot=1: invalid option"),
    Refused("-hda", "-hda: requires an argument"),
    Refused("-S -drive", "-drive: requires an argument"),
  ])
  func `an option that does not exist or lacks its argument`(_ refused: Refused) { refused.check() }

  @Test(arguments: [
    Refused("-m abc", "OPT: Parameter 'size' \(size)"),
    Refused("-m -5", "OPT: Parameter 'size' \(size)"),
    Refused("-m size=", "OPT: Parameter 'size' \(size)"),
    Refused("-m 64.5", "OPT: Parameter 'size' \(size)"),
    Refused("-m .5", "OPT: Parameter 'size' \(size)"),
    Refused("-m 64X", "OPT: Parameter 'size' \(size)"),
    Refused("-m 1e3", "OPT: Parameter 'size' \(size)"),
    Refused("-m 1.5.5", "OPT: Parameter 'size' \(size)"),
    Refused("-m 1.5b", "OPT: Parameter 'size' \(size)"),
    Refused("-m help", "OPT: Parameter 'size' \(size)"),
    Refused("-m 17E", "OPT: Value '17E' is out of range for parameter 'size'"),
    Refused("-m 99999999999999999999", "OPT: Value '99999999999999999999' is out of range for parameter 'size'"),
    Refused("-m 18446744073709551615", "Parameter 'memory.size' expects size"),
    Refused("-m 64,bogus=1", "OPT: Invalid parameter 'bogus'"),
    Refused("-m 64,slots=2", "slots specified but no max-size"),
    Refused("-m 64M,maxmem=abc", "OPT: Parameter 'maxmem' \(size)"),
    Refused(
      "-m 64,maxmem=32M",
      "invalid value of maxmem: maximum memory size (0x2000000) must be at least the initial memory size (0x4000000)"),
    Refused("-m 64,maxmem=128M", "OPT: memory hotplug is not supported by this machine"),
  ])
  func `a memory size`(_ refused: Refused) { refused.check() }

  @Test(arguments: [
    Refused("-machine nosuch", "unsupported machine type\nUse -machine help to list supported machines"),
    Refused("-M q35", "unsupported machine type\nUse -machine help to list supported machines"),
    Refused("-machine ,accel=tcg", "OPT: Invalid parameter ''"),
    Refused("-machine pc,usb", "OPT: Expected '=' after parameter 'usb'"),
    Refused("-machine pc,bogus=1", "Property 'pc-i440fx-7.2-machine.bogus' not found"),
    Refused("-machine accel=tcg,thread=single", "Property 'pc-i440fx-7.2-machine.thread' not found"),
    Refused("-machine pc,usb=maybe", "Parameter 'usb' expects 'on' or 'off'"),
    Refused("-machine pc,smm=maybe", "Parameter 'smm' does not accept value 'maybe'"),
    Refused("-machine pc,usb=on", "OPT: usb=on is not supported: this board does not have it"),
    Refused("-machine pc,pit=off", "OPT: pit=off is not supported: this board always has it"),
    Refused("-machine accel=", "no accelerator found"),
    Refused("-machine accel=nosuch", "invalid accelerator nosuch"),
    Refused("-accel nosuch", "OPT: invalid accelerator nosuch"),
    Refused("-accel kvm:tcg", "OPT: invalid accelerator kvm:tcg"),
    Refused("-accel kvm", "OPT: failed to initialize kvm: No such file or directory"),
    Refused("-machine accel=kvm", "failed to initialize kvm: No such file or directory"),
    Refused("-enable-kvm", "failed to initialize kvm: No such file or directory"),
    Refused("-accel tcg -machine accel=tcg", "The -accel and \"-machine accel=\" options are incompatible"),
    Refused("-enable-kvm -accel tcg", "The -accel and \"-machine accel=\" options are incompatible"),
    Refused("-accel tcg,thread=maybe", "OPT: Invalid 'thread' setting maybe"),
    Refused("-accel tcg,tb-size=abc", "OPT: Parameter 'tb-size' expects uint64"),
    Refused("-accel tcg,bogus=1", "OPT: Property 'tcg-accel.bogus' not found"),
    Refused("-icount 3 -accel tcg,thread=multi", "OPT: No MTTCG when icount is enabled"),
    Refused("-seed abc", "OPT: Invalid seed number: abc"),
    Refused("-seed -1", "OPT: Invalid seed number: -1"),
    Refused("-seed 099", "OPT: Invalid seed number: 099"),
    Refused("-seed 18446744073709551616", "OPT: Invalid seed number: 18446744073709551616"),
    Refused("-smp abc", "Parameter 'smp.cpus' expects integer"),
    Refused("-smp 1M", "Parameter 'smp.cpus' expects integer"),
    Refused("-smp 1,bogus=1", "Parameter 'smp.bogus' is unexpected"),
    Refused("-smp 1,cores", "OPT: Expected '=' after parameter 'cores'"),
    Refused("-smp 2", "OPT: Invalid SMP CPUs 2. The max CPUs supported by machine 'pc-i440fx-7.2' is 1"),
    Refused("-smp -1", "OPT: Invalid SMP CPUs -1. The max CPUs supported by machine 'pc-i440fx-7.2' is 1"),
    Refused("-smp 1,maxcpus=2", "OPT: Invalid SMP CPUs 2. The max CPUs supported by machine 'pc-i440fx-7.2' is 1"),
    Refused(
      "-smp cores=2,threads=2", "OPT: Invalid SMP CPUs 4. The max CPUs supported by machine 'pc-i440fx-7.2' is 1"),
    Refused(
      "-smp cpus=1,cores=2",
      "Invalid CPU topology: product of the hierarchy must match maxcpus: sockets (0) * dies (1) * cores (2) * "
        + "threads (1) != maxcpus (1)"),
  ])
  func `a board, an accelerator, a number of processors`(_ refused: Refused) { refused.check() }

  @Test(arguments: [
    Refused("-cpu nosuch", "unable to find CPU model 'nosuch'"),
    Refused("-cpu help,x", "unable to find CPU model 'help'"),
    Refused("-cpu ,x", "unable to find CPU model ''"),
    Refused("-cpu ''", "-cpu option cannot be empty"),
    Refused("-cpu host", "CPU model 'host' requires KVM or HVF"),
    Refused(
      "-cpu qemu64,bogus", "can't apply global qemu64-x86_64-cpu.bogus=on: Property 'qemu64-x86_64-cpu.bogus' not found"
    ),
    Refused("-cpu qemu64,+bogus", "Property 'qemu64-x86_64-cpu.bogus' not found"),
    Refused("-cpu qemu64,-bogus", "Property 'qemu64-x86_64-cpu.bogus' not found"),
    Refused("-cpu qemu64,+", "Property 'qemu64-x86_64-cpu.' not found"),
    Refused("-cpu qemu64,+-", "Property 'qemu64-x86_64-cpu.-' not found"),
    Refused(
      "-cpu qemu64,sse3=maybe",
      "can't apply global qemu64-x86_64-cpu.sse3=maybe: Parameter 'sse3' expects 'on' or 'off'"),
    Refused(
      "-cpu qemu64,+avx512f,enforce", "warning: TCG doesn't support requested feature: CPUID.07H:EBX.avx512f [bit 16]",
      "TCG doesn't support requested features"),
    Refused(
      "-cpu qemu64,family=6",
      "can't apply global qemu64-x86_64-cpu.family=6: Property 'qemu64-x86_64-cpu.family' cannot be changed"),
  ])
  func `a processor`(_ refused: Refused) { refused.check() }

  @Test(arguments: [
    Refused("-boot order=z", "Invalid boot device 'z'"),
    Refused("-boot C", "Invalid boot device 'C'"),
    Refused("-boot menu", "Invalid boot device 'u'"),
    Refused("-boot once=z", "Invalid boot device 'z'"),
    Refused("-boot cc", "Boot device 'c' was given twice"),
    Refused("-boot p", "Invalid boot device for PC: 'p'"),
    Refused("-boot once=p", "Invalid boot device for PC: 'p'"),
    Refused("-boot cdna", "Too many boot devices for PC"),
    Refused("-boot splash-time=70000", "splash-time is invalid,it should be a value between 0 and 65535"),
    Refused("-boot splash-time=-1", "splash-time is invalid,it should be a value between 0 and 65535"),
    Refused("-boot splash-time=abc", "Parameter 'boot.splash-time' expects integer"),
    Refused("-boot menu=maybe", "Parameter 'boot.menu' expects 'on' or 'off'"),
    Refused("-boot strict=maybe", "Parameter 'boot.strict' expects 'on' or 'off'"),
    Refused("-boot bogus=1", "Parameter 'boot.bogus' is unexpected"),
    Refused("-boot menu=on,menu", "OPT: Expected '=' after parameter 'menu'"),
    Refused("-boot reboot-timeout=5", "OPT: reboot-timeout is not supported"),
    Refused("-boot splash=a.jpg", "OPT: splash is not supported"),
    Refused("-name a,b", "OPT: Invalid parameter 'b'"),
    Refused("-name a=b", "OPT: Invalid parameter 'a'"),
    Refused("-name guest=a,debug-threads=maybe", "OPT: Parameter 'debug-threads' expects 'on' or 'off'"),
    Refused("-uuid nosuch", "OPT: failed to parse UUID string: wrong format"),
    Refused("-uuid ''", "OPT: failed to parse UUID string: wrong format"),
    Refused("-uuid 12345678-1234-1234-1234-123456789abcd", "OPT: failed to parse UUID string: wrong format"),
    Refused("-uuid 123456781234123412341234567890ab", "OPT: failed to parse UUID string: wrong format"),
    Refused("-uuid 1234567-81234-1234-1234-123456789abc", "OPT: failed to parse UUID string: wrong format"),
  ])
  func `a boot order, a name, a UUID`(_ refused: Refused) { refused.check() }

  @Test(arguments: [
    Refused("-rtc base=nosuch", "invalid datetime format\nvalid formats: '2006-06-17T16:01:21' or '2006-06-17'"),
    Refused("-rtc base=", "invalid datetime format\nvalid formats: '2006-06-17T16:01:21' or '2006-06-17'"),
    Refused("-rtc base=2026-01", "invalid datetime format\nvalid formats: '2006-06-17T16:01:21' or '2006-06-17'"),
    Refused("-rtc base=utc,clock=nosuch", "invalid option value 'nosuch'"),
    Refused("-rtc driftfix=nosuch", "invalid option value 'nosuch'"),
    Refused("-rtc utc", "OPT: Invalid parameter 'utc'"),
    Refused("-rtc bogus=1", "OPT: Invalid parameter 'bogus'"),
    Refused("-icount nosuch", "OPT: icount: Invalid shift value"),
    Refused("-icount help", "OPT: icount: Invalid shift value"),
    Refused("-icount shift=11", "OPT: icount: Invalid shift value"),
    Refused("-icount shift=-1", "OPT: icount: Invalid shift value"),
    Refused("-icount 5x", "OPT: icount: Invalid shift value"),
    Refused("-icount shift=", "OPT: icount: Invalid shift value"),
    Refused("-icount shift=5,align=on,sleep=off", "OPT: align=on and sleep=off are incompatible"),
    Refused("-icount align=on", "OPT: Please specify shift option when using align"),
    Refused("-icount shift=5,sleep=maybe", "OPT: Parameter 'sleep' expects 'on' or 'off'"),
    Refused("-icount shift=5,rr=bogus", "OPT: Invalid icount rr option: bogus"),
    Refused("-icount shift=5,rr=record", "OPT: icount: rr=record is not supported"),
    Refused("-icount shift=5,bogus=1", "OPT: Invalid parameter 'bogus'"),
    Refused("-icount auto,sleep=off", "OPT: icount: sleep=off needs a shift that is a number"),
    Refused("-icount 5,align=on", "OPT: icount: align=on is not supported: it follows the host's speed"),
  ])
  func `a clock or instruction counting`(_ refused: Refused) { refused.check() }

  @Test(arguments: [
    Refused("-vga nosuch", "unknown vga type: nosuch"),
    Refused("-vga ''", "unknown vga type: "),
    Refused("-vga cirrus", "unknown vga type: cirrus"),
    Refused("-display nosuch", "OPT: Parameter 'type' does not accept value 'nosuch'"),
    Refused("-display gtk", "OPT: Parameter 'type' does not accept value 'gtk'"),
    Refused("-display ''", "OPT: Parameter 'type' is missing"),
    Refused("-display none,bogus=1", "OPT: Parameter 'bogus' is unexpected"),
    Refused("-display none,gl", "OPT: Expected '=' after parameter 'gl'"),
    Refused("-display none,gl=on", "OpenGL is not supported by the display"),
    Refused("-nic help", "OPT: Parameter 'type' does not accept value 'help'"),
    Refused("-net help", "OPT: Parameter 'type' does not accept value 'help'"),
    Refused("-netdev l2tpv3,id=a", "OPT: network backend 'l2tpv3' is not compiled into this binary"),
    Refused("-audiodev alsa,id=a", "OPT: Parameter 'driver' does not accept value 'alsa'"),
  ])
  func `an adapter that is not there`(_ refused: Refused) { refused.check() }

  @Test(arguments: [
    Refused("-device nosuch", "OPT: 'nosuch' is not a valid device model name"),
    Refused("-device virtio-scsi-pci,id=a", "OPT: 'virtio-scsi-pci' is not a valid device model name"),
    Refused("-device ''", "OPT: Parameter 'driver' is missing"),
    Refused("-device ,iobase=1", "OPT: '' is not a valid device model name"),
    Refused("-device isa-debug-exit,bogus=1", "OPT: Property 'isa-debug-exit.bogus' not found"),
    Refused("-device isa-debug-exit,addr=5", "OPT: Property 'isa-debug-exit.addr' not found"),
    Refused("-device isa-debug-exit,iobase=abc", "OPT: Parameter 'iobase' expects integer"),
    Refused("-device isa-debug-exit,iobase", "OPT: Parameter 'iobase' expects integer"),
    Refused("-device isa-debug-exit,iobase=", "OPT: Parameter 'iobase' expects integer"),
    Refused("-device isa-debug-exit,iobase=-1", "OPT: Parameter 'iobase' expects uint32_t"),
    Refused("-device isa-debug-exit,iobase=4294967296", "OPT: Parameter 'iobase' expects uint32_t"),
    Refused(
      "-device isa-debug-exit,iobase=0x10000", "OPT: Property 'isa-debug-exit.iobase' doesn't take value '0x10000'"),
    Refused("-device isa-debug-exit,iosize=0", "OPT: Property 'isa-debug-exit.iosize' doesn't take value '0'"),
    Refused("-device isa-debug-exit,id=1x", identifier),
    Refused("-device isa-debug-exit,id=x -device isa-debug-exit,id=x", "OPT: Duplicate ID 'x' for device"),
    Refused("-device isa-debug-exit,bus=pci.0", "OPT: Device 'isa-debug-exit' can't go on PCI bus"),
    Refused("-device isa-debug-exit,bus=ide.0", "OPT: Device 'isa-debug-exit' can't go on IDE bus"),
    Refused("-device isa-debug-exit,bus=nosuch", "OPT: Bus 'nosuch' not found"),
    Refused("-M none -device isa-debug-exit", "OPT: No 'ISA' bus found for device 'isa-debug-exit'"),
    Refused("-device isa-debugcon", "OPT: Can't create debugcon device, empty char device"),
    Refused("-device isa-debugcon,chardev=a", "OPT: Property 'isa-debugcon.chardev' can't find value 'a'"),
    Refused(
      "-chardev null,id=a -serial chardev:a -device isa-debugcon,chardev=a",
      "OPT: Property 'isa-debugcon.chardev' can't take value 'a': Device 'a' is in use"),
    Refused("-device isa-serial,chardev=a", "OPT: Property 'serial.chardev' can't find value 'a'"),
    Refused("-device isa-serial,index=5", "OPT: Max. supported number of ISA serial ports is 4."),
    Refused("-device isa-serial,irq=20", "OPT: Property 'isa-serial.irq' doesn't take value '20'"),
    Refused("-serial null -device isa-serial,index=0", "OPT: there is a serial port at 0x3f8 already"),
    Refused("-device VGA,bogus=1", "OPT: Property 'VGA.bogus' not found"),
    Refused("-device VGA,vgamem_mb=abc", "OPT: Parameter 'vgamem_mb' expects integer"),
    Refused("-device VGA,addr=40", "OPT: Property 'VGA.addr' doesn't take value '40'"),
    Refused("-vga std -device VGA", "OPT: this machine has room for one VGA adapter only"),
    Refused("-device VGA -device VGA", "OPT: this machine has room for one VGA adapter only"),
  ])
  func `a device`(_ refused: Refused) { refused.check() }
}
