// SPDX-License-Identifier: Apache-2.0

enum ShotHelp {
  static var text: String {
    var text = """
      usage: apus shot [OPTIONS OF THE EMULATOR] IMAGE [STEPS] [OPTIONS]

      Boots an image, does steps in the order given, and tells in its exit status how it went. Two runs with the same images
      and options are the same to the last bit: instructions are the clock, which starts on 2026-01-01, and what the guest
      writes to its disks is forgotten. An IMAGE that ends in .iso is a disc, all others are disks.

      Steps:

      """
    for form in ShotStep.forms { text += line("--\(form.name) \(form.value)", form.help) }
    text += """
        --or                     between two conditions, until- ..., at or wait: the first that is true ends the step
        --mask FILE, --tolerance N, --margin PX
                                 after expect or until-picture: how pictures are compared; see apus compare --help

      Options:

      """
    for (option, help) in options { text += line(option, help) }
    text += """

      A script has one step a line, without the dashes, and lines that begin with # as comments; a line "or until-event RESET"
      adds a condition to the step above it; timeout, total-timeout and fail-on may stand there too. Pictures that are read are looked for beside the script. TIME is 1.5s, 200ms, 2m, 1h; a bare
      number is seconds. (To boot a disk image called shot, write apus ./shot.)

      Exit status:

      """
    for verdict in verdicts { text += line("\(verdict.0)", verdict.1, width: 6) }
    return text
  }

  private static let options = [
    ("--script FILE", "take steps from FILE"),
    ("--timeout TIME", "virtual time for each step; 30m without it. In a script: for the steps that follow"),
    ("--total-timeout TIME", "the host's time for the whole run"),
    ("-o, --output FILE", "write the screen at the end, whatever the verdict"),
    ("--report FILE", "write a report as JSON; only members that begin with real- differ from run to run"),
    ("--junit FILE, --tap FILE", "write it as JUnit's XML or for the Test Anything Protocol"),
    ("--bundle FOLDER", "after a failure: the last screens, their text, serial output, registers, the machine"),
    ("--update-golden", "make expected pictures what the screen is"),
    ("--from FOLDER", "go on from a saved machine; without options with its own, if they touch nothing of the host's"),
    ("--fail-on RULES", "panic,triple-fault,reset,idle=30s,hang, or none; panic,hang without it"),
    ("--realtime", "time is the host's"),
    ("--write", "what the guest writes goes to its images"),
    ("--verbose", "show the screen's text as it changes, and the steps"),
    ("--quiet", "show nothing but mistakes and the reason of a failure"),
  ]

  private static let verdicts = [
    (0, "success"), (1, "a screen is not what was expected"), (2, "a mistake in options, script or files"),
    (3, "a step took too long"), (4, "the guest panicked"), (5, "a triple fault"),
    (6, "the guest ended before the last step"), (7, "the guest hangs for good"), (8, "the guest was reset"),
    (9, "nothing changed for as long as idle= allows"), (10, "the guest was stopped by an error of a disk"),
    (70, "something failed on the host"), (130, "ended by a signal or a monitor"),
  ]

  private static func line(_ first: String, _ second: String, width: Int = 24) -> String {
    let name = first + String(repeating: " ", count: max(0, width - first.count))
    return "  \(name) \(second)\n"
  }
}
