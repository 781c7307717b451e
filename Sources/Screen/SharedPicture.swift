// SPDX-License-Identifier: Apache-2.0
import HostIO

/// A picture that several look at, who need its digest only once.
public final class SharedPicture: Sendable {
  public let surface: Surface
  private let digest = Guarded<String?>(nil)

  public init(_ surface: Surface) { self.surface = surface }

  /// `Surface.sha256`; whoever asks first computes it, others wait.
  public var sha256: String {
    digest.withLock { digest in
      if let digest { return digest }
      let result = surface.sha256
      digest = result
      return result
    }
  }
}
