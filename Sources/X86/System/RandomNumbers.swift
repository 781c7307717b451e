// SPDX-License-Identifier: Apache-2.0

/// RDRAND: a number from the machine, which alone knows whether runs must be repeatable. SDM vol. 1, 7.3.17.
enum RandomHandlers {
  static let rdrand: Handler = { c, o in
    execute(c, o) { (core, o) throws(Fault) in
      var number: UInt64 = 0
      let machine = core.cpu.pointee.machine
      let isValid = machine.random(machine.context, &number)
      core.setRegister(o.pointee.dst, isValid ? number : 0, size: core.size(o))
      core.cpu.pointee.setStatusFlags(isValid ? 1 : 0)
      return .next
    }
  }
}
