// SPDX-License-Identifier: Apache-2.0
import HostIO

/// A wire over a stream: `-netdev socket,listen=|connect=|fd=` and `-netdev stream`.
public struct StreamConfiguration: Sendable, Equatable {
  public enum End: Sendable, Equatable {
    case listen(SocketAddress)
    case connect(SocketAddress)
    case descriptor(Int32)
  }

  public var end: End
  /// `addr.to`: a server takes the first free port up to this one.
  public var lastPort: UInt16?
  /// `stream` rather than `socket`, which tell of themselves in different words.
  public var isStream: Bool

  /// `socket,…`; exactly one of the ways is there.
  init(socket fields: inout NetworkFields) throws(NetworkError) {
    isStream = false
    if let text = fields.take("fd") {
      end = .descriptor(try fields.descriptor(text))
    } else if let text = fields.take("listen") {
      let place = try HostPort(text)
      end = .listen(.tcp(host: IPAddress.text(try place.address()), port: String(place.port), family: .ipv4))
    } else {
      let place = try HostPort(try fields.require("connect"))
      end = .connect(.tcp(host: IPAddress.text(try place.address()), port: String(place.port), family: .ipv4))
    }
  }

  /// `stream,server=,addr.type=…`.
  init(stream fields: inout NetworkFields) throws(NetworkError) {
    isStream = true
    guard fields.has("addr") else { throw NetworkError("Parameter 'addr' is missing") }
    let isServer = try fields.takeSwitch("server") ?? false
    switch try fields.require("addr.type") {
    case "inet":
      let host = try fields.require("addr.host")
      let port = try fields.require("addr.port")
      let ipv4 = try fields.takeSwitch("addr.ipv4")
      let ipv6 = try fields.takeSwitch("addr.ipv6")
      // A name is resolved in any case, and a wire needs no probes.
      if let last = try fields.takeNumber("addr.to", in: 0...Int.max, expecting: "integer") {
        guard let port = UInt16(exactly: last) else { throw NetworkError("Parameter 'to' expects uint16_t") }
        lastPort = port
      }
      for key in ["addr.numeric", "addr.keep-alive"] { _ = try fields.takeSwitch(key) }
      let family: SocketAddress.IPFamily = ipv4 == false || ipv6 == true && ipv4 != true ? .ipv6 : .any
      let address = SocketAddress.tcp(host: host, port: port, family: ipv4 == true && ipv6 != true ? .ipv4 : family)
      end = isServer ? .listen(address) : .connect(address)
    case "unix":
      let path = BytePath(try fields.require("addr.path"))
      let isAbstract = try fields.takeSwitch("addr.abstract") ?? false
      let isTight = try fields.takeSwitch("addr.tight") ?? true
      let address = isAbstract ? SocketAddress.abstract(AbstractName(path, isTight: isTight)) : .unix(path)
      end = isServer ? .listen(address) : .connect(address)
    case "fd":
      let text = try fields.require("addr.str")
      end = .descriptor(try fields.descriptor(text))
    case let type: throw NetworkError("Parameter 'type' does not accept value '\(type)'")
    }
  }
}
