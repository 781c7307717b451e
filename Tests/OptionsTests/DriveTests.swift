// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Options
import PC
import Testing

struct DriveTests {
  @Test(arguments: [
    Refused("-drive file=a,cache=nosuch", "OPT: invalid cache option"),
    Refused("-drive file=a,aio=nosuch", "OPT: invalid aio option"),
    Refused(
      "-drive file=a,aio=native",
      "OPT: aio=native was specified, but it requires cache.direct=on, which was not specified."),
    Refused("-drive file=a,discard=nosuch", "OPT: Invalid discard option"),
    Refused("-drive file=a,detect-zeroes=nosuch", "OPT: invalid parameter value: nosuch"),
    Refused("-drive file=a,werror=nosuch", "OPT: 'nosuch' invalid write error action"),
    Refused("-drive file=a,rerror=enospc", "OPT: 'enospc' invalid read error action"),
    Refused("-drive file=a,werror=stop", "OPT: werror=stop is not supported: the guest sees the error"),
    Refused("-drive file=a,readonly=maybe", "OPT: Parameter 'read-only' expects 'on' or 'off'"),
    Refused("-drive file=a,snapshot=maybe", "OPT: Parameter 'snapshot' expects 'on' or 'off'"),
    Refused("-drive file=a,media=nosuch", "OPT: 'nosuch' invalid media"),
    Refused("-drive file=a,media=", "OPT: '' invalid media"),
    Refused("-drive file=a,index=abc", "OPT: Parameter 'index' expects a number"),
    Refused("-drive file=a,index=4", "OPT: machine type does not support if=ide,bus=2,unit=0"),
    Refused("-drive file=a,index=99", "OPT: machine type does not support if=ide,bus=49,unit=1"),
    Refused("-drive file=a,bus=2", "OPT: machine type does not support if=ide,bus=2,unit=0"),
    Refused("-drive file=a,unit=2", "OPT: unit 2 too big (max is 1)"),
    Refused("-drive file=a,unit=1,index=1", "OPT: index cannot be used with bus and unit"),
    Refused("-drive file=a,if=nosuch", "OPT: unsupported bus type 'nosuch'"),
    Refused("-drive file=a,if=", "OPT: unsupported bus type ''"),
    Refused("-drive file=a,if=scsi", "OPT: machine type does not support if=scsi,bus=0,unit=0"),
    Refused("-drive file=a,format=raw,bogus=1", "OPT: Block format 'raw' does not support the option 'bogus'"),
    Refused("-drive file=a,format=raw,serial=X", "OPT: Block format 'raw' does not support the option 'serial'"),
    Refused("-drive file=a,format=raw,driver=raw", "OPT: Cannot specify both 'driver' and 'format'"),
    Refused("-drive file=a,bps=100", "OPT: 'bps' is not supported"),
    Refused("-drive file=a,file.locking=off", "OPT: 'file.locking' is not supported"),
    Refused("-drive format=raw", "OPT: A block device must be specified for \"file\""),
    Refused("-drive if=none,format=raw,id=x", "OPT: A block device must be specified for \"file\""),
    Refused("-drive id=a,if=ide,index=0", "Device needs media, but drive is empty"),
    Refused("-drive ''", "Device needs media, but drive is empty"),
    Refused("-hda ''", "Device needs media, but drive is empty"),
    Refused("-drive file=a,id=x -drive file=b,id=x", "OPT: Duplicate ID 'x' for drive"),
    Refused("-drive file=a -drive file=b,id=ide0-hd0", "OPT: Duplicate ID 'ide0-hd0' for drive"),
    Refused("-hda a -hda b", "OPT: drive with bus=0, unit=0 (index=0) exists"),
    Refused("-hda a b", "b: drive with bus=0, unit=0 (index=0) exists"),
    Refused("-cdrom c -hdc a", "OPT: drive with bus=1, unit=0 (index=2) exists"),
    Refused("-drive file=a -drive file=b,bus=0,unit=0", "OPT: drive with bus=0, unit=0 (index=-1) exists"),
    Refused(
      "-drive file=a -drive file=b -drive file=c -drive file=d -drive file=e",
      "OPT: machine type does not support if=ide,bus=2,unit=0"),
    Refused("-hda foo:bar", "OPT: Unknown protocol 'foo'"),
    Refused("-drive file=nbd:localhost:1", "OPT: Unknown protocol 'nbd'"),
    Refused("json:{}", "json:{}: Unknown protocol 'json'"),
    Refused("-M none -hda a", "OPT: machine type does not support if=ide,bus=0,unit=0"),
    Refused("-device ide-hd", "OPT: No drive specified"),
    Refused("-device ide-hd,drive=nosuch", "OPT: Property 'ide-hd.drive' can't find value 'nosuch'"),
    Refused("-drive if=none,id=x -device ide-hd,drive=x", "OPT: Device needs media, but drive is empty"),
    Refused(
      "-drive file=a,id=x -device ide-hd,drive=x",
      "OPT: Drive 'x' is already in use because it has been automatically connected to another device (did you need "
        + "'if=none' in the drive options?)"),
    Refused(
      "-drive if=none,file=a,id=x -device ide-hd,drive=x -device ide-hd,drive=x",
      "OPT: Drive 'x' is already in use by another device"),
    Refused("-hda b -drive if=none,file=a,id=x -device ide-hd,drive=x,bus=ide.0,unit=0", "OPT: IDE unit 0 is in use"),
    Refused("-device ide-cd,unit=2", "OPT: Can't create IDE unit 2, bus supports only 2 units"),
    Refused(
      "-device ide-cd -device ide-cd -device ide-cd -device ide-cd -device ide-cd", "OPT: IDE unit 1 is in use"),
    Refused("-device ide-cd,bus=ide.9", "OPT: Bus 'ide.9' not found"),
  ])
  func `a drive that cannot be`(_ refused: Refused) { refused.check() }

  /// A command line and its drives as `name=file@slot`.
  @Test(
    arguments: [
      ("", ["ide1-cd0=@2"]),
      ("-nodefaults", []),
      ("a.img", ["ide0-hd0=a.img@0", "ide1-cd0=@2"]),
      ("-hda a -hdb b -hdc c -hdd d", ["ide0-hd0=a@0", "ide0-hd1=b@1", "ide1-hd0=c@2", "ide1-hd1=d@3"]),
      ("-cdrom a", ["ide1-cd0=a@2"]),
      ("-cdrom ''", ["ide1-cd0=@2"]),
      ("-drive file=a,media=cdrom", ["ide0-cd0=a@0", "ide1-cd0=@2"]),
      ("-drive media=cdrom", ["ide0-cd0=@0", "ide1-cd0=@2"]),
      ("-drive file=a,media=cdrom -drive file=b,media=cdrom", ["ide0-cd0=a@0", "ide0-cd1=b@1", "ide1-cd0=@2"]),
      ("-drive file=a,id=foo", ["foo=a@0", "ide1-cd0=@2"]),
      ("-drive file=a,index=1 -drive file=b", ["ide0-hd1=a@1", "ide0-hd0=b@0", "ide1-cd0=@2"]),
      ("-drive file=a,bus=1", ["ide1-hd0=a@2"]),
      ("-drive file=a,bus=1 -drive file=b,bus=1", ["ide1-hd0=a@2", "ide1-hd1=b@3"]),
      ("-drive file=a,unit=1", ["ide0-hd1=a@1", "ide1-cd0=@2"]),
      ("-cdrom a -drive file=b,media=cdrom", ["ide1-cd0=a@2", "ide0-cd0=b@0"]),
      ("-nodefaults -drive file=a,bus=0,unit=1 -drive file=b,bus=0", ["ide0-hd1=a@1", "ide0-hd0=b@0"]),
      ("-drive file=a,if=none,id=x", ["x=a", "ide1-cd0=@2"]),
      ("-drive file=a,if=none -drive if=none", ["none0=a", "none1=", "ide1-cd0=@2"]),
      ("-drive file=a,if=none,id=x -device ide-hd,drive=x", ["x=a@0"]),
      ("-device ide-hd,drive=x,bus=ide.1 -drive file=a,if=none,id=x -hda b", ["x=a@2", "ide0-hd0=b@0"]),
      ("-device ide-cd,bus=ide.1,unit=0 -nodefaults", ["ide1-cd0=@2"]),
      ("-device ide-cd,drive=x,id=y -drive file=a,if=none,id=x", ["x=a@0"]),
      ("-hda file:a:b", ["ide0-hd0=a:b@0", "ide1-cd0=@2"]),
      ("-hda ./a:b", ["ide0-hd0=./a:b@0", "ide1-cd0=@2"]),
      ("-hda a,b", ["ide0-hd0=a,b@0", "ide1-cd0=@2"]),
      ("-drive file=a,,b", ["ide0-hd0=a,b@0", "ide1-cd0=@2"]),
      ("-drive file.filename=a,file.driver=file", ["ide0-hd0=a@0", "ide1-cd0=@2"]),
      ("-M none", []),
      ("-M none -drive if=none,id=a,file=b", ["a=b"]),
    ] as [(String, [String])])
  func `each drive gets QEMU's slot and name`(line: String, drives: [String]) throws {
    let found = try Line.machine(line).drives.map { drive in
      "\(drive.id)=\(drive.file.map(\.description) ?? "")" + (drive.slot.map { "@\($0)" } ?? "")
    }
    #expect(found == drives)
  }

  @Test(
    arguments: [
      ("", ImageOptions()),
      (",format=raw", ImageOptions(format: "raw")),
      (",driver=raw", ImageOptions(format: "raw")),
      (",format=raw,if=ide,format=qcow2", ImageOptions(format: "qcow2")),
      (",readonly=on", ImageOptions(isReadOnly: true)),
      (",readonly", ImageOptions(isReadOnly: true)),
      (",read-only=on", ImageOptions(isReadOnly: true)),
      (",readonly=off", ImageOptions()),
      (",snapshot=on", ImageOptions(isSnapshot: true)),
      (" -snapshot", ImageOptions(isSnapshot: true)),
      (",discard=unmap", ImageOptions(unmapsDiscards: true)),
      (",discard=on", ImageOptions(unmapsDiscards: true)),
      (",cache=none", ImageOptions(isDirect: true)),
      (",cache=off,aio=native", ImageOptions(isDirect: true)),
      (",cache=unsafe", ImageOptions(ignoresFlushes: true)),
      (",cache=writethrough", ImageOptions(isWriteback: false)),
      (",cache=directsync", ImageOptions(isDirect: true, isWriteback: false)),
      (",cache=writeback,cache.direct=on,cache.no-flush=on", ImageOptions(isDirect: true, ignoresFlushes: true)),
      (",cache=none,cache.direct=off,cache.writeback=off", ImageOptions(isWriteback: false)),
      (",aio=io_uring,detect-zeroes=unmap,werror=report,rerror=report,copy-on-read=on", ImageOptions()),
      (",media=cdrom", ImageOptions(isReadOnly: true)),
      (",media=cdrom,readonly=off,snapshot=on", ImageOptions(isReadOnly: true)),
    ] as [(String, ImageOptions)])
  func `the image is opened as asked`(keys: String, options: ImageOptions) throws {
    let drive = try #require(try Line.machine("-drive file=a" + keys).drives.first)
    #expect(drive.imageOptions == options)
  }

  @Test func `a drive's option is kept for error texts`() throws {
    let drives = try Line.machine("-cdrom a --drive file=b,if=none,id=x c").drives
    #expect(drives.map(\.option) == ["-cdrom a", "--drive file=b,if=none,id=x", "c"])
  }

  @Test func `a device gives its drive a serial number`() throws {
    let drive = try #require(
      try Line.machine("-drive file=a,if=none,id=x -device ide-hd,drive=x,serial=ABC").drives.first)
    #expect(drive.serialNumber == "ABC" && drive.medium == .disk)
  }

  @Test func `names of files are bytes`() throws {
    let name: [UInt8] = [0xff, 0xfe, 0x20, 0xe9]
    let bytes = Array("format=raw,file=".utf8) + name + Array(",,x".utf8)
    guard
      case .run(let launch) = try OptionParser.parse(["-drive", BytePath(bytes: bytes), "-bios", BytePath(bytes: name)])
    else { return #expect(Bool(false)) }
    #expect(launch.machine.drives.first?.file?.bytes == name + Array(",x".utf8))
    #expect(launch.machine.firmware?.bytes == name)
  }
}
