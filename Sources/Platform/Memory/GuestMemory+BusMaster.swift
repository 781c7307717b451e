// SPDX-License-Identifier: Apache-2.0

extension GuestMemory {
  /// True if memory, and no device's register, answers everywhere in a range that does not wrap.
  ///
  /// A bus master that follows addresses out of guest memory asks this first: an access that reached registers, its own
  /// among them, would come back into a device in the middle of its work.
  public func isMemory(_ address: PhysicalAddress, byteCount: Int) -> Bool {
    guard byteCount > 0 else { return byteCount == 0 }
    let (last, overflow) = address.addingReportingOverflow(UInt64(byteCount) - 1)
    guard !overflow else { return false }
    var position = address
    while true {
      guard let run = map.run(at: position) else { return false }
      switch run.region.backing {
      case .none, .mmio: return false
      case .ram, .romd: break
      }
      if last < run.end { return true }
      position = run.end
    }
  }
}
