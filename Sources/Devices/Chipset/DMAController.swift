// SPDX-License-Identifier: Apache-2.0
import Platform

/// The PC's two 8237A DMA controllers with their page registers: channels 0...3 at 00h (bytes), 4...7 at C0h (words).
///
/// A device that wants a transfer calls `transfer`; the controllers never start one by themselves.
///
/// Not emulated: memory-to-memory transfers, software requests, rotating priority, compressed timing.
/// Reference: Intel 8237A data sheet, order number 231466-005; PIIX4 data sheet 4.2.1.
public final class DMAController: Device {
  public struct Channel: Equatable {
    var baseAddress: UInt16 = 0
    var baseCount: UInt16 = 0
    var address: UInt16 = 0
    var count: UInt16 = 0
    var mode: UInt8 = 0
    var page: UInt8 = 0
  }

  public struct State: DeviceState {
    public static let name: StaticString = "i8257"
    public static let version = 1
    var channels = [Channel](repeating: Channel(), count: 8)
    /// Per controller: command, mask, status (terminal count bits), byte flip-flop.
    var command: [UInt8] = [0, 0]
    var mask: [UInt8] = [15, 15]
    var status: [UInt8] = [0, 0]
    var flipFlop: [UInt8] = [0, 0]
    /// Page registers that belong to no channel (80h and others), plain storage as in the PIIX.
    var otherPages = [UInt8](repeating: 0, count: 16)

    public mutating func visit<V: StateVisitor>(_ visitor: inout V) throws(StateError) {
      for index in channels.indices {
        try visitor.field("base_addr", &channels[index].baseAddress)
        try visitor.field("base_count", &channels[index].baseCount)
        try visitor.field("now_addr", &channels[index].address)
        try visitor.field("now_count", &channels[index].count)
        try visitor.field("mode", &channels[index].mode)
        try visitor.field("page", &channels[index].page)
      }
      try visitor.bytes("command", &command)
      try visitor.bytes("mask", &mask)
      try visitor.bytes("status", &status)
      try visitor.bytes("flip_flop", &flipFlop)
      try visitor.bytes("pages", &otherPages)
    }

    public static func == (a: State, b: State) -> Bool {
      a.channels == b.channels && a.command == b.command && a.mask == b.mask && a.status == b.status
        && a.flipFlop == b.flipFlop && a.otherPages == b.otherPages
    }
  }

  public var state = State()
  private let memory: GuestMemory

  public init(memory: GuestMemory) { self.memory = memory }

  public func reset(_ kind: ResetKind) {
    state = State()
    stateDidLoad()
  }

  public func stateDidLoad() {}

  /// The registers of controller 0 (00h...0Fh) or 1 (C0h...DFh, every second port).
  public lazy var byteController = Controller(self, index: 0)
  public lazy var wordController = Controller(self, index: 1)
  /// Page registers at 80h...8Fh.
  public lazy var pages = Pages(self)

  public final class Controller: PortDevice {
    private unowned let owner: DMAController
    private let index: Int
    init(_ owner: DMAController, index: Int) {
      self.owner = owner
      self.index = index
    }

    private func register(_ offset: UInt16) -> Int { Int(index == 0 ? offset : offset >> 1) & 15 }

    public func read(port offset: UInt16) -> UInt8 {
      let register = register(offset)
      if register < 8 {
        let channel = owner.state.channels[index * 4 + register / 2]
        let value = register & 1 == 0 ? channel.address : channel.count
        defer { owner.state.flipFlop[index] ^= 1 }
        return UInt8(truncatingIfNeeded: owner.state.flipFlop[index] == 0 ? value : value >> 8)
      }
      switch register {
      case 8:
        defer { owner.state.status[index] &= 0xf0 }  // reading clears the terminal counts
        return owner.state.status[index]
      case 15: return owner.state.mask[index] | 0xf0
      default: return 0
      }
    }

    public func write(port offset: UInt16, _ value: UInt8) {
      let register = register(offset)
      if register < 8 {
        writeWord(register, value)
        return
      }
      let bit: UInt8 = 1 << (value & 3)
      switch register {
      case 8: owner.state.command[index] = value
      case 10:
        if value & 4 != 0 { owner.state.mask[index] |= bit } else { owner.state.mask[index] &= ~bit }
      case 11: owner.state.channels[index * 4 + Int(value & 3)].mode = value & 0xfc
      case 12: owner.state.flipFlop[index] = 0
      case 13:
        owner.state.command[index] = 0
        owner.state.status[index] = 0
        owner.state.flipFlop[index] = 0
        owner.state.mask[index] = 15
      case 14: owner.state.mask[index] = 0
      case 15: owner.state.mask[index] = value & 15
      default: break
      }
    }

    private func writeWord(_ register: Int, _ value: UInt8) {
      var channel = owner.state.channels[index * 4 + register / 2]
      let isHigh = owner.state.flipFlop[index] != 0
      func merged(_ old: UInt16) -> UInt16 { isHigh ? old & 0xff | UInt16(value) << 8 : old & 0xff00 | UInt16(value) }
      if register & 1 == 0 {
        channel.baseAddress = merged(channel.baseAddress)
        channel.address = channel.baseAddress
      } else {
        channel.baseCount = merged(channel.baseCount)
        channel.count = channel.baseCount
      }
      owner.state.channels[index * 4 + register / 2] = channel
      owner.state.flipFlop[index] ^= 1
    }
  }

  public final class Pages: PortDevice {
    private unowned let owner: DMAController
    /// Channel of page register 80h + n, PIIX4 data sheet table 11.
    private static let channel: [Int?] = [nil, 2, 3, 1, nil, nil, nil, 0, nil, 6, 7, 5, nil, nil, nil, 4]
    init(_ owner: DMAController) { self.owner = owner }

    public func read(port offset: UInt16) -> UInt8 {
      let index = Int(offset) & 15
      return Self.channel[index].map { owner.state.channels[$0].page } ?? owner.state.otherPages[index]
    }

    public func write(port offset: UInt16, _ value: UInt8) {
      let index = Int(offset) & 15
      if let channel = Self.channel[index] {
        owner.state.channels[channel].page = value
      } else {
        owner.state.otherPages[index] = value
      }
    }
  }

  /// Moves bytes for a device that asserts DREQ on `channel` until its buffer or the count ends.
  ///
  /// - Returns: bytes moved and whether terminal count was reached; (0, false) while the channel is masked.
  public func transfer(channel index: Int, _ buffer: inout [UInt8]) -> (byteCount: Int, terminalCount: Bool) {
    let index = index & 7
    let controller = index / 4
    let bit: UInt8 = 1 << UInt8(index & 3)
    guard state.mask[controller] & bit == 0, state.command[controller] & 4 == 0 else { return (0, false) }
    var channel = state.channels[index]
    let unit = controller == 0 ? 1 : 2
    var moved = 0
    var ended = false
    while moved + unit <= buffer.count, !ended {
      let low = UInt64(channel.address) << UInt64(unit - 1)
      let page = UInt64(controller == 0 ? channel.page : channel.page & 0xfe) << 16
      for byte in 0..<unit {
        switch channel.mode >> 2 & 3 {
        case 1: memory.write(page + low + UInt64(byte), [buffer[moved + byte]])
        case 2: buffer[moved + byte] = memory.read(page + low + UInt64(byte), count: 1)[0]
        default: break
        }
      }
      moved += unit
      channel.address = channel.mode & 0x20 == 0 ? channel.address &+ 1 : channel.address &- 1
      ended = channel.count == 0
      channel.count &-= 1
    }
    if ended {
      state.status[controller] |= bit
      if channel.mode & 0x10 != 0 {
        channel.address = channel.baseAddress
        channel.count = channel.baseCount
      } else {
        state.mask[controller] |= bit
      }
    }
    state.channels[index] = channel
    return (moved, ended)
  }
}
