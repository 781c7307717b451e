// SPDX-License-Identifier: Apache-2.0

/// The handler of an MMX or SSE instruction that moves, shuffles or computes with integers, and of those that manage the
/// vector state; nil for all others.
func vectorIntegerHandler(for instruction: Instruction, _ mode: SelectionMode, features: CPUFeatures) -> Handler? {
  nil
}
