// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO

/// Makes new images from `-o` options, for `create`, `convert` and `dd`.
struct ImageMaker {
  var fileName: BytePath
  var options: CreationOptions
  /// What the image is made for, as errors begin.
  var purpose = ""

  private func objection(_ sentence: String) -> ToolError { ToolError("\(fileName): \(purpose)\(sentence)") }

  /// The options as a qcow2 image understands them.
  func qcow2(_ byteCount: Int64) throws(ToolError) -> QCOW2Creation {
    var creation = QCOW2Creation(byteCount: byteCount)
    if let key = ["encryption", "encrypt.format"].first(where: { options.text($0) != nil && options.text($0) != "off" })
    {
      throw objection("Encryption (\(key)) is not supported yet")
    }
    switch options.text("compat") {
    case nil, "1.1", "v3": creation.version = 3
    case "0.10", "v2": creation.version = 2
    case let other?: throw objection("Parameter 'version' does not accept value '\(other)'")
    }
    if let size = options.size("cluster_size") { creation.clusterByteCount = size }
    if let bits = options.text("refcount_bits").flatMap(Int.init) { creation.refcountBits = bits }
    creation.hasLazyRefcounts = options.isOn("lazy_refcounts")
    creation.hasExtendedL2 = options.isOn("extended_l2")
    if let name = options.text("compression_type") {
      guard let type = QCOW2Compression.allCases.first(where: { $0.name == name }) else {
        throw objection("Parameter 'compression-type' does not accept value '\(name)'")
      }
      creation.compression = type
    }
    if let name = options.path("backing_file"), !name.isEmpty { creation.backingFile = name }
    creation.backingFormat = options.text("backing_fmt")
    creation.dataFile = options.path("data_file")
    creation.isDataRaw = options.isOn("data_file_raw")
    creation.preallocation = try preallocation(isRaw: false)
    if let sentence = creation.objection { throw objection(sentence) }
    return creation
  }

  private func preallocation(isRaw: Bool) throws(ToolError) -> Preallocation {
    guard let name = options.text("preallocation") else { return .off }
    guard let mode = Preallocation(rawValue: name) else {
      throw objection("Parameter 'preallocation' does not accept value '\(name)'")
    }
    if isRaw, mode == .metadata { throw objection("Unsupported preallocation mode: metadata") }
    return mode
  }

  /// Makes the image. A failure leaves no file that was not there before.
  func make(_ byteCount: Int64) throws(ToolError) {
    if options.format == .raw {
      let mode = try preallocation(isRaw: true)
      try withNewFile(fileName) { (file) throws(BlockError) in
        try file.resize(to: (byteCount + 511) & -512, preallocation: mode)
      }
      return
    }
    let creation = try qcow2(byteCount)
    guard let dataName = creation.dataFile else {
      try withNewFile(fileName) { (file) throws(BlockError) in try creation.create(in: file) }
      return
    }
    let resolved = ImageChain.resolve(dataName, beside: fileName)
    try withNewFile(resolved) { (data) throws(BlockError) in
      do throws(ToolError) {
        try withNewFile(fileName) { (file) throws(BlockError) in try creation.create(in: file, dataFile: data) }
      } catch {
        throw .invalidImage(error.message)
      }
    }
  }

  private func withNewFile(_ name: BytePath, _ body: (GraphNode) throws(BlockError) -> Void) throws(ToolError) {
    let isNew = !name.exists
    let node: GraphNode
    do throws(BlockError) { node = try ImageOpener.createFile(name) } catch { throw objection(error.description) }
    do throws(BlockError) {
      try body(node)
      do throws(Errno) { try node.close() } catch { throw .failed("Could not close '\(name)'", error) }
    } catch {
      do throws(Errno) {
        try node.close()
      } catch {}
      if isNew { do throws(Errno) { try name.unlink() } catch {} }
      throw objection(error.description)
    }
  }
}
