// SPDX-License-Identifier: Apache-2.0
import Chipset
import Platform
import Testing

/// SDM vol. 3, 11.11: what a message's address and data mean.
@Suite struct InterruptMessageTests {
  @Test(
    arguments: [
      (
        0xfee0_0000, 0x0041,
        InterruptMessage(vector: 0x41, mode: .fixed, isLogical: false, destination: 0, isLevelTriggered: false)
      ),
      (
        0xfee0_300c, 0x0141,
        InterruptMessage(vector: 0x41, mode: .lowestPriority, isLogical: true, destination: 3, isLevelTriggered: false)
      ),
      (
        0xfeef_f000, 0xc041,
        InterruptMessage(vector: 0x41, mode: .fixed, isLogical: false, destination: .max, isLevelTriggered: true)
      ),
      (
        0xfee0_1000, 0x8400,
        InterruptMessage(vector: 0, mode: .nmi, isLogical: false, destination: 1, isLevelTriggered: false)
      ),
      (0xfee0_0000, 0x0341, nil), (0xfee0_0000, 0x0641, nil), (0xfed0_0000, 0x0041, nil), (0x1_fee0_0000, 0x41, nil),
    ] as [(UInt64, UInt32, InterruptMessage?)])
  func `an address and data are a message`(address: UInt64, data: UInt32, message: InterruptMessage?) {
    #expect(InterruptMessage(address: address, data: data) == message)
  }
}
