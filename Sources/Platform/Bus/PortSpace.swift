// SPDX-License-Identifier: Apache-2.0

/// Width of a bus access in bytes.
public enum AccessWidth: UInt8, Sendable, CaseIterable {
  case byte = 1
  case word = 2
  case dword = 4
  case qword = 8

  public var byteCount: Int { Int(rawValue) }
  /// All ones in this width: what a read that nobody answers gives.
  public var allOnes: UInt64 { self == .qword ? .max : (1 << (UInt64(rawValue) * 8)) - 1 }
}

/// A chip with byte-wide I/O ports; wider accesses reach it as consecutive bytes.
public protocol PortDevice: AnyObject {
  /// `offset` is relative to the start of the mapped range.
  func read(port offset: UInt16) -> UInt8
  func write(port offset: UInt16, _ value: UInt8)
}

/// A chip that tells widths apart (data ports, PCI configuration, ACPI registers).
public protocol WidePortDevice: AnyObject {
  /// `width` is byte, word or dword; the result is truncated to it.
  func read(port offset: UInt16, width: AccessWidth) -> UInt32
  func write(port offset: UInt16, width: AccessWidth, _ value: UInt32)
}

/// The 64 KiB I/O space. An access goes as a whole to the device that owns its first port, if that device is wide and
/// owns all of it; otherwise it is split into bytes. Ports that nobody owns read as ones.
///
/// Where mappings overlap the higher rank answers. A mapping that moves keeps its rank, so that who answers follows from
/// where things are mapped now, not from the order in which they got there (a loaded machine maps them in another order).
public final class PortSpace {
  private enum Owner {
    case none
    case bytes(any PortDevice)
    case wide(any WidePortDevice)
  }

  private struct Entry {
    var owner: Owner
    var range: ClosedRange<UInt16>
    var rank: Int
  }

  private var slots = [UInt16](repeating: 0, count: 65536)
  private var entries = [Entry(owner: .none, range: 0...0, rank: -1)]
  private var free: [UInt16] = []
  private var nextRank = 0

  public init() {}

  /// A rank above all given out so far, for a mapping that will come, move and go.
  public func reserveRank() -> Int {
    defer { nextRank += 1 }
    return nextRank
  }

  /// Maps a byte-wide device, over earlier mappings unless `rank` says otherwise.
  @discardableResult
  public func map(_ range: ClosedRange<UInt16>, to device: some PortDevice, rank: Int? = nil) -> Mapping {
    add(Entry(owner: .bytes(device), range: range, rank: rank ?? reserveRank()))
  }

  /// Maps a device that tells widths apart.
  @discardableResult
  public func map(_ range: ClosedRange<UInt16>, to device: some WidePortDevice, rank: Int? = nil) -> Mapping {
    add(Entry(owner: .wide(device), range: range, rank: rank ?? reserveRank()))
  }

  /// Names one mapping, for `unmap` (a base address register that moves).
  public struct Mapping {
    fileprivate let slot: UInt16
    fileprivate let range: ClosedRange<UInt16>
  }

  private func add(_ entry: Entry) -> Mapping {
    let slot: UInt16
    if let reused = free.popLast() {
      slot = reused
      entries[Int(slot)] = entry
    } else {
      slot = UInt16(truncatingIfNeeded: entries.count)
      entries.append(entry)
    }
    for port in entry.range where entry.rank >= entries[Int(slots[Int(port)])].rank { slots[Int(port)] = slot }
    return Mapping(slot: slot, range: entry.range)
  }

  /// Takes a mapping away; what it covered answers again.
  public func unmap(_ mapping: Mapping) {
    entries[Int(mapping.slot)] = Entry(owner: .none, range: 0...0, rank: -1)
    free.append(mapping.slot)
    for port in mapping.range where slots[Int(port)] == mapping.slot {
      var best = 0
      for index in entries.indices.dropFirst()
      where entries[index].range.contains(port) && entries[index].rank > entries[best].rank {
        best = index
      }
      slots[Int(port)] = UInt16(truncatingIfNeeded: best)
    }
  }

  /// Forgets every device, and with them who keeps whom alive. Mappings made before must not be used any more.
  public func removeAll() {
    slots = [UInt16](repeating: 0, count: slots.count)
    entries = [Entry(owner: .none, range: 0...0, rank: -1)]
    free = []
  }

  public func read(_ port: UInt16, _ width: AccessWidth) -> UInt32 {
    let entry = entries[Int(slots[Int(port)])]
    let last = UInt32(port) + UInt32(width.rawValue) - 1
    if case .wide(let device) = entry.owner, last <= UInt32(entry.range.upperBound) {
      let value = device.read(port: port &- entry.range.lowerBound, width: width)
      return value & UInt32(truncatingIfNeeded: width.allOnes)
    }
    var value: UInt32 = 0
    for index in 0..<UInt16(width.rawValue) {
      value |= UInt32(readByte(port &+ index)) << UInt32(8 * index)
    }
    return value
  }

  public func write(_ port: UInt16, _ width: AccessWidth, _ value: UInt32) {
    let entry = entries[Int(slots[Int(port)])]
    let last = UInt32(port) + UInt32(width.rawValue) - 1
    if case .wide(let device) = entry.owner, last <= UInt32(entry.range.upperBound) {
      device.write(
        port: port &- entry.range.lowerBound, width: width, value & UInt32(truncatingIfNeeded: width.allOnes))
      return
    }
    for index in 0..<UInt16(width.rawValue) {
      writeByte(port &+ index, UInt8(truncatingIfNeeded: value >> UInt32(8 * index)))
    }
  }

  private func readByte(_ port: UInt16) -> UInt8 {
    let entry = entries[Int(slots[Int(port)])]
    switch entry.owner {
    case .none: return 0xff
    case .bytes(let device): return device.read(port: port &- entry.range.lowerBound)
    case .wide(let device):
      return UInt8(truncatingIfNeeded: device.read(port: port &- entry.range.lowerBound, width: .byte))
    }
  }

  private func writeByte(_ port: UInt16, _ value: UInt8) {
    let entry = entries[Int(slots[Int(port)])]
    switch entry.owner {
    case .none: return
    case .bytes(let device): device.write(port: port &- entry.range.lowerBound, value)
    case .wide(let device): device.write(port: port &- entry.range.lowerBound, width: .byte, UInt32(value))
    }
  }
}
