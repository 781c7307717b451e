// SPDX-License-Identifier: Apache-2.0

/// What every QMP command says about itself. The stored properties of a conforming struct are the command's arguments,
/// optional ones are those a client may leave out, and `Returns`, when it has one, is its result.
///
/// Conform to `QMPCommand` or `TwoPhaseCommand`, not to this.
public protocol QMPCommandDeclaration<Context>: Codable, Sendable {
  /// What the command runs in: the machine and the monitor's services. Used on one thread only, so it need not be
  /// Sendable.
  associatedtype Context
  associatedtype Returns: Codable & Sendable = Empty

  static var name: String { get }
  /// May be sent with `exec-oob`: it takes no lock, waits for nothing and runs at once.
  static var allowsOOB: Bool { get }
}

extension QMPCommandDeclaration {
  public static var allowsOOB: Bool { false }
}

/// A command that is done when `run` returns.
public protocol QMPCommand<Context>: QMPCommandDeclaration {
  func run(in context: Context) throws(QMPError) -> Returns
}

/// A command that writes to the host. `capture` runs on the machine thread, takes what it needs and returns; the
/// closure it gives back runs on a worker, where a slow disk or a FIFO without a reader can stall nothing else. The
/// reply leaves when the closure returns.
public protocol TwoPhaseCommand<Context>: QMPCommandDeclaration {
  func capture(in context: Context) throws(QMPError) -> Phase<Returns>
}

/// What the first phase came to.
public enum Phase<Returns>: Sendable where Returns: Sendable {
  /// There was nothing slow to do after all.
  case done(Returns)
  case finishing(FinishingWork<Returns>)
}

/// The second phase. It calls `progress()` whenever it got on, so that a waiting `quit` can tell slow from stuck.
public typealias FinishingWork<Returns> = @Sendable (_ progress: @Sendable () -> Void) -> Result<Returns, QMPError>

/// One row of a `CommandTable`: a command with its types erased.
public struct CommandEntry<Context>: Sendable {
  public let name: String
  public let allowsOOB: Bool
  /// Decodes the arguments and runs the command on the machine thread.
  public let start: @Sendable (_ arguments: JSONObject, _ context: Context) throws(QMPError) -> Phase<JSON>
  /// The shape of arguments and result, derived from the types.
  public let schema: @Sendable () -> CommandSchema

  private init<Command: QMPCommandDeclaration>(
    _ command: Command.Type, start: @escaping @Sendable (JSONObject, Context) throws(QMPError) -> Phase<JSON>
  ) {
    name = Command.name
    allowsOOB = Command.allowsOOB
    self.start = start
    schema = {
      CommandSchema(
        name: Command.name, allowsOOB: Command.allowsOOB, arguments: SchemaProbe.describe(Command.self),
        returns: SchemaProbe.describe(Command.Returns.self))
    }
  }

  static func make<Command: QMPCommand>(_ command: Command.Type) -> CommandEntry where Command.Context == Context {
    CommandEntry(command) { arguments, context throws(QMPError) in
      let command = try QAPIDecoder.decode(Command.self, from: .object(arguments))
      return .done(try QAPIEncoder.encode(try command.run(in: context)))
    }
  }

  static func make<Command: TwoPhaseCommand>(_ command: Command.Type) -> CommandEntry where Command.Context == Context {
    CommandEntry(command) { arguments, context throws(QMPError) in
      let command = try QAPIDecoder.decode(Command.self, from: .object(arguments))
      switch try command.capture(in: context) {
      case .done(let value): return .done(try QAPIEncoder.encode(value))
      case .finishing(let finish):
        return .finishing { progress in
          finish(progress).flatMap { value in
            do throws(QMPError) { return .success(try QAPIEncoder.encode(value)) } catch { return .failure(error) }
          }
        }
      }
    }
  }
}

/// All commands a monitor knows, each listed once:
///
///     CommandTable {
///       QueryStatus.self
///       PhysicalMemorySave.self
///     }
public struct CommandTable<Context>: Sendable {
  public let entries: [CommandEntry<Context>]
  private let positions: [String: Int]

  /// Two commands of one name are a mistake of the program.
  public init(@CommandTableBuilder<Context> _ entries: () -> [CommandEntry<Context>]) {
    self.entries = entries()
    positions = Dictionary(
      zip(self.entries.map(\.name), self.entries.indices),
      uniquingKeysWith: { _, second in preconditionFailure("command \(second) is listed twice") })
  }

  public subscript(name: String) -> CommandEntry<Context>? { positions[name].map { entries[$0] } }
}

@resultBuilder
public enum CommandTableBuilder<Context> {
  public static func buildExpression<Command: QMPCommand>(_ command: Command.Type) -> [CommandEntry<Context>]
  where Command.Context == Context { [.make(command)] }
  public static func buildExpression<Command: TwoPhaseCommand>(_ command: Command.Type) -> [CommandEntry<Context>]
  where Command.Context == Context { [.make(command)] }
  public static func buildExpression(_ entries: [CommandEntry<Context>]) -> [CommandEntry<Context>] { entries }
  public static func buildBlock(_ parts: [CommandEntry<Context>]...) -> [CommandEntry<Context>] {
    parts.flatMap(\.self)
  }
}

/// An event: its stored properties are its data.
public protocol QMPEvent: Codable, Sendable {
  static var name: String { get }
  /// Nanoseconds between two of them; of those that come faster only the last is kept. 0: every one is sent.
  static var minimumInterval: UInt64 { get }
}

extension QMPEvent {
  public static var minimumInterval: UInt64 { 0 }
}
