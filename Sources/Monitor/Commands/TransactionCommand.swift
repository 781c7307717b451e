// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import QAPI

/// Several changes of disks at one instant, all of them or none.
///
/// What makes files happens first, on a worker. Then the drives concerned stand still, each action is carried out in
/// order, and when one fails those before it are undone. Files that were made stay, as with QEMU.
struct Transaction: MonitorTwoPhaseCommand {
  static let name = "transaction"
  enum CompletionMode: String, QMPEnum {
    case individual
    case grouped
  }
  struct Properties: Codable, Sendable {
    var completionMode: CompletionMode?
  }
  var actions: [Action]
  var properties: Properties?

  init(actions: [Action]) { self.actions = actions }

  enum Action: Codable, Sendable, QAPIDescribed {
    case snapshotSync(BlockdevSnapshotSync)
    case snapshot(BlockdevSnapshot)
    case internalSnapshot(InternalSnapshotSync)
    case bitmapAdd(BitmapAdd)
    case bitmapChange(BitmapChange)
    case abort

    /// Its name in QMP.
    var kind: String {
      switch self {
      case .snapshotSync: BlockdevSnapshotSync.name
      case .snapshot: BlockdevSnapshot.name
      case .internalSnapshot: InternalSnapshotSync.name
      case .bitmapAdd: BitmapAdd.name
      case .bitmapChange(let change): change.commandName
      case .abort: "abort"
      }
    }

    private enum CodingKeys: String, CodingKey { case type, data }
    private enum Kind: String, QMPEnum {
      case abort
      case bitmapAdd = "block-dirty-bitmap-add"
      case bitmapClear = "block-dirty-bitmap-clear"
      case bitmapDisable = "block-dirty-bitmap-disable"
      case bitmapEnable = "block-dirty-bitmap-enable"
      case bitmapMerge = "block-dirty-bitmap-merge"
      case bitmapRemove = "block-dirty-bitmap-remove"
      case snapshot = "blockdev-snapshot"
      case internalSnapshot = "blockdev-snapshot-internal-sync"
      case snapshotSync = "blockdev-snapshot-sync"
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      switch try container.decode(Kind.self, forKey: .type) {
      case .abort:
        _ = try container.decode(Empty.self, forKey: .data)
        self = .abort
      case .bitmapAdd: self = .bitmapAdd(try container.decode(BitmapAdd.self, forKey: .data))
      case .bitmapClear: self = .bitmapChange(try container.decode(BitmapClear.self, forKey: .data).change)
      case .bitmapDisable: self = .bitmapChange(try container.decode(BitmapDisable.self, forKey: .data).change)
      case .bitmapEnable: self = .bitmapChange(try container.decode(BitmapEnable.self, forKey: .data).change)
      case .bitmapMerge: self = .bitmapChange(try container.decode(BitmapMerge.self, forKey: .data).change)
      case .bitmapRemove: self = .bitmapChange(try container.decode(BitmapRemove.self, forKey: .data).change)
      case .snapshot: self = .snapshot(try container.decode(BlockdevSnapshot.self, forKey: .data))
      case .internalSnapshot:
        self = .internalSnapshot(try container.decode(InternalSnapshotSync.self, forKey: .data))
      case .snapshotSync: self = .snapshotSync(try container.decode(BlockdevSnapshotSync.self, forKey: .data))
      }
    }

    func encode(to encoder: any Encoder) throws { throw QMPError("TransactionAction is only ever received") }

    static let qapiType: QAPIType = {
      func data(_ type: QAPIType) -> QAPIType {
        .object(name: "TransactionData", members: [.init(name: "data", type: type)])
      }
      return .object(
        name: "TransactionAction",
        members: [
          .init(name: "type", type: .enumeration(name: "TransactionActionKind", values: Kind.allCases.map(\.rawValue)))
        ],
        variants: .init(
          tag: "type",
          cases: [
            .init(value: Kind.abort.rawValue, type: data(.object(name: "Abort", members: []))),
            .init(value: Kind.bitmapAdd.rawValue, type: data(SchemaProbe.describe(BitmapAdd.self))),
            .init(value: Kind.bitmapClear.rawValue, type: data(SchemaProbe.describe(BitmapClear.self))),
            .init(value: Kind.bitmapDisable.rawValue, type: data(SchemaProbe.describe(BitmapDisable.self))),
            .init(value: Kind.bitmapEnable.rawValue, type: data(SchemaProbe.describe(BitmapEnable.self))),
            .init(value: Kind.bitmapMerge.rawValue, type: data(SchemaProbe.describe(BitmapMerge.self))),
            .init(value: Kind.bitmapRemove.rawValue, type: data(SchemaProbe.describe(BitmapRemove.self))),
            .init(value: Kind.snapshot.rawValue, type: data(SchemaProbe.describe(BlockdevSnapshot.self))),
            .init(value: Kind.internalSnapshot.rawValue, type: data(SchemaProbe.describe(InternalSnapshotSync.self))),
            .init(value: Kind.snapshotSync.rawValue, type: data(SchemaProbe.describe(BlockdevSnapshotSync.self))),
          ]))
    }()
  }

  func capture(in context: MonitorContext) throws(QMPError) -> Phase<Empty> {
    if actions.isEmpty { return .done(Empty()) }
    if properties?.completionMode == .grouped, let first = actions.first {
      throw QMPError(
        "Action '\(first.kind)' does not support Transaction property completion-mode = grouped")
    }
    let work = TransactionWork(actions: actions, hub: context.hub)
    return .finishing { progress in Result(block: { () throws(QMPError) in try work.run(progress) }) }
  }
}

/// A transaction on its worker.
private struct TransactionWork: Sendable {
  let actions: [Transaction.Action]
  let hub: MonitorHub

  func run(_ progress: @Sendable () -> Void) throws(QMPError) -> Empty {
    // Each action is prepared before the next is looked at, so that the first mistake is the one that is told.
    var prepared: [PreparedOverlay?] = []
    for action in actions {
      prepared.append(try prepare(action))
      progress()
    }
    let overlays = prepared.compactMap { $0 }
    let ready = prepared
    while true {
      let hold = try onMachine(hub) { machine in .success(machine.blockGraph.hold(for: overlays)) }
      defer { hold.release() }
      hold.waitUntilStill()
      // What was written before belongs to the layer below, and shall be there whatever happens to the new one.
      for overlay in overlays { try flush(overlay) }
      let undo = try onMachine(hub) { machine in
        Result(block: { () throws(QMPError) -> [Undo]? in hold.isBroken ? nil : try install(ready, machine) })
      }
      guard let undo else { continue }
      try createSnapshots(undo)
      for overlay in overlays {
        do throws(Errno) { try overlay.settleBase() } catch {
          HostProcess.report("Could not store the bitmaps of '\(overlay.baseName)': \(error)")
        }
      }
      return Empty()
    }
  }

  private func prepare(_ action: Transaction.Action) throws(QMPError) -> PreparedOverlay? {
    switch action {
    case .snapshotSync(let command):
      let request = try onMachine(hub) { machine in
        Result(block: { () throws(QMPError) in try command.request(in: machine.blockGraph) })
      }
      return try blockWork { () throws(BlockError) in try request.prepare() }
    case .snapshot(let command):
      return try onMachine(hub) { machine in
        Result(block: { () throws(QMPError) in
          try blockWork { () throws(BlockError) in
            try machine.blockGraph.prepareOverlay(node: command.node, overlay: command.overlay)
          }
        })
      }
    case .internalSnapshot(let command):
      return try onMachine(hub) { machine in
        Result(block: { () throws(QMPError) in
          _ = try command.image(in: machine.blockGraph)
          return nil
        })
      }
    case .abort: throw QMPError("Transaction aborted using Abort action")
    case .bitmapAdd: return nil
    case .bitmapChange(let change):
      // What an earlier action makes is not there yet; what is wrong is told when its turn comes.
      let image = try onMachine(hub) { machine in .success(try? change.affectedImage(in: machine.blockGraph)) }
      if let image = image ?? nil { try change.prepare(image) }
      return nil
    }
  }

  private func flush(_ overlay: PreparedOverlay) throws(QMPError) {
    do throws(Errno) { try overlay.flushBase() } catch {
      throw QMPError("Could not flush '\(overlay.baseName)': \(error)")
    }
  }

  /// What takes an action back, on the machine thread.
  private typealias Undo = @Sendable (any MonitoredMachine) -> Void

  /// On the machine thread, with the drives standing still.
  private func install(
    _ prepared: [PreparedOverlay?], _ machine: any MonitoredMachine
  ) throws(QMPError) -> [@Sendable (any MonitoredMachine) -> Void] {
    var undo: [Undo] = []
    do throws(QMPError) {
      for (action, overlay) in zip(actions, prepared) {
        if let step = try perform(action, overlay, machine) { undo.append(step) }
      }
      return undo
    } catch {
      for step in undo.reversed() { step(machine) }
      _ = machine.blockGraph.dropUnused()
      throw error
    }
  }

  private func perform(
    _ action: Transaction.Action, _ overlay: PreparedOverlay?, _ machine: any MonitoredMachine
  ) throws(QMPError) -> Undo? {
    let graph = machine.blockGraph
    switch action {
    case .snapshotSync, .snapshot:
      guard let overlay else { return nil }
      let installed = try blockWork { () throws(BlockError) in try graph.install(overlay) }
      return { $0.blockGraph.undo(installed) }
    case .bitmapAdd(let command):
      let context = MonitorContext(machine: machine, hub: hub)
      _ = try command.run(in: context)
      let (node, bitmap) = try BitmapChange.find(command.bitmapName, of: command.node, in: graph)
      return { $0.blockGraph.remove(bitmap, from: node) }
    case .bitmapChange(let change):
      let undo = try change.apply(to: graph)
      return { undo($0.blockGraph) }
    case .internalSnapshot, .abort: return nil
    }
  }

  /// Internal snapshots write to their images, so they come last, on the worker; their own undoing is to delete them.
  private func createSnapshots(_ undo: [@Sendable (any MonitoredMachine) -> Void]) throws(QMPError) {
    var made: [(QCOW2Node, String)] = []
    do throws(QMPError) {
      for case .internalSnapshot(let command) in actions {
        let (image, clock) = try onMachine(hub) { machine in
          Result(block: { () throws(QMPError) in (try command.image(in: machine.blockGraph).1, machine.virtualTime) })
        }
        made.append((image, try command.create(in: image, clock: clock)))
      }
    } catch {
      for (image, id) in made.reversed() { do throws(Errno) { try image.deleteSnapshot(id: id) } catch {} }
      _ = hub.onMachine { machine in
        for step in undo.reversed() { step(machine) }
        _ = machine.blockGraph.dropUnused()
        return true
      }
      throw error
    }
  }
}
