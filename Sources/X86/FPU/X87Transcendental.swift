// SPDX-License-Identifier: Apache-2.0

/// F2XM1 FYL2X FYL2XP1 FPTAN FPATAN FSIN FCOS FSINCOS: stack and status around the functions of `X87Context`. SDM vol. 2.
///
/// Last bits differ between processors; here they are the same on every host.
extension X87State {
  /// C2 of FSIN and its kin: set, and nothing else done, if the argument is 2^63 or more.
  private mutating func refusesArgument() -> Bool {
    status &= ~FSW.c2
    guard !isEmpty(0), X87Context.isTooLarge(self[0]) else { return false }
    report(0)
    status |= FSW.c2
    return true
  }

  @inline(never)
  fileprivate mutating func sine() {
    if !refusesArgument() { replaceTop { $0.sine($1) } }
  }

  @inline(never)
  fileprivate mutating func cosine() {
    if !refusesArgument() { replaceTop { $0.cosine($1) } }
  }

  @inline(never) fileprivate mutating func exponential() { replaceTop { $0.exponentialLessOne($1) } }

  /// Replaces ST(0) by one result and pushes another.
  private mutating func replaceAndPush(_ operation: (inout X87Context, Extended) -> (Extended, Extended)) {
    if isEmpty(0) || !isEmpty(7) {
      report(FSW.invalid | FSW.stackFault | (isEmpty(0) ? 0 : FSW.c1))
      status &= ~FSW.c2
      guard control & FSW.invalid != 0 else { return }
      set(0, .indefinite)
      push(.indefinite)
      return
    }
    if refusesArgument() { return }
    var context = self.context
    let (result, pushed) = operation(&context, self[0])
    report(context.flags)
    if context.isSuppressed { return }
    set(0, result)
    push(pushed)
  }

  @inline(never)
  fileprivate mutating func tangent() {
    replaceAndPush { context, value in
      let result = context.tangent(value)
      return (result, result.isNaN ? result : .one)
    }
  }

  @inline(never)
  fileprivate mutating func sineAndCosine() {
    replaceAndPush { context, value in
      var other = X87Context(control: context.control)
      let cosine = other.cosine(value)
      let sine = context.sine(value)
      // C1 is that of the sine; the exceptions are those of both.
      context.flags |= other.flags & ~FSW.c1
      return (sine, cosine)
    }
  }

  /// Puts the result for ST(1) and ST(0) into ST(1) and pops.
  private mutating func combineAndPop(_ operation: (inout X87Context, Extended, Extended) -> Extended) {
    var result = Extended.indefinite
    if isEmpty(0) || isEmpty(1) {
      guard underflowsStack() else { return }
    } else {
      var context = self.context
      result = operation(&context, self[1], self[0])
      report(context.flags)
      if context.isSuppressed { return }
    }
    set(1, result)
    pop()
  }

  @inline(never) fileprivate mutating func logarithm() { combineAndPop { $0.logarithm($1, $2) } }
  @inline(never) fileprivate mutating func logarithmOfOnePlus() { combineAndPop { $0.logarithmOfOnePlus($1, $2) } }
  @inline(never) fileprivate mutating func arctangent() { combineAndPop { $0.arctangent($1, $2) } }
}

enum X87TranscendentalHandlers {
  static let sine: Handler = { c, o in x87Register(c, o) { x87, _ in x87.sine() } }
  static let cosine: Handler = { c, o in x87Register(c, o) { x87, _ in x87.cosine() } }
  static let sineAndCosine: Handler = { c, o in x87Register(c, o) { x87, _ in x87.sineAndCosine() } }
  static let tangent: Handler = { c, o in x87Register(c, o) { x87, _ in x87.tangent() } }
  static let arctangent: Handler = { c, o in x87Register(c, o) { x87, _ in x87.arctangent() } }
  static let exponential: Handler = { c, o in x87Register(c, o) { x87, _ in x87.exponential() } }
  static let logarithm: Handler = { c, o in x87Register(c, o) { x87, _ in x87.logarithm() } }
  static let logarithmOfOnePlus: Handler = { c, o in x87Register(c, o) { x87, _ in x87.logarithmOfOnePlus() } }
}
