// SPDX-License-Identifier: Apache-2.0

/// Operations on ST(0), and on ST(0) and ST(1), other than arithmetic of two operands. SDM vol. 2.
extension X87State {
  /// Replaces ST(0) by what `operation` makes of it.
  @inline(__always)
  mutating func replaceTop(_ operation: (inout X87Context, Extended) -> Extended) {
    var result = Extended.indefinite
    if isEmpty(0) {
      guard underflowsStack() else { return }
    } else {
      var context = self.context
      result = operation(&context, self[0])
      report(context.flags)
      if context.isSuppressed { return }
    }
    set(0, result)
  }

  @inline(never) fileprivate mutating func squareRoot() { replaceTop { $0.squareRoot($1) } }
  @inline(never) fileprivate mutating func roundToInteger() { replaceTop { $0.roundToInteger($1) } }
  @inline(never) fileprivate mutating func negate() { replaceTop { $1.negated } }
  @inline(never) fileprivate mutating func absolute() { replaceTop { $1.magnitude } }

  @inline(never)
  fileprivate mutating func scale() {
    if isEmpty(1) {
      if underflowsStack() { set(0, .indefinite) }
      return
    }
    let power = self[1]
    replaceTop { $0.scale($1, power) }
  }

  @inline(never)
  fileprivate mutating func remainder(nearest: Bool) {
    if isEmpty(0) || isEmpty(1) {
      report(FSW.invalid | FSW.stackFault, conditions: status & (FSW.c0 | FSW.c3))
      if control & FSW.invalid != 0 { set(0, .indefinite) }
      return
    }
    var context = self.context
    let result = context.remainder(self[0], self[1], nearest: nearest)
    report(context.flags, conditions: result.conditions ?? status & (FSW.c0 | FSW.c3))
    if !context.isSuppressed { set(0, result.value) }
  }

  @inline(never)
  fileprivate mutating func extract() {
    if isEmpty(0) || !isEmpty(7) {
      report(FSW.invalid | FSW.stackFault | (isEmpty(0) ? 0 : FSW.c1))
      guard control & FSW.invalid != 0 else { return }
      set(0, .indefinite)
      push(.indefinite)
      return
    }
    var context = self.context
    let (exponent, significand) = context.extract(self[0])
    report(context.flags)
    if context.isSuppressed { return }
    set(0, exponent)
    push(significand)
  }
}

enum X87FunctionHandlers {
  static let squareRoot: Handler = { c, o in x87Register(c, o) { x87, _ in x87.squareRoot() } }
  static let roundToInteger: Handler = { c, o in x87Register(c, o) { x87, _ in x87.roundToInteger() } }
  static let negate: Handler = { c, o in x87Register(c, o) { x87, _ in x87.negate() } }
  static let absolute: Handler = { c, o in x87Register(c, o) { x87, _ in x87.absolute() } }
  static let scale: Handler = { c, o in x87Register(c, o) { x87, _ in x87.scale() } }
  static let remainder: Handler = { c, o in x87Register(c, o) { x87, _ in x87.remainder(nearest: false) } }
  static let remainderNearest: Handler = { c, o in x87Register(c, o) { x87, _ in x87.remainder(nearest: true) } }
  static let extract: Handler = { c, o in x87Register(c, o) { x87, _ in x87.extract() } }
}
