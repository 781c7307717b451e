// SPDX-License-Identifier: Apache-2.0
public import HostIO

/// What a temporary layer holds, as an image of its own over the same backing file.
public enum LayerCopy {
  private static let pieceByteCount: Int64 = 1 << 20

  /// - Parameters:
  ///   - layers: the layers to copy, the topmost first; what none of them has is left to `backing`.
  ///   - file: a new qcow2 image.
  ///   - backing: the image under the lowest layer, and its format.
  public static func write(
    _ layers: [GraphNode], to file: BytePath, backing: BytePath, format: String
  ) throws(BlockError) {
    guard let top = layers.first else { return }
    var creation = QCOW2Creation(byteCount: top.byteCount)
    (creation.backingFile, creation.backingFormat) = (backing, format)
    try create(creation, in: file)
    var options = NodeOptions(driver: .qcow2)
    var place = NodeOptions(driver: .file)
    place.fileName = file
    options.file = .options(place)
    options.backing = NodeOptions.Reference.none
    let target = try ImageOpener().open(options).root
    do throws(Errno) {
      try copy(layers, to: target)
      try target.flush()
      try target.close()
    } catch {
      throw .failed("Could not write '\(file)'", error)
    }
  }

  /// The file and its locks are let go again.
  private static func create(_ creation: QCOW2Creation, in file: BytePath) throws(BlockError) {
    let storage = try ImageOpener.createFile(file)
    try creation.create(in: storage)
    do throws(Errno) { try storage.close() } catch { throw .failed("Could not write '\(file)'", error) }
  }

  private static func copy(_ layers: [GraphNode], to target: GraphNode) throws(Errno) {
    guard let top = layers.first else { return }
    var place: Int64 = 0
    while place < top.byteCount {
      let run = try kind(layers[...], place..<min(top.byteCount, place + pieceByteCount))
      switch run.kind {
      case .unallocated: break
      case .zero: try target.writeZeroes(run.range, mayUnmap: true)
      case .data:
        let bytes = try [UInt8].filled(Int(run.range.upperBound - run.range.lowerBound)) { (buffer) throws(Errno) in
          try top.read(at: run.range.lowerBound, into: buffer)
        }
        try bytes.withBytes { (buffer) throws(Errno) in try target.write(at: run.range.lowerBound, from: buffer) }
      }
      place = run.range.upperBound
    }
  }

  /// How the start of a range is stored in the topmost layer that has it.
  private static func kind(_ layers: ArraySlice<GraphNode>, _ range: Range<Int64>) throws(Errno) -> BlockExtent {
    guard let layer = layers.first else { return BlockExtent(range, .unallocated) }
    // A lower layer may be shorter: beyond its end there are zeros, which the layer above reads as well.
    guard range.lowerBound < layer.byteCount else { return BlockExtent(range, .zero) }
    let run = try layer.extent(in: range.lowerBound..<min(range.upperBound, layer.byteCount))
    guard run.range.lowerBound == range.lowerBound, !run.range.isEmpty else { throw .ioError }
    return run.kind == .unallocated ? try kind(layers.dropFirst(), run.range) : run
  }
}
