// SPDX-License-Identifier: Apache-2.0
import CNettle

/// SHA-256 (FIPS 180-4), by GNU Nettle.
public enum SHA256 {
  /// The digest of `bytes` as 64 hexadecimal digits in lower case.
  public static func hex(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes(hex) }

  /// The same of bytes that lie somewhere.
  public static func hex(_ bytes: UnsafeRawBufferPointer) -> String {
    var context = sha256_ctx()
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_SIZE))
    nettle_sha256_init(&context)
    // Safe: Nettle reads `bytes.count` bytes and writes `digest.count`.
    nettle_sha256_update(&context, bytes.count, bytes.baseAddress)
    nettle_sha256_digest(&context, digest.count, &digest)
    return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

extension Surface {
  /// SHA-256 of the pixels as bytes R, G, B in reading order, which is that of a PPM file's pixels.
  public var sha256: String { SHA256.hex(rgbBytes()) }
}
