// SPDX-License-Identifier: Apache-2.0
// What `tailcalls --self-test` compiles: handlers named good… must pass, those named bad… must be found.

public typealias Handler = @convention(c) (UnsafeMutableRawPointer, UnsafeRawPointer) -> Void

@inline(__always)
func next(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let op = o + 32
  unsafeBitCast(op.load(as: UInt.self), to: Handler.self)(c, op)
}

public class Box {
  public var value: UInt32 = 1
  public init() {}
}
nonisolated(unsafe) public var boxes = [Box()]
public protocol Port { func read() -> UInt32 }

@inline(never) func spoil(_ word: UnsafeMutablePointer<UInt32>) { word.pointee &+= UInt32(CommandLine.argc) }

public func goodAdd(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let words = c.assumingMemoryBound(to: UInt32.self)
  words[0] &+= words[1]
  next(c, o)
}

public func goodSlowPath(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let word = c.load(as: UInt32.self)
  if word & 3 == 0 { return goodContinuation(c, o, word) }
  next(c, o)
}
@inline(never)
func goodContinuation(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer, _ address: UInt32) {
  c.storeBytes(of: address &* 3, as: UInt32.self)
  next(c, o)
}

/// Calls a function of the machine, then goes on by a jump.
public func goodMachineCall(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let read = unsafeBitCast((c + 64).load(as: UInt.self), to: (@convention(c) (UInt, UInt16) -> UInt32).self)
  c.storeBytes(of: read((c + 72).load(as: UInt.self), 0x60), as: UInt32.self)
  next(c, o)
}

/// Ends the chain.
public func goodStop(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  c.storeBytes(of: 1, as: UInt32.self)
}

public func badEscapingLocal(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  var word = c.load(as: UInt32.self)
  withUnsafeMutablePointer(to: &word) { spoil($0) }
  c.storeBytes(of: word, as: UInt32.self)
  next(c, o)
}

public func badDefer(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  defer { c.storeBytes(of: 1, as: UInt32.self) }
  next(c, o)
}

public func badCalledContinuation(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  goodContinuation(c, o, 4)
  c.storeBytes(of: 2, as: UInt32.self)
}

public func badGlobal(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  c.storeBytes(of: boxes[Int(c.load(as: UInt8.self))].value, as: UInt32.self)
  next(c, o)
}

public func badJumpCache(_ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let block = (c + 128).load(as: UnsafeRawPointer.self)
  unsafeBitCast(block.load(as: UInt.self), to: Handler.self)(c, block)
  c.storeBytes(of: 3, as: UInt32.self)
}

@inline(never)
private func goodGeneric<W: FixedWidthInteger>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let words = c.assumingMemoryBound(to: W.self)
  words[0] ^= words[1]
  next(c, o)
}

@inline(never)
private func badGeneric<W: FixedWidthInteger>(_: W.Type, _ c: UnsafeMutableRawPointer, _ o: UnsafeRawPointer) {
  let words = c.assumingMemoryBound(to: W.self)
  next(c, o)
  words[0] ^= words[1]
}

enum Family {
  static let goodClosure: Handler = { c, o in goodGeneric(UInt16.self, c, o) }
  static let badClosure: Handler = { c, o in
    var word = c.load(as: UInt32.self)
    withUnsafeMutablePointer(to: &word) { spoil($0) }
    next(c, o)
  }
}

public let table: [Handler] = [
  goodAdd, goodSlowPath, goodMachineCall, goodStop,
  badEscapingLocal, badDefer, badCalledContinuation, badGlobal, badJumpCache,
  Family.goodClosure, Family.badClosure, { c, o in badGeneric(UInt32.self, c, o) },
]

@main
struct Examples {
  static func main() { print(table.count) }
}
