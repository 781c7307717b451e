// SPDX-License-Identifier: Apache-2.0
import QAPI

/// Gives a name to the descriptor that came with the command (SCM_RIGHTS), for `fd:NAME` in later ones.
struct GetDescriptor: MonitorCommand {
  static let name = "getfd"
  var fdname: String

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    guard let descriptor = context.descriptor else { throw QMPError("No file descriptor supplied via SCM_RIGHTS") }
    // Such a name would be a number of ours.
    if let first = fdname.utf8.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) {
      throw .invalidParameter("fdname", expected: "a name not starting with a digit")
    }
    try context.descriptorNames.add(descriptor, as: fdname)
    return Empty()
  }
}

struct CloseDescriptor: MonitorCommand {
  static let name = "closefd"
  var fdname: String

  func run(in context: MonitorContext) throws(QMPError) -> Empty {
    guard context.descriptorNames.close(fdname) else { throw QMPError("File descriptor named '\(fdname)' not found") }
    return Empty()
  }
}
