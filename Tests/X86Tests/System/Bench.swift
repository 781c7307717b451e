// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostIO
import X86

/// A machine with nothing but memory: 16 MiB of RAM, a 64 KiB ROM below 1 MiB and below 4 GiB, a debug port, an exit
/// port, a port that counts, and a page of device memory that logs its accesses.
final class Bench {
  static let ramByteCount = 16 << 20
  static let deviceBase: UInt64 = 0xfed0_0000

  let ram: UnsafeMutableRawPointer
  let rom: UnsafeMutableRawPointer
  private(set) var processor: Processor!
  /// What came out of port E9h.
  var output: [UInt8] = []
  var exitCode: UInt32?
  /// Reads of port 300h answer 1, 2, 3…
  var counter: UInt32 = 0
  /// `instructionCount` at each access to port 300h.
  var countsAtPort: [UInt64] = []
  var deviceLog: [String] = []
  /// Pages whose writes by others the processor wants to hear of.
  private(set) var watchedPages: Set<UInt64> = []
  /// Take the ports that nothing else answers.
  var onRead: ((UInt16) -> UInt32)?
  var onWrite: ((UInt16, UInt32) -> Void)?
  /// What FERR# does.
  var onFERR: ((Bool) -> Void)?
  /// What INTA answers.
  var vector: Int32 = 0x20

  private var hostCode: ExecutableMemory?

  /// `compiles`: what can be is compiled to host code the first time it runs, with room for `hostCodeByteCount` bytes.
  init(rom image: [UInt8] = [], compiles: Bool = false, hostCodeByteCount: Int = 8 << 20) {
    ram = .allocate(byteCount: Bench.ramByteCount, alignment: 4096)
    ram.initializeMemory(as: UInt8.self, repeating: 0, count: Bench.ramByteCount)
    rom = .allocate(byteCount: 0x10000, alignment: 4096)
    rom.initializeMemory(as: UInt8.self, repeating: 0xf4, count: 0x10000)
    for (index, byte) in image.prefix(0x10000).enumerated() {
      rom.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
    }
    processor = Processor(machine: interface)
    if compiles, let memory = try? ExecutableMemory(hostCodeByteCount) {
      processor.setHostCodeMemory(
        writable: memory.writable, executable: memory.executable, byteCount: memory.byteCount)
      processor.compileEverything()
      hostCode = memory
    }
    processor.reset()
  }

  deinit {
    ram.deallocate()
    rom.deallocate()
  }

  /// Runs until the program exits, halts for good, shuts down or has used up `limit` instructions.
  func run(limit: Int64 = 20_000_000) -> RunExit {
    var last = RunExit.budget
    let end = processor.instructionCount + UInt64(limit)
    while exitCode == nil, processor.instructionCount < end {
      last = processor.run(budget: Int64(end - processor.instructionCount), exact: true)
      if last == .halted || last == .shutdown { break }
    }
    return last
  }

  var text: String { String(decoding: output, as: UTF8.self) }

  subscript(address: Int) -> UInt8 {
    get { ram.load(fromByteOffset: address, as: UInt8.self) }
    set { ram.storeBytes(of: newValue, toByteOffset: address, as: UInt8.self) }
  }

  func word(_ address: Int) -> UInt32 { ram.loadUnaligned(fromByteOffset: address, as: UInt32.self) }

  fileprivate static func of(_ context: UnsafeMutableRawPointer) -> Bench {
    Unmanaged<Bench>.fromOpaque(context).takeUnretainedValue()
  }

  private var interface: MachineInterface {
    MachineInterface(
      context: Unmanaged.passUnretained(self).toOpaque(),
      portRead: { context, port, _ in
        let bench = Bench.of(context)
        guard port == 0x300 else { return bench.onRead?(port) ?? 0xffff_ffff }
        bench.counter += 1
        bench.countsAtPort.append(bench.processor.instructionCount)
        return bench.counter
      },
      portWrite: { context, port, _, value in
        let bench = Bench.of(context)
        switch port {
        case 0xe9: bench.output.append(UInt8(truncatingIfNeeded: value))
        case 0x300: bench.countsAtPort.append(bench.processor.instructionCount)
        case 0x301: bench.processor.setInterruptLine(value & 1 != 0)
        case 0x302: bench.processor.raiseNMI()
        case 0x501:
          bench.exitCode = value & 0xff
          bench.processor.requestAttention()
        default: bench.onWrite?(port, value)
        }
      },
      mmioRead: { context, address, size in
        let bench = Bench.of(context)
        bench.deviceLog.append("r\(size)@\(String(address & 0xfff, radix: 16))")
        return 0x1122_3344_5566_7788
      },
      mmioWrite: { context, address, size, value in
        let bench = Bench.of(context)
        guard address >= Bench.deviceBase, address < Bench.deviceBase + 0x1000 else { return }
        bench.deviceLog.append("w\(size)@\(String(address & 0xfff, radix: 16))=\(String(value, radix: 16))")
      },
      page: { context, address, answer in
        let bench = Bench.of(context)
        let romBase = UInt(bitPattern: bench.rom)
        var page = PhysicalPage(readAddress: 0, writeAddress: 0)
        if (0xf0000..<0x100000).contains(address) || (0xffff_0000...0xffff_ffff).contains(address) {
          page.readAddress = romBase + UInt(address & 0xffff)
        } else if address < UInt64(Bench.ramByteCount) {
          page.readAddress = UInt(bitPattern: bench.ram) + UInt(address)
          page.writeAddress = page.readAddress
        }
        answer.storeBytes(of: page, as: PhysicalPage.self)
      },
      codePage: { context, address, isWatched in
        let bench = Bench.of(context)
        if isWatched { bench.watchedPages.insert(address) } else { bench.watchedPages.remove(address) }
      },
      pageWritten: { _, _ in },
      interruptAcknowledge: { context in
        let bench = Bench.of(context)
        bench.processor.setInterruptLine(false)
        return bench.vector
      },
      msrRead: { _, _, _ in false },
      msrWrite: { _, _, _ in false },
      taskPriorityRead: { _ in 0 },
      taskPriorityWrite: { _, _ in },
      timeStamp: { context in Bench.of(context).processor.instructionCount },
      ferr: { context, level in Bench.of(context).onFERR?(level) })
  }
}

/// The assembler, and files for it.
enum Assembler {
  struct Failure: Error, CustomStringConvertible { var description: String }

  /// A directory of this process's own.
  static let directory: String = {
    var name = Array("/tmp/x86tests-XXXXXX".utf8CString)
    guard let made = mkdtemp(&name) else { return "/tmp" }
    return String(cString: made)
  }()

  static func write(_ bytes: [UInt8], to path: String) throws {
    guard let file = fopen(path, "w") else { throw Failure(description: "Cannot write \(path)") }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
  }

  static func read(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
    return bytes
  }

  /// Assembles a flat binary.
  static func assemble(_ text: String, name: String) throws -> [UInt8] {
    // Cases of one test assemble the same program at the same time.
    let unique = String(UInt64.random(in: 0 ... .max), radix: 36)
    let stem = directory + "/" + String(name.map { $0.isLetter || $0.isNumber ? $0 : "-" }.prefix(60)) + unique
    try write(Array(text.utf8), to: stem + ".asm")
    let status = system("nasm -w-all -f bin -o '\(stem).bin' '\(stem).asm' 2>'\(stem).err'")
    guard status == 0, let image = read(stem + ".bin") else {
      throw Failure(description: String(decoding: read(stem + ".err") ?? [], as: UTF8.self))
    }
    return image
  }
}
