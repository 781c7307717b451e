// SPDX-License-Identifier: Apache-2.0

/// What makes the engine fast and changes no result. All of it is on; tests switch parts off to show that.
///
/// Each is looked at where code is decoded or an access has missed, never in a handler.
package struct EngineOptions: OptionSet, Sendable {
  package let rawValue: UInt8
  package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Branches inside a page lead straight to the next block.
  package static let links = EngineOptions(rawValue: 1 << 0)
  /// Other branches find the next block in the jump table.
  package static let jumpTable = EngineOptions(rawValue: 1 << 1)
  /// A comparison and the jump after it are one op.
  package static let fusion = EngineOptions(rawValue: 1 << 2)
  /// Flags that later instructions overwrite are not stored.
  package static let deadFlags = EngineOptions(rawValue: 1 << 3)
  /// Flat segments have handlers that check nothing.
  package static let flatHandlers = EngineOptions(rawValue: 1 << 4)
  /// Pages are accessed at their host addresses, string instructions a page at a time.
  package static let fastMemory = EngineOptions(rawValue: 1 << 5)

  /// What runs often is compiled to host code, if the host allows it.
  package static let hostCode = EngineOptions(rawValue: 1 << 6)

  package static let all: EngineOptions = [
    .links, .jumpTable, .fusion, .deadFlags, .flatHandlers, .fastMemory, .hostCode,
  ]
}

/// For tests that show that results depend on nothing of the engine. Only between runs.
extension Processor {
  package var engineOptions: EngineOptions {
    get { cpu.pointee.blocks.pointee.options }
    set {
      cpu.pointee.blocks.pointee.options = newValue
      dropFastTables(c)
      flushBlocks(c)
    }
  }

  /// Limits the length of blocks to be built, 1...64 instructions.
  package func limitBlocks(to count: Int) {
    cpu.pointee.blocks.pointee.maximumInstructions = max(1, min(count, Draft.capacity))
    flushBlocks(c)
  }

  /// Compiles whatever can be, the first time it runs, single instructions too.
  package func compileEverything() {
    cpu.pointee.blocks.pointee.hostCode.threshold = 1
    cpu.pointee.blocks.pointee.hostCode.minimumOps = 1
    cpu.pointee.blocks.pointee.hostCode.compilesSingles = true
    flushBlocks(c)
  }

  /// Drops the decoded code of one page, chosen by a number out of those that have some.
  package func forgetCode(_ choice: UInt64) {
    let pages = cpu.pointee.blocks.pointee.codePageAddresses
    guard !pages.isEmpty else { return }
    codeMayChange(c, pages[Int(truncatingIfNeeded: choice % UInt64(pages.count))], 0x1000)
  }

  /// Forgets the host addresses that one slot of the fast tables and of the physical pages holds, never a translation.
  package func forgetHostAddress(_ choice: UInt64) {
    let mmu = cpu.pointee.mmu
    let slot = Int(truncatingIfNeeded: choice % UInt64(MMU.slotCount))
    mmu.pointee.supervisor.clear(slot)
    mmu.pointee.user.clear(slot)
    mmu.pointee.physical[slot % MMU.physicalSlotCount].tag = PhysicalSlot.none
  }
}
