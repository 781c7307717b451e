// SPDX-License-Identifier: Apache-2.0
import Options
import PC
import Testing

struct HelpTests {
  @Test(arguments: ["-version", "--version", "-version -nosuch", "-S -version"])
  func `the version line is the one that clients match`(line: String) throws {
    #expect(try Line.help(line) == "QEMU emulator version 7.2.0 (Apus \(apusVersion))\n")
  }

  @Test(arguments: ["-help", "--help", "-h"])
  func `help lists every option under a heading`(line: String) throws {
    let text = try Line.help(line)
    for option in [
      "m", "drive", "cdrom", "qmp", "serial", "chardev", "icount", "nographic", "rtc", "L", "S", "no-reboot",
    ] {
      #expect(text.contains("\n  -\(option)") || text.contains(", -\(option)"))
    }
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 140 })
  }

  @Test(arguments: [
    ("-M none -accel help", "Accelerators supported in QEMU binary:\ntcg\n"),
    ("-accel ''", "Accelerators supported in QEMU binary:\ntcg\n"),
    ("-machine help", "pc                   Standard PC (i440FX + PIIX, 1996) (alias of pc-i440fx-7.2)\n"),
    ("-M ?", "pc-i440fx-7.2        Standard PC (i440FX + PIIX, 1996) (default)\n"),
    ("-M pc,help", "pc-i440fx-7.2-machine options:\n"),
    ("-cpu help", "\nx86 qemu64                QEMU Virtual CPU version 2.5+\n"),
    ("-cpu ?", "\nx86 486 "),
    ("-cpu help -machine q35", "Available CPUs:\n"),
    ("-machine q35 -cpu help", "Available CPUs:\n"),
    ("-device help", "name \"isa-debug-exit\", bus ISA\n"),
    ("-device ?", "name \"VGA\", bus PCI\n"),
    ("-device isa-debug-exit,help", "isa-debug-exit options:\n  iobase=<uint32>        -  (default: 1281)\n"),
    ("-device isa-debug-exit,?", "isa-debug-exit options:\n"),
    ("-device isa-debug-exit,help=on", "isa-debug-exit options:\n"),
    ("-device isa-debugcon,help", "  chardev=<str>          - ID of a chardev to use as a backend\n"),
    ("-device isa-serial,help", "  irq=<uint32>           -  (default: 4294967295)\n"),
    ("-device VGA,help", "  edid=<bool>            - on/off (default: true)\n"),
    ("-device ide-cd,help", "ide-cd options:\n"),
    ("-device ide-hd,help", "  bootindex=<int32>\n"),
    ("-device floppy,help", "  drive-type=<FdcDriveType>"),
    ("-chardev help", "Available chardev backend types: \n  file\n"),
    ("-chardev ?", "\n  socket\n"),
    ("-display help", "Available display backend types:\nnone\n"),
    ("-vga help", "std                  standard VGA (default)\n"),
    ("-M none -netdev help", "Available netdev backend types:\n"),
    ("-nic model=help", "Supported NIC models:\n"),
    ("-audiodev help", "Available audio drivers:\nnone\n"),
    ("-boot help", "boot-opts options:\n  menu=<bool (on/off)>\n"),
    ("-smp help", "smp-opts options:\n"),
    ("-rtc help", "rtc options:\n  base=<str>\n"),
    ("-L here -L help", "here\n"),
    ("-drive format=help", "Supported formats: file host_device null-aio null-co raw qcow2\n"),
  ])
  func `help lists are there where QEMU has them`(line: String, part: String) throws {
    #expect(try Line.help(line).contains(part))
  }
}
