// SPDX-License-Identifier: Apache-2.0
import PC
import Testing

/// Encodings of ACPI 6.5, chapter 20, worked out by hand.
@Suite struct AMLTests {
  @Test(
    arguments: [
      (0, [0x00]), (1, [0x01]), (2, [0x0a, 0x02]), (0xff, [0x0a, 0xff]), (0x100, [0x0b, 0x00, 0x01]),
      (0xffff, [0x0b, 0xff, 0xff]), (0x1_0000, [0x0c, 0, 0, 1, 0]), (0xffff_ffff, [0x0c, 0xff, 0xff, 0xff, 0xff]),
      (0x1_0000_0000, [0x0e, 0, 0, 0, 0, 1, 0, 0, 0]),
    ] as [(UInt64, [UInt8])])
  func `an integer takes the shortest form`(value: UInt64, bytes: [UInt8]) {
    #expect(AML.integer(value).bytes == bytes)
  }

  @Test(arguments: [
    ("_HID", "_HID"), ("ISA", "ISA_"), (#"\_SB"#, #"\_SB_"#), ("^^A", "^^A___"), ("PCI0.ISA", ".PCI0ISA_"),
    (#"\_SB.PCI0.LNKA"#, "\\/\u{3}_SB_PCI0LNKA"), (#"\"#, "\\\0"), ("^", "^\0"),
  ])
  func `a path has padded segments and a prefix that counts them`(text: String, encoding: String) {
    #expect(AML.path(text).bytes == Array(encoding.utf8))
  }

  /// Contents around the sizes at which the length grows by a byte. A scope's name is four bytes of the contents, each
  /// term one.
  @Test(
    arguments: [
      (0, [0x05]), (62 - 4, [0x3f]), (63 - 4, [0x41, 0x04]), (0xffd - 4, [0x4f, 0xff]),
      (0xffe - 4, [0x81, 0x00, 0x01]),
      (0xf_fffc - 4, [0x8f, 0xff, 0xff]), (0xf_fffd - 4, [0xc1, 0x00, 0x00, 0x01]),
    ] as [(Int, [UInt8])])
  func `a length counts itself in as few bytes as hold it`(termCount: Int, length: [UInt8]) {
    let scope = AML.scope("A", [AML(bytes: [UInt8](repeating: 0xa3, count: termCount))])
    #expect(Array(scope.bytes.prefix(1 + length.count + 4)) == [0x10] + length + Array("A___".utf8))
    #expect(scope.bytes.count == 1 + length.count + 4 + termCount)
  }

  @Test(
    arguments: [
      ("PNP0A03", [0x41, 0xd0, 0x0a, 0x03]), ("PNP0C0F", [0x41, 0xd0, 0x0c, 0x0f]),
      ("ABCFEDC", [0x04, 0x43, 0xfe, 0xdc]),
    ] as [(String, [UInt8])])
  func `a Plug and Play identifier has five bits a letter, most significant first`(text: String, bytes: [UInt8]) {
    #expect(AML.eisaID(text).bytes == [0x0c] + bytes)
  }

  @Test func `buffers, strings and packages count what they hold`() {
    #expect(AML.buffer([7, 8]).bytes == [0x11, 0x05, 0x0a, 0x02, 7, 8])
    #expect(AML.string("AB").bytes == [0x0d, 0x41, 0x42, 0])
    #expect(AML.package([1, .path("LNKA"), 9]).bytes == [0x12, 0x09, 3, 1] + Array("LNKA".utf8) + [0x0a, 9])
  }

  @Test func `a method's flags are its arguments and whether it is serialized`() {
    let name = Array("_SRS".utf8)
    #expect(AML.method("_SRS", argumentCount: 1, [.return(0)]).bytes == [0x14, 0x08] + name + [0x01, 0xa4, 0])
    #expect(AML.method("_SRS", argumentCount: 2, isSerialized: true, []).bytes == [0x14, 0x06] + name + [0x0a])
  }

  @Test func `fields list the bits of a region`() {
    let region = AML.operationRegion("R", .pciConfiguration, at: 0x60, byteCount: 4)
    #expect(region.bytes == [0x5b, 0x80] + Array("R___".utf8) + [2, 0x0a, 0x60, 0x0a, 4])
    let field = AML.field(
      "R", .byte, .preserve, [.named("A", bitCount: 8), .reserved(bitCount: 64), .named("B", bitCount: 1)])
    let list = Array("A___".utf8) + [8, 0, 0x40, 4] + Array("B___".utf8) + [1]
    #expect(field.bytes == [0x5b, 0x81, UInt8(6 + list.count)] + Array("R___".utf8) + [1] + list)
  }

  @Test func `an else follows the if that it belongs to`() {
    let condition = AML.and(.path("A"), 1)
    #expect(AML.if(condition, [.return(1)]).bytes == [0xa0, 0x0a] + condition.bytes + [0xa4, 1])
    #expect(
      AML.if(condition, [.return(1)], else: [.return(0)]).bytes
        == [0xa0, 0x0a] + condition.bytes + [0xa4, 1, 0xa1, 3, 0xa4, 0])
  }
}

/// Descriptors of ACPI 6.5, section 6.4, worked out by hand.
@Suite struct ResourceTests {
  @Test(
    arguments: [
      (.ports(0x3f8, count: 8), [0x47, 1, 0xf8, 0x03, 0xf8, 0x03, 1, 8]),
      (.irq(4), [0x22, 0x10, 0x00]), (.irq(12), [0x22, 0x00, 0x10]),
      (.dma(2), [0x2a, 0x04, 0x00]),
      (.sharedInterrupts([5, 11]), [0x89, 10, 0, 0x09, 2, 5, 0, 0, 0, 11, 0, 0, 0]),
      (.busNumbers(0...255), [0x88, 13, 0, 2, 0x0c, 0, 0, 0, 0, 0, 0xff, 0, 0, 0, 0, 1]),
      (.portWindow(0xd00...0xffff), [0x88, 13, 0, 1, 0x0c, 3, 0, 0, 0, 0x0d, 0xff, 0xff, 0, 0, 0, 0xf3]),
      (
        .memoryWindow(UInt32(0x8000_0000)...0xfebf_ffff, isCacheable: false),
        [0x87, 23, 0, 0, 0x0c, 1, 0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0xff, 0xbf, 0xfe, 0, 0, 0, 0, 0, 0, 0xc0, 0x7e]
      ),
      (
        .memoryWindow(UInt64(1 << 32)...0x1_7fff_ffff, isCacheable: true),
        [0x8a, 43, 0, 0, 0x0c, 3] + [0, 0, 0, 0, 0, 0, 0, 0] + [0, 0, 0, 0, 1, 0, 0, 0]
          + [0xff, 0xff, 0xff, 0x7f, 1, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0, 0] + [0, 0, 0, 0x80, 0, 0, 0, 0]
      ),
    ] as [(Resource, [UInt8])])
  func `a descriptor has the bytes of the specification`(resource: Resource, bytes: [UInt8]) {
    let length = UInt8(bytes.count + 2)
    let content: [UInt8] = [0x0a, length] + bytes + [0x79, 0]
    #expect(ResourceTemplate([resource]).aml.bytes == [0x11, UInt8(content.count + 1)] + content)
  }
}
