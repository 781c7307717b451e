// SPDX-License-Identifier: Apache-2.0
import HostIO

/// A folder of one test's own, removed with what is in it.
final class TemporaryDirectory: Sendable {
  let path: BytePath

  init() throws {
    path = try BytePath("/tmp/apus-test-").makeUniqueDirectory()
  }

  deinit {
    for name in (try? path.directoryEntries()) ?? [] { try? path.appending(name).unlink() }
    try? path.removeDirectory()
  }

  func callAsFunction(_ name: String) -> BytePath { path.appending(BytePath(name)) }
}

/// A loop that runs for the length of one test.
final class RunningLoop: Sendable {
  let loop: EventLoop

  init() throws {
    loop = try EventLoop()
    try loop.start()
  }

  deinit { loop.stop() }
}

/// Long enough for a loaded machine; passing tests never wait for it.
let patience: UInt64 = 20_000_000_000
