// SPDX-License-Identifier: Apache-2.0
import PC
import Platform
import Testing

struct CoprocessorErrorTests {
  @Test func `FERR# requests an interrupt until port F0h is written or it goes off`() {
    let irq = IRQLine()
    let chip = CoprocessorError(irq: irq)
    chip.signal(true)
    #expect(irq.level)
    chip.write(port: 0, 0)
    #expect(!irq.level)
    // IGNNE# holds until FERR# goes off.
    chip.signal(true)
    #expect(!irq.level)
    chip.signal(false)
    chip.signal(true)
    #expect(irq.level)
    chip.signal(false)
    #expect(!irq.level)
  }

  @Test func `a write without an error ignores nothing`() {
    let irq = IRQLine()
    let chip = CoprocessorError(irq: irq)
    chip.write(port: 0, 0xff)
    chip.signal(true)
    #expect(irq.level)
  }

  @Test func `a saved state drives its line again, and a reset lets go of it`() throws {
    let chip = CoprocessorError(irq: IRQLine())
    chip.signal(true)
    let irq = IRQLine()
    let other = CoprocessorError(irq: irq)
    try other.load(chip.save())
    #expect(irq.level)
    other.reset(.power)
    #expect(!irq.level)
    #expect(other.read(port: 0) == 0xff)
  }
}
