// SPDX-License-Identifier: Apache-2.0
import HostIO
import PC

/// `-kernel`, `-initrd`, `-append`, `-dtb` as given so far, in any order.
struct KernelOptions {
  var file: BytePath?
  var initrd: BytePath?
  var commandLine: BytePath?
  var deviceTree: BytePath?
}

extension OptionParser {
  /// QEMU's demands: the companions need a kernel, except for the device tree, which is then not looked at.
  mutating func addKernel() throws(OptionError) {
    guard let file = kernel.file else {
      if kernel.commandLine != nil { throw OptionError("-append only allowed with -kernel option") }
      if kernel.initrd != nil { throw OptionError("-initrd only allowed with -kernel option") }
      return
    }
    guard launch.machine.board != .none else {
      throw OptionError("The -kernel parameter is not supported (use the generic 'loader' device instead).")
    }
    launch.machine.kernel = KernelRequest(
      kernel: file, initrd: kernel.initrd, commandLine: kernel.commandLine?.bytes ?? [], deviceTree: kernel.deviceTree)
  }
}
