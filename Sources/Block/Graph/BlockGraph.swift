// SPDX-License-Identifier: Apache-2.0
import HostIO
import Platform

/// All nodes and drives of a machine by their names, who uses which node, and whether they may do so together.
///
/// Owned by the machine thread. Opening and closing images is slow and done elsewhere: `opener` gives what that needs,
/// `insert` takes what it made, and nodes that nobody needs any more are handed back to be closed.
public final class BlockGraph {
  /// What happens to drives and nodes, for the monitors.
  public enum Event: Sendable {
    case trayMoved(device: String, id: String, isOpen: Bool)
    case failed(BlockFailure)
    case thresholdPassed(node: String, amount: UInt64, threshold: UInt64)
  }

  /// In the order in which they were made.
  public private(set) var nodes: [GraphNode] = []
  /// In the order in which they were made.
  public internal(set) var backends: [BlockBackend] = []
  /// Drives on their way out, whose nodes are still being closed.
  var leaving: [(backend: BlockBackend, completion: () -> Void)] = []
  /// Another process has the images; see BlockGraph+Activity.swift.
  public internal(set) var isInactive: Bool
  public var eventHandler: ((Event) -> Void)?
  package let nodeNames = NodeNames()
  /// How drives that are added later complete their requests; nil before the machine has any.
  public var queue: BlockQueue?
  /// Names of drives that were deleted while their devices stayed: nobody else may have them.
  private var deletedNames: Set<String> = []
  public private(set) var throttleGroups: [String: ThrottleGroup] = [:]
  /// Nodes that the user made and will delete (`-blockdev`, `blockdev-add`).
  private var ownedNames: Set<String> = []
  let mailbox: Mailbox?

  /// `mailbox` is the machine's, for what workers notice. `isInactive`: another process still has the images.
  public init(mailbox: Mailbox? = nil, isInactive: Bool = false) {
    (self.mailbox, self.isInactive) = (mailbox, isInactive)
  }

  // MARK: Finding

  public func node(named name: String) -> GraphNode? { nodes.first { $0.name == name } }
  public func backend(named name: String) -> BlockBackend? {
    name.isEmpty ? nil : backends.first { $0.name == name }
  }
  /// By the name or QOM path of the device.
  public func backend(ofDevice id: String) -> BlockBackend? {
    let own = "/machine/peripheral/"
    return backends.first { backend in
      guard let name = backend.attachedTo else { return false }
      return name == id || !name.hasPrefix("/") && own + name == id || !id.hasPrefix("/") && own + id == name
    }
  }

  /// The node of a drive or node by name, as most commands look for it.
  /// - Throws: QEMU's sentences.
  public func node(device: String? = nil, node name: String? = nil) throws(BlockError) -> GraphNode {
    if let device, let backend = backend(named: device) {
      guard let root = backend.medium?.root else { throw .refused("Device '\(device)' has no medium") }
      return root
    }
    if let name, let node = node(named: name) { return node }
    throw .refused("Cannot find device='\(device ?? "")' nor node-name='\(name ?? "")'")
  }

  // MARK: Nodes

  /// What a worker needs to open nodes.
  public func opener() -> ImageOpener {
    ImageOpener(
      names: nodeNames, existing: Dictionary(nodes.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first }),
      takenNames: Set(backends.map(\.name)), isInactive: isInactive, keepsBitmaps: true)
  }

  /// Takes opened nodes in. `isOwned`: the root stays until the user deletes it.
  public func insert(_ tree: OpenedTree, isOwned: Bool = false) throws(BlockError) {
    for new in tree.nodes {
      if node(named: new.name) != nil { throw .refused("Duplicate nodes with node-name='\(new.name)'") }
      if backend(named: new.name) != nil {
        throw .refused("node-name=\(new.name) is conflicting with a device id")
      }
    }
    let old = nodes
    nodes += tree.nodes
    if isOwned { ownedNames.insert(tree.root.name) }
    do throws(BlockError) { try updatePermissions() } catch {
      nodes = old
      if isOwned { ownedNames.remove(tree.root.name) }
      throw error
    }
    if isInactive { for node in tree.nodes { node.inactivate() } }
  }

  /// Takes a node in that a program made up.
  public func adopt(_ node: GraphNode, isOwned: Bool = false) throws(BlockError) {
    try insert(OpenedTree(root: node, nodes: [node]), isOwned: isOwned)
  }

  /// Opens an image and takes it in, with a temporary overlay over it if wanted. Waits for the disk: for the start only.
  public func open(
    _ options: NodeOptions, isSnapshot: Bool = false, isOwned: Bool = false
  ) throws(BlockError) -> GraphNode {
    let opener = opener()
    var tree = try opener.open(options)
    if isSnapshot { tree = try tree.withTemporaryOverlay(opener) }
    try insert(tree, isOwned: isOwned)
    return tree.root
  }

  /// Deletes a node that the user made.
  /// - Returns: what nobody needs any more, to be closed.
  public func remove(_ name: String) throws(BlockError) -> [GraphNode] {
    guard let node = node(named: name) else { throw .refused("Failed to find node with node-name='\(name)'") }
    guard ownedNames.contains(name) else { throw .refused("Node \(name) is not owned by the monitor") }
    let isRoot = backends.contains { $0.medium?.root === node }
    guard !isRoot, !nodes.contains(where: { $0.children.contains { $0.node === node } }) else {
      throw .refused("Node \(name) is in use")
    }
    ownedNames.remove(name)
    return dropUnused()
  }

  public func isOwned(_ node: GraphNode) -> Bool { ownedNames.contains(node.name) }

  /// Takes out the nodes that no drive needs and the user does not hold, and gives them to be closed, the upper ones
  /// first.
  public func dropUnused() -> [GraphNode] {
    var needed: Set<ObjectIdentifier> = []
    func need(_ node: GraphNode) {
      guard needed.insert(ObjectIdentifier(node)).inserted else { return }
      for child in node.children { need(child.node) }
    }
    for backend in backends { if let root = backend.medium?.root { need(root) } }
    for node in nodes where ownedNames.contains(node.name) { need(node) }
    let dropped = nodes.filter { !needed.contains(ObjectIdentifier($0)) }
    nodes.removeAll { !needed.contains(ObjectIdentifier($0)) }
    relaxPermissions()
    return dropped.reversed()
  }

  /// Puts `new` in the place of a node of the same name that nobody uses.
  func replace(_ old: GraphNode, by new: GraphNode) {
    if let position = nodes.firstIndex(where: { $0 === old }) { nodes[position] = new }
  }

  // MARK: Drives

  /// Takes a drive in.
  public func add(_ backend: BlockBackend) throws(BlockError) {
    if !backend.name.isEmpty {
      if node(named: backend.name) != nil {
        throw .refused("Device name '\(backend.name)' conflicts with an existing node name")
      }
      if self.backend(named: backend.name) != nil { throw .refused("Device with id '\(backend.name)' already exists") }
    }
    backends.append(backend)
    backend.didFail = { [weak self] in self?.eventHandler?(.failed($0)) }
    let previous = backend.trayDidMove
    backend.trayDidMove = { [weak self, weak backend] isOpen in
      previous?(isOpen)
      guard let self, let backend else { return }
      eventHandler?(.trayMoved(device: backend.name, id: backend.attachedTo ?? "", isOpen: isOpen))
    }
    do throws(BlockError) { try updatePermissions() } catch {
      backends.removeLast()
      throw error
    }
  }

  /// Takes a drive out.
  public func remove(_ backend: BlockBackend) {
    backends.removeAll { $0 === backend }
    setThrottle(nil, of: backend)
  }

  public func isTaken(_ name: String) -> Bool { backend(named: name) != nil || deletedNames.contains(name) }

  /// Takes a drive's medium away from under its device, and its name. A drive without a device is gone.
  public func delete(_ backend: BlockBackend) {
    if backend.attachedTo == nil {
      remove(backend)
    } else {
      deletedNames.insert(backend.name)
      setThrottle(nil, of: backend)
    }
    backend.loseMediumAndName()
  }

  /// A device is plugged into a drive, or changes what it does with it.
  public func attach(_ backend: BlockBackend, to device: String, use: BlockUse) throws(BlockError) {
    let old = (backend.attachedTo, backend.use)
    (backend.attachedTo, backend.use) = (device, use)
    do throws(BlockError) { try updatePermissions() } catch {
      (backend.attachedTo, backend.use) = old
      throw error
    }
  }

  /// Puts a medium into a drive, or takes it out.
  public func setMedium(_ root: GraphNode?, of backend: BlockBackend) throws(BlockError) {
    if let root, backend.use.needed.contains(.write), root.isReadOnly, !backend.isRemovable {
      throw .refused("Block node is read-only")
    }
    let old = backend.medium
    backend.changeMedium(root.map { BlockMedium(root: $0) })
    do throws(BlockError) { try updatePermissions() } catch {
      backend.changeMedium(old)
      throw error
    }
  }

  /// Checks that a root may be used so, and takes the locks, for a medium outside of any drive.
  func check(_ root: GraphNode, use: BlockUse) throws(BlockError) {
    try updatePermissions(extra: [(root, User(text: "block device ''", edge: "root", use: use))])
  }

  // MARK: Limits

  /// Puts a drive into a group of drives that share limits, which is made if need be; nil takes it out.
  public func setThrottle(_ group: String?, of backend: BlockBackend) {
    if let group {
      let found = throttleGroups[group] ?? ThrottleGroup(name: group)
      throttleGroups[group] = found
      backend.throttle = found
    } else {
      backend.throttle = nil
    }
    throttleGroups = throttleGroups.filter { entry in backends.contains { $0.throttle === entry.value } }
  }

  public func setWriteThreshold(_ threshold: UInt64, of node: GraphNode) {
    guard let mailbox else { return }
    let bound = MachineBound(GraphReference(graph: self))
    node.setWriteThreshold(threshold) { name, amount, threshold in
      mailbox.post {
        bound.value.graph?.eventHandler?(.thresholdPassed(node: name, amount: amount, threshold: threshold))
      }
    }
  }

  public func addBitmap(_ bitmap: DirtyBitmap, to node: GraphNode) { node.add(bitmap) }
  public func remove(_ bitmap: DirtyBitmap, from node: GraphNode) { node.remove(bitmap) }

  /// A node has another length: the drives over it tell their devices.
  public func didResize(_ node: GraphNode) {
    for backend in backends {
      var next = backend.medium?.root
      while let current = next {
        if current === node { backend.mediumDidResize() }
        next = current.file
      }
    }
  }

  final class GraphReference {
    weak var graph: BlockGraph?
    init(graph: BlockGraph) { self.graph = graph }
  }

  // MARK: The end

  /// Waits for all drives and closes every node, upper ones first; what fails is told.
  public func closeAll() -> [(node: GraphNode, error: Errno)] {
    for backend in backends + leaving.map(\.backend) { backend.waitUntilIdle() }
    var failures: [(node: GraphNode, error: Errno)] = []
    for node in nodes.reversed() {
      do throws(Errno) { try node.close() } catch { failures.append((node, error)) }
    }
    return failures
  }

  // MARK: Permissions

  struct User {
    /// `node 'x'`, `block device 'y'`
    var text: String
    /// The name of the edge to the node.
    var edge: String
    var use: BlockUse
  }

  private func users(_ extra: [(GraphNode, User)]) -> [ObjectIdentifier: [User]] {
    var users: [ObjectIdentifier: [User]] = [:]
    for (node, user) in extra { users[ObjectIdentifier(node), default: []].append(user) }
    for backend in backends {
      guard let root = backend.medium?.root else { continue }
      let name = backend.name.isEmpty ? backend.attachedTo ?? "" : backend.name
      users[ObjectIdentifier(root), default: []].append(
        User(text: "block device '\(name)'", edge: "root", use: backend.use))
    }
    // A node's users all have been seen before it is looked at: parents come after their children in `nodes`, but for
    // backing nodes, which come after their overlay. So go by depth.
    var done: Set<ObjectIdentifier> = []
    var waiting = nodes
    while !waiting.isEmpty {
      let ready = waiting.filter { node in
        !waiting.contains { parent in parent !== node && parent.children.contains { $0.node === node } }
      }
      if ready.isEmpty { break }
      for node in ready {
        done.insert(ObjectIdentifier(node))
        let all = Self.joined(users[ObjectIdentifier(node)] ?? [])
        for child in node.children {
          users[ObjectIdentifier(child.node), default: []].append(
            User(text: "node '\(node.name)'", edge: child.name, use: node.use(of: child, by: all)))
        }
      }
      waiting.removeAll { done.contains(ObjectIdentifier($0)) }
    }
    return users
  }

  private static func joined(_ users: [User]) -> BlockUse { users.reduce(.none) { $0.joined(with: $1.use) } }

  /// Checks all uses against each other and takes the locks that they need.
  func updatePermissions(extra: [(GraphNode, User)] = []) throws(BlockError) {
    let users = users(extra)
    for node in nodes {
      let own = users[ObjectIdentifier(node)] ?? []
      try Self.checkConflicts(node, own)
      if !isInactive { try node.checkAlignment(Self.joined(own)) }
    }
    var applied: [(ImageLocks, BlockUse)] = []
    do throws(BlockError) {
      for node in nodes where node.options.locking != .off {
        guard let locks = node.locks else { continue }
        let before = locks.use
        let use = Self.joined(users[ObjectIdentifier(node)] ?? [])
        try locks.apply(isInactive ? use.whileInactive : use)
        applied.append((locks, before))
      }
    } catch {
      for (locks, before) in applied.reversed() {
        do throws(BlockError) { try locks.apply(before) } catch {}
      }
      throw error
    }
  }

  /// After something went away: fewer rights cannot clash.
  func relaxPermissions() {
    do throws(BlockError) { try updatePermissions() } catch {}
  }

  private static func checkConflicts(_ node: GraphNode, _ users: [User]) throws(BlockError) {
    for first in users.indices {
      for second in users.indices where first != second {
        let clash = users[first].use.needed.subtracting(users[second].use.shared)
        if clash.isEmpty { continue }
        let (needing, denying) = (users[first], users[second])
        throw .refused(
          "Permission conflict on node '\(node.name)': permissions '\(clash.text)' are both required by "
            + "\(needing.text) (uses node '\(node.name)' as '\(needing.edge)' child) and unshared by \(denying.text) "
            + "(uses node '\(node.name)' as '\(denying.edge)' child).")
      }
    }
  }
}
