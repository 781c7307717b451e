// SPDX-License-Identifier: Apache-2.0

/// The register stack, status and tags. SDM vol. 1, 8.1.
extension X87State {
  @inline(__always) var context: X87Context { X87Context(control: control) }

  /// The physical register of ST(i).
  @inline(__always) func physical(_ number: UInt8) -> Int { Int((top &+ number) & 7) }

  @inline(__always) func isEmpty(_ number: UInt8) -> Bool {
    valid &>> UInt8(truncatingIfNeeded: physical(number)) & 1 == 0
  }

  /// ST(i), empty or not. Safe: `physical` is below 8.
  @inline(__always) subscript(number: UInt8) -> Extended {
    get { registers[unchecked: physical(number)] }
    set { registers[unchecked: physical(number)] = newValue }
  }

  /// Writes ST(i) and makes it valid.
  @inline(__always) mutating func set(_ number: UInt8, _ value: Extended) {
    self[number] = value
    valid |= 1 &<< UInt8(truncatingIfNeeded: physical(number))
  }

  @inline(__always) mutating func free(_ number: UInt8) {
    valid &= ~(1 &<< UInt8(truncatingIfNeeded: physical(number)))
  }

  @inline(__always) mutating func pop() {
    free(0)
    top = (top &+ 1) & 7
  }

  /// Decrements TOP and writes the new ST(0).
  @inline(__always) mutating func push(_ value: Extended) {
    top = (top &- 1) & 7
    set(0, value)
  }

  /// Adds the exceptions of an instruction, sets C1 as it says, and ES and B if an unmasked exception is now pending.
  @inline(__always) mutating func report(_ flags: UInt16) {
    status = status & ~FSW.c1 | flags
    updateSummary()
  }

  /// `report` for an instruction that sets all condition codes.
  @inline(__always) mutating func report(_ flags: UInt16, conditions: UInt16) {
    status = status & ~FSW.conditions | flags | conditions
    updateSummary()
  }

  /// ES and B follow from exception flags and masks.
  @inline(__always) mutating func updateSummary() {
    let isPending = status & ~control & FSW.exceptions != 0
    status = status & ~(FSW.summary | FSW.busy) | (isPending ? FSW.summary | FSW.busy : 0)
  }

  /// Reports that a register that an instruction reads is empty; true if the exception is masked, and the instruction
  /// goes on with the indefinite value.
  mutating func underflowsStack() -> Bool {
    report(FSW.invalid | FSW.stackFault)
    return control & FSW.invalid != 0
  }

  /// Pushes the result of a load unless the stack is full or an unmasked exception forbids it.
  mutating func load(_ value: Extended, _ context: X87Context) {
    guard isEmpty(7) else {
      report(FSW.invalid | FSW.stackFault | FSW.c1)
      if control & FSW.invalid != 0 { push(.indefinite) }
      return
    }
    report(context.flags)
    // An unmasked denormal operand exception does not keep the value from being loaded.
    if context.flags & ~control & FSW.invalid == 0 { push(value) }
  }

  /// The status with ES and B as they ought to be: an error that `raiseX87Error` had to pass over has lost them.
  @inline(__always) var summarized: UInt16 {
    mutating get {
      updateSummary()
      return status
    }
  }

  // MARK: Tags

  /// FTW as FNSTENV stores it: 0 valid, 1 zero, 2 special, 3 empty, for each physical register.
  var tagWord: UInt16 {
    var word: UInt16 = 0
    for number in 0..<8 {
      let value = registers[number]
      let tag: UInt16
      if valid &>> UInt8(number) & 1 == 0 {
        tag = 3
      } else if value.isZero {
        tag = 1
      } else {
        tag = value.isNormal ? 0 : 2
      }
      word |= tag << UInt16(2 * number)
    }
    return word
  }

  /// Takes over a tag word: only empty or not matters.
  mutating func setTagWord(_ word: UInt16) {
    valid = 0
    for number in 0..<8 where word >> UInt16(2 * number) & 3 != 3 { valid |= 1 << UInt8(number) }
  }
}
