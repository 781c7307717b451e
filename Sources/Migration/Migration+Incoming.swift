// SPDX-License-Identifier: Apache-2.0
import HostIO
import Network
import Platform

extension Migration {
  // MARK: On the machine thread

  /// `-incoming`: the machine waits. With `startsGuest` it runs once it is here.
  public func expectIncoming(startsGuest: Bool) {
    state.withLock { state in
      state.incoming.isExpected = true
      state.incoming.startsGuest = startsGuest
    }
  }

  /// `cont` and `stop` while the machine waits decide what comes afterwards.
  public func setIncomingStartsGuest(_ starts: Bool) { state.withLock { $0.incoming.startsGuest = starts } }

  /// `migrate-incoming`, or `-incoming URI` on the start.
  ///
  /// - Parameter takeDescriptor: gives the descriptor of that name away, if there is one; nil where nobody can give names.
  public func startIncoming(
    _ uri: BytePath, on machine: any MigratableMachine, takeDescriptor: ((String) -> FileDescriptor?)? = nil
  ) throws(MigrationError) {
    try state.withLock { (state) throws(MigrationError) in
      if !state.incoming.isExpected { throw MigrationError("'-incoming' was not specified on the command line") }
      if state.incoming.isStarted { throw MigrationError("The incoming migration has already been started") }
    }
    emit(.status(.setup), isAlwaysTold: true)
    guard let address = try MigrationAddress.parse(uri) else {
      throw MigrationError("unknown migration protocol: \(uri)")
    }
    var descriptor: FileDescriptor?
    if case .descriptor(let name) = address { descriptor = try Self.find(name, takeDescriptor) }
    let transport = try IncomingTransport(address, descriptor: descriptor)
    state.withLock { state in
      state.incoming.isStarted = true
      state.incoming.status = .setup
      state.incoming.listener = transport.listener
    }
    if case .file = address, let file = transport.regularFile {
      load(file, into: machine)
      return transport.close()
    }
    do throws(Errno) {
      let shape = machine.imageShape
      _ = try Thread(name: "migration-in") { [self] in receive(transport, shape) }
    } catch {
      transport.close()
      throw MigrationError("Cannot start a worker thread: \(error)")
    }
  }

  /// A name that begins with a digit is a number that the process inherited.
  private static func find(
    _ name: String, _ takeDescriptor: ((String) -> FileDescriptor?)?
  ) throws(MigrationError) -> FileDescriptor {
    if let takeDescriptor, name.first?.isNumber != true {
      guard let descriptor = takeDescriptor(name) else {
        throw MigrationError("File descriptor named '\(name)' has not been found")
      }
      return descriptor
    }
    guard let number = Int32(name) else { throw MigrationError("Invalid file descriptor number '\(name)'") }
    let descriptor = FileDescriptor(rawValue: number)
    guard descriptor.isOpen else { throw MigrationError("File descriptor \(number) is not open") }
    try? descriptor.setCloseOnExec()
    return descriptor
  }

  /// A state file is mapped, not read: the guest can start at once.
  private func load(_ file: FileDescriptor, into machine: any MigratableMachine) {
    activate()
    takeDisks(machine)
    do throws(MigrationError) {
      try machine.loadFile(file) { [self] error in onMachineLater { [self] in refuse(error, $0) } }
    } catch {
      return refuse(error, machine)
    }
    arrive(on: machine)
  }

  private func activate() {
    state.withLock { $0.incoming.status = .active }
    emit(.status(.active))
  }

  /// Before the devices, which go on with what they had begun. Without its disks the machine stays stopped, as in QEMU.
  private func takeDisks(_ machine: any MigratableMachine) {
    do throws(MigrationError) { try machine.takeDisks() } catch {
      report(error.description)
      state.withLock { $0.incoming.startsGuest = false }
    }
  }

  /// The machine is as it was saved.
  private func arrive(on machine: any MigratableMachine) {
    let startsGuest = state.withLock { state in
      state.incoming.listener = nil
      state.incoming.status = .completed
      return state.incoming.startsGuest
    }
    machine.announceAdapters(
      AnnouncementParameters(
        initial: Int64(parameters.announceInitial), longest: Int64(parameters.announceMax),
        rounds: Int64(parameters.announceRounds), step: Int64(parameters.announceStep)))
    switch machine.savedRunState {
    case nil, .running: if startsGuest { machine.resume() } else { machine.stop(.paused) }
    case .some(let state): machine.stop(state)
    }
    emit(.status(.completed))
  }

  /// A machine that is half another one is of no use.
  private func refuse(_ error: MigrationError, _ machine: any MigratableMachine) {
    state.withLock { $0.incoming.status = .failed }
    emit(.status(.failed))
    report(error.description)
    report("load of migration failed: \(error.cause)")
    machine.end(status: 1)
  }

  // MARK: On the worker

  private func receive(_ transport: IncomingTransport, _ shape: ImageShape) {
    do throws(MigrationError) {
      try transport.connect()
      try transport.waitForData()
      onMachineLater { [self] machine in
        activate()
        machine.holdMemory()
      }
      var image = try IncomingImage(transport, expecting: shape)
      while let pages = try image.nextPages() { onMachine { $0.fill(pages) } }
      let sections = image.sections
      transport.close()
      onMachineLater { [self] machine in
        takeDisks(machine)
        do throws(MigrationError) { try machine.load(sections) } catch { return refuse(error, machine) }
        machine.releaseMemory()
        arrive(on: machine)
      }
    } catch {
      transport.close()
      onMachineLater { [self] in refuse(error, $0) }
    }
  }
}
