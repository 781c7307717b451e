// SPDX-License-Identifier: Apache-2.0
import HostIO

/// Finds firmware images: `-L` folders first, then folders beside the executable, the installation's and the distribution's.
package struct FirmwareSearch {
  package let folders: [BytePath]

  package init(given: [BytePath]) {
    var folders = given
    if let executable = try? HostProcess.executablePath() {
      let beside = executable.directory
      folders += [
        beside.appending("firmware"), beside.appending("../share/apus"), beside.appending("../../../firmware/out"),
      ]
    }
    self.folders = folders + ["/usr/share/seabios", "/usr/share/qemu", "/usr/lib/ipxe/qemu"]
  }

  /// The bytes of a firmware file, by path or by name on the search path; at most `limit` bytes.
  package func load(_ name: BytePath, limit: Int) -> [UInt8]? {
    if let bytes = Self.read(name, limit: limit) { return bytes }
    guard !name.bytes.contains(UInt8(ascii: "/")) else { return nil }
    for folder in folders {
      if let bytes = Self.read(folder.appending(name), limit: limit) { return bytes }
    }
    return nil
  }

  private static func read(_ path: BytePath, limit: Int) -> [UInt8]? {
    guard let bytes = try? path.contents(limit: limit + 1), bytes.count <= limit else { return nil }
    return bytes
  }
}
