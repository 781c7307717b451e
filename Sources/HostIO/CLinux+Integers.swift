// SPDX-License-Identifier: Apache-2.0
import CLinux

/// C's anonymous enum constants arrive as `Int` or as a raw-value type, by compiler; calls want `Int32`.
extension BinaryInteger {
  var integer: Int32 { Int32(truncatingIfNeeded: self) }
}
