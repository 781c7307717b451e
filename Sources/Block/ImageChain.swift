// SPDX-License-Identifier: Apache-2.0
import HostIO

/// An image with everything below it, opened by file names.
public struct ImageChain: Sendable {
  /// One image of the chain, the active one first.
  public struct Link: Sendable {
    public var node: any BlockNode
    /// As it was opened.
    public var fileName: BytePath
    public var format: ImageFormat
    public var dataFileName: BytePath?
    /// Its format was not given but found out.
    public var isFormatGuessed: Bool
  }

  public struct Options: Sendable {
    public var isReadOnly = true
    /// Images below are opened for writing too.
    public var writesBacking = false
    /// `-U`: others may write meanwhile.
    public var sharesWrite = false
    public var unmapsDiscards = false
    public var isUnsafe = false
    public var isCheck = false
    public var ignoresBacking = false

    public init(isReadOnly: Bool = true) { self.isReadOnly = isReadOnly }
  }

  public private(set) var links: [Link]

  /// Long chains cost descriptors and stack.
  private static let maximumDepth = 200

  public var top: any BlockNode { links[0].node }

  /// - Parameter format: nil to guess; the formats below come from the images.
  public static func open(_ path: BytePath, format: String?, _ options: Options) throws(BlockError) -> ImageChain {
    var chain = ImageChain(links: [])
    var seen: Set<[UInt64]> = []
    _ = try chain.add(path, format, options, &seen)
    chain.links.reverse()
    return chain
  }

  /// Adds the image after everything below it.
  private mutating func add(
    _ path: BytePath, _ format: String?, _ options: Options, _ seen: inout Set<[UInt64]>
  ) throws(BlockError) -> any BlockNode {
    if let format, ImageFormat(rawValue: format) == nil { throw .unknownFormat(format) }
    let opened = try ImageFile.open(path, writes: !options.isReadOnly, sharesWrite: options.sharesWrite)
    let file = opened.file
    guard seen.count < Self.maximumDepth, seen.insert(opened.identity).inserted else {
      file.closeIgnoringErrors()
      throw .invalidImage("Backing file '\(path)' creates an infinite loop.")
    }
    let found = ImageFormat.guess(opened.start, fileName: path)
    let kind = format.flatMap(ImageFormat.init(rawValue:)) ?? found
    let isKnown = kind == .raw || kind == .qcow2
    let node: FileNode
    do throws(Errno) {
      node = try FileNode(
        file, isReadOnly: options.isReadOnly, unmapsDiscards: options.unmapsDiscards, isGrowable: kind == .qcow2)
    } catch {
      file.closeIgnoringErrors()
      throw .cannotOpen(path.description, error)
    }
    guard isKnown else {
      throw format == nil || kind == found ? .unsupportedFormat(path.description, kind) : .wrongFormat(kind)
    }
    var link = Link(node: node, fileName: path, format: kind, isFormatGuessed: format == nil)
    if kind == .qcow2 {
      var qcow2 = QCOW2Options(isReadOnly: options.isReadOnly)
      (qcow2.unmapsDiscards, qcow2.isUnsafe) = (options.unmapsDiscards, options.isUnsafe)
      (qcow2.isCheck, qcow2.ignoresBacking) = (options.isCheck, options.ignoresBacking)
      var below = options
      below.isReadOnly = options.isReadOnly || !options.writesBacking
      var dataName: BytePath?
      link.node = try QCOW2Node.open(over: node, qcow2) { (reference) throws(BlockError) in
        let name = Self.resolve(reference.fileName, beside: path)
        do throws(BlockError) { return try self.add(name, reference.format, below, &seen) } catch {
          throw .invalidImage("Could not open backing file: \(error)")
        }
      } openDataFile: { (name) throws(BlockError) in
        guard let name else { throw .invalidImage("'data-file' is required for this image") }
        let resolved = Self.resolve(name, beside: path)
        dataName = resolved
        let opened = try ImageFile.open(resolved, writes: !options.isReadOnly, sharesWrite: options.sharesWrite)
        do throws(Errno) {
          return try FileNode(
            opened.file, isReadOnly: options.isReadOnly, unmapsDiscards: options.unmapsDiscards, isGrowable: true)
        } catch {
          opened.file.closeIgnoringErrors()
          throw .cannotOpen(resolved.description, error)
        }
      }
      link.dataFileName = dataName
    } else if format == nil, !options.isReadOnly {
      link.node = GuardedNode(node, fileName: path)
    }
    links.append(link)
    return link.node
  }

  /// Names in an image are relative to its folder.
  public static func resolve(_ name: BytePath, beside image: BytePath) -> BytePath {
    let prefix = Array("file:".utf8)
    let plain = name.bytes.starts(with: prefix) ? BytePath(bytes: name.bytes.dropFirst(prefix.count)) : name
    guard !plain.isAbsolute, image.bytes.contains(UInt8(ascii: "/")) else { return plain }
    return image.directory.appending(plain)
  }

  public func close() throws(Errno) { try top.close() }
}

/// The file of an image, opened with QEMU's locks taken.
struct ImageFile {
  var file: FileDescriptor
  /// What a format is guessed from.
  var start: [UInt8]
  /// Names the file whatever its path.
  var identity: [UInt64]

  static func open(_ path: BytePath, writes: Bool, sharesWrite: Bool = false) throws(BlockError) -> ImageFile {
    let file: FileDescriptor
    do throws(Errno) {
      // Non-blocking, so that a FIFO in the image's place is refused and not waited for.
      file = try FileDescriptor.open(path, writes ? .readWrite : .readOnly, [.noControllingTerminal, .nonBlocking])
    } catch .isADirectory {
      throw .notAFile(path.description)
    } catch {
      throw .cannotOpen(path.description, error)
    }
    do throws(BlockError) {
      let status: FileStatus
      var start: [UInt8] = []
      do throws(Errno) {
        status = try file.status()
        if status.kind == .regular || status.kind == .blockDevice {
          start = try file.read(upTo: ImageFormat.probeByteCount, at: 0)
        }
      } catch {
        throw .cannotOpen(path.description, error)
      }
      guard status.kind == .regular || status.kind == .blockDevice else { throw .notAFile(path.description) }
      try ImageRights.take(
        writes ? [.consistentRead, .write] : .consistentRead, denied: sharesWrite ? [] : .write, on: file,
        name: path.description)
      return ImageFile(file: file, start: start, identity: [status.device, status.inode])
    } catch {
      file.closeIgnoringErrors()
      throw error
    }
  }
}
