// SPDX-License-Identifier: Apache-2.0
import HostIO

/// A Linux image for x86 (bzImage, zImage): the boot sector and setup code that run in real mode, then the kernel proper.
///
/// The header is filled in and everything placed as QEMU 7.2's loader does. A file without the header is taken for a kernel of
/// the time before it, as it is there; nonsense fails by its sizes.
/// Reference: Linux, Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header" and "Memory Layout".
package struct LinuxKernel {
  /// Offsets of the header's fields in the file.
  private enum Field {
    static let oldCommandLineMagic = 0x20, oldCommandLineOffset = 0x22
    static let setupSectors = 0x1f1, videoMode = 0x1fa, signature = 0x202, version = 0x206
    static let loaderType = 0x210, loadFlags = 0x211, ramDiskAddress = 0x218, ramDiskByteCount = 0x21c
    static let heapEnd = 0x224, commandLine = 0x228, ramDiskLimit = 0x22c, extendedLoadFlags = 0x236
    static let setupData = 0x250
  }

  /// Bits of `loadflags`.
  private enum LoadFlag {
    static let loadedHigh: UInt8 = 1 << 0
    static let canUseHeap: UInt8 = 1 << 7
  }

  /// `xloadflags`: kernel and everything else may lie above 4 GiB.
  private static let canBeLoadedAbove4GiB: UInt16 = 1 << 1
  private static let oldCommandLineMagic: UInt16 = 0xa33f
  /// QEMU's number among the boot loaders.
  private static let loaderType: UInt8 = 0xb0
  /// `initrd_addr_max` of protocols before 2.03.
  private static let oldRAMDiskLimit: UInt32 = 0x37ff_ffff
  /// The top of low memory that the firmware keeps for ACPI tables and itself.
  private static let firmwareByteCount: UInt64 = 0x28000
  /// `setup_data` type: a device tree blob.
  private static let deviceTreeType: UInt32 = 2

  /// Where the parts of an image go.
  private struct Layout {
    var setup: UInt32
    var commandLine: UInt32
    var kernel: UInt32
  }

  private let file: [UInt8]
  private let version: UInt16

  package static func hasHeader(_ file: [UInt8]) -> Bool {
    FieldReader(bytes: file).dword(Field.signature) == 0x5372_6448  // "HdrS"
  }

  package init(_ file: [UInt8]) {
    self.file = file
    version = Self.hasHeader(file) ? FieldReader(bytes: file).word(Field.version) : 0
  }

  /// The image ready for its boot ROM.
  package func image(_ request: KernelRequest, lowMemory: UInt64) throws(MachineError) -> KernelImage {
    let reader = FieldReader(bytes: file)
    // A header to write to, even where the file has none; what is behind the setup code is cut off in the end.
    var setup = Array(file.prefix(KernelImage.headerByteCount))
    setup += [UInt8](repeating: 0, count: KernelImage.headerByteCount - setup.count)
    let layout = layout(commandLineByteCount: request.commandLine.count)

    if version >= 0x202 {
      setup.store(layout.commandLine, at: Field.commandLine)
    } else {
      setup.store(Self.oldCommandLineMagic, at: Field.oldCommandLineMagic)
      setup.store(
        UInt16(truncatingIfNeeded: layout.commandLine &- layout.setup), at: Field.oldCommandLineOffset)
    }
    if let mode = try Self.videoMode(request.commandLine) { setup.store(mode, at: Field.videoMode) }
    if version >= 0x200 { setup[Field.loaderType] = Self.loaderType }
    if version >= 0x201 {
      setup[Field.loadFlags] |= LoadFlag.canUseHeap
      // Relative to the setup code's second sector, as the protocol wants it.
      setup.store(
        UInt16(truncatingIfNeeded: layout.commandLine &- layout.setup &- 0x200), at: Field.heapEnd)
    }
    let ramDisk = try ramDisk(request, lowMemory: lowMemory)
    if let ramDisk {
      setup.store(ramDisk.address, at: Field.ramDiskAddress)
      setup.store(UInt32(truncatingIfNeeded: ramDisk.bytes.count), at: Field.ramDiskByteCount)
    }

    // No sectors means four: the number is older than the field.
    let sectors = reader.byte(Field.setupSectors) == 0 ? 4 : Int(reader.byte(Field.setupSectors))
    let setupByteCount = (sectors + 1) * 512
    guard setupByteCount <= file.count else { throw MachineError("invalid kernel header") }
    var kernel = Array(file[setupByteCount...])
    if let path = request.deviceTree {
      let data = try setupData(deviceTree: path)
      kernel += [UInt8](repeating: 0, count: (16 - kernel.count % 16) % 16)
      setup.store(UInt64(layout.kernel) + UInt64(kernel.count), at: Field.setupData)
      kernel += data
    }

    var image = KernelImage(loader: .linux, kernel: .init(address: layout.kernel, bytes: kernel))
    // Without a header there is nothing to fill in: those bytes are code.
    let filled = version == 0 ? 0 : min(setup.count, setupByteCount)
    image.setup = .init(
      address: layout.setup, bytes: Array(setup[..<filled]) + Array(file[filled..<setupByteCount]))
    image.commandLine = .init(address: layout.commandLine, bytes: request.commandLine + [0])
    image.initrd = ramDisk
    return image
  }

  private func layout(commandLineByteCount: Int) -> Layout {
    let isHigh = version >= 0x200 && FieldReader(bytes: file).byte(Field.loadFlags) & LoadFlag.loadedHigh != 0
    if isHigh, version >= 0x202 { return Layout(setup: 0x10000, commandLine: 0x20000, kernel: 0x100000) }
    // Below the end of the memory that an old kernel may use, in whole paragraphs.
    let byteCount = UInt32(truncatingIfNeeded: (commandLineByteCount + 16) & ~15)
    return Layout(setup: 0x90000, commandLine: 0x9a000 &- byteCount, kernel: isHigh ? 0x100000 : 0x10000)
  }

  /// The highest address for the RAM disk's last byte, more or less: QEMU leaves a page where it could do without.
  private func ramDiskLimit(lowMemory: UInt64) -> UInt32 {
    let reader = FieldReader(bytes: file)
    var limit = Self.oldRAMDiskLimit
    if version >= 0x20c, reader.word(Field.extendedLoadFlags) & Self.canBeLoadedAbove4GiB != 0 {
      limit = .max
    } else if version >= 0x203 {
      limit = reader.dword(Field.ramDiskLimit)
    }
    let available = lowMemory > Self.firmwareByteCount ? lowMemory - Self.firmwareByteCount : 1
    return UInt64(limit) >= available ? UInt32(truncatingIfNeeded: available - 1) : limit
  }

  private func ramDisk(_ request: KernelRequest, lowMemory: UInt64) throws(MachineError) -> KernelImage.Part? {
    guard let path = request.initrd else { return nil }
    guard version >= 0x200 else { throw MachineError("linux kernel too old to load a ram disk") }
    let limit = ramDiskLimit(lowMemory: lowMemory)
    let byteCount = try Self.ramDiskByteCount(path)
    guard byteCount < Int64(limit) else {
      throw MachineError("initrd is too large, cannot support.(max: \(limit), need \(byteCount))")
    }
    do throws(Errno) {
      let bytes = try path.contents(limit: Int(byteCount))
      return .init(address: (limit - UInt32(truncatingIfNeeded: bytes.count)) & ~0xfff, bytes: bytes)
    } catch {
      throw MachineError("error reading initrd \(path): Failed to read file “\(path)”: \(error)")
    }
  }

  private static func ramDiskByteCount(_ path: BytePath) throws(MachineError) -> Int64 {
    let status: FileStatus
    do throws(Errno) {
      // Whether it may be read shows when it is opened.
      let file = try FileDescriptor.open(path, .readOnly)
      defer { file.closeIgnoringErrors() }
      status = try file.status()
    } catch {
      throw MachineError("error reading initrd \(path): Failed to open file “\(path)”: open() failed: \(error)")
    }
    guard status.kind == .regular else {
      throw MachineError("error reading initrd \(path): Failed to map “\(path)”: it is not a regular file")
    }
    return status.byteCount
  }

  /// A node of the list at `setup_data`: the blob with a head before it.
  private func setupData(deviceTree path: BytePath) throws(MachineError) -> [UInt8] {
    guard version >= 0x209 else { throw MachineError("Linux kernel too old to load a dtb") }
    do throws(Errno) {
      let status = try path.status()
      guard status.kind != .directory else { throw .isADirectory }
      guard status.byteCount < 1 << 30 else { throw .fileTooLarge }
      let blob = try path.contents(limit: Int(status.byteCount))
      guard !blob.isEmpty else { throw .invalidArgument }
      return littleEndian(UInt64(0)) + littleEndian(Self.deviceTreeType)
        + littleEndian(UInt32(truncatingIfNeeded: blob.count)) + blob
    } catch {
      throw MachineError("error reading dtb \(path): \(error)")
    }
  }

  /// The value of the first `vga=` in a command line, which is meant for the boot loader.
  package static func videoMode(_ commandLine: [UInt8]) throws(MachineError) -> UInt16? {
    let key = Array("vga=".utf8)
    guard let start = commandLine.indices.first(where: { commandLine[$0...].starts(with: key) }) else { return nil }
    let value = commandLine[(start + key.count)...]
    for (name, mode) in [("normal", 0xffff), ("ext", 0xfffe), ("ask", 0xfffd)] as [(String, UInt16)]
    where value.starts(with: name.utf8) {
      return mode
    }
    guard let mode = number(value) else { throw MachineError("invalid 'vga=' kernel parameter.") }
    return UInt16(truncatingIfNeeded: mode)
  }

  /// A number as strtoul(3) reads it with base 0, ending at a space or the end.
  private static func number(_ text: ArraySlice<UInt8>) -> UInt32? {
    let isSpace: (UInt8) -> Bool = { $0 == 0x20 || 9...13 ~= $0 }
    var word = String(decoding: text.drop(while: isSpace).prefix { $0 != 0x20 }, as: UTF8.self)
    let isNegative = word.hasPrefix("-")
    if isNegative || word.hasPrefix("+") { word.removeFirst() }
    var radix = 10
    if word.lowercased().hasPrefix("0x") {
      word.removeFirst(2)
      radix = 16
    } else if word.hasPrefix("0") {
      radix = 8
    }
    guard word.first?.isHexDigit == true, let value = UInt32(word, radix: radix) else { return nil }
    return isNegative ? 0 &- value : value
  }
}
