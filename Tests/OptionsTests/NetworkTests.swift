// SPDX-License-Identifier: Apache-2.0
import Network
import PC
import Testing
import VirtioDevices

/// Network options: what they come to, and QEMU 7.2's sentences for what is wrong with them.
struct NetworkTests {
  @Test(arguments: [
    Refused("-netdev user", "OPT: Parameter 'id' is missing"),
    Refused("-netdev id=a", "OPT: Parameter 'type' is missing"),
    Refused("-netdev foo,id=a", "OPT: Parameter 'type' does not accept value 'foo'"),
    Refused("-netdev user,id=a -netdev user,id=a", "OPT: Duplicate ID 'a' for netdev"),
    Refused("-netdev user,id=a,foo=bar", "OPT: Invalid parameter 'foo'"),
    Refused("-netdev {\"type\":\"user\",\"id\":\"a\",\"foo\":1}", "OPT: Parameter 'foo' is unexpected"),
    Refused("-netdev user,id=a,restrict=bla", "OPT: Parameter 'restrict' expects 'on' or 'off'"),
    Refused("-netdev user,id=a,net=foo", "OPT: Failed to parse netmask"),
    Refused("-netdev user,id=a,net=10.0.2.0/33", "OPT: Invalid netmask provided (must be in range 4-32)"),
    Refused("-netdev user,id=a,host=foo", "OPT: Failed to parse host"),
    Refused("-netdev user,id=a,host=1.2.3.4", "OPT: Host doesn't belong to network"),
    Refused("-netdev user,id=a,dhcpstart=foo", "OPT: Failed to parse DHCP start address"),
    Refused("-netdev user,id=a,dhcpstart=1.2.3.4", "OPT: DHCP doesn't belong to network"),
    Refused("-netdev user,id=a,dns=foo", "OPT: Failed to parse DNS"),
    Refused("-netdev user,id=a,ipv6-net=foo", "OPT: Failed to parse IPv6 prefix"),
    Refused("-netdev user,id=a,ipv4=off,ipv6=off", "OPT: IPv4 and IPv6 disabled"),
    Refused("-netdev user,id=a,guestfwd=foo", "OPT: Invalid guest forwarding rule 'foo'"),
    Refused("-netdev hubport,id=a", "OPT: Parameter 'hubid' is missing"),
    Refused("-netdev socket,id=a", "OPT: exactly one of listen=, connect=, mcast= or udp= is required"),
    Refused(
      "-netdev socket,id=a,connect=foo",
      "OPT: host address 'foo' doesn't contain ':' separating host from port"),
    Refused(
      "-netdev socket,id=a,mcast=127.0.0.1:1",
      "OPT: specified mcastaddr 127.0.0.1 (0x7f000001) does not contain a multicast address"),
    Refused("-netdev socket,id=a,udp=127.0.0.1:1", "OPT: localaddr= is mandatory with udp="),
    Refused("-netdev stream,id=a", "OPT: Parameter 'addr' is missing"),
    Refused("-netdev dgram,id=a", "OPT: dgram requires local= parameter"),
    Refused("-nic user,model=foo", "Unsupported NIC model: foo"),
    Refused("-net nic,model=foo", "Unsupported NIC model: foo"),
    Refused("-nic user,mac=foo", "OPT: invalid syntax for ethernet address"),
    Refused("-nic user,mac=01:54:00:12:34:56", "OPT: NIC cannot have multicast MAC address"),
    Refused("-nic user,netdev=a", "OPT: Invalid parameter 'netdev'"),
    Refused("-nic user,id=x -nic user,id=x", "OPT: Duplicate ID 'x' for nic"),
    Refused("-net nic,netdev=zz", "OPT: netdev 'zz' not found"),
    Refused("-net nic,foo=1", "OPT: Invalid parameter 'foo'"),
    Refused("-device e1000,netdev=zz", "OPT: Property 'e1000.netdev' can't find value 'zz'"),
    Refused("-device e1000,mac=zz", "OPT: Property 'e1000.mac' doesn't take value 'zz'"),
    Refused("-device e1000,addr=3.9", "OPT: Property 'e1000.addr' doesn't take value '3.9'"),
    Refused("-device e1000,bootindex=x", "OPT: Parameter 'bootindex' expects integer"),
    Refused("-device e1000,bootindex=1 -device e1000,bootindex=1", "OPT: The bootindex 1 has already been used"),
    Refused(
      "-device virtio-net-pci,netdev=zz", "OPT: Property 'virtio-net-device.netdev' can't find value 'zz'"),
    Refused("-device virtio-net-pci,mac=zz", "OPT: Property 'virtio-net-device.mac' doesn't take value 'zz'"),
    Refused("-device virtio-net-pci,bogus=1", "OPT: Property 'virtio-net-pci.bogus' not found"),
    Refused("-device virtio-net-pci,duplex=x", "OPT: 'duplex' must be 'half' or 'full'"),
    Refused("-device virtio-net-pci,speed=-5", "OPT: 'speed' must be between 0 and INT_MAX"),
    Refused(
      "-device virtio-net-pci,rx_queue_size=100",
      "OPT: Invalid rx_queue_size (= 100), must be a power of 2 between 256 and 1024."),
    Refused(
      "-device virtio-net-pci,tx_queue_size=100",
      "OPT: Invalid tx_queue_size (= 100), must be a power of 2 between 256 and 1024"),
    Refused("-object filter-dump,id=f", "OPT: Parameter 'netdev' is missing"),
    Refused("-object filter-dump,id=f,netdev=a", "OPT: Parameter 'file' is missing"),
  ])
  func `sentences of QEMU`(_ refused: Refused) { refused.check() }

  @Test(arguments: [
    ("foo", "No : separators"), ("tcp:", "Missing : separator"), ("foo::1-:2", "Bad protocol name"),
    ("tcp:x:1-:2", "Bad host address"), ("tcp::x-:2", "Bad host port"), ("tcp::1", "Bad host port separator"),
    ("tcp::1-2", "Missing guest address"), ("tcp::1-x:2", "Bad guest address"), ("tcp::1-:x", "Bad guest port"),
    ("tcp::1-:0", "Bad guest port"), ("tcp::-1-:2", "Bad guest address"), ("tcp::70000-:2", "Bad host port"),
  ])
  func `forwarding rules that are wrong`(_ rule: String, _ reason: String) {
    Refused(
      "-netdev user,id=a,hostfwd=\(rule)", "OPT: Invalid host forwarding rule '\(rule)' (\(reason))"
    ).check()
  }

  @Test func `an e1000 on user networking is there unless networks are asked for`() throws {
    #expect(try Line.machine("-S").pciDevices.count == 1)
    #expect(try Line.machine("-S").networks.map(\.hub) == [0])
    for line in ["-nic none", "-net none", "-nodefaults", "-netdev user,id=a", "-M none"] {
      #expect(try Line.machine(line).pciDevices.isEmpty, "\(line)")
    }
    // -device does not take the default one away.
    #expect(try Line.machine("-device e1000").pciDevices.count == 2)
    #expect(try Line.machine("-nic user -nic user").pciDevices.count == 2)
  }

  @Test(arguments: [
    "-nic user,model=virtio", "-nic user,model=virtio-net-pci", "-net nic,model=virtio -net user",
    "-nic none -device virtio-net",
    "-nic none -device virtio-net-pci,mrg_rxbuf=off,vectors=3,disable-legacy=on,romfile=",
  ])
  func `virtio adapters by all their names`(_ line: String) throws {
    let device = try #require(try Line.machine(line).pciDevices.first)
    guard case .virtioNetwork(let network) = device.kind else {
      Issue.record("another device")
      return
    }
    let isGiven = line.contains("mrg_rxbuf")
    #expect(network.settings.withheldFeatures == (isGiven ? VirtioNetworkFeature.mergeableBuffers : 0))
    #expect(network.transport.vectorCount == (isGiven ? 3 : nil))
    #expect(network.transport.hasLegacyInterface == !isGiven)
    #expect(device.rom.file == (isGiven ? "" : nil))
  }

  @Test func `virtio adapters are listed`() throws {
    #expect(try Line.help("-device help").contains("name \"virtio-net-pci\", bus PCI, alias \"virtio-net\"\n"))
    #expect(
      try Line.help("-device virtio-net-pci,help").contains("  mrg_rxbuf=<bool>       - on/off (default: true)\n"))
    #expect(
      try Line.help("-nic model=help")
        == "Supported NIC models:\ne1000\nvirtio-net-pci\nvirtio-net-pci-non-transitional\nvirtio-net-pci-transitional\n"
    )
  }

  @Test func `user networking with everything that can be said`() throws {
    let line =
      "-netdev user,id=a,net=192.168.7.0/24,host=192.168.7.1,dhcpstart=192.168.7.20,dns=192.168.7.2,restrict=on,"
      + "hostname=h,tftp=/srv,bootfile=b,dnssearch=x,dnssearch=y,domainname=d,hostfwd=tcp::5555-:22,"
      + "hostfwd=udp:127.0.0.1:53-192.168.7.9:5353,guestfwd=tcp:192.168.7.100:80-cmd:cat,ipv6=off"
    guard case .user(let user) = try Line.machine(line).networks.first?.backend else {
      Issue.record("no user network")
      return
    }
    #expect(user.network == 0xc0a8_0700 && user.mask == 0xffff_ff00 && user.host == 0xc0a8_0701)
    #expect(user.dhcpStart == 0xc0a8_0714 && user.nameServer == 0xc0a8_0702)
    #expect(user.isRestricted && user.hasIPv4 && !user.hasIPv6)
    #expect(user.searchDomains == ["x", "y"] && user.tftpFolder == "/srv" && user.bootFile == "b")
    #expect(user.hostForwards.map(\.hostPort) == [5555, 53] && user.hostForwards[1].isUDP)
    #expect(user.guestForwards.map(\.target) == [.command("cat")])
  }
}
