// SPDX-License-Identifier: Apache-2.0

// The notation of the tables. Overloads by arity, so that operands need no labels and the flags come last.

@inline(__always)
func row(_ position: UInt8, _ mnemonic: Mnemonic, checks: LegalityChecks = []) -> DecodeRow {
  DecodeRow(
    mnemonic: mnemonic, flags: [], checks: checks, position: position, link: .leaf, index: 0, a: .none, b: .none,
    c: .none)
}

@inline(__always)
func row(_ position: UInt8, _ mnemonic: Mnemonic, _ flags: RowFlags, checks: LegalityChecks = []) -> DecodeRow {
  DecodeRow(
    mnemonic: mnemonic, flags: flags, checks: checks, position: position, link: .leaf, index: 0, a: .none, b: .none,
    c: .none)
}

@inline(__always)
func row(_ position: UInt8, _ mnemonic: Mnemonic, _ a: OperandForm, checks: LegalityChecks = []) -> DecodeRow {
  DecodeRow(
    mnemonic: mnemonic, flags: [], checks: checks, position: position, link: .leaf, index: 0, a: a, b: .none, c: .none)
}

@inline(__always)
func row(_ position: UInt8, _ mnemonic: Mnemonic, _ a: OperandForm, _ flags: RowFlags, checks: LegalityChecks = [])
  -> DecodeRow
{
  DecodeRow(
    mnemonic: mnemonic, flags: flags, checks: checks, position: position, link: .leaf, index: 0, a: a, b: .none,
    c: .none)
}

@inline(__always)
func row(_ position: UInt8, _ mnemonic: Mnemonic, _ a: OperandForm, _ b: OperandForm, checks: LegalityChecks = [])
  -> DecodeRow
{
  DecodeRow(
    mnemonic: mnemonic, flags: [], checks: checks, position: position, link: .leaf, index: 0, a: a, b: b, c: .none)
}

@inline(__always)
func row(
  _ position: UInt8, _ mnemonic: Mnemonic, _ a: OperandForm, _ b: OperandForm, _ flags: RowFlags,
  checks: LegalityChecks = []
) -> DecodeRow {
  DecodeRow(
    mnemonic: mnemonic, flags: flags, checks: checks, position: position, link: .leaf, index: 0, a: a, b: b, c: .none)
}

@inline(__always)
func row(
  _ position: UInt8, _ mnemonic: Mnemonic, _ a: OperandForm, _ b: OperandForm, _ c: OperandForm,
  checks: LegalityChecks = []
) -> DecodeRow {
  DecodeRow(
    mnemonic: mnemonic, flags: [], checks: checks, position: position, link: .leaf, index: 0, a: a, b: b, c: c)
}

@inline(__always)
func row(
  _ position: UInt8, _ mnemonic: Mnemonic, _ a: OperandForm, _ b: OperandForm, _ c: OperandForm, _ flags: RowFlags,
  checks: LegalityChecks = []
) -> DecodeRow {
  DecodeRow(
    mnemonic: mnemonic, flags: flags, checks: checks, position: position, link: .leaf, index: 0, a: a, b: b, c: c)
}

/// #UD.
@inline(__always)
func undefined(_ position: UInt8) -> DecodeRow {
  DecodeRow(
    mnemonic: .invalid, flags: [], checks: [], position: position, link: .leaf, index: 0, a: .none, b: .none, c: .none)
}

/// A prefix byte, which the decoder consumes before it looks at the table.
@inline(__always)
func prefix(_ position: UInt8) -> DecodeRow {
  undefined(position)
}

@inline(__always)
func link(_ position: UInt8, _ link: RowLink, _ index: UInt8 = 0) -> DecodeRow {
  DecodeRow(
    mnemonic: .invalid, flags: [], checks: [], position: position, link: link, index: index, a: .none, b: .none,
    c: .none)
}

@inline(__always)
func group(_ position: UInt8, _ group: DecodeGroup) -> DecodeRow {
  DecodeRow(
    mnemonic: .invalid, flags: [], checks: [], position: position, link: .group, index: group.rawValue, a: .none,
    b: .none, c: .none)
}

@inline(__always)
func group(_ position: UInt8, _ group: DecodeGroup, _ a: OperandForm) -> DecodeRow {
  DecodeRow(
    mnemonic: .invalid, flags: [], checks: [], position: position, link: .group, index: group.rawValue, a: a, b: .none,
    c: .none)
}

@inline(__always)
func group(_ position: UInt8, _ group: DecodeGroup, _ a: OperandForm, _ b: OperandForm) -> DecodeRow {
  DecodeRow(
    mnemonic: .invalid, flags: [], checks: [], position: position, link: .group, index: group.rawValue, a: a, b: b,
    c: .none)
}

@inline(__always)
func group(_ position: UInt8, _ group: DecodeGroup, _ a: OperandForm, _ b: OperandForm, _ flags: RowFlags) -> DecodeRow
{
  DecodeRow(
    mnemonic: .invalid, flags: flags, checks: [], position: position, link: .group, index: group.rawValue, a: a, b: b,
    c: .none)
}

@inline(__always)
func group(_ position: UInt8, _ group: DecodeGroup, checks: LegalityChecks) -> DecodeRow {
  DecodeRow(
    mnemonic: .invalid, flags: [], checks: checks, position: position, link: .group, index: group.rawValue, a: .none,
    b: .none, c: .none)
}

@inline(__always)
func x87(_ position: UInt8, _ mnemonic: Mnemonic) -> DecodeRow {
  DecodeRow(
    mnemonic: mnemonic, flags: [], checks: [.x87], position: position, link: .leaf, index: 0, a: .none, b: .none,
    c: .none)
}

@inline(__always)
func x87(_ position: UInt8, _ mnemonic: Mnemonic, _ a: OperandForm) -> DecodeRow {
  DecodeRow(
    mnemonic: mnemonic, flags: [], checks: [.x87], position: position, link: .leaf, index: 0, a: a, b: .none, c: .none)
}

@inline(__always)
func x87(_ position: UInt8, _ mnemonic: Mnemonic, _ a: OperandForm, _ b: OperandForm) -> DecodeRow {
  DecodeRow(
    mnemonic: mnemonic, flags: [], checks: [.x87], position: position, link: .leaf, index: 0, a: a, b: b, c: .none)
}

@inline(__always)
func vector(_ opcode: UInt16, _ prefix: MandatoryPrefix, _ mnemonic: Mnemonic, _ unit: VectorUnit) -> VectorRow {
  VectorRow(
    key: VectorRow.key(opcode: UInt8(truncatingIfNeeded: opcode), prefix: prefix),
    row: DecodeRow(
      mnemonic: mnemonic, flags: [], checks: unit.checks, position: UInt8(truncatingIfNeeded: opcode), link: .leaf,
      index: 0, a: .none, b: .none, c: .none))
}

@inline(__always)
func vector(_ opcode: UInt16, _ prefix: MandatoryPrefix, _ mnemonic: Mnemonic, _ a: OperandForm, _ unit: VectorUnit)
  -> VectorRow
{
  VectorRow(
    key: VectorRow.key(opcode: UInt8(truncatingIfNeeded: opcode), prefix: prefix),
    row: DecodeRow(
      mnemonic: mnemonic, flags: [], checks: unit.checks, position: UInt8(truncatingIfNeeded: opcode), link: .leaf,
      index: 0, a: a, b: .none, c: .none))
}

@inline(__always)
func vector(_ opcode: UInt16, _ prefix: MandatoryPrefix, _ mnemonic: Mnemonic, _ a: OperandForm, _ b: OperandForm)
  -> VectorRow
{
  VectorRow(
    key: VectorRow.key(opcode: UInt8(truncatingIfNeeded: opcode), prefix: prefix),
    row: DecodeRow(
      mnemonic: mnemonic, flags: [], checks: [], position: UInt8(truncatingIfNeeded: opcode), link: .leaf, index: 0,
      a: a, b: b, c: .none))
}

@inline(__always)
func vector(
  _ opcode: UInt16, _ prefix: MandatoryPrefix, _ mnemonic: Mnemonic, _ a: OperandForm, _ b: OperandForm,
  _ unit: VectorUnit
) -> VectorRow {
  VectorRow(
    key: VectorRow.key(opcode: UInt8(truncatingIfNeeded: opcode), prefix: prefix),
    row: DecodeRow(
      mnemonic: mnemonic, flags: [], checks: unit.checks, position: UInt8(truncatingIfNeeded: opcode), link: .leaf,
      index: 0, a: a, b: b, c: .none))
}

@inline(__always)
func vector(
  _ opcode: UInt16, _ prefix: MandatoryPrefix, _ mnemonic: Mnemonic, _ a: OperandForm, _ b: OperandForm,
  _ c: OperandForm
) -> VectorRow {
  VectorRow(
    key: VectorRow.key(opcode: UInt8(truncatingIfNeeded: opcode), prefix: prefix),
    row: DecodeRow(
      mnemonic: mnemonic, flags: [], checks: [], position: UInt8(truncatingIfNeeded: opcode), link: .leaf, index: 0,
      a: a, b: b, c: c))
}

@inline(__always)
func vector(
  _ opcode: UInt16, _ prefix: MandatoryPrefix, _ mnemonic: Mnemonic, _ a: OperandForm, _ b: OperandForm,
  _ c: OperandForm, _ unit: VectorUnit
) -> VectorRow {
  VectorRow(
    key: VectorRow.key(opcode: UInt8(truncatingIfNeeded: opcode), prefix: prefix),
    row: DecodeRow(
      mnemonic: mnemonic, flags: [], checks: unit.checks, position: UInt8(truncatingIfNeeded: opcode), link: .leaf,
      index: 0, a: a, b: b, c: c))
}

@inline(__always)
func vector(_ opcode: UInt16, _ prefix: MandatoryPrefix, _ link: RowLink, _ index: UInt8) -> VectorRow {
  VectorRow(
    key: VectorRow.key(opcode: UInt8(truncatingIfNeeded: opcode), prefix: prefix),
    row: DecodeRow(
      mnemonic: .invalid, flags: [], checks: [], position: UInt8(truncatingIfNeeded: opcode), link: link, index: index,
      a: .none, b: .none, c: .none))
}

@inline(__always)
func vector(_ opcode: UInt16, _ prefix: MandatoryPrefix, group: DecodeGroup) -> VectorRow {
  VectorRow(
    key: VectorRow.key(opcode: UInt8(truncatingIfNeeded: opcode), prefix: prefix),
    row: DecodeRow(
      mnemonic: .invalid, flags: [], checks: [], position: UInt8(truncatingIfNeeded: opcode), link: .group,
      index: group.rawValue, a: .none, b: .none, c: .none))
}

@inline(__always)
func vector(
  _ opcode: UInt16, _ prefix: MandatoryPrefix, group: DecodeGroup, _ a: OperandForm, _ b: OperandForm,
  _ unit: VectorUnit
) -> VectorRow {
  VectorRow(
    key: VectorRow.key(opcode: UInt8(truncatingIfNeeded: opcode), prefix: prefix),
    row: DecodeRow(
      mnemonic: .invalid, flags: [], checks: unit.checks, position: UInt8(truncatingIfNeeded: opcode), link: .group,
      index: group.rawValue, a: a, b: b, c: .none))
}
