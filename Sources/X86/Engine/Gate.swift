// SPDX-License-Identifier: Apache-2.0

/// What a branch in flat code goes through to a block that another translation leads to: of another page, or one that
/// spans two pages. It is laid out like an op without instructions, so that a link can lead to it, and holds while no
/// translation of code that it relies on has changed and the branch still goes to the same linear address (a page may
/// be executed at several).
enum Gate {
  static let byteCount = 48
  /// Linear address of the target.
  static let linear = 8
  /// Address of the target's first op, or 0. 16 bytes further is the next link to the same block, as in `BranchLinks`.
  static let target = 16
  /// `linkGeneration` or `globalGeneration`, by the handler, when the target was found; 0 is none.
  static let generation = 24
  /// Set in addresses of links (those of `target`) that belong to gates.
  static let tag: UInt = 1

  /// Writes a gate that leads nowhere yet.
  static func initialize(_ gate: UnsafeMutableRawPointer) {
    gate.initializeMemory(as: UInt64.self, repeating: 0, count: byteCount / 8)
    gate.storeBytes(of: localGate, as: Handler.self)
  }

  /// Makes a gate lead to a block.
  static func connect(
    _ gate: UnsafeMutableRawPointer, _ block: Block, linear: UInt64, generation: UInt32, isGlobal: Bool
  ) {
    let word = gate + target
    let first = UInt(bitPattern: block.firstOp), link = UInt(bitPattern: word) | tag
    let old = word.load(as: UInt.self)
    if old != first {
      if let earlier = UnsafeMutableRawPointer(bitPattern: old) {
        remove(link, from: (earlier - BlockHeader.byteCount).assumingMemoryBound(to: BlockHeader.self))
      }
      word.storeBytes(of: first, as: UInt.self)
      word.storeBytes(of: block.pointee.firstIncoming, toByteOffset: BranchLinks.nextOffset, as: UInt.self)
      block.pointee.firstIncoming = link
    }
    gate.storeBytes(of: linear, toByteOffset: Gate.linear, as: UInt64.self)
    gate.storeBytes(of: generation, toByteOffset: Gate.generation, as: UInt32.self)
    gate.storeBytes(of: isGlobal ? globalGate : localGate, as: Handler.self)
  }

  /// Takes a link out of the list of those that lead to a block.
  private static func remove(_ link: UInt, from block: Block) {
    func next(_ address: UInt) -> UnsafeMutableRawPointer? {
      UnsafeMutableRawPointer(bitPattern: address & ~tag).map { $0 + BranchLinks.nextOffset }
    }
    guard let after = next(link)?.load(as: UInt.self) else { return }
    if block.pointee.firstIncoming == link {
      block.pointee.firstIncoming = after
      return
    }
    var address = block.pointee.firstIncoming
    while let word = next(address) {
      address = word.load(as: UInt.self)
      if address == link {
        word.storeBytes(of: after, as: UInt.self)
        return
      }
    }
  }
}

/// Handler of a gate that relies on translations of which some are not global.
private let localGate: Handler = { c, gate in passGate(c, gate, c.cpu.pointee.linkGeneration) }

/// Handler of a gate that relies on global translations alone.
private let globalGate: Handler = { c, gate in passGate(c, gate, c.cpu.pointee.globalGeneration) }

/// Continues behind a gate if it holds; otherwise through the run loop, which looks the block up and connects the gate.
@inline(__always)
private func passGate(_ c: UnsafeMutableRawPointer, _ gate: UnsafeRawPointer, _ generation: UInt32) {
  let cpu = c.cpu
  guard gate.load(fromByteOffset: Gate.generation, as: UInt32.self) == generation,
    gate.load(fromByteOffset: Gate.linear, as: UInt64.self) == cpu.pointee.blockIP
  else { return resolveLink(c, gate, gate + (Gate.target + Int(Gate.tag))) }
  let target = UnsafeRawPointer(bitPattern: gate.load(fromByteOffset: Gate.target, as: UInt.self)).unsafelyUnwrapped
  let remaining = cpu.pointee.remaining &- Int64(target.op.pointee.left)
  guard remaining >= 0 else { return }
  cpu.pointee.remaining = remaining
  return target.op.pointee.handler(c, target)
}
