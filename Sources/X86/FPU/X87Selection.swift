// SPDX-License-Identifier: Apache-2.0

/// The handler of an x87 instruction; nil for all others.
func x87Handler(for instruction: Instruction, _ mode: SelectionMode, features: CPUFeatures) -> Handler? { nil }
