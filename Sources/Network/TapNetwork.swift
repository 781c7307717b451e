// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// `-netdev tap`: an interface of the host. Making one needs privileges; a descriptor of one that is there does not.
public struct TapConfiguration: Sendable, Equatable {
  public var descriptor: Int32?
  public var interface: String?
  /// Programs that set the interface up and down; nil for none.
  public var script: String?
  public var downScript: String?

  init(_ fields: inout NetworkFields) throws(NetworkError) {
    for key in ["vhostfd", "vhostfds", "fds", "queues", "helper", "br"] where fields.take(key) != nil {
      throw NetworkError("tap: '\(key)' is not supported")
    }
    if try fields.takeSwitch("vhost") == true { throw NetworkError("tap: 'vhost' is not supported") }
    _ = try fields.takeSwitch("vhostforce")
    let hasHeaderSwitch = fields.has("vnet_hdr")
    _ = try fields.takeSwitch("vnet_hdr")
    _ = try fields.takeNumber("poll-us", in: 0...0x7fff_ffff)
    if let text = fields.take("sndbuf"), !Self.isSize(text) {
      throw NetworkError("Parameter 'sndbuf' expects a size value")
    }
    if let text = fields.take("fd") {
      if hasHeaderSwitch || ["ifname", "script", "downscript"].contains(where: { fields.has($0) }) {
        throw NetworkError(
          "ifname=, script=, downscript=, vnet_hdr=, helper=, queues=, fds=, and vhostfds= are invalid with fd=")
      }
      descriptor = try fields.descriptor(text)
      return
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
      try? descriptor.setNonBlocking(true)
      do throws(Errno) { try TapDevice.check(descriptor) } catch {
        throw NetworkError("Unable to query TUNGETIFF on FD \(number): \(error)")
      }
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
    let reader = FrameReader(descriptor, port: port, host: host, frameLimit: Self.frameLimit, endsAtEmpty: true)
    self.reader = reader
    port.receive = { frame in
      _ = try? descriptor.write(frame)
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
