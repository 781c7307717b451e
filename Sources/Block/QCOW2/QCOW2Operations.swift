// SPDX-License-Identifier: Apache-2.0

/// The reads and writes of data that are under way outside the lock.
struct QCOW2Operations {
  struct Token {
    fileprivate let identity: UInt64
  }

  /// Counts up whenever a cluster loses a reference.
  private(set) var sequence: UInt64 = 0
  private var starts: [(identity: UInt64, sequence: UInt64)] = []
  private var nextIdentity: UInt64 = 0
  /// Clusters of the disk whose table entries are about to change.
  private var claimed: [Range<Int64>] = []
  var isIdle: Bool { starts.isEmpty }

  /// Data at a place found in the tables now is used until `end`.
  mutating func begin() -> Token {
    nextIdentity += 1
    starts.append((nextIdentity, sequence))
    return Token(identity: nextIdentity)
  }

  mutating func end(_ token: Token) { starts.removeAll { $0.identity == token.identity } }

  mutating func nextSequence() -> UInt64 {
    sequence += 1
    return sequence
  }

  /// Places that lost their reference at or before this instant are used by nobody any more.
  var settledSequence: UInt64 { starts.map(\.sequence).min() ?? sequence }

  func isClaimed(_ clusters: Range<Int64>) -> Bool { claimed.contains { $0.overlaps(clusters) } }
  mutating func claim(_ clusters: Range<Int64>) { claimed.append(clusters) }
  mutating func release(_ clusters: Range<Int64>) {
    if let index = claimed.firstIndex(of: clusters) { claimed.remove(at: index) }
  }
}

/// Clusters of the file that one table entry no longer points at.
struct QCOW2Release {
  enum Stage {
    /// The table on disk may still point at them.
    case linked
    /// It was written.
    case unlinked
    /// And is on stable storage.
    case durable
  }

  var clusters: Range<Int64>
  let sequence: UInt64
  var stage = Stage.linked
  /// Give the storage back to the host.
  var unmaps: Bool
}
