// SPDX-License-Identifier: Apache-2.0
import QAPI

/// One command of the human monitor.
protocol HMPCommand: Sendable {
  /// The full name first, then its short forms.
  static var names: [String] { get }
  /// Shown between name and description in the help; empty without any.
  static var parameters: String { get }
  static var help: String { get }
  /// Reads its arguments, acts, and returns what to print, lines ending in `\n`.
  static func run(_ line: inout HMPLine, in context: MonitorContext) throws(HMPError) -> Phase<String>
}

extension HMPCommand {
  static var parameters: String { "" }
  static var helpLine: String { "\(names.joined(separator: "|")) \(parameters) -- \(help)\n" }
}

/// What a human monitor prints instead of a result.
enum HMPError: Error {
  /// The line itself is wrong; a pointer to the help follows.
  case usage(String)
  /// The command could not be done.
  case failed(QMPError)
  /// A sentence of its own.
  case message(String)
}

/// The human monitor's commands and the way from a line to its output.
enum HumanMonitor {
  static let commands: [any HMPCommand.Type] = [
    HMPContinue.self, HMPProcessor.self, HMPHelp.self, HMPInfo.self, HMPVirtualMemorySave.self,
    HMPMouseButton.self, HMPMouseMove.self, HMPMouseSet.self, HMPNMI.self,
    HMPPhysicalMemorySave.self, HMPPrint.self, HMPQuit.self, HMPScreendump.self, HMPSendKey.self, HMPStop.self,
    HMPEject.self, HMPChange.self, HMPBlockResize.self, HMPSetIOThrottle.self,
    HMPDriveAdd.self, HMPDriveDelete.self, HMPCommit.self,
    HMPSystemPowerdown.self, HMPSystemReset.self, HMPExamine.self, HMPExaminePhysical.self,
    HMPMigrate.self, HMPMigrateCancel.self, HMPMigrateContinue.self, HMPMigrateIncoming.self,
    HMPMigrateStartPostcopy.self, HMPMigratePause.self, HMPMigrateRecover.self,
    HMPMigrateSetCapability.self, HMPMigrateSetParameter.self, HMPMigrateSetSpeed.self, HMPMigrateSetDowntime.self,
    HMPMigrateSetCacheSize.self, HMPGetDescriptor.self, HMPCloseDescriptor.self,
    HMPDeviceAdd.self, HMPDeviceDelete.self,
    HMPAnnounceSelf.self, HMPNetdevAdd.self, HMPNetdevDelete.self, HMPSetLink.self, HMPHostForwardAdd.self,
    HMPHostForwardRemove.self,
    HMPSaveVM.self, HMPLoadVM.self, HMPDeleteVM.self,
    HMPSnapshotDrive.self, HMPInternalSnapshot.self, HMPDeleteInternalSnapshot.self,
  ]
  static let infoCommands: [any HMPCommand.Type] = [
    InfoBlock.self, InfoBlockJobs.self, InfoBlockStats.self, InfoChardev.self, InfoProcessors.self, InfoHistory.self,
    InfoKVM.self,
    InfoMice.self, InfoName.self, InfoNetwork.self, InfoPCI.self, InfoRegisters.self, InfoSnapshots.self,
    InfoStatus.self,
    InfoUserNetwork.self, InfoUUID.self, InfoVersion.self,
    InfoMigrate.self, InfoMigrateCapabilities.self, InfoMigrateParameters.self, InfoMigrateCacheSize.self,
  ]

  static func find(_ name: String, in table: [any HMPCommand.Type]) -> (any HMPCommand.Type)? {
    table.first { $0.names.contains(name) }
  }

  /// Whether the line asks for a descriptor that came over the socket.
  static func takesDescriptor(_ text: String) -> Bool {
    var line = HMPLine(text)
    line.skipSpaces()
    return HMPGetDescriptor.names.contains(line.commandName())
  }

  /// Runs one line. Errors are text too.
  static func execute(_ text: String, in context: MonitorContext) -> Phase<String> {
    var line = HMPLine(text)
    line.skipSpaces()
    if line.isAtEnd { return .done("") }
    let start = line.position
    let name = line.commandName()
    guard var command = find(name, in: commands) else { return .done("unknown command: '\(name)'\n") }
    var typed = name
    if command == HMPInfo.self {
      line.skipSpaces()
      if line.isAtEnd { return .done(helpText(infoCommands, prefix: "info ")) }
      let topic = line.commandName()
      guard let found = find(topic, in: infoCommands) else {
        return .done("unknown command: '\(line.text(from: start))'\n")
      }
      (command, typed) = (found, "info \(topic)")
    }
    line.command = command.names.joined(separator: "|")
    line.reader = ExpressionReader(context)
    do throws(HMPError) { return try command.run(&line, in: context).reportingErrors } catch {
      switch error {
      case .usage(let sentence): return .done("\(sentence)\nTry \"help \(typed)\" for more information\n")
      case .failed(let error): return .done("Error: \(error)\n")
      case .message(let sentence): return .done(sentence + "\n")
      }
    }
  }

  /// What the word at the end of `before` may become.
  static func completions(_ before: String) -> [String] {
    let words = before.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    switch (words.first, words.count) {
    case (_, ...1): return commands.flatMap { $0.names }
    case ("info", 2): return infoCommands.flatMap { $0.names }
    case ("help", 2), ("?", 2): return commands.flatMap { $0.names }
    case ("help", 3), ("?", 3): return words[1] == "info" ? infoCommands.flatMap { $0.names } : []
    case ("sendkey", 2):
      // Keys are joined by '-'; the last of them is completed.
      let joined = words[1].split(separator: "-", omittingEmptySubsequences: false).dropLast().map { $0 + "-" }.joined()
      return KeyCode.allCases.map { joined + $0.rawValue }
    default: return []
    }
  }

  static func helpText(_ table: [any HMPCommand.Type], prefix: String = "") -> String {
    table.sorted { $0.names[0] < $1.names[0] }.map { prefix + $0.helpLine }.joined()
  }

  /// On the wire lines end in CRLF.
  static func withCarriageReturns(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if scalar == "\n" { result.append("\r") }
      result.append(scalar)
    }
    return String(result)
  }
}

extension Phase<String> {
  /// A failure of the second phase becomes text as well.
  var reportingErrors: Phase<String> {
    guard case .finishing(let work) = self else { return self }
    return .finishing { progress in
      switch work(progress) {
      case .success(let text): .success(text)
      case .failure(let error): .success("Error: \(error)\n")
      }
    }
  }
}

extension Phase<Empty> {
  /// A QMP command's success is silence here.
  var silent: Phase<String> {
    switch self {
    case .done: .done("")
    case .finishing(let work): .finishing { progress in work(progress).map { _ in "" } }
    }
  }
}

/// Runs the QMP command that does the same thing.
func perform<Command: MonitorCommand>(
  _ command: Command, in context: MonitorContext
) throws(HMPError) -> Command.Returns {
  do throws(QMPError) { return try command.run(in: context) } catch { throw .failed(error) }
}

func perform<Command: MonitorTwoPhaseCommand>(
  _ command: Command, in context: MonitorContext
) throws(HMPError) -> Phase<String> where Command.Returns == Empty {
  do throws(QMPError) { return try command.capture(in: context).silent } catch { throw .failed(error) }
}
