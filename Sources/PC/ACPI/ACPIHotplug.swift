// SPDX-License-Identifier: Apache-2.0
import Chipset

/// What the guest's interpreter does when PCI devices come and go: through the ports of `PCIHotplug` it learns which slots
/// are meant, tells the operating system, and ejects for it.
///
/// Reference: ACPI 6.5, 5.6.6 (notifications), 6.3.3 (`_EJ0`), 6.1.11 (`_SUN`); PCI Firmware Specification 3.3, 4.6.7 (a
/// device's number and name through `_DSM`); QEMU 7.2's `pc` for the names that tools may look for.
struct ACPIHotplug {
  static let firstPort = PCIHotplug.firstPort
  static let portCount = UInt8(truncatingIfNeeded: PCIHotplug.portCount)

  /// A bit for every slot that has a device object.
  var slots: UInt32

  private enum Notification {
    static let deviceCheck: AML = 1
    static let ejectRequest: AML = 3
  }

  private enum DeviceFunction {
    static let supported: AML = 0
    static let label: AML = 7
  }

  /// e5c937d0-3553-4d7a-9117-ea4d19c3434d: functions of PCI devices.
  private static let deviceLabeling: [UInt8] = [
    0xd0, 0x37, 0xc9, 0xe5, 0x53, 0x35, 0x7a, 0x4d, 0x91, 0x17, 0xea, 0x4d, 0x19, 0xc3, 0x43, 0x4d,
  ]

  private var slotNumbers: [Int] { (0..<32).filter { slots >> UInt32($0) & 1 != 0 } }

  /// Named by the device and function number: S18 is slot 3.
  private func name(_ slot: Int) -> String { (slot < 2 ? "S0" : "S") + String(slot * 8, radix: 16, uppercase: true) }

  /// Inside `\_SB.PCI0`. Methods come before what calls them.
  var busTerms: [AML] {
    guard slots != 0 else { return [] }
    return registers + [eject, number, specific] + slotNumbers.map(device) + [notify, look]
  }

  private var registers: [AML] {
    func region(_ name: String, at offset: UInt16, _ fields: [String]) -> [AML] {
      [
        .operationRegion(name, .systemIO, at: UInt64(Self.firstPort + offset), byteCount: UInt64(4 * fields.count)),
        .field(name, .doubleWord, .writeZeros, fields.map { .named($0, bitCount: 32) }),
      ]
    }
    return region("PCST", at: 0x00, ["PCIU", "PCID"]) + region("SEJ", at: 0x08, ["B0EJ"])
      + region("BNMR", at: 0x10, ["BNUM", "PIDX"]) + [.mutex("BLCK")]
  }

  private static let selectBus = AML.store(0, in: .path("BNUM"))

  /// PCEJ(slot)
  private var eject: AML {
    .method(
      "PCEJ", argumentCount: 1,
      [
        .acquire("BLCK"), Self.selectBus, .shiftLeft(1, by: .argument(0), in: .path("B0EJ")),
        .release("BLCK"),
      ])
  }

  /// AIDX(slot): the number that the user gave the device there, 0 for none.
  private var number: AML {
    .method(
      "AIDX", argumentCount: 1,
      [
        .acquire("BLCK"), Self.selectBus, .shiftLeft(1, by: .argument(0), in: .path("PIDX")),
        .store(.path("PIDX"), in: .local(0)), .release("BLCK"), .return(.local(0)),
      ])
  }

  /// PDSM(identifier, revision, function, slot): what every slot's `_DSM` does.
  private var specific: AML {
    let nothing = AML.return(.buffer([0]))
    let (identifier, revision, function, slot) = (AML.argument(0), AML.argument(1), AML.argument(2), AML.argument(3))
    let (number, answer) = (AML.local(0), AML.local(1))
    return .method(
      "PDSM", argumentCount: 4, isSerialized: true,
      [
        .if(.not(.equal(identifier, .buffer(Self.deviceLabeling))), [nothing]),
        .if(.less(revision, 2), [nothing]),
        .store(.call("AIDX", slot), in: number),
        .if(.either(.equal(number, 0), .equal(number, .ones)), [nothing]),
        .if(.equal(function, DeviceFunction.supported), [.return(.buffer([1 << 7 | 1 << 0]))]),
        .if(
          .equal(function, DeviceFunction.label),
          [
            .store(.package([0, .string("")]), in: answer), .store(number, in: .index(answer, 0)), .return(answer),
          ]),
        nothing,
      ])
  }

  private func device(_ slot: Int) -> AML {
    let number = AML.integer(UInt64(slot))
    return .device(
      name(slot),
      [
        .name("_ADR", .integer(UInt64(slot) << 16)), .name("_SUN", number),
        .method("_EJ0", argumentCount: 1, [.call("PCEJ", number)]),
        .method(
          "_DSM", argumentCount: 4, isSerialized: true,
          [.return(.call("PDSM", .argument(0), .argument(1), .argument(2), number))]),
      ])
  }

  /// DVNT(slots, notification)
  private var notify: AML {
    .method(
      "DVNT", argumentCount: 2,
      slotNumbers.map { slot in
        .if(.and(.argument(0), .integer(1 << UInt64(slot))), [.notify(name(slot), .argument(1))])
      })
  }

  /// PCNT(): reading what came also forgets it.
  private var look: AML {
    .method(
      "PCNT",
      [
        Self.selectBus, .call("DVNT", .path("PCIU"), Notification.deviceCheck),
        .call("DVNT", .path("PCID"), Notification.ejectRequest),
      ])
  }

  /// General purpose event 1, cleared by the operating system before it calls this.
  var eventMethods: AML {
    let mutex = #"\_SB.PCI0.BLCK"#
    return .scope(
      #"\_GPE"#,
      slots == 0
        ? []
        : [.method("_E01", [.acquire(mutex), .call(#"\_SB.PCI0.PCNT"#), .release(mutex)])])
  }
}
