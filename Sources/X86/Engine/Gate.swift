// SPDX-License-Identifier: Apache-2.0

/// What a branch in flat code goes through to a block that another translation leads to: of another page, or one that
/// spans two pages. It is laid out like an op without instructions, so that a link can lead to it, and holds while no
/// translation of code that it relies on has changed and the branch still goes to the same linear address (a page may
/// be executed at several).
enum Gate {
  static let byteCount = 56
  /// Linear address of the target.
  static let linear = 8
  /// Address of the target's first op, or 0. Its landing and the next link to the same block follow as in `BranchLinks`.
  static let target = 16
  /// `linkGeneration` or `globalGeneration`, by the pages, when the target was found; 0 is none.
  static let generation = 24
  /// Set in addresses of links (those of `target`) that belong to gates.
  static let tag: UInt = 1

  /// Writes a gate that leads nowhere yet.
  static func initialize(_ gate: UnsafeMutableRawPointer) {
    gate.initializeMemory(as: UInt64.self, repeating: 0, count: byteCount / 8)
    gate.storeBytes(of: gateHandler, as: Handler.self)
    gate.storeBytes(of: Landing.unlinked, toByteOffset: target + BranchLinks.landingOffset, as: Handler.self)
  }

  /// Makes a gate lead to a block.
  static func connect(
    _ gate: UnsafeMutableRawPointer, _ block: Block, landing: Handler, linear: UInt64, generation: UInt32
  ) {
    let word = gate + target
    word.storeBytes(of: landing, toByteOffset: BranchLinks.landingOffset, as: Handler.self)
    let first = UInt(bitPattern: block.firstOp)
    let old = word.load(as: UInt.self)
    if old != first {
      if old != 0 { leaveList(word) }
      word.storeBytes(of: first, as: UInt.self)
      enterList(UInt(bitPattern: word) | tag, of: block)
    }
    gate.storeBytes(of: linear, toByteOffset: Gate.linear, as: UInt64.self)
    gate.storeBytes(of: generation, toByteOffset: Gate.generation, as: UInt32.self)
  }

  // MARK: The list of links to a block

  /// From a gate's link to the address of the word that the link stands in: only gates leave a list before it ends, and a guest
  /// can make lists long.
  private static let holderOffset = 24

  /// Puts a link, of a gate or not, before all others that lead to a block.
  static func enterList(_ link: UInt, of block: Block) {
    let head = UnsafeMutableRawPointer(block) + (MemoryLayout<BlockHeader>.offset(of: \.firstIncoming) ?? 0)
    guard let word = UnsafeMutableRawPointer(bitPattern: link & ~tag) else { return }
    hold(block.pointee.firstIncoming, in: word + BranchLinks.nextOffset)
    hold(link, in: head)
  }

  private static func leaveList(_ word: UnsafeMutableRawPointer) {
    guard let holder = UnsafeMutableRawPointer(bitPattern: word.load(fromByteOffset: holderOffset, as: UInt.self))
    else {
      return
    }
    hold(word.load(fromByteOffset: BranchLinks.nextOffset, as: UInt.self), in: holder)
  }

  private static func hold(_ link: UInt, in holder: UnsafeMutableRawPointer) {
    holder.storeBytes(of: link, as: UInt.self)
    guard link & tag != 0, let word = UnsafeMutableRawPointer(bitPattern: link & ~tag) else { return }
    word.storeBytes(of: UInt(bitPattern: holder), toByteOffset: holderOffset, as: UInt.self)
  }
}

/// Handler of a gate.
private let gateHandler: Handler = { c, gate in passGate(c, gate) }

/// Continues behind a gate if it holds; otherwise through the run loop, which looks the block up and connects the gate.
@inline(__always)
func passGate(_ c: UnsafeMutableRawPointer, _ gate: UnsafeRawPointer) {
  let cpu = c.cpu, link = gate + Gate.target
  let generation = gate.load(fromByteOffset: Gate.generation, as: UInt32.self)
  guard generation == cpu.pointee.globalGeneration || generation == cpu.pointee.linkGeneration,
    gate.load(fromByteOffset: Gate.linear, as: UInt64.self) == cpu.pointee.blockIP
  else { return resolveLink(c, gate, link + Int(Gate.tag)) }
  return link.load(fromByteOffset: BranchLinks.landingOffset, as: Handler.self)(c, link)
}
