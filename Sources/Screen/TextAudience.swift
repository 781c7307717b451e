// SPDX-License-Identifier: Apache-2.0

/// Who reads the text of a screen. Fonts and grids that were found make the next reading quicker, and sometimes better: what
/// waits see must not follow from who else has looked.
public enum TextAudience: Sendable {
  /// Conditions that are tested at instants which follow from the run.
  case waits
  /// Whoever looks when it pleases them.
  case onlookers
}
