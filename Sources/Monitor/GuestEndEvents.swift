// SPDX-License-Identifier: Apache-2.0
public import PC
public import QAPI
public import X86

extension GuestPanicAction: QMPEnum {}
extension GuestHang.Reason: QMPEnum {}

// How a guest's run may end by itself. The first two are QEMU's (qapi/run-state.json).

/// The guest's kernel says that it panics.
public struct GuestPanickedEvent: QMPEvent {
  public static let name = "GUEST_PANICKED"
  public var action: GuestPanicAction
  public init(_ action: GuestPanicAction) { self.action = action }
}

/// The guest's kernel says that its crash kernel takes over.
public struct GuestCrashLoadedEvent: QMPEvent {
  public static let name = "GUEST_CRASHLOADED"
  public var action: GuestPanicAction
  public init(_ action: GuestPanicAction) { self.action = action }
}

/// A fault while a double fault was delivered: the processor shuts down, and what resets the machine follows.
public struct TripleFaultEvent: QMPEvent {
  public static let name = "__org.apus_TRIPLE_FAULT"

  public struct Exception: Codable, Sendable {
    public var vector: Int
    public var errorCode: Int?
    enum CodingKeys: String, CodingKey {
      case vector
      case errorCode = "error-code"
    }
  }
  /// The first exception.
  public var vector: Int
  public var errorCode: Int?
  /// All of them in their order, at most four.
  public var exceptions: [Exception]
  /// Before the first.
  public var cpu: RegisterReport
  enum CodingKeys: String, CodingKey {
    case vector
    case errorCode = "error-code"
    case exceptions, cpu
  }

  public init(_ fault: TripleFault, _ snapshot: ProcessorSnapshot) {
    exceptions = fault.events.map { Exception(vector: Int($0.vector), errorCode: $0.errorCode.map(Int.init)) }
    vector = exceptions.first?.vector ?? 8
    errorCode = exceptions.first?.errorCode
    cpu = RegisterReport(snapshot)
  }
}

/// The processor neither works nor waits for anything that can come. Told once.
public struct GuestHungEvent: QMPEvent {
  public static let name = "__org.apus_GUEST_HUNG"
  public var reason: GuestHang.Reason
  /// Instructions of the loop, when it spins.
  public var loop: Int?
  public var cpu: RegisterReport
  public init(_ hang: GuestHang) {
    (reason, loop, cpu) = (hang.reason, hang.instructionCount, RegisterReport(hang.processor))
  }
}

/// Registers by their names.
public struct RegisterReport: Codable, Sendable {
  var rip: UInt64
  var rflags: UInt64
  var rax: UInt64
  var rbx: UInt64
  var rcx: UInt64
  var rdx: UInt64
  var rsi: UInt64
  var rdi: UInt64
  var rbp: UInt64
  var rsp: UInt64
  var r8: UInt64
  var r9: UInt64
  var r10: UInt64
  var r11: UInt64
  var r12: UInt64
  var r13: UInt64
  var r14: UInt64
  var r15: UInt64
  /// Selectors.
  var cs: Int
  var ss: Int
  var ds: Int
  var es: Int
  var fs: Int
  var gs: Int
  var csBase: UInt64
  var cr0: UInt64
  var cr2: UInt64
  var cr3: UInt64
  var cr4: UInt64
  var efer: UInt64
  /// Bytes at CS:RIP in hexadecimal, 16 unless memory ends there.
  var code: String
  enum CodingKeys: String, CodingKey {
    case rip, rflags, rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15
    case cs, ss, ds, es, fs, gs
    case csBase = "cs-base"
    case cr0, cr2, cr3, cr4, efer, code
  }

  init(_ snapshot: ProcessorSnapshot) {
    (rip, rflags) = (snapshot.instructionPointer, UInt64(snapshot.flags))
    let general = snapshot.general
    func register(_ number: Int) -> UInt64 { number < general.count ? general[number] : 0 }
    (rax, rcx, rdx, rbx) = (register(0), register(1), register(2), register(3))
    (rsp, rbp, rsi, rdi) = (register(4), register(5), register(6), register(7))
    (r8, r9, r10, r11) = (register(8), register(9), register(10), register(11))
    (r12, r13, r14, r15) = (register(12), register(13), register(14), register(15))
    func selector(_ number: Int) -> Int { number < snapshot.selectors.count ? Int(snapshot.selectors[number]) : 0 }
    (es, cs, ss, ds, fs, gs) = (selector(0), selector(1), selector(2), selector(3), selector(4), selector(5))
    csBase = snapshot.codeBase
    (cr0, cr2, cr3, cr4) = (snapshot.cr0, snapshot.cr2, snapshot.cr3, snapshot.cr4)
    efer = snapshot.efer
    code = snapshot.code.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
