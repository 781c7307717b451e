// SPDX-License-Identifier: Apache-2.0

/// The handler of an SSE instruction that computes with or converts floating-point numbers; nil for all others.
func vectorFloatHandler(for instruction: Instruction, _ mode: SelectionMode, features: CPUFeatures) -> Handler? { nil }
