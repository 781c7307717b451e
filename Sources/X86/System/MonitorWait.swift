// SPDX-License-Identifier: Apache-2.0

/// MONITOR and MWAIT. SDM vol. 2; vol. 3, 8.10; AMD APM vol. 3.
///
/// MWAIT waits as HLT does, until an interrupt, or until someone else (a device, by DMA) writes to the monitored line.
/// Of this processor's own stores only those matter that come after an interrupt or exception between MONITOR and
/// MWAIT: each of these ends the monitoring, as on AMD's processors, so that nothing a handler writes is missed. An MWAIT
/// without monitoring goes on at once. Hints (EAX) change nothing.
struct MonitorState: BitwiseCopyable {
  /// Physical address of the line that is monitored, or `none`.
  var line = MonitorState.none
  /// The processor waits in MWAIT (it is halted then).
  var isWaiting = false
  /// The wait ends at an interrupt request even where IF masks it.
  var endsOnMaskedInterrupt = false
  /// IA32_MISC_ENABLE has its bit 18 cleared: there is no MONITOR.
  var isSwitchedOff = false
  /// The page whose writes the machine reports because of `line`, or `none`; it may stay longer. Derived, never saved.
  var watchedPage = MonitorState.none

  static let none: UInt64 = 1
  static let lineByteCount: UInt64 = 64
  /// ENABLE MONITOR FSM of IA32_MISC_ENABLE.
  static let enableBit: UInt64 = 1 << 18
}

extension Core {
  /// The instructions exist: the model has them and IA32_MISC_ENABLE does not say otherwise.
  var hasMonitor: Bool { cpu.pointee.features.feature1ECX & F1C.monitor != 0 && !cpu.pointee.monitor.isSwitchedOff }

  private func requireMonitor() throws(Fault) {
    guard hasMonitor, cpl == 0 else { throw .undefinedOpcode }
  }

  /// (E/R)CX, which holds extensions.
  private var extensions: UInt64 { is64Bit ? cpu.pointee.registers[1] : cpu.pointee.registers[1] & 0xffff_ffff }

  fileprivate func armMonitor(_ o: UnsafePointer<Op>) throws(Fault) {
    try requireMonitor()
    guard extensions == 0 else { throw .protection() }
    // The checks of a one-byte load, which also sets the accessed bits.
    let offset = cpu.pointee.registers[0] & addressMask(o)
    guard let linear = segmentAddress(c, segment(o), offset, 1, write: false) else { throw takePending() }
    let translated = translateData(c, linear, write: false, user: false)
    guard translated != noPhysicalAddress else { throw takePending() }
    let physical = maskA20(c, translated)
    // Nobody reports that a device's register has changed, so waiting for one must not be endless.
    guard physicalSlot(c, physical).pointee.readAddress != 0 else {
      cpu.pointee.monitor.line = MonitorState.none
      return
    }
    cpu.pointee.monitor.line = physical & ~(MonitorState.lineByteCount - 1)
    watchMonitoredPage(c)
  }

  fileprivate func waitForStore() throws(Fault) {
    try requireMonitor()
    guard extensions <= 1 else { throw .protection() }
    guard cpu.pointee.monitor.line != MonitorState.none else { return }
    cpu.pointee.monitor.isWaiting = true
    cpu.pointee.monitor.endsOnMaskedInterrupt = extensions == 1
    cpu.pointee.isHalted = true
  }
}

/// Has the machine report writes to the page of the monitored line.
func watchMonitoredPage(_ c: UnsafeMutableRawPointer) {
  let cpu = c.cpu
  let line = cpu.pointee.monitor.line
  let page = line == MonitorState.none ? MonitorState.none : line & ~0xfff
  let old = cpu.pointee.monitor.watchedPage
  guard page != old else { return }
  cpu.pointee.monitor.watchedPage = page
  let machine = cpu.pointee.machine
  if old != MonitorState.none, !cpu.pointee.blocks.pointee.hasCode(old) {
    machine.codePage(machine.context, old, false)
  }
  if page != MonitorState.none { machine.codePage(machine.context, page, true) }
}

/// A page's last decoded code is gone: unless the page is watched, the machine need not report writes to it.
func codeDisappeared(_ c: UnsafeMutableRawPointer, _ page: UInt64) {
  guard page != c.cpu.pointee.monitor.watchedPage else { return }
  let machine = c.cpu.pointee.machine
  machine.codePage(machine.context, page, false)
}

/// Someone other than the processor wrote to this range of physical memory.
func noteForeignWrite(_ c: UnsafeMutableRawPointer, _ address: UInt64, _ byteCount: UInt64) {
  let cpu = c.cpu
  let line = cpu.pointee.monitor.line
  guard line != MonitorState.none, byteCount > 0 else { return }
  guard address < line + MonitorState.lineByteCount, line <= address &+ (byteCount - 1) else { return }
  endMonitoring(c)
}

/// Forgets the monitored line and ends a wait for it.
func endMonitoring(_ c: UnsafeMutableRawPointer) {
  let cpu = c.cpu
  cpu.pointee.monitor.line = MonitorState.none
  guard cpu.pointee.monitor.isWaiting else { return }
  cpu.pointee.monitor.isWaiting = false
  cpu.pointee.monitor.endsOnMaskedInterrupt = false
  cpu.pointee.isHalted = false
}

enum MonitorHandlers {
  static let monitor: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      try e.armMonitor(o)
      return .end
    }
  }
  static let mwait: Handler = { c, o in
    execute(c, o) { (e, o) throws(Fault) in
      try e.waitForStore()
      return .exit(e.ip(after: o))
    }
  }
}
