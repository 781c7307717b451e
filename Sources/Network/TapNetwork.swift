// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// `-netdev tap`: an interface of the host. Making one needs privileges; a descriptor of one that is there does not, and a helper
/// may have them (`helper=`, `-netdev bridge`).
public struct TapConfiguration: Sendable, Equatable {
  public var descriptor: Int32?
  public var interface: String?
  /// Programs that set the interface up and down; nil for none.
  public var script: String?
  public var downScript: String?
  public var helper: Helper?

  /// A program that makes an interface on a bridge.
  public struct Helper: Sendable, Equatable {
    public var program: String
    public var bridge: String
    /// `-netdev bridge`
    public var isBridge: Bool

    fileprivate static let usualProgram = "/usr/lib/qemu/qemu-bridge-helper"
    fileprivate static let usualBridge = "br0"
  }

  /// `bridge,br=,helper=`.
  init(bridge fields: inout NetworkFields) throws(NetworkError) {
    helper = Helper(
      program: fields.take("helper") ?? Helper.usualProgram, bridge: fields.take("br") ?? Helper.usualBridge,
      isBridge: true)
  }

  /// `fds=A:B`: a queue each, of which there is one here.
  private static func onlyDescriptor(_ text: String, _ fields: NetworkFields) throws(NetworkError) -> Int32 {
    let words = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard words.count == 1 else {
      throw NetworkError("tap: fds= of \(words.count) queues is not supported: back ends have one queue here")
    }
    return try fields.descriptor(words[0])
  }

  init(_ fields: inout NetworkFields) throws(NetworkError) {
    for key in ["vhostfd", "vhostfds"] where fields.take(key) != nil {
      throw NetworkError("tap: '\(key)' is not supported: this program moves the frames itself")
    }
    if try fields.takeSwitch("vhost") == true {
      throw NetworkError("tap: 'vhost' is not supported: this program moves the frames itself")
    }
    _ = try fields.takeSwitch("vhostforce")
    let hasHeaderSwitch = fields.has("vnet_hdr")
    _ = try fields.takeSwitch("vnet_hdr")
    _ = try fields.takeNumber("poll-us", in: 0...0x7fff_ffff)
    if let text = fields.take("sndbuf"), !Self.isSize(text) {
      throw NetworkError("Parameter 'sndbuf' expects a size value")
    }
    func has(_ keys: String...) -> Bool { keys.contains { fields.has($0) } }
    if let text = fields.take("fd") {
      if hasHeaderSwitch || has("ifname", "script", "downscript", "helper", "queues", "fds") {
        throw NetworkError(
          "ifname=, script=, downscript=, vnet_hdr=, helper=, queues=, fds=, and vhostfds= are invalid with fd=")
      }
      descriptor = try fields.descriptor(text)
      return
    }
    if let text = fields.take("fds") {
      if hasHeaderSwitch || has("ifname", "script", "downscript", "helper", "queues") {
        throw NetworkError(
          "ifname=, script=, downscript=, vnet_hdr=, helper=, queues=, and vhostfd= are invalid with fds=")
      }
      descriptor = try Self.onlyDescriptor(text, fields)
      return
    }
    let bridge = fields.take("br")
    if let program = fields.take("helper") {
      if hasHeaderSwitch || has("ifname", "script", "downscript", "queues") {
        throw NetworkError(
          "ifname=, script=, downscript=, vnet_hdr=, queues=, and vhostfds= are invalid with helper=")
      }
      helper = Helper(program: program, bridge: bridge ?? Helper.usualBridge, isBridge: false)
      return
    }
    if let count = try fields.takeNumber("queues", in: 0...Int.max, expecting: "a uint64 value"), count != 1 {
      throw NetworkError("tap: queues=\(count) is not supported: back ends have one queue here")
    }
    interface = fields.take("ifname")
    script = Self.script(fields.take("script"), "/etc/qemu-ifup")
    downScript = Self.script(fields.take("downscript"), "/etc/qemu-ifdown")
  }

  /// A number of bytes, with a unit or without.
  private static func isSize(_ text: String) -> Bool {
    let digits = text.last.map { "bBkKmMgGtTpPeE".contains($0) } == true ? text.dropLast() : Substring(text)
    return UInt64(digits) != nil || Double(digits).map { $0 >= 0 } == true
  }

  private static func script(_ given: String?, _ usual: String) -> String? {
    let name = given ?? usual
    return name == "no" || name.isEmpty ? nil : name
  }
}

final class TapNetwork: NetworkBackend {
  private static let frameLimit = 4096 + 65536

  let port: NetworkPort
  private let descriptor: FileDescriptor
  private let reader: FrameReader
  private let downScript: String?
  private let interface: String

  init(_ name: String, _ configuration: TapConfiguration, _ host: NetworkHost) throws(NetworkError) {
    let port = NetworkPort(name: name, kind: .tap)
    self.port = port
    if let number = configuration.descriptor {
      descriptor = FileDescriptor(rawValue: number)
      guard descriptor.isOpen else {
        throw NetworkError("\(name): Can't use file descriptor \(number): Bad file descriptor")
      }
      (downScript, interface) = (nil, "")
      port.details = "fd=\(number)"
    } else if let helper = configuration.helper {
      guard let made = TapDevice.open(helper: helper.program, bridge: helper.bridge) else {
        throw NetworkError("bridge helper failed")
      }
      (descriptor, downScript, interface) = (made, nil, "")
      port.details = "helper=\(helper.program)" + (helper.isBridge ? ",br=\(helper.bridge)" : "")
    } else {
      do throws(Errno) { (descriptor, interface) = try TapDevice.open(configuration.interface) } catch {
        throw NetworkError("could not configure /dev/net/tun (\(configuration.interface ?? "tap%d")): \(error)")
      }
      downScript = configuration.downScript
      if let script = configuration.script, TapDevice.run(BytePath(script), interface) != 0 {
        descriptor.closeIgnoringErrors()
        throw NetworkError("network script \(script) failed with status 256")
      }
      port.details =
        "ifname=\(interface),script=\(configuration.script ?? "no"),downscript=\(configuration.downScript ?? "no")"
    }
    let descriptor = descriptor
    try? descriptor.setNonBlocking(true)
    let header: [UInt8]
    do throws(Errno) { header = [UInt8](repeating: 0, count: try TapDevice.headerByteCount(of: descriptor)) } catch {
      if configuration.descriptor == nil { descriptor.closeIgnoringErrors() }
      throw NetworkError("Unable to query TUNGETIFF on FD \(descriptor.rawValue): \(error)")
    }
    let reader = FrameReader(
      descriptor, port: port, host: host, frameLimit: Self.frameLimit, endsAtEmpty: true, headerByteCount: header.count)
    self.reader = reader
    // A header of zeros: the frame is whole, and its checksums are there.
    port.receive = { frame in
      _ = try? descriptor.write(header.isEmpty ? frame : header + frame)
      return true
    }
    port.peerHasRoom = { reader.inbox.deliver() }
    do throws(Errno) { try reader.start() } catch {
      throw NetworkError("\(name): Can't use file descriptor \(descriptor.rawValue): \(error)")
    }
  }

  func close() {
    reader.stop()
    descriptor.closeIgnoringErrors()
    if let downScript { _ = TapDevice.run(BytePath(downScript), interface) }
  }
}
