// SPDX-License-Identifier: Apache-2.0
import Network
import Platform

/// The control queue: modes, addresses, VLANs, offloads. Virtio 1.2, 5.1.6.5.
extension VirtioNetwork {
  /// Longest command: two tables of addresses. More of it is not looked at.
  private static let commandLimit = 1 << 17

  private enum Class {
    static let receiveMode: UInt8 = 0
    static let address: UInt8 = 1
    static let vlan: UInt8 = 2
    static let announcement: UInt8 = 3
    static let queuePairs: UInt8 = 4
    static let guestOffloads: UInt8 = 5
  }

  func runCommands() {
    // Rings that overlap each other could go on for ever.
    for _ in 0..<pci.queues[Queue.control].state.size {
      guard let chain = pci.take(Queue.control) else { return }
      guard chain.readableByteCount >= 2, chain.writableByteCount >= 1 else { return pci.fail(.missingHeader) }
      let command = chain.read(pci.memory, at: 0, count: min(chain.readableByteCount, Self.commandLimit))
      let old = (filter, address)
      let isDone = run(command[0], command[1], command.dropFirst(2))
      chain.write(pci.memory, at: 0, [isDone ? 0 : 1])
      pci.giveBack(chain, to: Queue.control, written: 1)
      if isDone, command[0] <= Class.vlan, old != (filter, address) || command[0] != Class.receiveMode {
        port.filterDidChange()
      }
    }
  }

  private func run(_ group: UInt8, _ command: UInt8, _ data: ArraySlice<UInt8>) -> Bool {
    func number(_ count: Int) -> UInt64? {
      guard data.count >= count else { return nil }
      return data.prefix(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    switch group {
    case Class.receiveMode:
      guard let value = number(1) else { return false }
      return setMode(command, value != 0)
    case Class.address: return setAddresses(command, data)
    case Class.vlan:
      guard command <= 1, let value = number(2), value < 4096 else { return false }
      filter.setVLAN(UInt16(value), command == 0)
      return true
    case Class.announcement:
      guard command == 0, isToAnnounce else { return false }
      isToAnnounce = false
      return true
    case Class.queuePairs: return VirtioNetworkSteering.accepts(command, data, features: pci.features)
    case Class.guestOffloads:
      guard command == 0, has(VirtioNetworkFeature.controlGuestOffloads), let value = number(8),
        value & ~(pci.features & VirtioNetworkFeature.guestOffloads) == 0
      else { return false }
      guestOffloads = value
      return true
    default: return false
    }
  }

  private func setMode(_ command: UInt8, _ isOn: Bool) -> Bool {
    switch command {
    case 0: filter.isPromiscuous = isOn
    case 1: filter.allMulticast = isOn
    case 2: filter.allUnicast = isOn
    case 3: filter.noMulticast = isOn
    case 4: filter.noUnicast = isOn
    case 5: filter.noBroadcast = isOn
    default: return false
    }
    return true
  }

  /// 0: tables of unicast and multicast addresses, each with its count before it; 1: the adapter's own address.
  private func setAddresses(_ command: UInt8, _ data: ArraySlice<UInt8>) -> Bool {
    if command == 1 {
      guard data.count == 6 else { return false }
      address = Array(data)
      return true
    }
    guard command == 0, let (unicast, rest) = Self.takeTable(data), let (multicast, end) = Self.takeTable(rest),
      end.isEmpty
    else { return false }
    filter.unicastOverflows = unicast.count > 6 * VirtioNetworkFilter.tableLimit
    filter.unicast = filter.unicastOverflows ? [] : VirtioNetworkFilter.split(unicast)
    let left = VirtioNetworkFilter.tableLimit - filter.unicast.count
    filter.multicastOverflows = multicast.count > 6 * left
    filter.multicast = filter.multicastOverflows ? [] : VirtioNetworkFilter.split(multicast)
    return true
  }

  private static func takeTable(_ data: ArraySlice<UInt8>) -> (table: ArraySlice<UInt8>, rest: ArraySlice<UInt8>)? {
    guard data.count >= 4 else { return nil }
    let count = data.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    let rest = data.dropFirst(4)
    guard count <= rest.count / 6 else { return nil }
    return (rest.prefix(6 * count), rest.dropFirst(6 * count))
  }

  /// Asks the driver to tell the network where it is. 5.1.6.5.4.
  func askForAnnouncement() {
    guard has(VirtioNetworkFeature.announcement), has(VirtioNetworkFeature.controlQueue) else { return }
    isToAnnounce = true
    pci.configurationSpaceDidChange()
  }

  /// What `query-rx-filter` shows.
  var filterReport: ReceiveFilterReport {
    func mode(_ none: Bool, _ all: Bool) -> ReceiveFilterReport.Mode { none ? .none : all ? .all : .normal }
    var report = ReceiveFilterReport()
    report.isPromiscuous = filter.isPromiscuous
    report.multicast = mode(filter.noMulticast, filter.allMulticast)
    report.unicast = mode(filter.noUnicast, filter.allUnicast)
    report.allowsBroadcast = !filter.noBroadcast
    report.multicastOverflows = filter.multicastOverflows
    report.unicastOverflows = filter.unicastOverflows
    report.mainAddress = address
    report.unicastTable = filter.unicast
    report.multicastTable = filter.multicast
    // A driver that does not manage VLANs receives all of them. The highest come first, as in QEMU.
    let isManaged = has(VirtioNetworkFeature.controlVLAN)
    report.vlan = isManaged ? .normal : .all
    report.vlans = (0..<4096).reversed().filter { !isManaged || filter.wantsVLAN(UInt16($0)) }
    return report
  }
}
