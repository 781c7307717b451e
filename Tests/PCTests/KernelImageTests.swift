// SPDX-License-Identifier: Apache-2.0
import Fuzzing
import HostIO
import PC
import Testing

/// Kernels as files, and what becomes of them. Numbers were read from QEMU 7.2's fw_cfg items.
struct KernelImageTests {
  /// A folder with files that goes away with the test.
  private final class Folder {
    let path: BytePath
    init(_ files: [String: [UInt8]]) throws {
      path = try BytePath("/tmp/apus-kernel-").makeUniqueDirectory()
      for (name, bytes) in files { try AtomicFile.write(bytes, to: path.appending(BytePath(name))) }
    }
    deinit {
      for entry in (try? path.directoryEntries()) ?? [] { try? path.appending(entry).unlink() }
      try? path.removeDirectory()
    }
    subscript(_ name: String) -> BytePath { path.appending(BytePath(name)) }
  }

  /// A Linux image of one setup sector and three of kernel, with a header.
  private static func linux(_ version: UInt16, flags: UInt8 = 1, limit: UInt32 = 0x37ff_ffff) -> [UInt8] {
    var file = [UInt8](repeating: 0, count: 4096)
    func set(_ offset: Int, _ bytes: [UInt8]) { file.replaceSubrange(offset..<offset + bytes.count, with: bytes) }
    set(0x1f1, [1])
    set(0x202, Array("HdrS".utf8) + [UInt8(version & 255), UInt8(version >> 8)])
    set(0x211, [flags])
    set(0x22c, (0..<4).map { UInt8(truncatingIfNeeded: limit >> (8 * $0)) })
    return file
  }

  private func image(
    _ kernel: [UInt8], initrd: [UInt8]? = nil, _ commandLine: String = "hello", memory: UInt64 = 128 << 20
  ) throws -> KernelImage {
    let folder = try Folder(["kernel": kernel, "initrd": initrd ?? []])
    return try KernelImage(
      KernelRequest(
        kernel: folder["kernel"], initrd: initrd.map { _ in folder["initrd"] }, commandLine: Array(commandLine.utf8)),
      lowMemory: memory)
  }

  private func number(_ bytes: [UInt8], _ offset: Int, _ count: Int = 4) -> UInt32 {
    bytes[offset..<offset + count].reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  @Test(
    arguments: [
      (0x200, 0, 0x90000, 0x99ff0, 0x10000), (0x200, 1, 0x90000, 0x99ff0, 0x100000),
      (0x201, 1, 0x90000, 0x99ff0, 0x100000), (0x202, 0, 0x90000, 0x99ff0, 0x10000),
      (0x202, 1, 0x10000, 0x20000, 0x100000), (0x20f, 1, 0x10000, 0x20000, 0x100000),
    ] as [(UInt16, UInt8, UInt32, UInt32, UInt32)])
  func `the protocol and the load flags decide where the parts go`(
    version: UInt16, flags: UInt8, setup: UInt32, commandLine: UInt32, kernel: UInt32
  ) throws {
    let image = try image(Self.linux(version, flags: flags))
    #expect(image.loader == .linux && image.initrd == nil && image.entry == nil)
    #expect(image.setup?.address == setup && image.setup?.bytes.count == 1024)
    #expect(image.commandLine == .init(address: commandLine, bytes: Array("hello\0".utf8)))
    #expect(image.kernel.address == kernel && image.kernel.bytes.count == 3072)
    let header = try #require(image.setup?.bytes)
    #expect(header[0x210] == 0xb0)
    #expect(header[0x211] == (version >= 0x201 ? flags | 0x80 : flags))
    if version >= 0x202 {
      #expect(number(header, 0x228) == commandLine)
    } else {
      #expect(number(header, 0x20) == (commandLine - setup) << 16 | 0xa33f)
    }
    if version >= 0x201 { #expect(number(header, 0x224, 2) == commandLine - setup - 0x200) }
  }

  /// Header's limit, memory, address for 5000 bytes.
  @Test(
    arguments: [
      (0x37ff_ffff, 128 << 20, 0x7fd_6000), (0x2ff_ffff, 128 << 20, 0x2ff_e000), (0x37ff_ffff, 3 << 30, 0x37ff_e000),
      (0xffff_ffff, 3 << 30, 0xbffd_6000), (0x2ff_f123, 128 << 20, 0x2ff_d000),
    ] as [(UInt32, UInt64, UInt32)])
  func `the RAM disk ends below the limit and the firmware's memory`(
    limit: UInt32, memory: UInt64, address: UInt32
  ) throws {
    let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0) }
    let image = try image(Self.linux(0x20a, limit: limit), initrd: bytes, memory: memory)
    #expect(image.initrd == .init(address: address, bytes: bytes))
    let header = try #require(image.setup?.bytes)
    #expect(number(header, 0x218) == address && number(header, 0x21c) == 5000)
  }

  @Test(
    arguments: [
      ("", nil), ("quiet", nil), ("vga=normal", 0xffff), ("vga=ext", 0xfffe), ("a vga=ask b", 0xfffd), ("vga=791", 791),
      ("vga=0x317 x", 0x317), ("vga=017", 15), ("vga=1 vga=2", 1), ("vga=-1", 0xffff), ("nvga=5", 5), ("vga= 7", 7),
      ("vga=0x12345", 0x2345), ("vga=0", 0),
    ] as [(String, UInt16?)])
  func `the video mode is a word or a number`(line: String, mode: UInt16?) throws {
    #expect(try LinuxKernel.videoMode(Array(line.utf8)) == mode)
  }

  @Test(arguments: ["vga=", "vga=x", "vga=1,2", "vga=0x", "vga=08", "vga=4294967296", "vga=--1", "vga=+-1"])
  func `a video mode that is neither is refused`(line: String) {
    #expect {
      try LinuxKernel.videoMode(Array(line.utf8))
    } throws: {
      ($0 as? MachineError)?.description == "invalid 'vga=' kernel parameter."
    }
  }

  @Test(
    arguments: [
      ("", []), ("a", ["a"]), ("a,b", ["a", "b"]), ("a,", ["a"]), ("a,,b", ["a,b"]), ("a,,,b", ["a,", "b"]),
      (",a", ["", "a"]), ("a x,b y z", ["a x", "b y z"]), (",", [""]), (",,", [","]),
    ] as [(String, [String])])
  func `modules are separated by commas, and a doubled comma is one in the name`(list: String, modules: [String]) {
    #expect(MultibootKernel.split(Array(list.utf8)) == modules.map { Array($0.utf8) })
  }

  @Test func `a flat Multiboot kernel is followed by its strings and modules on pages`() throws {
    let words: [UInt32] = [
      0x1bad_b002, 0x10000, 0 &- 0x1bae_b002, 0x20_0010, 0x20_0000, 0x20_0100, 0x20_2001, 0x20_0040,
    ]
    var file = [UInt8](repeating: 0x90, count: 0x110)
    file += words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
    file += [UInt8](repeating: 0x91, count: 0x200)
    let folder = try Folder(["kernel": file, "module": [1, 2, 3]])
    let module = folder["module"].bytes + Array(" x".utf8)
    let image = try KernelImage(
      KernelRequest(kernel: folder["kernel"], initrd: BytePath(bytes: module), commandLine: Array("c d".utf8)),
      lowMemory: 16 << 20)
    #expect(image.loader == .multiboot && image.entry == 0x20_0040 && image.setup == nil && image.commandLine == nil)
    let memory = image.kernel.bytes
    #expect(image.kernel.address == 0x20_0000 && memory.count == 0x5000)
    #expect(Array(memory[..<0x100]) == Array(file[0x100..<0x200]))
    #expect(memory[0x100..<0x3000].allSatisfy { $0 == 0 })
    #expect((0..<4).map { number(memory, 0x3000 + 4 * $0) } == [0x20_4000, 0x20_4003, 0x20_3010, 0])
    #expect(Array(memory[0x3010...].prefix { $0 != 0 }) == module)
    #expect(Array(memory[0x4000..<0x4004]) == [1, 2, 3, 0])
    let information = try #require(image.initrd)
    #expect(information.address == 0x9500 && number(information.bytes, 0) == 0x24f)
    #expect(number(information.bytes, 12) == 0x8000_ffff && number(information.bytes, 48) == 0x9000)
    #expect(number(information.bytes, 20) == 1 && number(information.bytes, 24) == 0x20_3000)
    func text(_ field: Int) -> String {
      let start = Int(number(information.bytes, field)) - 0x20_0000
      return String(decoding: memory[start...].prefix { $0 != 0 }, as: UTF8.self)
    }
    #expect(text(16) == "\(folder["kernel"]) c d" && text(64) == "qemu")
  }

  @Test func `a kernel built into the machine's memory takes no more than there is`() throws {
    let words: [UInt32] = [0x1bad_b002, 0x10000, 0 &- 0x1bae_b002, 0x10_0000, 0x10_0000, 0, 0xfff0_0000, 0x10_0000]
    let file = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
    #expect {
      try image(file)
    } throws: {
      ($0 as? MachineError)?.description == "kernel does not fit in guest memory"
    }
  }

  /// An ELF executable of one segment in which a Multiboot header lies behind the program header.
  private static let elf: [UInt8] = {
    var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 1, 1, 1] + [UInt8](repeating: 0, count: 9)
    let words: [UInt32] = [
      0x3_0002, 1, 0xc010_0060, 52, 0, 0, 0x20_0034, 1, 0,  // header: type and machine … sizes
      1, 0, 0xc010_0000, 0x10_0000, 128, 4096, 7, 4096,  // program header
      0x1bad_b002, 0, 0 &- 0x1bad_b002,
    ]
    file += words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
    return file + [UInt8](repeating: 0x90, count: 256 - file.count)
  }()

  @Test func `an ELF kernel goes to its physical addresses and is entered there`() throws {
    let image = try image(Self.elf)
    #expect(image.kernel.address == 0x10_0000 && image.entry == 0x10_0060)
    #expect(Array(image.kernel.bytes[..<128]) == Array(Self.elf[..<128]))
    #expect(image.kernel.bytes[128..<4096].allSatisfy { $0 == 0 })
  }

  @Test func `no kernel file traps or takes more memory than there is`() throws {
    let seeds = [Self.linux(0x200), Self.linux(0x20f), Self.elf, Self.linux(0x20c, flags: 0)]
    let folder = try Folder([:])
    var prepared = 0
    try Fuzzing.run("kernel images", atLeast: 500) { random in
      let file = random.damaged(seeds[random.below(seeds.count)], changes: 8)
      try AtomicFile.write(file, to: folder["kernel"])
      let request = KernelRequest(kernel: folder["kernel"], initrd: folder["kernel"], commandLine: random.bytes(4))
      guard let image = try? KernelImage(request, lowMemory: 1 << 20) else { return }
      prepared += 1
      // Strings and modules come on top of the program.
      #expect(image.kernel.bytes.count <= (1 << 20) + (1 << 16))
    }
    #expect(prepared > 50)
  }
}
