// SPDX-License-Identifier: Apache-2.0

/// Bytes in arrival order; taking from the front costs nothing until half the storage is stale.
struct ByteQueue {
  private var storage: [UInt8] = []
  private var head = 0

  var count: Int { storage.count - head }
  var isEmpty: Bool { head == storage.count }

  mutating func append(_ bytes: some Collection<UInt8>) { storage += bytes }

  mutating func removeFirst(_ byteCount: Int) {
    head += min(max(0, byteCount), count)
    if head == storage.count {
      // A queue that was long once must not keep its storage for ever.
      storage.removeAll(keepingCapacity: storage.capacity <= 65536)
      head = 0
    } else if head > 65536 && head > storage.count / 2 {
      storage.removeFirst(head)
      head = 0
    }
  }

  /// Takes up to `byteCount` bytes from the front.
  mutating func take(_ byteCount: Int) -> [UInt8] {
    let taken = Array(storage[head..<head + min(max(0, byteCount), count)])
    removeFirst(taken.count)
    return taken
  }

  mutating func removeAll() {
    storage = []
    head = 0
  }

  func withFront<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    storage.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[head...])) }
  }
}
