// SPDX-License-Identifier: Apache-2.0
import Automation
import Platform
import Screen

/// The last screens of a run that differ from each other, for somebody who wants to see how it came to a failure.
final class ScreenGallery {
  struct Screen {
    var instant: Nanoseconds
    var picture: Surface
    var text: ScreenText?
  }

  private static let limit = 8
  /// Screens that come after each other sooner than this, in virtual time, take one place.
  private static let spacing: Nanoseconds = 200 * .millisecond

  private(set) var screens: [Screen] = []
  private var version: UInt64?
  /// The pictures of a comparison that failed.
  var mismatch: (expected: ExpectedPicture, actual: Surface, comparison: MaskedComparison)?

  func note(_ instant: Nanoseconds, _ version: UInt64, _ look: () -> (Surface, ScreenText?)?) {
    if self.version == version { return }
    // A guest that draws all the time is looked at now and then.
    if let last = screens.last, instant - last.instant < Self.spacing / 4 { return }
    self.version = version
    guard let (picture, text) = look(), picture != screens.last?.picture else { return }
    if screens.count >= 2, let last = screens.last, last.instant - screens[screens.count - 2].instant < Self.spacing {
      screens.removeLast()
    }
    screens.append(Screen(instant: instant, picture: picture, text: text))
    if screens.count > Self.limit { screens.removeFirst() }
  }

  /// The screen at the end.
  func end(_ instant: Nanoseconds, _ picture: Surface, _ text: ScreenText?) {
    if screens.last?.picture == picture { return }
    screens.append(Screen(instant: instant, picture: picture, text: text))
    if screens.count > Self.limit { screens.removeFirst() }
  }
}
