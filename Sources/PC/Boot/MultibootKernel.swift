// SPDX-License-Identifier: Apache-2.0
import HostIO

/// The header by which a Multiboot kernel tells its loader about itself, in the first 8 KiB of its file.
///
/// Reference: Multiboot Specification 0.6.96, section 3.1, "OS image format".
package struct MultibootHeader {
  private static let magic: UInt32 = 0x1bad_b002
  private static let byteCount = 48

  /// Where it is in the file.
  package let offset: Int
  let flags: UInt32
  let headerAddress, loadAddress, loadEndAddress, bssEndAddress, entryAddress: UInt32

  /// The kernel wants a video mode.
  var wantsVideoMode: Bool { flags & 1 << 2 != 0 }
  /// The header says where the kernel goes; otherwise the file is an ELF executable.
  var hasAddresses: Bool { flags & 1 << 16 != 0 }

  package init?(_ file: [UInt8]) {
    let reader = FieldReader(bytes: Array(file.prefix(KernelImage.headerByteCount)))
    let last = KernelImage.headerByteCount - Self.byteCount
    let found = stride(from: 0, to: min(last, reader.bytes.count), by: 4).first { offset in
      reader.dword(offset) == Self.magic
        && reader.dword(offset) &+ reader.dword(offset + 4) &+ reader.dword(offset + 8) == 0
    }
    guard let found else { return nil }
    offset = found
    flags = reader.dword(found + 4)
    headerAddress = reader.dword(found + 12)
    loadAddress = reader.dword(found + 16)
    loadEndAddress = reader.dword(found + 20)
    bssEndAddress = reader.dword(found + 24)
    entryAddress = reader.dword(found + 28)
  }
}

/// A Multiboot kernel with everything that its loader hands over, in one run of memory that begins where the kernel does:
/// kernel, module table, strings, modules; each of the big ones on a page. Only the information structure lies elsewhere.
///
/// Placement and contents are QEMU 7.2's. Not supported, as there: video modes, symbol tables, drive and APM information.
/// Reference: Multiboot Specification 0.6.96, section 3.3, "Boot information format".
package struct MultibootKernel {
  /// Where the boot ROM puts the memory map, and where the information structure goes.
  private static let memoryMapAddress: UInt32 = 0x9000
  private static let informationAddress: UInt32 = 0x9500
  private static let informationByteCount = 88
  private static let bootLoaderName = "qemu"
  private static let moduleEntryByteCount = 16
  /// First disk, no partition.
  private static let bootDevice: UInt32 = 0x8000_ffff
  /// Memory sizes, boot device, command line, modules, memory map, boot loader's name.
  private static let informationFlags: UInt32 = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9

  private let program: LoadedProgram
  private let lowMemory: UInt64

  package init(_ file: [UInt8], _ header: MultibootHeader, lowMemory: UInt64) throws(MachineError) {
    if header.wantsVideoMode { HostProcess.report("multiboot knows VBE. we don't") }
    program =
      header.hasAddresses
      ? try LoadedProgram(flat: file, header, memoryLimit: lowMemory)
      : try LoadedProgram(elf: file, memoryLimit: lowMemory)
    self.lowMemory = lowMemory
  }

  package func image(_ request: KernelRequest) throws(MachineError) -> KernelImage {
    let modules = Self.split(request.initrd?.bytes ?? [])
    let commandLine = request.kernel.bytes + [UInt8(ascii: " ")] + request.commandLine
    // The strings are behind the module table: modules first, then the kernel's, then the loader's name. As in QEMU, room
    // is counted before commas are taken off.
    let tableOffset = Self.pageAligned(program.bytes.count)
    let stringsOffset = tableOffset + modules.count * Self.moduleEntryByteCount
    let nameOffset = stringsOffset + commandLine.count + 1 + (request.initrd.map { $0.bytes.count + 1 } ?? 0)
    var memory = program.bytes
    Self.extend(&memory, to: Self.pageAligned(nameOffset + Self.bootLoaderName.utf8.count + 1))

    var next = stringsOffset
    func address(_ offset: Int) -> UInt32 { program.address &+ UInt32(truncatingIfNeeded: offset) }
    func add(_ string: [UInt8]) -> UInt32 {
      defer { next += string.count + 1 }
      memory.replaceSubrange(next..<next + string.count, with: string)
      return address(next)
    }
    for (index, module) in modules.enumerated() {
      let string = add(module)
      let path = BytePath(bytes: module.prefix { $0 != UInt8(ascii: " ") })
      let contents = try readModule(path, after: memory.count)
      let fields = [address(memory.count), address(memory.count + contents.count), string]
      for (field, value) in fields.enumerated() {
        memory.store(value, at: tableOffset + index * Self.moduleEntryByteCount + 4 * field)
      }
      memory += contents
      Self.extend(&memory, to: Self.pageAligned(memory.count))
    }

    var information = [UInt8](repeating: 0, count: Self.informationByteCount)
    information.store(Self.informationFlags, at: 0)
    information.store(Self.bootDevice, at: 12)
    information.store(add(commandLine), at: 16)
    information.store(UInt32(truncatingIfNeeded: modules.count), at: 20)
    information.store(address(tableOffset), at: 24)
    information.store(Self.memoryMapAddress, at: 48)
    let name = Array(Self.bootLoaderName.utf8)
    memory.replaceSubrange(nameOffset..<nameOffset + name.count, with: name)
    information.store(address(nameOffset), at: 64)

    var image = KernelImage(loader: .multiboot, kernel: .init(address: program.address, bytes: memory))
    image.initrd = .init(address: Self.informationAddress, bytes: information)
    image.entry = program.entry
    return image
  }

  private func readModule(_ path: BytePath, after byteCount: Int) throws(MachineError) -> [UInt8] {
    guard let status = try? path.status(), status.kind != .directory else {
      throw MachineError("Failed to open file '\(path)'")
    }
    guard UInt64(clamping: status.byteCount) + UInt64(byteCount) <= lowMemory else {
      throw MachineError("Error loading file '\(path)': it does not fit in guest memory")
    }
    guard let bytes = try? path.contents(limit: Int(status.byteCount)) else {
      throw MachineError("Failed to open file '\(path)'")
    }
    return bytes
  }

  /// The elements of a list separated by commas, where a doubled comma is one in the name. A comma at the end begins nothing.
  package static func split(_ list: [UInt8]) -> [[UInt8]] {
    var elements: [[UInt8]] = []
    var current: [UInt8]?
    var position = 0
    while position < list.count {
      let byte = list[position]
      position += 1
      if byte == UInt8(ascii: ",") {
        if position < list.count, list[position] == byte {
          position += 1
        } else {
          elements.append(current ?? [])
          current = nil
          continue
        }
      }
      current = (current ?? []) + [byte]
    }
    return elements + (current.map { [$0] } ?? [])
  }

  private static func pageAligned(_ byteCount: Int) -> Int { (byteCount + 4095) & ~4095 }

  private static func extend(_ bytes: inout [UInt8], to byteCount: Int) {
    bytes += [UInt8](repeating: 0, count: max(0, byteCount - bytes.count))
  }
}
