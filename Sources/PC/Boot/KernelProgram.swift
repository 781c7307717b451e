// SPDX-License-Identifier: Apache-2.0

/// A Multiboot kernel's program as it lies in guest memory, with zeroes where the file has nothing.
struct LoadedProgram {
  let address: UInt32
  let entry: UInt32
  let bytes: [UInt8]

  /// A file loaded as a whole to where its header says (the specification's "a.out kludge").
  init(flat file: [UInt8], _ header: MultibootHeader, memoryLimit: UInt64) throws(MachineError) {
    guard header.headerAddress >= header.loadAddress else { throw MachineError("invalid load_addr address") }
    let distance = Int(header.headerAddress - header.loadAddress)
    guard distance <= header.offset else { throw MachineError("invalid header_addr address") }
    let start = header.offset - distance
    var byteCount = file.count - start
    if header.loadEndAddress != 0 {
      guard header.loadEndAddress >= header.loadAddress else { throw MachineError("invalid load_end_addr address") }
      byteCount = Int(header.loadEndAddress - header.loadAddress)
    }
    guard UInt64(byteCount) <= UInt64(UInt32.max - header.loadAddress) else {
      throw MachineError("kernel does not fit in address space")
    }
    var memoryByteCount = byteCount
    if header.bssEndAddress != 0 {
      guard UInt64(header.bssEndAddress) >= UInt64(header.loadAddress) + UInt64(byteCount) else {
        throw MachineError("invalid bss_end_addr address")
      }
      memoryByteCount = Int(header.bssEndAddress - header.loadAddress)
    }
    guard byteCount <= file.count - start else { throw MachineError("fread() failed") }
    try Self.check(memoryByteCount, memoryLimit)
    address = header.loadAddress
    entry = header.entryAddress
    bytes = file[start..<start + byteCount] + [UInt8](repeating: 0, count: memoryByteCount - byteCount)
  }

  /// The loadable segments of a 32-bit ELF executable for the 386, at their physical addresses.
  init(elf file: [UInt8], memoryLimit: UInt64) throws(MachineError) {
    let reader = FieldReader(bytes: file)
    let failure = MachineError("Error while loading elf kernel")
    if reader.word(ELFImage.machine) == ELFImage.machineX86_64 {
      throw MachineError("Cannot load x86-64 image, give a 32bit one.")
    }
    guard ELFImage.isELF(file), reader.byte(ELFImage.fileClass) == 1, reader.byte(ELFImage.dataEncoding) == 1,
      [ELFImage.machine386, ELFImage.machine486].contains(reader.word(ELFImage.machine)),
      let segments = ELFImage.segments(file), let first = segments.first
    else { throw failure }
    var low = first.address
    var high = UInt64(first.address)
    for segment in segments {
      low = min(low, segment.address)
      high = max(high, UInt64(segment.address) + UInt64(segment.memoryByteCount))
    }
    guard high <= 1 << 32 else { throw failure }
    let byteCount = Int(high - UInt64(low))
    try Self.check(byteCount, memoryLimit)
    var memory = [UInt8](repeating: 0, count: byteCount)
    var entry = reader.dword(ELFImage.entry)
    for segment in segments {
      let contents = file[segment.fileRange]
      let start = Int(segment.address - low)
      memory.replaceSubrange(start..<start + contents.count, with: contents)
      // The entry point is a virtual address, yet paging is off.
      let distance = reader.dword(ELFImage.entry) &- segment.virtualAddress
      if segment.isExecutable, segment.virtualAddress != segment.address,
        reader.dword(ELFImage.entry) >= segment.virtualAddress, Int(distance) < contents.count
      {
        entry = segment.address &+ distance
      }
    }
    address = low
    self.entry = entry
    bytes = memory
  }

  /// A header may ask for 4 GiB of zeroes.
  private static func check(_ byteCount: Int, _ limit: UInt64) throws(MachineError) {
    guard UInt64(byteCount) <= limit else { throw MachineError("kernel does not fit in guest memory") }
  }
}

/// What of the ELF format a loader needs. Reference: System V ABI, chapters 4 and 5, "ELF Header" and "Program Header".
enum ELFImage {
  static let fileClass = 4, dataEncoding = 5, machine = 18, entry = 24
  static let machine386: UInt16 = 3, machine486: UInt16 = 6, machineX86_64: UInt16 = 62
  private static let programHeaderOffset = 28, programHeaderByteCount = 42, programHeaderCount = 44
  private static let loadable: UInt32 = 1

  struct Segment {
    var address: UInt32
    var virtualAddress: UInt32
    var fileRange: Range<Int>
    var memoryByteCount: UInt32
    var isExecutable: Bool
  }

  static func isELF(_ file: [UInt8]) -> Bool { file.starts(with: [0x7f, 0x45, 0x4c, 0x46]) }

  /// Loadable segments that take memory; nil when one is not in the file.
  static func segments(_ file: [UInt8]) -> [Segment]? {
    let reader = FieldReader(bytes: file)
    guard reader.word(programHeaderByteCount) == 32 else { return nil }
    var segments: [Segment] = []
    for index in 0..<Int(reader.word(programHeaderCount)) {
      let header = Int(reader.dword(programHeaderOffset)) + 32 * index
      guard header + 32 <= file.count else { return nil }
      let memoryByteCount = reader.dword(header + 20)
      guard reader.dword(header) == loadable, memoryByteCount > 0 else { continue }
      let start = Int(reader.dword(header + 4))
      let byteCount = Int(min(reader.dword(header + 16), memoryByteCount))
      guard start + byteCount <= file.count else { return nil }
      segments.append(
        Segment(
          address: reader.dword(header + 12), virtualAddress: reader.dword(header + 8),
          fileRange: start..<start + byteCount, memoryByteCount: memoryByteCount,
          isExecutable: reader.dword(header + 24) & 1 != 0))
    }
    return segments
  }

  /// Whether the file names an entry point of Xen's PVH protocol: an ELF note of owner "Xen" and type 18.
  static func hasPVHEntry(_ file: [UInt8]) -> Bool {
    let reader = FieldReader(bytes: file)
    let owner = Array("Xen\0".utf8)
    return stride(from: 0, to: max(0, file.count - 16), by: 4).contains { offset in
      file[offset + 12] == owner[0] && file[offset + 8] == 18 && reader.dword(offset) == 4
        && reader.dword(offset + 8) == 18 && file[(offset + 12)..<(offset + 16)].elementsEqual(owner)
    }
  }
}
