// SPDX-License-Identifier: Apache-2.0
import HostIO

/// What `-kernel` and its companions ask for.
public struct KernelRequest: Sendable, Equatable {
  /// `-kernel`: a Linux or a Multiboot image.
  public var kernel: BytePath
  /// `-initrd`: one file for Linux; for Multiboot modules with their arguments, separated by commas.
  public var initrd: BytePath?
  /// `-append`, without a terminating NUL.
  public var commandLine: [UInt8]
  /// `-dtb`: a device tree blob for Linux.
  public var deviceTree: BytePath?

  public init(
    kernel: BytePath, initrd: BytePath? = nil, commandLine: [UInt8] = [], deviceTree: BytePath? = nil
  ) {
    (self.kernel, self.initrd, self.commandLine, self.deviceTree) = (kernel, initrd, commandLine, deviceTree)
  }
}

/// A kernel prepared for its boot ROM: what the ROM copies to where, and where it jumps.
///
/// The parts reach the ROM as numbered fw_cfg items; placement is QEMU 7.2's.
package struct KernelImage: Sendable, Equatable {
  /// The option ROM that starts such a kernel.
  package enum Loader: String, Sendable {
    case linux = "linuxboot_dma.bin"
    case multiboot = "multiboot_dma.bin"
  }

  /// Bytes and the guest physical address where they belong.
  package struct Part: Sendable, Equatable {
    package var address: UInt32
    package var bytes: [UInt8]

    package init(address: UInt32, bytes: [UInt8]) { (self.address, self.bytes) = (address, bytes) }
  }

  package var loader: Loader
  package var kernel: Part
  /// The initial RAM disk; for Multiboot the information structure.
  package var initrd: Part?
  package var commandLine: Part?
  package var setup: Part?
  package var entry: UInt32?

  /// Largest kernel file. Sizes in fw_cfg are 32 bits wide, and in QEMU signed.
  private static let largestFile: Int64 = 0x7fff_ffff
  /// Headers are looked for in this many bytes.
  static let headerByteCount = 8192

  /// Reads and prepares the files of a request.
  /// - Parameter lowMemory: bytes of RAM below the PCI hole.
  package init(_ request: KernelRequest, lowMemory: UInt64) throws(MachineError) {
    let file = try Self.readKernel(request.kernel)
    if !LinuxKernel.hasHeader(file), let header = MultibootHeader(file) {
      self = try MultibootKernel(file, header, lowMemory: lowMemory).image(request)
    } else if !LinuxKernel.hasHeader(file), ELFImage.isELF(file) {
      if file.count > ELFImage.fileClass, file[ELFImage.fileClass] == 1, ELFImage.segments(file)?.isEmpty ?? true {
        throw MachineError("Error while loading elf kernel")
      }
      throw MachineError(
        ELFImage.hasPVHEntry(file)
          ? "kernels with a PVH entry point (vmlinux) are not supported, use the bzImage"
          : "Error loading uncompressed kernel without PVH ELF Note")
    } else {
      self = try LinuxKernel(file).image(request, lowMemory: lowMemory)
    }
  }

  init(loader: Loader, kernel: Part) { (self.loader, self.kernel) = (loader, kernel) }

  private static func readKernel(_ path: BytePath) throws(MachineError) -> [UInt8] {
    let file: FileDescriptor
    do throws(Errno) { file = try FileDescriptor.open(path, .readOnly) } catch {
      throw MachineError("could not open kernel file '\(path)': \(error)")
    }
    file.closeIgnoringErrors()
    do throws(Errno) {
      let status = try path.status()
      guard status.kind != .directory else { throw .isADirectory }
      let byteCount = status.byteCount
      // QEMU's sentence for a file without contents, too.
      guard byteCount > 0 else { throw .noSuchFile }
      guard byteCount <= largestFile else { throw .fileTooLarge }
      return try path.contents(limit: Int(byteCount))
    } catch {
      throw MachineError("could not load kernel '\(path)': \(error)")
    }
  }
}

/// A file's bytes read as little-endian fields; what lies behind the end reads as zero.
struct FieldReader {
  let bytes: [UInt8]

  func byte(_ offset: Int) -> UInt8 { bytes.indices.contains(offset) ? bytes[offset] : 0 }
  func word(_ offset: Int) -> UInt16 { UInt16(byte(offset)) | UInt16(byte(offset + 1)) << 8 }
  func dword(_ offset: Int) -> UInt32 { UInt32(word(offset)) | UInt32(word(offset + 2)) << 16 }
}

extension [UInt8] {
  /// Overwrites the bytes at `offset` with a little-endian integer. The place must exist.
  mutating func store<T: FixedWidthInteger>(_ value: T, at offset: Int) {
    replaceSubrange(offset..<offset + T.bitWidth / 8, with: littleEndian(value))
  }
}
