// SPDX-License-Identifier: Apache-2.0
import Block
import HostIO
import Options
import PC
import Testing

struct DriveTests {
  @Test(arguments: [
    Refused("-drive file=a,cache=nosuch", "OPT: invalid cache option"),
    Refused("-drive file=null-co:,if=none", "OPT: The only allowed filename for this driver is 'null-co://'"),
    Refused("-drive driver=null-aio,latency-ns=x,if=none", "OPT: Parameter 'latency-ns' expects a number"),
    Refused("-drive file=a,stats-intervals.0=-1", "OPT: Invalid interval length: -1"),
    Refused("-drive file=a,stats-intervals.1=1", "OPT: Invalid option stats-intervals.1"),
    Refused("-drive file=a,aio=nosuch", "OPT: invalid aio option"),
    Refused(
      "-drive file=a,aio=native",
      "OPT: aio=native was specified, but it requires cache.direct=on, which was not specified."),
    Refused("-drive file=a,discard=nosuch", "OPT: Invalid discard option"),
    Refused("-drive file=a,detect-zeroes=nosuch", "OPT: invalid parameter value: nosuch"),
    Refused("-drive file=a,werror=nosuch", "OPT: 'nosuch' invalid write error action"),
    Refused("-drive file=a,rerror=enospc", "OPT: 'enospc' invalid read error action"),
    Refused("-drive file=a,if=floppy,werror=stop", "OPT: werror is not supported by this bus type"),
    Refused("-drive file=a,if=floppy,index=2", "OPT: machine type does not support if=floppy,bus=0,unit=2"),
    Refused("-fda a -fda b", "OPT: drive with bus=0, unit=0 (index=0) exists"),
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
    Refused(
      "-drive file=a,bps=100,bps_rd=1",
      "OPT: bps/iops/max total values and read/write values cannot be used at the same time"),
    Refused("-drive file=a,bps=x", "OPT: Parameter 'throttling.bps-total' expects a number"),
    Refused(
      "-drive file=a,format=raw,throttling.bogus=1",
      "OPT: Block format 'raw' does not support the option 'throttling.bogus'"),
    Refused("-drive file=a,file.locking=foo", "OPT: invalid parameter value: foo"),
    Refused("-drive file=a,file.bogus=1", "OPT: Block protocol 'file' doesn't support the option 'bogus'"),
    Refused("-drive file=a,file.filename=b", "OPT: Can't specify 'file' and 'filename' options at the same time"),
    Refused("-drive file.driver=file", "OPT: The 'file' block driver requires a file name"),
    Refused("-drive driver=raw,file.driver=nosuch", "OPT: Unknown driver 'nosuch'"),
    Refused("-drive file=a,format=vmdk", "OPT: Block driver 'vmdk' is not supported"),
    Refused("-drive file=a,format=raw,backing.driver=raw", "OPT: Driver doesn't support backing files"),
    Refused("-drive file=a,force-share=on", "OPT: force-share=on can only be used with read-only images"),
    Refused("-drive file=json:{", "OPT: Could not parse the JSON options: JSON parse error, premature EOI"),
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
    Refused("json:{}", "json:{}: Must specify either driver or file"),
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
    Refused("-device floppy,unit=2", "OPT: Can't create floppy unit 2, bus supports only 2 units"),
    Refused(
      "-drive if=none,file=a,id=z -device ide-hd,drive=z,bootindex=1 -device ide-cd,bootindex=1",
      "OPT: The bootindex 1 has already been used"),
    Refused(
      "-drive if=none,file=a,id=z -device ide-hd,drive=z,logical_block_size=4096",
      "OPT: logical_block_size > physical_block_size not supported"),
    Refused(
      "-drive if=none,file=a,id=z -device ide-hd,drive=z,logical_block_size=1000",
      "OPT: Property .logical_block_size doesn't take value '1000', it's not a power of 2"),
    Refused(
      "-drive if=none,file=a,id=z -device ide-hd,drive=z,werror=foo",
      "OPT: Parameter 'werror' does not accept value 'foo'"),
    Refused(
      "-drive if=none,file=a,id=z -device ide-hd,drive=z,write-cache=foo",
      "OPT: Parameter 'write-cache' does not accept value 'foo'"),
    Refused("-drive if=none,file=a,id=z -device ide-hd,drive=z,cyls=5", "OPT: heads must be between 1 and 16"),
    Refused("-device ide-cd,cyls=5", "OPT: Property 'ide-cd.cyls' not found"),
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
      ("-device ide-cd,bus=ide.1,unit=0 -nodefaults", ["=@2"]),
      ("-fda a -fdb b -nodefaults", ["floppy0=a@0", "floppy1=b@1"]),
      ("-drive if=floppy,file=a,unit=1 -drive if=floppy -nodefaults", ["floppy1=a@1", "floppy0=@0"]),
      ("-drive if=none,file=a,id=x -device floppy,drive=x -nodefaults", ["x=a@0"]),
      ("-blockdev driver=file,node-name=n,filename=a -device ide-hd,drive=n", ["=n@0"]),
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
      "\(drive.id)=\(drive.imageName)" + (drive.slot.map { "@\($0)" } ?? "")
    }
    #expect(found == drives)
  }

  /// What a drive's image is opened with, given words about what is not the default.
  static func image(_ change: (inout NodeOptions) -> Void) -> NodeOptions {
    var options = NodeOptions()
    options.isAutoReadOnly = true
    change(&options)
    var storage = options.file.flatMap { if case .options(let below) = $0 { below } else { nil } } ?? NodeOptions()
    storage.driver = .file
    storage.fileName = "a"
    (storage.isReadOnly, storage.isAutoReadOnly) = (options.isReadOnly, true)
    (storage.isDirect, storage.ignoresFlushes) = (options.isDirect, options.ignoresFlushes)
    storage.unmapsDiscards = true
    options.file = .options(storage)
    return options
  }

  @Test(
    arguments: [
      ("", image { _ in }),
      (",format=raw", image { $0.driver = .raw }),
      (",driver=raw", image { $0.driver = .raw }),
      (",format=raw,if=ide,format=qcow2", image { $0.driver = .qcow2 }),
      (",readonly=on", image { $0.isReadOnly = true }),
      (",readonly", image { $0.isReadOnly = true }),
      (",read-only=on", image { $0.isReadOnly = true }),
      (",readonly=off", image { _ in }),
      (",snapshot=on", image { $0.isReadOnly = true }),
      (" -snapshot", image { $0.isReadOnly = true }),
      (",discard=unmap", image { $0.unmapsDiscards = true }),
      (",discard=on", image { $0.unmapsDiscards = true }),
      (",cache=none", image { $0.isDirect = true }),
      (",cache=off,aio=native", image { $0.isDirect = true }),
      (",cache=unsafe", image { $0.ignoresFlushes = true }),
      (",cache=writethrough", image { _ in }),
      (",cache=directsync", image { $0.isDirect = true }),
      (",cache=writeback,cache.direct=on,cache.no-flush=on", image { ($0.isDirect, $0.ignoresFlushes) = (true, true) }),
      (",cache=none,cache.direct=off,cache.writeback=off", image { _ in }),
      (",aio=io_uring,werror=report,rerror=report,copy-on-read=on", image { $0.copiesOnRead = true }),
      (",detect-zeroes=unmap", image { $0.detectZeroes = .unmap }),
      (",detect-zeroes=unmap,discard=unmap", image { ($0.detectZeroes, $0.unmapsDiscards) = (.unmap, true) }),
      (
        ",node-name=n,offset=512,size=1k,format=raw",
        image { options in
          (options.driver, options.nodeName, options.offset, options.size) = (.raw, "n", 512, 1024)
        }
      ),
      (",media=cdrom", image { $0.isReadOnly = true }),
      (",media=cdrom,readonly=off,snapshot=on", image { $0.isReadOnly = true }),
    ] as [(String, NodeOptions)])
  func `the image is opened as asked`(keys: String, options: NodeOptions) throws {
    let drive = try #require(try Line.machine("-drive file=a" + keys).drives.first)
    #expect(drive.image == .open(options))
  }

  @Test func `the ways to name an image come to the same`() throws {
    let lines = [
      "-drive file=a,format=raw,if=none", "-drive driver=raw,file.driver=file,file.filename=a,if=none",
      "-drive file.filename=a,format=raw,if=none",
      #"-drive file=json:{"driver":"raw",,"file":{"driver":"file",,"filename":"a"}},if=none"#,
    ]
    let images = try lines.map { try #require(try Line.machine($0).drives.first?.image) }
    // Where the driver of the file is named, it is no device.
    #expect(images[0] == images[2] && images[1] == images[3] && images[0] != images[1])
  }

  @Test func `errors, limits and the cache go to the drive`() throws {
    let line = "-drive file=a,werror=stop,rerror=ignore,cache=writethrough,id=d,throttling.bps-total=5,iops_rd=7"
    let drive = try #require(try Line.machine(line).drives.first)
    #expect(drive.errorPolicy == ErrorPolicy(read: .ignore, write: .stop) && !drive.isWriteback)
    #expect(drive.throttle?.group == "d" && drive.throttle?.limits.bytes.average == 5)
    #expect(drive.throttle?.limits.operationsRead.average == 7)
    let plain = try #require(try Line.machine("-drive file=a").drives.first)
    #expect(plain.errorPolicy == ErrorPolicy(read: .report, write: .enospc) && plain.throttle == nil)
  }

  @Test(
    arguments: [
      ("driver=file", "Parameter 'filename' is missing"),
      ("driver=nosuch,node-name=a", "Parameter 'driver' does not accept value 'nosuch'"),
      ("driver=nbd,node-name=a", "Block driver 'nbd' is not supported"),
      ("node-name=a", "Parameter 'driver' is missing"),
      ("driver=file,filename=a", "'node-name' must be specified for the root node"),
      ("driver=file,filename=a,node-name=a,bogus=1", "Parameter 'bogus' is unexpected"),
      ("driver=raw,node-name=a", "Parameter 'file' is missing"),
      ("driver=raw,node-name=a,file.driver=file,file.filename=a,file.bogus=1", "Parameter 'file.bogus' is unexpected"),
      ("driver=raw,node-name=a,file.driver=file", "Parameter 'file.filename' is missing"),
      ("driver=raw,node-name=a,file.filename=a", "Parameter 'file.driver' is missing"),
      (
        #"{"driver":"raw","node-name":"a","file":{"driver":"file","filename":"a"},"zz":1}"#,
        "Parameter 'zz' is unexpected"
      ),
      (
        #"{"driver":"raw","node-name":"a","file":{"driver":"file","filename":5}}"#,
        "Invalid parameter type for 'file.filename', expected: string"
      ),
      (#"{"driver":"raw","node-name":"a","file":5}"#, "Invalid parameter type for 'file', expected: BlockdevRef"),
      (#"{"driver":"raw","node-name":1,"file":"f"}"#, "Invalid parameter type for 'node-name', expected: string"),
      (#"{"driver":"raw""#, "JSON parse error, premature EOI"),
      (
        #"{"driver":"raw","node-name":"a","read-only":"on","file":"f"}"#,
        "Invalid parameter type for 'read-only', expected: boolean"
      ),
      (
        #"{"driver":"raw","node-name":"a","cache":{"direct":5},"file":"f"}"#,
        "Invalid parameter type for 'cache.direct', expected: boolean"
      ),
      ("driver=raw,node-name=a,read-only=maybe,file=f", "Parameter 'read-only' expects 'on' or 'off'"),
      ("driver=raw,node-name=a,offset=x,file=f", "Parameter 'offset' expects integer"),
      ("driver=file,node-name=a,filename=a,discard=foo", "Parameter 'discard' does not accept value 'foo'"),
      ("driver=file,node-name=a,filename=a,locking=foo", "Parameter 'locking' does not accept value 'foo'"),
      (
        "driver=file,node-name=a,filename=a,aio=native",
        "aio=native was specified, but it requires cache.direct=on, which was not specified."
      ),
      (
        "driver=file,node-name=a,filename=a,detect-zeroes=unmap",
        "setting detect-zeroes to unmap is not allowed without setting discard operation to unmap"
      ),
      ("driver=file,node-name=a,filename=a,cache=on", "Invalid parameter type for 'cache', expected: object"),
      ("driver=file,node-name=a,filename=a,cache.bogus=on", "Parameter 'cache.bogus' is unexpected"),
      ("foo", "Parameter 'driver' does not accept value 'foo'"),
      ("help", "Help is not available for this option"),
    ])
  func `a node that cannot be is refused in QEMU's words`(value: String, sentence: String) {
    let bytes = BytePath(value)
    #expect(Line.refusal(["-blockdev", bytes]) == ["-blockdev \(value): \(sentence)"])
  }

  @Test func `a drive's option is kept for error texts`() throws {
    let drives = try Line.machine("-cdrom a --drive file=b,if=none,id=x c").drives
    #expect(drives.map(\.option) == ["-cdrom a", "--drive file=b,if=none,id=x", "c"])
  }

  @Test func `a device gives its drive a serial number`() throws {
    let drive = try #require(
      try Line.machine("-drive file=a,if=none,id=x -device ide-hd,drive=x,serial=ABC").drives.first)
    #expect(drive.device.serialNumber == "ABC" && drive.medium == .disk)
  }

  @Test func `names of files are bytes`() throws {
    let name: [UInt8] = [0xff, 0xfe, 0x20, 0xe9]
    let bytes = Array("format=raw,file=".utf8) + name + Array(",,x".utf8)
    guard
      case .run(let launch) = try OptionParser.parse(["-drive", BytePath(bytes: bytes), "-bios", BytePath(bytes: name)])
    else { return #expect(Bool(false)) }
    guard case .open(let options)? = launch.machine.drives.first?.image, case .options(let storage)? = options.file
    else { return #expect(Bool(false)) }
    #expect(storage.fileName?.bytes == name + Array(",x".utf8))
    #expect(launch.machine.firmware?.bytes == name)
  }

  @Test(
    arguments: [
      ("if=none,id=x,file=a,format=raw,snapshot=on", 0, true), ("if=none", 0, false), ("file=a", 1, false),
      ("if=scsi,file=a", 2, false), ("if=floppy,file=a", 3, false), ("if=virtio,id=v,file=a", 7, true),
      ("if=xen", 8, false),
    ])
  func `a drive that is added later is read alike`(text: String, interface: Int, hasName: Bool) throws {
    let added = try AddedDrive(parsing: text)
    #expect(added.interface == interface && added.hasName == hasName)
    #expect((added.drive == nil) == [2, 8].contains(interface))
    #expect(added.drive?.isSnapshot ?? false == text.contains("snapshot=on"))
  }

  @Test(
    arguments: [
      ("if=none,file=a,format=nope", "Unknown driver 'nope'"), ("if=nothing,file=a", "unsupported bus type 'nothing'"),
      ("if=none,file=a,cache=x", "invalid cache option"), ("if=none,media=x", "'x' invalid media"),
    ])
  func `a mistake in a drive that is added later has no option in front`(text: String, sentence: String) {
    #expect(throws: OptionError.self) { try AddedDrive(parsing: text) }
    do { _ = try AddedDrive(parsing: text) } catch { #expect("\(error)" == sentence) }
  }
}

extension MachineConfiguration.Drive {
  /// The file or node, as text.
  var imageName: String {
    switch image {
    case .node(let name): return name
    case .open(let options):
      if case .options(let storage) = options.file { return storage.fileName?.description ?? "" }
      return options.fileName?.description ?? ""
    case nil: return ""
    }
  }
}
