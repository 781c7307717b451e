// SPDX-License-Identifier: Apache-2.0

/// MOVS STOS LODS, INS OUTS. SDM vol. 2.
@inline(__always)
private func movs<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  executeInline(c, o) { (core, o) throws(Fault) in
    let string = StringOperation(core, o)
    let size = MemoryLayout<W>.size
    return try string.run(
      iteration: { () throws(Fault) in
        let value = try core.read(string.sourceSegment, string.source, as: W.self)
        try core.write(SegmentIndex.es, string.destination, value)
        string.advanceSource(size)
        string.advanceDestination(size)
        return .goOn
      },
      bulk: { limit in
        guard
          let from = string.extent(string.sourceSegment, string.source, size: size, limit: limit, writing: false),
          let to = string.extent(
            SegmentIndex.es, string.destination, size: size, limit: from.elements, writing: true)
        else { return (0, .goOn) }
        let byteCount = to.elements * size
        copy(W.self, to.host, from.host, to.elements, isDown: string.isDown)
        string.advanceSource(byteCount)
        string.advanceDestination(byteCount)
        return (to.elements, .goOn)
      })
  }
}

/// Copies element by element in the instruction's direction, in one go where that cannot be told apart.
private func copy<W: Width>(
  _: W.Type, _ to: UnsafeMutableRawPointer, _ from: UnsafeMutableRawPointer, _ elements: Int, isDown: Bool
) {
  let size = MemoryLayout<W>.size
  let distance = to - from
  let byteCount = elements * size
  if abs(distance) >= byteCount + size || (isDown ? distance >= 0 : distance <= 0) {
    if isDown {
      let back = byteCount - size
      (to - back).copyMemory(from: from - back, byteCount: byteCount)
    } else {
      to.copyMemory(from: from, byteCount: byteCount)
    }
    return
  }
  // Overlapping in the direction of travel: the pattern between the two pointers repeats.
  let step = isDown ? -size : size
  var offset = 0
  for _ in 0..<elements {
    (to + offset).storeBytes(of: (from + offset).loadUnaligned(as: W.self), as: W.self)
    offset += step
  }
}

@inline(__always)
private func stos<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  executeInline(c, o) { (core, o) throws(Fault) in
    let string = StringOperation(core, o)
    let size = MemoryLayout<W>.size
    let value = W(truncatingIfNeeded: core.cpu.pointee.registers[0])
    return try string.run(
      iteration: { () throws(Fault) in
        try core.write(SegmentIndex.es, string.destination, value)
        string.advanceDestination(size)
        return .goOn
      },
      bulk: { limit in
        guard let to = string.extent(SegmentIndex.es, string.destination, size: size, limit: limit, writing: true)
        else { return (0, .goOn) }
        let byteCount = to.elements * size
        let first = string.isDown ? to.host - (byteCount - size) : to.host
        fill(first, value, to.elements)
        string.advanceDestination(byteCount)
        return (to.elements, .goOn)
      })
  }
}

private func fill<W: Width>(_ first: UnsafeMutableRawPointer, _ value: W, _ elements: Int) {
  if value == W(truncatingIfNeeded: UInt64(truncatingIfNeeded: value) & 0xff) &* (W.max / 0xff) {
    first.initializeMemory(
      as: UInt8.self, repeating: UInt8(truncatingIfNeeded: value), count: elements * MemoryLayout<W>.size)
    return
  }
  var offset = 0
  for _ in 0..<elements {
    (first + offset).storeBytes(of: value, as: W.self)
    offset += MemoryLayout<W>.size
  }
}

@inline(__always)
private func lods<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  executeInline(c, o) { (core, o) throws(Fault) in
    let string = StringOperation(core, o)
    let size = MemoryLayout<W>.size
    return try string.run(
      iteration: { () throws(Fault) in
        let value = try core.read(string.sourceSegment, string.source, as: W.self)
        core.setRegister(0, UInt64(truncatingIfNeeded: value), size: size)
        string.advanceSource(size)
        return .goOn
      }, bulk: { _ in (0, .goOn) })
  }
}

@inline(__always)
private func ins<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  executeInline(c, o) { (core, o) throws(Fault) in
    let string = StringOperation(core, o)
    let size = MemoryLayout<W>.size
    try core.checkPort(core.portInDX, size: size)
    return try string.run(
      iteration: { () throws(Fault) in
        // A device must not be read for a write that then faults.
        try core.probe(SegmentIndex.es, string.destination, size: size)
        let value = core.readPort(core.portInDX, size: size)
        try core.write(SegmentIndex.es, string.destination, W(truncatingIfNeeded: value))
        string.advanceDestination(size)
        return .goOn
      }, bulk: { _ in (0, .goOn) })
  }
}

@inline(__always)
private func outs<W: Width>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  executeInline(c, o) { (core, o) throws(Fault) in
    let string = StringOperation(core, o)
    let size = MemoryLayout<W>.size
    try core.checkPort(core.portInDX, size: size)
    return try string.run(
      iteration: { () throws(Fault) in
        let value = try core.read(string.sourceSegment, string.source, as: W.self)
        core.writePort(core.portInDX, UInt32(truncatingIfNeeded: value), size: size)
        string.advanceSource(size)
        return .goOn
      }, bulk: { _ in (0, .goOn) })
  }
}

/// One handler per element size: 1, 2, 4, 8.
struct SizedHandlers {
  let byte: Handler, word: Handler, double: Handler, quad: Handler

  func handler(size: UInt8) -> Handler {
    switch size {
    case 1: byte
    case 2: word
    case 4: double
    default: quad
    }
  }
}

enum StringMoveHandlers {
  static let movs = SizedHandlers(
    byte: { X86.movs(UInt8.self, $0, $1) }, word: { X86.movs(UInt16.self, $0, $1) },
    double: { X86.movs(UInt32.self, $0, $1) }, quad: { X86.movs(UInt64.self, $0, $1) })
  static let stos = SizedHandlers(
    byte: { X86.stos(UInt8.self, $0, $1) }, word: { X86.stos(UInt16.self, $0, $1) },
    double: { X86.stos(UInt32.self, $0, $1) }, quad: { X86.stos(UInt64.self, $0, $1) })
  static let lods = SizedHandlers(
    byte: { X86.lods(UInt8.self, $0, $1) }, word: { X86.lods(UInt16.self, $0, $1) },
    double: { X86.lods(UInt32.self, $0, $1) }, quad: { X86.lods(UInt64.self, $0, $1) })
  // There is no 64-bit port access: the widest form moves four bytes (the decoder does not widen these).
  static let ins = SizedHandlers(
    byte: { X86.ins(UInt8.self, $0, $1) }, word: { X86.ins(UInt16.self, $0, $1) },
    double: { X86.ins(UInt32.self, $0, $1) }, quad: { X86.ins(UInt32.self, $0, $1) })
  static let outs = SizedHandlers(
    byte: { X86.outs(UInt8.self, $0, $1) }, word: { X86.outs(UInt16.self, $0, $1) },
    double: { X86.outs(UInt32.self, $0, $1) }, quad: { X86.outs(UInt32.self, $0, $1) })
}
