// SPDX-License-Identifier: Apache-2.0
import HostIO
import QAPI
import Synchronization

/// A human monitor on a byte connection: greeting, prompt, one command at a time.
public final class HMPSession: MonitorSession {
  private struct State {
    var readline: Readline
    /// Input that came while a command was at work.
    var held: ArraySlice<UInt8> = []
    var isRunning = false
    var isConnected = false
    var isFocused = true
    /// Output of a session that is not shown.
    var unseen: [UInt8] = []
    var connection: UInt64 = 0
    var processorIndex = 0
  }

  static let prompt = "(qemu) "

  let transport: any MonitorTransport
  private let hub: MonitorHub
  private let state: Mutex<State>
  private let inbox = DescriptorInbox()
  private let descriptorNames = DescriptorNames()

  init(hub: MonitorHub, transport: any MonitorTransport) {
    (self.hub, self.transport) = (hub, transport)
    state = Mutex(State(readline: Readline(prompt: Self.prompt, complete: HumanMonitor.completions)))
  }

  public func opened() {
    state.withLock { state in
      state.connection &+= 1
      (state.isConnected, state.isRunning, state.held, state.unseen) = (true, false, [], [])
      let version = hub.version
      var greeting = Array(
        "QEMU \(version.major).\(version.minor).\(version.micro) monitor - type 'help' for more information\r\n".utf8)
      state.readline.showPrompt(&greeting)
      send(greeting, &state)
    }
    transport.acceptInput()
  }

  public func closed() {
    state.withLock { state in
      state.connection &+= 1
      (state.isConnected, state.isRunning, state.held, state.unseen) = (false, false, [], [])
    }
    inbox.clear()
  }

  public var receivableByteCount: Int {
    state.withLock { state in
      state.isConnected && !state.isRunning && state.held.isEmpty && !isBehind ? MonitorLimits.inputChunk : 0
    }
  }

  private var isBehind: Bool { transport.queuedByteCount > MonitorLimits.queuedOutput }

  public func received(_ bytes: [UInt8]) {
    state.withLock { state in
      guard state.isConnected else { return }
      if state.held.isEmpty { state.held = bytes[...] } else { state.held += bytes }
    }
    pump()
  }

  public func received(_ descriptors: [FileDescriptor]) { inbox.receive(descriptors) }

  public func outputDrained() {
    pump()
    if receivableByteCount > 0 { transport.acceptInput() }
  }

  public func focusChanged(isFocused: Bool) {
    state.withLock { state in
      state.isFocused = isFocused
      guard isFocused, !state.unseen.isEmpty else { return }
      transport.write(state.unseen)
      state.unseen.removeAll()
    }
  }

  private func send(_ bytes: [UInt8], _ state: inout State) {
    if bytes.isEmpty { return }
    if state.isFocused { transport.write(bytes) } else { state.unseen += bytes }
  }

  /// Feeds the line editor until a line is complete, the client falls behind or nothing is left.
  private func pump() {
    while true {
      let next = state.withLock { state -> (line: String, connection: UInt64)? in
        guard state.isConnected, !state.isRunning else { return nil }
        var output: [UInt8] = []
        defer { send(output, &state) }
        while !state.held.isEmpty, !isBehind, output.count <= MonitorLimits.queuedOutput {
          let byte = state.held.removeFirst()
          if case .line(let line) = state.readline.take(byte, &output) {
            state.isRunning = true
            return (line, state.connection)
          }
        }
        return nil
      }
      guard let next else { break }
      run(next.line, next.connection)
    }
    // Output that filled the limit without waiting in the transport would otherwise stop here.
    if state.withLock({ $0.isConnected && !$0.isRunning && !$0.held.isEmpty }), !isBehind {
      hub.loop.post { self.pump() }
    }
  }

  private func run(_ line: String, _ connection: UInt64) {
    hub.post { [self] machine in
      guard let index = state.withLock({ $0.connection == connection ? $0.processorIndex : nil }) else { return }
      var context = MonitorContext(machine: machine, hub: hub)
      let known = machine.processors.contains { $0.index == index }
      context.processor = ProcessorSelection(index: known ? index : 0)
      context.descriptorNames = descriptorNames
      if HumanMonitor.takesDescriptor(line) { context.descriptor = inbox.take() }
      context.history = state.withLock { $0.readline.history }
      let phase = HumanMonitor.execute(line, in: context)
      // After `quit` there is no next prompt, and what was typed ahead is nobody's.
      if machine.isEnding { return }
      switch phase {
      case .done(let text):
        finish(text, connection, processorIndex: context.processor.index)
      case .finishing(let work):
        let processorIndex = context.processor.index
        do throws(QMPError) {
          try hub.onWorker { [self] in
            // Failures have become text already.
            let text = (try? work({}).get()) ?? ""
            finish(text, connection, processorIndex: processorIndex)
          }
        } catch {
          finish("Error: \(error)\n", connection, processorIndex: processorIndex)
        }
      }
    }
  }

  private func finish(_ text: String, _ connection: UInt64, processorIndex: Int) {
    let isCurrent = state.withLock { state in
      guard state.connection == connection else { return false }
      state.processorIndex = processorIndex
      state.isRunning = false
      var output = Array(HumanMonitor.withCarriageReturns(text).utf8)
      state.readline.showPrompt(&output)
      send(output, &state)
      return true
    }
    guard isCurrent else { return }
    pump()
    if receivableByteCount > 0 { transport.acceptInput() }
  }
}
