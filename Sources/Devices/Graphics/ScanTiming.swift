// SPDX-License-Identifier: Apache-2.0
import Platform

/// Where the beam is: retrace bits follow from the virtual clock and the timing that the CRT controller is programmed for,
/// so a loop that waits for retrace ends, takes a plausible time, and takes the same time in every run.
struct ScanTiming {
  private var charactersPerLine: Int64
  private var displayedCharacters: Int64
  private var linesPerFrame: Int64
  private var displayedLines: Int64
  private var retraceStart: Int64
  private var retraceLines: Int64
  /// Nanoseconds.
  private let framePeriod: Int64

  init(_ state: StandardVGA.State) {
    let crtc = state.crtc
    let overflow = Int64(crtc[CRTC.overflow])
    let clocking = state.sequencer[Sequencer.clockingMode]
    charactersPerLine = Int64(crtc[CRTC.horizontalTotal]) + 5
    displayedCharacters = Int64(crtc[CRTC.horizontalDisplayEnd]) + 1
    linesPerFrame = (Int64(crtc[CRTC.verticalTotal]) | (overflow & 0x01) << 8 | (overflow & 0x20) << 4) + 2
    displayedLines = (Int64(crtc[CRTC.verticalDisplayEnd]) | (overflow & 0x02) << 7 | (overflow & 0x40) << 3) + 1
    retraceStart = Int64(crtc[CRTC.verticalRetraceStart]) | (overflow & 0x04) << 6 | (overflow & 0x80) << 2
    let retraceEnd = Int64(crtc[CRTC.verticalRetraceEnd] & 0x0f)
    retraceLines = (retraceEnd - retraceStart) & 0x0f
    if retraceLines == 0 { retraceLines = 16 }
    let isPlausible =
      charactersPerLine > displayedCharacters && linesPerFrame > displayedLines && retraceStart >= displayedLines
      && retraceStart < linesPerFrame && linesPerFrame >= 100
    guard isPlausible, !state.dispi.isEnabled else {
      // A DISPI mode, or nothing that a monitor could show: 640x480 at 60 Hz.
      (charactersPerLine, displayedCharacters) = (100, 80)
      (linesPerFrame, displayedLines, retraceStart, retraceLines) = (525, 480, 490, 2)
      framePeriod = 16_683_333
      return
    }
    // Dot clocks of 25.175 and 28.322 MHz.
    let dotsPerSecond: Int64 = state.miscellaneousOutput >> 2 & 3 == 1 ? 28_322_000 : 25_175_000
    var dotsPerCharacter: Int64 = clocking & Sequencer.eightDots != 0 ? 8 : 9
    if clocking & Sequencer.halfDotClock != 0 { dotsPerCharacter *= 2 }
    framePeriod = charactersPerLine * dotsPerCharacter * linesPerFrame * 1_000_000_000 / dotsPerSecond
  }

  /// Input status register 1: bit 0 while nothing is displayed, bit 3 during vertical retrace.
  func inputStatus(at now: Nanoseconds) -> UInt8 {
    let scaled = max(0, now) % framePeriod * linesPerFrame
    let line = scaled / framePeriod
    let character = scaled % framePeriod * charactersPerLine / framePeriod
    var status: UInt8 = 0
    if line >= displayedLines || character >= displayedCharacters { status |= 0x01 }
    if line >= retraceStart, line < retraceStart + retraceLines { status |= 0x08 }
    return status
  }
}
