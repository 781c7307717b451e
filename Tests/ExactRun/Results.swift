// SPDX-License-Identifier: Apache-2.0
import Block
import CZlib
import HostIO
import Migration
import PC
import Screen

/// Files that a run leaves behind.
enum Results {
  static func write(_ path: BytePath, _ body: (FileDescriptor) throws -> Void) throws {
    let file = try FileDescriptor.open(path, .readWrite, [.create, .truncate])
    defer { file.closeIgnoringErrors() }
    try body(file)
  }

  static func save(_ machine: Machine, to path: BytePath) throws {
    try write(path) { try MachineImage.save(machine, to: $0) }
  }

  /// What the run came to: `ram`, `screen.ppm`, `snapshot`, and each disk as `disk.DRIVE`.
  static func write(_ machine: Machine, into folder: BytePath) throws {
    try save(machine, to: folder.appending("snapshot"))
    if let board = machine.board {
      try write(folder.appending("ram")) { try writeSparsely(UnsafeRawBufferPointer(board.ram.contents), to: $0) }
      if let vga = board.vga {
        try write(folder.appending("screen.ppm")) { try $0.writeAll(vga.capture().ppm()) }
      }
    }
    try writeDisks(of: machine, to: folder.appending("disk"))
  }

  /// The content of each writable disk as it is now, as `PATH.DRIVE`.
  static func writeDisks(of machine: Machine, to path: BytePath) throws {
    for backend in machine.blockGraph.backends where backend.isInserted && !backend.isReadOnly {
      try write(path + ".\(backend.name)") { file in
        let piece = 1 << 20
        var offset: Int64 = 0
        while offset < backend.byteCount {
          let count = Int(min(Int64(piece), backend.byteCount - offset))
          guard let bytes = backend.peek(at: offset, byteCount: count) else {
            throw MachineError("Cannot read \(backend.name)")
          }
          try bytes.withUnsafeBytes { try writeSparsely($0, to: file, at: offset) }
          offset += Int64(count)
        }
        try file.truncate(to: backend.byteCount)
      }
    }
  }

  /// Leaves pages of zeros out.
  private static func writeSparsely(
    _ bytes: UnsafeRawBufferPointer, to file: FileDescriptor, at start: Int64 = 0
  ) throws {
    for offset in stride(from: 0, to: bytes.count, by: 4096) {
      let page = UnsafeRawBufferPointer(rebasing: bytes[offset..<min(offset + 4096, bytes.count)])
      if page.contains(where: { $0 != 0 }) { try file.writeAll(page, at: start + Int64(offset)) }
    }
    try file.truncate(to: start + Int64(bytes.count))
  }

  /// Checksums of every memory block and state part, on one line.
  static func summary(_ machine: Machine) throws -> String {
    var words: [String] = []
    let states = try machine.saveState()
    for block in machine.board?.memoryBlocks ?? [] {
      let sum = crc32(0, block.base.assumingMemoryBound(to: UInt8.self), UInt32(truncatingIfNeeded: block.byteCount))
      words.append("\(block.name)=\(String(sum, radix: 16))")
    }
    for part in states {
      let sum = part.bytes.withUnsafeBufferPointer { crc32(0, $0.baseAddress, UInt32($0.count)) }
      words.append("\(part.name)=\(String(sum, radix: 16))")
    }
    return words.joined(separator: " ")
  }
}
