// SPDX-License-Identifier: Apache-2.0
import Chardev
import HostIO

/// Character devices as options name them: `-chardev socket,id=…` and the short `unix:PATH,server,nowait`.
enum ChardevOptions {
  /// Kinds for `-chardev help`.
  static let kinds = ["file", "memory", "mux", "null", "pipe", "pty", "ringbuf", "socket", "stdio", "vc"]

  /// Keys that every back end takes and most have no use for.
  private static let harmlessKeys = [
    "path", "host", "port", "fd", "ipv4", "ipv6", "wait", "server", "delay", "nodelay", "reconnect", "telnet", "width",
    "height", "cols", "rows", "signal", "name", "debug", "size", "chardev", "append", "tight", "abstract", "to",
    "mouse", "clipboard",
  ]

  /// `-chardev BACKEND,id=ID,…`.
  static func parse(_ option: GivenOption) throws(OptionError) -> (id: String, ChardevConfiguration) {
    var list = try KeyValueList(option, impliedKey: "backend")
    let id = try list.takeIdentifier()
    let backend = list.take("backend")
    guard let id else { throw OptionError(option, "chardev: no id specified") }
    guard let backend else { throw OptionError(option, "chardev: \"\(id)\" missing backend") }
    return (id, try configuration(backend, &list))
  }

  /// The back end that a list describes, all of whose keys it takes.
  private static func configuration(
    _ backend: String, _ list: inout KeyValueList
  ) throws(OptionError) -> ChardevConfiguration {
    let isMultiplexed = try list.takeSwitch("mux") ?? false
    let logFile = list.takePath("logfile")
    let logAppends = try list.takeSwitch("logappend") ?? false
    let kind = try kind(backend, &list)
    list.drop(harmlessKeys)
    try list.finish()
    return ChardevConfiguration(kind, logFile: logFile, logAppends: logAppends, isMultiplexed: isMultiplexed)
  }

  private static func kind(
    _ backend: String, _ list: inout KeyValueList
  ) throws(OptionError) -> ChardevConfiguration.Kind {
    switch backend {
    case "null": return .null
    case "vc": return .console
    case "stdio": return .stdio(signals: try list.takeSwitch("signal") ?? true)
    case "pty": return .pty
    case "file":
      guard let path = list.takePath("path") else { throw OptionError(list.option, "chardev: file: no filename given") }
      return .file(path: path, append: try list.takeSwitch("append") ?? false)
    case "pipe":
      guard let path = list.takePath("path") else {
        throw OptionError(list.option, "chardev: pipe: no device path given")
      }
      return .pipe(path: path)
    case "ringbuf", "memory":
      var size = UInt64(ChardevConfiguration.ringBufferByteCount)
      if let text = list.take("size") { size = try SizeValue.parse(text, key: "size", option: list.option) }
      if size == 0 { size = UInt64(ChardevConfiguration.ringBufferByteCount) }
      return .ringBuffer(byteCount: Int(clamping: size), name: backend)
    case "mux":
      guard let base = list.take("chardev") else { throw OptionError(list.option, "chardev: mux: no chardev given") }
      return .mux(base: base)
    case "socket": return .socket(try socket(&list))
    default: throw OptionError(list.option, "'\(backend)' is not a valid char driver name")
    }
  }

  private static func socket(_ list: inout KeyValueList) throws(OptionError) -> SocketConfiguration {
    let option = list.option
    let path = list.takePath("path")
    let host = list.take("host")
    let port = list.take("port")
    let descriptor = list.take("fd")
    guard [path != nil, host != nil, descriptor != nil].filter({ $0 }).count <= 1 else {
      throw OptionError(option, "None or one of 'path', 'fd' or 'host' option required.")
    }
    let address: SocketConfiguration.Address
    let isAbstract = try list.takeSwitch("abstract") ?? false
    let isTight = try list.takeSwitch("tight") ?? true
    if let path {
      address = isAbstract ? .abstract(AbstractName(path, isTight: isTight)) : .unix(path)
    } else if let host {
      guard let port else { throw OptionError(option, "chardev: socket: no port given") }
      address = .tcp(host: host, port: port, family: try family(&list))
    } else {
      guard let number = descriptor.flatMap(Int32.init), number >= 0 else {
        throw OptionError(option, "Unable to parse FD number \(descriptor ?? "")")
      }
      address = .descriptor(FileDescriptor(rawValue: number))
    }
    var configuration = SocketConfiguration(address)
    configuration.isServer = try list.takeSwitch("server") ?? false
    configuration.waits = try list.takeSwitch("wait")
    if let delay = try list.takeSwitch("delay") { configuration.noDelay = !delay }
    if let noDelay = try list.takeSwitch("nodelay") { configuration.noDelay = noDelay }
    configuration.reconnectSeconds = Int(clamping: try list.takeNumber("reconnect") ?? 0)
    configuration.isTelnet = try list.takeSwitch("telnet") ?? false
    if host != nil, let last = try list.takeNumber("to") { configuration.lastPort = UInt16(clamping: last) }
    for key in ["websocket", "tn3270"] where try list.takeSwitch(key) == true {
      throw OptionError(option, "chardev: socket: \(key)=on is not supported")
    }
    for key in ["tls-creds", "tls-authz", "localaddr", "localport"] where list.take(key) != nil {
      throw OptionError(option, "chardev: socket: '\(key)' is not supported")
    }
    return configuration
  }

  private static func family(_ list: inout KeyValueList) throws(OptionError) -> SocketAddress.IPFamily {
    switch (try list.takeSwitch("ipv4"), try list.takeSwitch("ipv6")) {
    case (false, false): throw OptionError(list.option, "Cannot disable IPv4 and IPv6 at same time")
    case (true, true): return .any
    case (_, true), (false, _): return .ipv6
    case (true, _), (_, false): return .ipv4
    default: return .any
    }
  }

  /// What the short form of `-serial`, `-monitor`, `-qmp`, `-parallel` and `-debugcon` names.
  enum Short {
    case none
    /// An existing character device.
    case existing(String)
    /// With `mon:` in front a human monitor shares it.
    case new(ChardevConfiguration, hasMonitor: Bool)
  }

  /// A short form that names no back end; the sentence, if there is one, comes before the caller's own.
  struct Refusal: Error {
    var sentence: String?
  }

  /// Reads the short form, of which `none` and `chardev:ID` are the caller's.
  static func parseShort(
    _ option: GivenOption, takesMonitor: Bool = true
  ) throws(OptionError) -> Result<(ChardevConfiguration, hasMonitor: Bool), Refusal> {
    var text = option.bytes.bytes
    let hasMonitor = takesMonitor && text.starts(with: "mon:".utf8)
    if hasMonitor { text.removeFirst(4) }
    guard let result = try shortBackend(text, option) else {
      return .failure(Refusal(sentence: "'\(String(decoding: text, as: UTF8.self))' is not a valid char driver"))
    }
    guard case .success(var configuration) = result else { return .failure(Refusal()) }
    if hasMonitor {
      configuration.isMultiplexed = true
      // Ctrl-C is for the guest while a monitor can end the process.
      if case .stdio = configuration.kind { configuration.kind = .stdio(signals: false) }
    }
    return .success((configuration, hasMonitor))
  }

  /// What a text describes as for `-serial`, while the machine runs; nil for none and for one that a monitor shares.
  static func configuration(described text: String) -> ChardevConfiguration? {
    guard let definition = OptionDefinition.find("serial") else { return nil }
    let option = GivenOption(definition: definition, name: "", bytes: BytePath(text))
    guard case .success(let (configuration, hasMonitor))? = try? parseShort(option), !hasMonitor else { return nil }
    return configuration
  }

  /// Nil when the text names no back end at all.
  private static func shortBackend(
    _ text: [UInt8], _ option: GivenOption
  ) throws(OptionError) -> Result<ChardevConfiguration, Refusal>? {
    let colon = text.firstIndex(of: UInt8(ascii: ":"))
    let rest = colon.map { Array(text[($0 + 1)...]) } ?? []
    switch (String(decoding: text[..<(colon ?? text.count)], as: UTF8.self), colon != nil) {
    case ("null", false): return .success(ChardevConfiguration(.null))
    case ("vc", _): return .success(ChardevConfiguration(.console))
    case ("stdio", false): return .success(ChardevConfiguration(.stdio(signals: true)))
    case ("pty", false): return .success(ChardevConfiguration(.pty))
    // The rest is the name as it stands: commas and all.
    case ("file", true): return .success(ChardevConfiguration(.file(path: BytePath(bytes: rest), append: false)))
    case ("pipe", true): return .success(ChardevConfiguration(.pipe(path: BytePath(bytes: rest))))
    case ("unix", true):
      var list = try KeyValueList(option.with(rest), impliedKey: "path")
      return .success(try configuration("socket", &list))
    case ("tcp", true), ("telnet", true):
      guard var list = try network(rest, option) else { return .failure(Refusal()) }
      var configuration = try configuration("socket", &list)
      if text.starts(with: "telnet".utf8), case .socket(var socket) = configuration.kind {
        socket.isTelnet = true
        configuration.kind = .socket(socket)
      }
      return .success(configuration)
    default: return nil
    }
  }

  /// `HOST:PORT,server,nowait`; an IPv6 host stands in brackets. Nil when there is no port.
  private static func network(_ rest: [UInt8], _ option: GivenOption) throws(OptionError) -> KeyValueList? {
    let end = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.count
    var address = rest[..<end]
    var host: [UInt8]?
    if address.first == UInt8(ascii: "["), let bracket = address.firstIndex(of: UInt8(ascii: "]")) {
      host = Array(address[1..<bracket])
      address = address[(bracket + 1)...]
    }
    guard let colon = address.firstIndex(of: UInt8(ascii: ":")), colon + 1 < end else { return nil }
    if host != nil, colon != address.startIndex { return nil }
    let keys =
      Array("host=".utf8) + (host ?? Array(address[..<colon])) + Array(",port=".utf8) + rest[(colon + 1)...]
    return try KeyValueList(option.with(keys))
  }
}

extension GivenOption {
  /// The same with another argument to read; errors still show what was typed.
  func with(_ bytes: [UInt8]) -> GivenOption {
    var copy = self
    copy.shownValue = shownValue ?? value
    copy.bytes = BytePath(bytes: bytes)
    return copy
  }
}
