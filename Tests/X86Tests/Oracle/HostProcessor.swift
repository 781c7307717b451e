// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Fixed addresses, so that host and core see the same linear addresses (all below 2 GiB: the code uses absolute
/// 32-bit addresses).
enum OracleLayout {
  /// Saved and loaded state, and the stack of the prologue.
  static let control: UInt64 = 0x2000_0000
  static let controlBytes = 0x2000
  /// Memory that the instructions under test use.
  static let data: UInt64 = 0x2001_0000
  static let dataBytes = 0x4000
  /// Prologues and epilogues, and at `test` the instructions.
  static let code: UInt64 = 0x3000_0000
  static let codeBytes = 0x1000
  static let test: UInt64 = 0x3000_0800
  /// Memory operands lie around this page boundary.
  static let boundary: UInt64 = data + 0x1000
  /// The stack pointer starts here.
  static let stack: UInt64 = data + 0x2800
}

/// General registers (0...15 in encoding order) and flags.
struct RegisterFile: Equatable {
  var general = [UInt64](repeating: 0, count: 16)
  var flags: UInt64 = 2
}

/// Runs instructions on the processor that the tests run on: loads all general registers and flags, executes the bytes
/// at `OracleLayout.test`, stores everything. SIGFPE, SIGSEGV and SIGILL end the attempt.
///
/// Not thread-safe: one mapping at fixed addresses.
final class HostProcessor {
  /// Offsets in the control page.
  private enum Slot {
    static let input = 0
    static let inputFlags = 128
    static let output = 256
    static let outputFlags = 384
    static let hostStack = 512
    static let far32 = 520
    static let trap = 536
    static let plainMXCSR = 544
    static let floatingInput = 0x800
    static let floatingOutput = 0xa00
    static let scratchStack = 0x1800
  }

  private let control: UnsafeMutableRawPointer
  /// FXSAVE images (64-bit form) that are loaded before the instructions and stored after them.
  var floatingInput: UnsafeMutableRawPointer { control + Slot.floatingInput }
  var floatingOutput: UnsafeRawPointer { UnsafeRawPointer(control + Slot.floatingOutput) }
  let data: UnsafeMutableRawPointer
  private let code: UnsafeMutableRawPointer
  private var entry64: UInt64 = 0
  private var entry32: UInt64 = 0
  private var epilogue64: UInt64 = 0
  private var epilogue32: UInt64 = 0
  nonisolated(unsafe) private static var faultExit: UInt64 = 0

  init?() {
    func map(_ address: UInt64, _ count: Int, _ protection: Int32) -> UnsafeMutableRawPointer? {
      // MAP_FIXED_NOREPLACE: what is there already stays.
      let flags = MAP_PRIVATE | MAP_ANONYMOUS | 0x10_0000
      let result = mmap(UnsafeMutableRawPointer(bitPattern: UInt(address)), count, protection, flags, -1, 0)
      return result == MAP_FAILED ? nil : result
    }
    let readWrite = PROT_READ | PROT_WRITE
    guard let control = map(OracleLayout.control, OracleLayout.controlBytes, readWrite),
      let data = map(OracleLayout.data, OracleLayout.dataBytes, readWrite),
      let code = map(OracleLayout.code, OracleLayout.codeBytes, readWrite | PROT_EXEC)
    else { return nil }
    (self.control, self.data, self.code) = (control, data, code)
    assemble()
    installHandlers()
  }

  /// The next one maps the same addresses.
  deinit {
    munmap(control, OracleLayout.controlBytes)
    munmap(data, OracleLayout.dataBytes)
    munmap(code, OracleLayout.codeBytes)
  }

  // MARK: Code

  private struct Assembler {
    var base: UInt64
    var bytes: [UInt8] = []
    var here: UInt64 { base + UInt64(bytes.count) }
    mutating func emit(_ values: UInt8...) { bytes += values }
    mutating func emit32(_ value: UInt64) {
      for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * shift))) }
    }
    /// REX.W op [absolute] for register `number`.
    mutating func absolute64(_ opcode: UInt8, _ number: Int, _ address: UInt64) {
      emit(0x48 | (number >= 8 ? 4 : 0), opcode, UInt8((number & 7) << 3 | 4), 0x25)
      emit32(address)
    }
    mutating func absolute32(_ opcode: UInt8, _ number: Int, _ address: UInt64) {
      emit(opcode, UInt8(number << 3 | 5))
      emit32(address)
    }
    mutating func jump(_ target: UInt64) {
      emit(0xe9)
      emit32(target &- (here + 4))
    }
  }

  private func address(_ slot: Int) -> UInt64 { OracleLayout.control + UInt64(slot) }

  private func assemble() {
    var a = Assembler(base: OracleLayout.code)
    // The way out common to all: back on the host's stack.
    let exit64 = a.here
    HostProcessor.faultExit = exit64
    // FNINIT and LDMXCSR: nothing of the case is left.
    a.emit(0xdb, 0xe3, 0x0f, 0xae, 0x14, 0x25)
    a.emit32(address(Slot.plainMXCSR))
    a.absolute64(0x8b, 4, address(Slot.hostStack))
    a.emit(0xfc)
    for register: UInt8 in [0x5f, 0x5e, 0x5d, 0x5c] { a.emit(0x41, register) }
    a.emit(0x5d, 0x5b, 0xc3)

    func save() {
      a.emit(0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57)
      a.absolute64(0x89, 4, address(Slot.hostStack))
    }
    entry64 = a.here
    save()
    a.emit(0x48, 0x0f, 0xae, 0x0c, 0x25)
    a.emit32(address(Slot.floatingInput))
    a.emit(0xff, 0x34, 0x25)
    a.emit32(address(Slot.inputFlags))
    a.emit(0x9d)
    for number in 0..<16 { a.absolute64(0x8b, number, address(Slot.input + number * 8)) }
    a.jump(OracleLayout.test)

    epilogue64 = a.here
    for number in 0..<16 { a.absolute64(0x89, number, address(Slot.output + number * 8)) }
    a.emit(0x48, 0xc7, 0xc4)
    a.emit32(address(Slot.scratchStack))
    a.emit(0x9c, 0x8f, 0x04, 0x25)
    a.emit32(address(Slot.outputFlags))
    a.emit(0x48, 0x0f, 0xae, 0x04, 0x25)
    a.emit32(address(Slot.floatingOutput))
    a.jump(exit64)

    // 32-bit: data segments are flat ones of the system, then a far jump into a 32-bit code segment.
    let start32 = a.here + 0x100
    entry32 = a.here
    save()
    a.emit(0x48, 0x0f, 0xae, 0x0c, 0x25)
    a.emit32(address(Slot.floatingInput))
    a.emit(0xb8, 0x2b, 0, 0, 0, 0x8e, 0xd8, 0x8e, 0xc0)
    a.emit(0xff, 0x2c, 0x25)
    a.emit32(address(Slot.far32))
    while a.here < start32 { a.emit(0x90) }
    a.emit(0xbc)
    a.emit32(address(Slot.scratchStack))
    a.emit(0xff, 0x35)
    a.emit32(address(Slot.inputFlags))
    a.emit(0x9d)
    for number in 0..<8 { a.absolute32(0x8b, number, address(Slot.input + number * 8)) }
    a.jump(OracleLayout.test)
    epilogue32 = a.here
    for number in 0..<8 { a.absolute32(0x89, number, address(Slot.output + number * 8)) }
    a.emit(0xbc)
    a.emit32(address(Slot.scratchStack))
    a.emit(0x9c, 0x8f, 0x05)
    a.emit32(address(Slot.outputFlags))
    a.emit(0xea)
    let store64 = a.here + 6
    a.emit32(store64)
    a.emit(0x33, 0)
    // XMM8 and up exist in 64-bit mode alone.
    a.emit(0x48, 0x0f, 0xae, 0x04, 0x25)
    a.emit32(address(Slot.floatingOutput))
    a.jump(exit64)
    code.copyMemory(from: a.bytes, byteCount: a.bytes.count)
    control.storeBytes(of: UInt32(start32), toByteOffset: Slot.far32, as: UInt32.self)
    control.storeBytes(of: 0x23, toByteOffset: Slot.far32 + 4, as: UInt16.self)
    control.storeBytes(of: 0x1f80, toByteOffset: Slot.plainMXCSR, as: UInt32.self)
    control.storeBytes(of: 0x037f, toByteOffset: Slot.floatingInput, as: UInt16.self)
    control.storeBytes(of: 0x1f80, toByteOffset: Slot.floatingInput + 24, as: UInt32.self)
  }

  // MARK: Faults

  private func installHandlers() {
    let size = 65536
    var stack = stack_t()
    stack.ss_sp = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
    stack.ss_size = size
    sigaltstack(&stack, nil)
    _ = Self.handlersAreInstalled
  }

  /// What was called for SIGBUS before: other code of the process has a handler too.
  private nonisolated(unsafe) static var busHandlerBefore = sigaction()

  private static let handlersAreInstalled: Bool = {
    var action = sigaction()
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | Int32(bitPattern: UInt32(SA_NODEFER))
    action.__sigaction_handler.sa_sigaction = { number, info, context in
      // Only faults of the instruction under test; anything else must crash as usual.
      guard let context else { return }
      let registers = context + 40  // uc_flags, uc_link, uc_stack
      let ip = registers.load(fromByteOffset: 16 * 8, as: UInt64.self)
      guard ip >= OracleLayout.test, ip < OracleLayout.code + UInt64(OracleLayout.codeBytes) else {
        if number == SIGBUS, HostProcessor.busHandlerBefore.sa_flags & SA_SIGINFO != 0 {
          HostProcessor.busHandlerBefore.__sigaction_handler.sa_sigaction?(number, info, context)
        } else {
          signal(number, SIG_DFL)
        }
        return
      }
      let slot = UnsafeMutableRawPointer(bitPattern: UInt(OracleLayout.control) + UInt(Slot.trap))
      slot?.storeBytes(of: number, as: Int32.self)
      registers.storeBytes(of: HostProcessor.faultExit, toByteOffset: 16 * 8, as: UInt64.self)
      // CS back to 64-bit code, flags to something harmless.
      registers.storeBytes(of: 0x33, toByteOffset: 18 * 8, as: UInt16.self)
      registers.storeBytes(of: 0x202, toByteOffset: 17 * 8, as: UInt64.self)
    }
    sigaction(SIGBUS, nil, &busHandlerBefore)
    for number in [SIGFPE, SIGSEGV, SIGILL, SIGBUS, SIGTRAP] { sigaction(number, &action, nil) }
    return true
  }()

  // MARK: Running

  /// Executes `bytes` (followed by a jump out). Nil with the signal's number in `signal` if it faulted.
  func run(_ bytes: [UInt8], is32Bit: Bool, _ state: RegisterFile, signal: inout Int32) -> RegisterFile? {
    for number in 0..<16 {
      control.storeBytes(of: state.general[number], toByteOffset: Slot.input + number * 8, as: UInt64.self)
    }
    control.storeBytes(of: state.flags, toByteOffset: Slot.inputFlags, as: UInt64.self)
    control.storeBytes(of: 0, toByteOffset: Slot.trap, as: Int32.self)
    let offset = Int(OracleLayout.test - OracleLayout.code)
    var a = Assembler(base: OracleLayout.test)
    a.bytes = bytes
    a.jump(is32Bit ? epilogue32 : epilogue64)
    (code + offset).copyMemory(from: a.bytes, byteCount: a.bytes.count)
    typealias Entry = @convention(c) () -> Void
    let entry = unsafeBitCast(UInt(is32Bit ? entry32 : entry64), to: Entry.self)
    entry()
    signal = control.load(fromByteOffset: Slot.trap, as: Int32.self)
    if signal != 0 { return nil }
    var result = RegisterFile()
    for number in 0..<(is32Bit ? 8 : 16) {
      result.general[number] =
        is32Bit
        ? UInt64(control.load(fromByteOffset: Slot.output + number * 8, as: UInt32.self))
        : control.load(fromByteOffset: Slot.output + number * 8, as: UInt64.self)
    }
    result.flags =
      is32Bit
      ? UInt64(control.load(fromByteOffset: Slot.outputFlags, as: UInt32.self))
      : control.load(fromByteOffset: Slot.outputFlags, as: UInt64.self)
    return result
  }
}
