// SPDX-License-Identifier: Apache-2.0
public import QAPI

/// What a format tells of an image beyond its length.
public struct ImageDetails: Sendable {
  /// Bytes per cluster; nil for formats without.
  public var clusterByteCount: Int64?
  public var isDirty = false
  /// As the image names it.
  public var backingFileName: String?
  public var backingFormat: String?
  public var snapshots: [Snapshot] = []
  /// Members of ImageInfoSpecific's data.
  public var specific: JSON?

  public init() {}

  /// An internal snapshot.
  public struct Snapshot: Sendable {
    public var id: String
    public var name: String
    public var stateByteCount: Int64 = 0
    /// Host time, since 1970.
    public var seconds: Int64 = 0
    public var nanoseconds: Int64 = 0
    /// Virtual time of the guest in nanoseconds.
    public var clock: Int64 = 0

    public init(id: String, name: String) { (self.id, self.name) = (id, name) }
  }
}

/// A format that has details.
public protocol DetailedFormat: BlockNode {
  var details: ImageDetails { get }
}

extension GraphNode {
  public var details: ImageDetails { (content as? any DetailedFormat)?.details ?? ImageDetails() }
}
