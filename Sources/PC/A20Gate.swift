// SPDX-License-Identifier: Apache-2.0
import Platform

/// A20M#: inactive (address bit 20 passes) while any of its sources is high.
package final class A20Gate {
  private var sources = 0
  private let didChange: (Bool) -> Void

  package init(didChange: @escaping (Bool) -> Void) { self.didChange = didChange }

  package func line() -> IRQLine {
    IRQLine { [unowned self] level in
      sources += level ? 1 : -1
      didChange(sources > 0)
    }
  }

  package var isEnabled: Bool { sources > 0 }
}
