// SPDX-License-Identifier: Apache-2.0

/// A mistake of the user: a sentence that names the option, the step or the file.
struct ShotMistake: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
