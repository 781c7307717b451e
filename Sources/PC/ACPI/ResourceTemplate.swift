// SPDX-License-Identifier: Apache-2.0

/// A list of resource descriptors: what a device uses (`_CRS`) or could use (`_PRS`).
///
/// Reference: ACPI 6.5, section 6.4, "Resource Data Types for ACPI".
package struct ResourceTemplate: Equatable, Sendable {
  private var descriptors: [UInt8] = []

  package init(_ resources: [Resource]) { descriptors = resources.flatMap(\.bytes) }

  /// The buffer that a `_CRS` holds. The end tag's checksum 0 is always right.
  package var aml: AML { .buffer(descriptors + [0x79, 0]) }
}

/// One resource descriptor.
package struct Resource: Equatable, Sendable {
  let bytes: [UInt8]

  /// Ports at a fixed place.
  package static func ports(_ first: UInt16, count: UInt8) -> Resource {
    Resource(bytes: [0x47, 1] + littleEndian(first) + littleEndian(first) + [1, count])
  }

  /// An ISA interrupt: edge triggered, active high, not shared.
  package static func irq(_ number: Int) -> Resource {
    Resource(bytes: [0x22] + littleEndian(UInt16(1) << UInt16(number & 15)))
  }

  /// A channel of the ISA DMA controller, 8-bit transfers, compatible timing.
  package static func dma(_ channel: Int) -> Resource { Resource(bytes: [0x2a, 1 << UInt8(channel & 7), 0]) }

  /// Memory at a fixed place that is only read.
  package static func memory(_ first: UInt32, byteCount: UInt32) -> Resource {
    Resource(bytes: [0x86, 9, 0, 0] + littleEndian(first) + littleEndian(byteCount))
  }

  /// Index, in a template that starts with `sharedInterrupts`, of the first interrupt's number.
  package static let firstInterruptIndex: UInt64 = 5

  /// Level-triggered interrupts that a link can drive. They are active high: that is how PIIX3 hands its PIRQs on.
  package static func sharedInterrupts(_ numbers: [UInt32]) -> Resource {
    let body: [UInt8] = [0x09, UInt8(truncatingIfNeeded: numbers.count)] + numbers.flatMap { littleEndian($0) }
    return Resource(bytes: [0x89] + littleEndian(UInt16(truncatingIfNeeded: body.count)) + body)
  }

  // MARK: Windows that a bridge hands on

  package static func busNumbers(_ range: ClosedRange<UInt16>) -> Resource { window(range, kind: 2, flags: 0) }

  package static func portWindow(_ range: ClosedRange<UInt16>) -> Resource {
    window(range, kind: 1, flags: 0x03)  // entire range: ISA and other ports
  }

  /// Memory below 4 GiB (`UInt32`) or anywhere (`UInt64`).
  package static func memoryWindow<T: FixedWidthInteger & UnsignedInteger>(
    _ range: ClosedRange<T>, isCacheable: Bool
  ) -> Resource {
    window(range, kind: 0, flags: 0x01 | (isCacheable ? 0x02 : 0))
  }

  /// A word, double word or quad word address space descriptor: producer, positive decoding, fixed at both ends.
  private static func window<T: FixedWidthInteger & UnsignedInteger>(
    _ range: ClosedRange<T>, kind: UInt8, flags: UInt8
  ) -> Resource {
    let tag: UInt8 =
      switch T.bitWidth {
      case 16: 0x88
      case 32: 0x87
      default: 0x8a
      }
    let length = range.upperBound &- range.lowerBound &+ 1
    let values = [0, range.lowerBound, range.upperBound, 0, length].flatMap { littleEndian($0) }
    let body: [UInt8] = [kind, 0x0c, flags] + values
    return Resource(bytes: [tag] + littleEndian(UInt16(truncatingIfNeeded: body.count)) + body)
  }
}
