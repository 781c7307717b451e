// SPDX-License-Identifier: Apache-2.0
import HostIO
import Options
import PC
import Testing

struct MachineOptionTests {
  @Test(
    arguments: [
      ("", 128 << 20), ("-m ''", 128 << 20), ("-m 0", 128 << 20), ("-m 64", 64 << 20), ("-m 64M", 64 << 20),
      ("-m size=1G", 1 << 30),
      ("-m 0.0625G", 64 << 20), ("-m 65536k", 64 << 20), ("-m 65536K", 64 << 20), ("-m 0x40", 64 << 20),
      ("-m 0x40M", 64 << 20),
      ("-m 1k", 8192), ("-m 64b", 8192), ("-m 8193B", 16384), ("-m 0.3G", 322_125_824),
      ("-m size=64,size=32", 32 << 20),
      ("-m 64 --m 32", 32 << 20),
      ("-m 64,maxmem=64M", 64 << 20), ("-m 64,slots=0,maxmem=64M", 64 << 20), ("-m 1E", 1 << 60), ("-m 010", 10 << 20),
    ] as [(String, UInt64)])
  func `memory is counted in megabytes and rounded up to pages`(line: String, byteCount: UInt64) throws {
    #expect(try Line.machine(line).memoryByteCount == byteCount)
  }

  @Test(arguments: [
    "-smp 1", "-smp cpus=1", "-smp ''", "-smp 1,sockets=1,cores=1,threads=1", "-smp 1,maxcpus=1,dies=1,clusters=1",
    "-smp 0x1", "-smp 0",
    "-smp sockets=1", "-machine pc", "-M pc", "-machine ''", "-machine type=pc,accel=tcg", "-machine pc-i440fx-7.2",
    "-machine q35 -machine pc",
    "-machine pc,usb=off,hpet=off,vmport=auto,smm=off,acpi=on,dump-guest-core=off,mem-merge=off,kernel-irqchip=split,nvdimm=off",
    "-accel tcg", "-accel tcg,thread=single,tb-size=64,split-wx=off", "-accel tcg,thread=multi", "-accel accel=tcg",
    "-accel tcg -accel kvm",
    "-machine accel=tcg:kvm", "-boot strict=on", "-boot c,menu=off", "-boot reboot-timeout=-1", "-snapshot",
    "-nic none", "-nic none,model=e1000",
    "-net none", "-parallel none", "-monitor none", "-vga std", "-display none", "-display type=none",
    "-display none,gl=off,window-close=on",
    "-display gtk -display none", "-no-user-config", "-rtc ''", "-rtc clock=rt,driftfix=slew", "-icount ''",
    "-icount sleep=off", "-cpu qemu64,",
    "-cpu qemu64,check=off,enforce=off", "-audiodev none,id=a", "-L /nonexistent", "--nographic --no-reboot",
    "-name a,process=b,debug-threads",
    "-device isa-debug-exit,bus=isa.0", "-device driver=isa-debug-exit",
    "-chardev null,id=a -device isa-debugcon,chardev=a",
  ])
  func `spellings that are taken without a word`(line: String) throws { #expect(try Line.launch(line).warnings == []) }

  @Test(
    arguments: [
      ("-machine accel=kvm:tcg", ["warning: KVM is not available, falling back to tcg"]),
      ("-accel kvm -accel tcg", ["warning: KVM is not available, falling back to tcg"]),
      ("-machine accel=nosuch:tcg", ["invalid accelerator nosuch", "falling back to tcg"]),
      ("-cpu qemu64,+avx512f", ["warning: TCG doesn't support requested feature: CPUID.07H:EBX.avx512f [bit 16]"]),
      ("-cpu qemu64,vmx=on", ["warning: TCG doesn't support requested feature: CPUID.01H:ECX.vmx [bit 5]"]),
      ("-icount shift=auto", ["warning: -icount shift=auto follows the host's clock: runs are not repeatable"]),
    ] as [(String, [String])])
  func `what is not quite as asked is told`(line: String, warnings: [String]) throws {
    #expect(try Line.launch(line).warnings == warnings)
  }

  @Test func `features of the processor are switched`() throws {
    let machine = try Line.machine("-cpu pentium,-tsc,pae=on,cmov,mce=off,-avx2")
    #expect(machine.processorModel == "pentium")
    #expect(
      machine.processorFeatures == [
        .init(name: "tsc", isOn: false), .init(name: "pae", isOn: true), .init(name: "cmov", isOn: true),
        .init(name: "mce", isOn: false), .init(name: "avx2", isOn: false),
      ])
    let later = try Line.machine("-cpu pentium,-tsc -cpu 486")
    #expect(later.processorModel == "486" && later.processorFeatures.isEmpty)
  }

  @Test func `name, UUID, firmware and flags reach the machine`() throws {
    let launch = try Line.launch(
      "-name guest=a,,b -uuid 12345678-1234-1234-1234-123456789ABC -bios x -L y -L z -S -no-reboot -no-shutdown -pidfile p -vga none"
    )
    let machine = launch.machine
    #expect(machine.name == "a,b")
    #expect(
      machine.uuid == [0x12, 0x34, 0x56, 0x78, 0x12, 0x34, 0x12, 0x34, 0x12, 0x34, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc])
    #expect(machine.firmware == "x" && machine.firmwareFolders == ["y", "z"])
    #expect(machine.startsPaused)
    #expect((machine.actions.reboot, machine.actions.shutdown, machine.actions.panic) == (.shutdown, .pause, .pause))
    #expect(launch.pidFile == "p" && machine.graphics == .none)
    let plain = try Line.machine("")
    #expect(!plain.startsPaused && plain.actions == GuestActions() && plain.name == nil)
    #expect(plain.uuid == [UInt8](repeating: 0, count: 16) && plain.firmware == nil && plain.graphics == .standard)
    #expect(plain.board == .pc && plain.processorModel == "qemu64" && plain.bootOrder == "cad" && !plain.isNoGraphic)
  }

  @Test(
    arguments: [
      ("-boot dc", "dc", nil, false, nil), ("-boot order=n", "n", nil, false, nil),
      ("-boot once=d", "cad", "d", false, nil),
      ("-boot order=c,once=d,menu=on,splash-time=5", "c", "d", true, 5),
      ("-boot order=c,order=d", "d", nil, false, nil),
      ("-boot once=d -boot menu=on", "cad", "d", true, nil), ("-boot order=", "", nil, false, nil),
      ("-boot ''", "cad", nil, false, nil),
      ("-boot splash-time=0,menu=on,strict=off", "cad", nil, true, 0),
    ] as [(String, String, String?, Bool, UInt16?)])
  func `the boot order`(line: String, order: String, once: String?, menu: Bool, wait: UInt16?) throws {
    let machine = try Line.machine(line)
    #expect(machine.bootOrder == order && machine.bootOnce == once)
    #expect(machine.bootMenu == menu && machine.bootMenuWait == wait)
  }

  @Test(
    arguments: [
      ("", true), ("-machine hpet=on", true), ("-machine hpet=off", false), ("-no-hpet", false),
      ("-M pc,hpet=off -machine hpet=on", true),
    ])
  func `the event timer`(line: String, isPresent: Bool) throws {
    #expect(try Line.machine(line).hasEventTimer == isPresent)
  }

  @Test func `the clock's base and source`() throws {
    func clock(_ line: String) throws -> MachineConfiguration.RealTimeClock { try Line.machine(line).realTimeClock }
    guard case .utc = try clock("").base, case .utc = try clock("-rtc base=utc").base,
      case .localTime = try clock("-rtc base=localtime,clock=host").base
    else { return #expect(Bool(false)) }
    for (line, expected) in [
      ("-rtc base=2026-01-01T12:00:00,clock=vm", 1_767_268_800), ("-rtc base=2026-01-01", 1_767_225_600),
    ] as [(String, Int64)] {
      guard case .date(let seconds) = try clock(line).base else { return #expect(Bool(false)) }
      #expect(seconds == expected)
    }
    #expect(try clock("-rtc base=utc -rtc clock=vm").source == .virtual)
    #expect(try clock("-rtc clock=rt").source == .realTime && clock("").source == .host)
  }

  @Test(
    arguments: [
      ("", nil, true), ("-icount 5", 5, true), ("-icount shift=10,sleep=off", 10, false), ("-icount 0x5", 5, true),
      ("-icount 0", 0, true),
      ("-icount auto", nil, true), ("-icount sleep=off", nil, true),
    ] as [(String, Int?, Bool)])
  func `instruction counting`(line: String, shift: Int?, sleeps: Bool) throws {
    let counting = try Line.machine(line).instructionCounting
    #expect(counting?.shift == shift)
    #expect(counting?.sleeps ?? true == sleeps)
  }

  @Test(
    arguments: [
      ("", nil), ("-seed 0", 0), ("-seed 1 -seed 2", 2), ("-seed 0x10", 16), ("-seed 010", 8), ("-seed +5", 5),
      ("-seed 18446744073709551615", .max),
    ] as [(String, UInt64?)])
  func `the seed of random numbers`(line: String, seed: UInt64?) throws {
    #expect(try Line.machine(line).randomSeed == seed)
  }

  @Test(
    arguments: [
      ("", MachineConfiguration.Graphics.standard), ("-nodefaults", .none), ("-nodefaults -vga std", .standard),
      ("-vga std -nodefaults", .standard), ("-vga none", .none), ("-vga none -device VGA", .standard),
      ("-device VGA", .standard),
      ("-nodefaults -device VGA,edid=on,xres=1280,yres=800", .standard),
      ("-nodefaults -vga none -device VGA,addr=2", .standard),
    ] as [(String, MachineConfiguration.Graphics)])
  func `the graphics adapter`(line: String, graphics: MachineConfiguration.Graphics) throws {
    #expect(try Line.machine(line).graphics == graphics)
  }

  @Test func `video memory is counted in megabytes`() throws {
    #expect(try Line.machine("").videoMemoryByteCount == 16 << 20)
    #expect(try Line.machine("-device VGA,vgamem_mb=32").videoMemoryByteCount == 32 << 20)
  }

  @Test func `the firmware hears of a machine without graphics`() throws {
    #expect(try Line.machine("-nographic").isNoGraphic)
    #expect(try Line.machine("-machine graphics=off").isNoGraphic)
    #expect(try !Line.machine("-machine graphics=on").isNoGraphic)
  }

  @Test(
    arguments: [
      ("isa-debug-exit", 0x501, 2), ("isa-debug-exit,iobase=0xf4,iosize=0x04", 0xf4, 4),
      ("isa-debug-exit,iobase=0xffff", 0xffff, 1),
      ("isa-debug-exit,iobase=1,iobase=010,iosize=100000,id=x", 8, 65528),
    ] as [(String, UInt16, UInt16)])
  func `the debug exit port`(device: String, port: UInt16, count: UInt16) throws {
    guard case .debugExit(let foundPort, let foundCount)? = try Line.machine("-device \(device)").isaDevices.first
    else { return #expect(Bool(false)) }
    #expect(foundPort == port && foundCount == count)
  }
}
