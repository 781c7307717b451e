// SPDX-License-Identifier: Apache-2.0
import QAPI

struct QueryName: MonitorCommand {
  static let name = "query-name"
  struct Returns: Codable, Sendable { var name: String? }
  func run(in context: MonitorContext) -> Returns { Returns(name: context.machine.name) }
}

struct QueryUUID: MonitorCommand {
  static let name = "query-uuid"
  struct Returns: Codable, Sendable {
    var uuid: String
    enum CodingKeys: String, CodingKey { case uuid = "UUID" }
  }
  func run(in context: MonitorContext) -> Returns { Returns(uuid: context.machine.uuid) }
}

/// The host's virtualization is never used.
struct QueryKVM: MonitorCommand {
  static let name = "query-kvm"
  struct Returns: Codable, Sendable {
    var enabled: Bool
    var present: Bool
  }
  func run(in context: MonitorContext) -> Returns { Returns(enabled: false, present: false) }
}

struct QueryTarget: MonitorCommand {
  static let name = "query-target"
  enum Architecture: String, QMPEnum { case x8664 = "x86_64" }
  struct Returns: Codable, Sendable { var arch: Architecture }
  func run(in context: MonitorContext) -> Returns { Returns(arch: .x8664) }
}

struct QueryMachines: MonitorCommand {
  static let name = "query-machines"
  typealias Returns = [MachineInfo]
  struct MachineInfo: Codable, Sendable {
    var name: String
    var alias: String?
    var isDefault: Bool?
    var cpuMax: Int
    var hotpluggableCpus: Bool
    var numaMemSupported: Bool
    var deprecated: Bool
    var defaultCpuType: String?
    var defaultRamId: String?
  }
  func run(in context: MonitorContext) -> [MachineInfo] {
    context.machine.machineTypes.map { type in
      MachineInfo(
        name: type.name, alias: type.alias, isDefault: type.isDefault ? true : nil, cpuMax: type.maximumProcessors,
        hotpluggableCpus: type.hotpluggableProcessors, numaMemSupported: type.supportsNUMAMemory,
        deprecated: type.isDeprecated, defaultCpuType: type.defaultProcessorType, defaultRamId: type.defaultMemoryID)
    }
  }
}
