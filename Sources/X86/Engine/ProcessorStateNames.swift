// SPDX-License-Identifier: Apache-2.0

extension Processor {
  /// Names of the words in the fields of a saved processor that hold several, in order.
  public static func wordNames(ofStateField field: String) -> [String]? {
    switch field {
    case "general":
      ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"] + (8..<16).map { "r\($0)" }
    case "segments":
      ["es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"].flatMap { name in
        ["selector", "attributes", "limit", "base"].map { "\(name).\($0)" }
      }
    case "tables": ["gdtr.base", "gdtr.limit", "idtr.base", "idtr.limit"]
    case "control": ["cr0", "cr2", "cr3", "cr4", "efer"] + (0..<4).map { "pdpte\($0)" }
    case "debug": (0..<8).map { "dr\($0)" }
    case "model":
      [
        "sysenter_cs", "sysenter_esp", "sysenter_eip", "pat", "tsc_offset", "star", "lstar", "cstar", "fmask",
        "kernel_gs_base", "tsc_aux",
      ]
    case "x87":
      (0..<8).flatMap { ["r\($0).significand", "r\($0).exponent"] }
        + ["fcw", "fsw", "valid", "fop", "fip", "fdp", "fcs", "fds"]
    case "sse": (0..<16).flatMap { ["xmm\($0).low", "xmm\($0).high"] } + ["mxcsr"]
    case "pending": ["vector", "kind", "has_error_code", "error_code", "breakpoints"]
    default: nil
    }
  }
}
