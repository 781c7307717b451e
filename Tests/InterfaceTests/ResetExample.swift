// SPDX-License-Identifier: Apache-2.0
import Chipset
import Platform
import Testing

/// Interface 5, reset: a device only requests it; the machine executes it between two instructions, state first, then lines.
struct ResetExample {
  @Test func `a chip asks for a reset and is reset by whoever owns it`() {
    let ports = PortSpace()
    var isRequested = false
    let a20 = IRQLine()
    let chip = SystemControlPortA(a20: a20, requestReset: { isRequested = true })
    ports.map(0x92...0x92, to: chip)
    ports.write(0x92, .byte, 3)
    #expect(isRequested && a20.level)  // nothing has been reset yet
    for device in [chip] as [any Device] { device.reset(.system) }
    #expect(ports.read(0x92, .byte) == 0 && !a20.level)
  }
}
