// SPDX-License-Identifier: Apache-2.0
import HostIO
import Options
import Testing

/// Random command lines: refused or taken, never the end of the process.
struct FuzzOptionsTests {
  private struct Random: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      // SplitMix64 (Steele, Lea, Flood 2014).
      state &+= 0x9e37_79b9_7f4a_7c15
      var value = state
      value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
      value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
      return value ^ (value >> 31)
    }
  }

  private static let options = [
    "machine", "cpu", "accel", "smp", "m", "name", "uuid", "boot", "bios", "L", "hda", "hdd", "cdrom", "drive",
    "display",
    "vga", "nic", "net", "netdev", "audiodev", "chardev", "serial", "parallel", "monitor", "qmp", "mon", "debugcon",
    "pidfile", "device", "rtc", "icount", "seed", "nographic", "nodefaults", "snapshot", "S",
  ]
  private static let pieces = [
    "pc", "none", "null", "stdio", "mon:", "tcp:", "unix:", "telnet:", "file:", "chardev:", "socket", "ringbuf", "mux",
    "id=a",
    "id=b", "path=/x", "host=h", "port=1", "fd=3", "server", "nowait", "wait=off", "size=", "1", "0", "-1", "64", "1E",
    "0x", "18446744073709551615", "9223372036854775807", "99999999999999999999", "1.5G", "k", "on", "off", "auto",
    "file=x", "if=none", "index=", "bus=", "unit=", "media=cdrom", "snapshot=on", "drive=a", "ide-hd", "ide-cd", "VGA",
    "isa-serial", "isa-debugcon", "isa-debug-exit", "iobase=", "iosize=", "chardev=a", "qemu64", "+sse3", "-tsc",
    "order=", "once=", "splash-time=", "base=", "2026-01-01T00:00:00", "shift=", "sleep=off", "help", "?", ",", ",,",
    "=", ":", "[", "]", "\u{0301}", "\r\n", "\u{1f469}\u{200d}\u{1f467}", "\u{ff}", "index=3", "addr=2", "maxmem=",
  ]

  private static func argument(_ random: inout Random) -> BytePath {
    var bytes: [UInt8] = []
    for _ in 0..<Int.random(in: 0...8, using: &random) {
      switch Int.random(in: 0..<10, using: &random) {
      case 0: bytes.append(UInt8.random(in: 1...255, using: &random))
      case 1, 2, 3: bytes.append(UInt8(ascii: ","))
      default: bytes += Array((pieces.randomElement(using: &random) ?? "").utf8)
      }
    }
    return BytePath(bytes: bytes)
  }

  @Test func `random arguments never trap`() {
    let seconds = HostProcess.environment("APUS_FUZZ_SECONDS").flatMap { Double($0.description) } ?? 0.3
    let end = HostClock.monotonicNanoseconds &+ UInt64(max(0, min(seconds, 1e9)) * 1e9)
    var random = Random(state: HostClock.monotonicNanoseconds)
    var counts = (started: 0, printed: 0, refused: 0)
    repeat {
      for _ in 0..<200 {
        var arguments: [BytePath] = []
        for _ in 0..<Int.random(in: 1...6, using: &random) {
          if Int.random(in: 0..<20, using: &random) > 0 {
            let dashes = Bool.random(using: &random) ? "-" : "--"
            arguments.append(BytePath(dashes + (Self.options.randomElement(using: &random) ?? "")))
          }
          arguments.append(Self.argument(&random))
        }
        do throws(OptionError) {
          switch try OptionParser.parse(arguments) {
          case .run: counts.started += 1
          case .print: counts.printed += 1
          }
        } catch {
          counts.refused += 1
          #expect(!error.messages.isEmpty && error.messages.allSatisfy { !$0.isEmpty })
        }
      }
    } while HostClock.monotonicNanoseconds < end
    // A generator that only finds refusals, or none, tests little.
    #expect(counts.started > 0 && counts.printed > 0 && counts.refused > 0)
  }
}
