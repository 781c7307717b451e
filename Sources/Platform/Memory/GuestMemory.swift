// SPDX-License-Identifier: Apache-2.0

/// The one way in which devices, the monitor and the processor's slow path touch guest memory.
///
/// Writes mark dirty pages and tell the processor when they hit a page that holds decoded code. Accesses to
/// addresses that nothing answers read as ones and write nothing; nothing here can trap, whatever the guest asks for.
public final class GuestMemory {
  public let map: MemoryMap
  /// Called after bytes of a page that holds decoded code were written other than by the processor's own stores.
  public var codeWasWritten: ((PhysicalAddress, Int) -> Void)?
  private var codePages: Set<UInt64> = []

  public init(map: MemoryMap = MemoryMap()) { self.map = map }

  /// The processor's notice that a page now holds decoded code, or no longer does.
  public func setCodePage(_ address: PhysicalAddress, _ holdsCode: Bool) {
    if holdsCode { codePages.insert(address / pageByteCount) } else { codePages.remove(address / pageByteCount) }
  }

  /// Host addresses of the page that contains `address`, for the processor's translation table; nil means "go through
  /// `read` and `write`".
  public func page(
    at address: PhysicalAddress
  ) -> (read: UnsafeMutableRawPointer?, write: UnsafeMutableRawPointer?, isLogged: Bool) {
    let start = address & ~(pageByteCount - 1)
    guard let run = map.run(at: start), start &+ pageByteCount <= run.end || run.end == 0 else {
      return (nil, nil, false)
    }
    let offset = start &- run.region.start
    switch run.region.backing {
    case .none, .mmio: return (nil, nil, false)
    case .romd(let block, let base, _):
      return (host(block, base, offset), nil, false)
    case .ram(let block, let base, let isReadOnly):
      guard let host = host(block, base, offset) else { return (nil, nil, false) }
      let page = (base + Int(truncatingIfNeeded: offset)) / Int(pageByteCount)
      let isLogged = block.dirtyLog.map { !$0.isDirty(page: page) } ?? false
      return (host, isReadOnly ? nil : host, isLogged)
    }
  }

  private func host(_ block: RAMBlock, _ base: Int, _ offset: UInt64) -> UnsafeMutableRawPointer? {
    let position = base &+ Int(truncatingIfNeeded: offset)
    guard position >= 0, position &+ Int(pageByteCount) <= block.byteCount else { return nil }
    return block.base + position
  }

  /// Notes a write that the processor is about to make to a logged page.
  public func pageWillBeWritten(_ address: PhysicalAddress) {
    guard let run = map.run(at: address), case .ram(let block, let base, _) = run.region.backing else { return }
    block.dirtyLog?.mark(page: (base + Int(truncatingIfNeeded: address &- run.region.start)) / Int(pageByteCount))
  }

  // MARK: Bulk access

  /// Reads bytes; whatever nothing answers reads as ones.
  public func read(_ address: PhysicalAddress, into buffer: UnsafeMutableRawBufferPointer) {
    forEachPiece(address, buffer.count) { piece, offset, count in
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[offset..<offset + count])
      switch piece {
      case .host(let pointer, _, _): target.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: count))
      case .device(let device, let base):
        for index in 0..<count {
          target[index] = UInt8(truncatingIfNeeded: device.read(memory: base &+ UInt64(index), width: .byte))
        }
      case .nothing: for index in 0..<count { target[index] = 0xff }
      }
    }
  }

  /// Writes bytes, as a bus master does.
  public func write(_ address: PhysicalAddress, from buffer: UnsafeRawBufferPointer) {
    forEachPiece(address, buffer.count) { piece, offset, count in
      let source = UnsafeRawBufferPointer(rebasing: buffer[offset..<offset + count])
      let target = address &+ UInt64(offset)
      switch piece {
      case .host(let pointer, let writableBlock, let blockOffset):
        guard let block = writableBlock else { return }
        UnsafeMutableRawBufferPointer(start: pointer, count: count).copyMemory(from: source)
        block.dirtyLog?.mark(page: blockOffset / Int(pageByteCount))
        if codePages.contains(target / pageByteCount) { codeWasWritten?(target, count) }
      case .device(let device, let base):
        for index in 0..<count {
          device.write(memory: base &+ UInt64(index), width: .byte, UInt64(source[index]))
        }
      case .nothing: break
      }
    }
  }

  /// Reads `count` bytes into a new array.
  public func read(_ address: PhysicalAddress, count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      read(address, into: UnsafeMutableRawBufferPointer(buffer))
      initialized = count
    }
  }

  /// Writes an array of bytes.
  public func write(_ address: PhysicalAddress, _ bytes: [UInt8]) {
    bytes.withUnsafeBytes { write(address, from: $0) }
  }

  /// Reads a little-endian integer.
  public func read<T: FixedWidthInteger & UnsignedInteger>(_ address: PhysicalAddress, as _: T.Type) -> T {
    var value: T = 0
    withUnsafeMutableBytes(of: &value) { read(address, into: $0) }
    return T(littleEndian: value)
  }

  /// Writes a little-endian integer.
  public func write<T: FixedWidthInteger & UnsignedInteger>(_ address: PhysicalAddress, integer value: T) {
    withUnsafeBytes(of: value.littleEndian) { write(address, from: $0) }
  }

  // MARK: Processor slow path

  /// One access of the processor that has no host address: goes to the device whole.
  public func busRead(_ address: PhysicalAddress, _ width: AccessWidth) -> UInt64 {
    guard let (region, offset) = map.find(address) else { return width.allOnes }
    if case .mmio(let device, let base) = region.backing {
      return device.read(memory: base &+ offset, width: width) & width.allOnes
    }
    if case .none = region.backing { return width.allOnes }
    // No byte more than asked for: the next one may be a register.
    var value: UInt64 = 0
    withUnsafeMutableBytes(of: &value) {
      read(address, into: UnsafeMutableRawBufferPointer(rebasing: $0.prefix(width.byteCount)))
    }
    return UInt64(littleEndian: value)
  }

  /// One store of the processor that has no writable host address.
  public func busWrite(_ address: PhysicalAddress, _ width: AccessWidth, _ value: UInt64) {
    guard let (region, offset) = map.find(address) else { return }
    switch region.backing {
    case .mmio(let device, let base): device.write(memory: base &+ offset, width: width, value & width.allOnes)
    case .romd(_, _, let device): device.write(memory: offset, width: width, value & width.allOnes)
    case .ram, .none:
      withUnsafeBytes(of: value.littleEndian) {
        write(address, from: UnsafeRawBufferPointer(rebasing: $0.prefix(width.byteCount)))
      }
    }
  }

  // MARK: Pieces

  private enum Piece {
    case host(UnsafeMutableRawPointer, writable: RAMBlock?, offset: Int)
    case device(any MMIODevice, UInt64)
    case nothing
  }

  /// Cuts an access at page and region borders.
  private func forEachPiece(_ address: PhysicalAddress, _ count: Int, _ body: (Piece, Int, Int) -> Void) {
    var done = 0
    while done < count {
      let at = address &+ UInt64(done)
      var size = min(count - done, Int(pageByteCount - at % pageByteCount))
      guard let run = map.run(at: at) else {
        let next = nextRunStart(after: at)
        if next > at { size = min(size, Int(clamping: next - at)) }
        body(.nothing, done, size)
        done += size
        continue
      }
      if run.end > at { size = min(size, Int(clamping: run.end - at)) }
      let offset = at &- run.region.start
      switch run.region.backing {
      case .none: body(.nothing, done, size)
      case .mmio(let device, let base): body(.device(device, base &+ offset), done, size)
      case .romd(let block, let base, _): body(ram(block, base, offset, size, isReadOnly: true), done, size)
      case .ram(let block, let base, let isReadOnly):
        body(ram(block, base, offset, size, isReadOnly: isReadOnly), done, size)
      }
      done += size
    }
  }

  private func nextRunStart(after address: PhysicalAddress) -> PhysicalAddress {
    map.runs.first { $0.start > address }?.start ?? .max
  }

  private func ram(_ block: RAMBlock, _ base: Int, _ offset: UInt64, _ size: Int, isReadOnly: Bool) -> Piece {
    let position = base &+ Int(truncatingIfNeeded: offset)
    guard position >= 0, position <= block.byteCount - size else { return .nothing }
    return .host(block.base + position, writable: isReadOnly ? nil : block, offset: position)
  }
}

extension GuestMemory {
  /// Reads as a debugger does: bytes of RAM and ROM, zero elsewhere, and no device notices.
  public func readAsDebugger(_ address: PhysicalAddress, into buffer: UnsafeMutableRawBufferPointer) {
    forEachPiece(address, buffer.count) { piece, offset, count in
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[offset..<offset + count])
      if case .host(let pointer, _, _) = piece {
        target.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: count))
      } else {
        for index in 0..<count { target[index] = 0 }
      }
    }
  }

  /// Reads as a monitor does that was asked for these very addresses: devices answer. They are read as QEMU reads
  /// them, in aligned pieces of up to four bytes, of which the last may reach beyond the device.
  ///
  /// - Returns: false if nothing answers to one of the addresses, which then reads as zero.
  public func readForMonitor(_ address: PhysicalAddress, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    var isWhole = true
    var done = 0
    while done < buffer.count {
      let at = address &+ UInt64(done), left = buffer.count - done
      var count = min(left, Int(pageByteCount - at % pageByteCount))
      if let run = map.run(at: at) {
        if run.end > at { count = min(count, Int(clamping: run.end - at)) }
        if case .mmio(let device, let base) = run.region.backing {
          let width = AccessWidth.largest(at: at, upTo: min(left, 4))
          count = width.byteCount
          let value = device.peek(memory: base &+ (at &- run.region.start), width: width)
          for index in 0..<count { buffer[done + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
          done += count
          continue
        }
      } else {
        isWhole = false
      }
      readAsDebugger(at, into: UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count]))
      done += count
    }
    return isWhole
  }
}

extension AccessWidth {
  /// The widest access of so many bytes at most to which an address is aligned.
  fileprivate static func largest(at address: PhysicalAddress, upTo byteCount: Int) -> AccessWidth {
    if byteCount >= 4, address & 3 == 0 { return .dword }
    return byteCount >= 2 && address & 1 == 0 ? .word : .byte
  }
}
