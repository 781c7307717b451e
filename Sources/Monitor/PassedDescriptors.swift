// SPDX-License-Identifier: Apache-2.0
import HostIO
import QAPI
import Synchronization

/// A file descriptor that came over a monitor's socket, closed when nobody has taken it over.
final class PassedDescriptor: Sendable {
  private let descriptor: Mutex<FileDescriptor?>

  init(_ descriptor: FileDescriptor) { self.descriptor = Mutex(descriptor) }

  deinit { take()?.closeIgnoringErrors() }

  /// Gives the descriptor away, once.
  func take() -> FileDescriptor? {
    descriptor.withLock { descriptor in
      defer { descriptor = nil }
      return descriptor
    }
  }
}

/// Descriptors that arrived and belong to no command yet. Those of a later message take the place of the earlier ones, so
/// that no client can pile them up.
final class DescriptorInbox: Sendable {
  private let waiting = Mutex<[PassedDescriptor]>([])

  func receive(_ descriptors: [FileDescriptor]) {
    if !descriptors.isEmpty { waiting.withLock { $0 = descriptors.map(PassedDescriptor.init) } }
  }

  /// The first one, for a command that asks for one; the others are closed.
  func take() -> PassedDescriptor? {
    waiting.withLock { waiting in
      defer { waiting = [] }
      return waiting.first
    }
  }

  func clear() { waiting.withLock { $0 = [] } }
}

/// The descriptors a monitor's client has given names to (`getfd`).
final class DescriptorNames: Sendable {
  /// The process needs descriptors of its own, and is allowed a thousand.
  static let limit = 256

  private let table = Mutex<[String: PassedDescriptor]>([:])

  /// Replaces and closes what had the name.
  func add(_ descriptor: PassedDescriptor, as name: String) throws(QMPError) {
    try table.withLock { (table) throws(QMPError) in
      if table[name] == nil, table.count >= Self.limit {
        throw QMPError("There are \(Self.limit) file descriptors already")
      }
      table[name] = descriptor
    }
  }

  /// Closes it; false when there is none of that name.
  func close(_ name: String) -> Bool { table.withLock { $0.removeValue(forKey: name) != nil } }

  /// Gives it away; the name is free then.
  func take(_ name: String) -> FileDescriptor? { table.withLock { $0.removeValue(forKey: name) }?.take() }
}
