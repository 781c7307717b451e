// SPDX-License-Identifier: Apache-2.0
import PC
import Testing

struct A20GateTests {
  @Test func `the gate is open while any source is high`() {
    var heard: [Bool] = []
    let gate = A20Gate { heard.append($0) }
    let keyboard = gate.line(), port92 = gate.line()
    #expect(!gate.isEnabled)
    keyboard.set(true)
    port92.set(true)
    keyboard.set(false)
    #expect(gate.isEnabled)
    port92.set(false)
    #expect(!gate.isEnabled)
    #expect(heard == [true, true, true, false])
  }

  @Test func `a source that repeats itself counts once`() {
    let gate = A20Gate { _ in }
    let line = gate.line()
    line.set(true)
    line.set(true)
    line.set(false)
    #expect(!gate.isEnabled)
  }
}
