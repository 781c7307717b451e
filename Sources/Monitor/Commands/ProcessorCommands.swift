// SPDX-License-Identifier: Apache-2.0
import QAPI

/// What there was before `query-cpus-fast`; removed from QEMU in 6.0, described in its 2.8 documents.
struct QueryProcessors: MonitorCommand {
  static let name = "query-cpus"
  typealias Returns = [CpuInfo]
  struct CpuInfo: Codable, Sendable {
    enum Architecture: String, QMPEnum { case x86 }
    var index: Int
    var current: Bool
    var halted: Bool
    var qomPath: String
    var threadID: Int
    var arch: Architecture
    var programCounter: Int64
    enum CodingKeys: String, CodingKey {
      case index = "CPU"
      case current
      case halted
      case qomPath = "qom_path"
      case threadID = "thread_id"
      case arch
      case programCounter = "pc"
    }
  }
  func run(in context: MonitorContext) -> [CpuInfo] {
    context.machine.processors.map { processor in
      CpuInfo(
        index: processor.index, current: processor.index == context.processor.index, halted: processor.isHalted,
        qomPath: processor.qomPath, threadID: processor.threadID, arch: .x86,
        programCounter: Int64(bitPattern: processor.programCounter))
    }
  }
}

struct QueryProcessorsFast: MonitorCommand {
  static let name = "query-cpus-fast"
  typealias Returns = [CpuInfoFast]
  struct CpuInfoFast: Codable, Sendable {
    struct Properties: Codable, Sendable {
      var socketID: Int
      var coreID: Int
      var threadID: Int
    }
    var cpuIndex: Int
    var qomPath: String
    var threadID: Int
    var props: Properties
    var target: QueryTarget.Architecture
  }
  func run(in context: MonitorContext) -> [CpuInfoFast] {
    context.machine.processors.map { processor in
      CpuInfoFast(
        cpuIndex: processor.index, qomPath: processor.qomPath, threadID: processor.threadID,
        props: .init(socketID: processor.socketID, coreID: processor.coreID, threadID: processor.hardwareThreadID),
        target: .x8664)
    }
  }
}

/// Kept for old clients: it never did anything (1.1's qapi-schema). Commands name their vCPU themselves.
struct SelectProcessor: MonitorCommand {
  static let name = "cpu"
  var index: Int64
  func run(in context: MonitorContext) -> Empty { Empty() }
}
