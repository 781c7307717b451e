// SPDX-License-Identifier: Apache-2.0

/// The status register, ATA/ATAPI-6 7.15.
enum IDEStatus {
  static let error: UInt8 = 0x01
  static let dataRequest: UInt8 = 0x08
  static let seekComplete: UInt8 = 0x10
  static let deviceReady: UInt8 = 0x40
  static let busy: UInt8 = 0x80
  static let ready = deviceReady | seekComplete
}

/// The error register, ATA/ATAPI-6 7.9.
enum IDEError {
  static let aborted: UInt8 = 0x04
  static let uncorrectable: UInt8 = 0x40
  /// In place of errors after diagnostics: device 0 passed, device 1 passed or is not there.
  static let diagnosticsPassed: UInt8 = 0x01
}

/// The device control register at 3F6h, ATA/ATAPI-6 7.8.
enum IDEControl {
  static let interruptDisable: UInt8 = 0x02
  static let softwareReset: UInt8 = 0x04
  static let highOrderByte: UInt8 = 0x80
}

/// The device register, ATA/ATAPI-6 7.7; bits 7 and 5 are obsolete and read as ones.
enum IDEDevice {
  static let obsolete: UInt8 = 0xa0
  static let selectsDevice1: UInt8 = 0x10
  static let lba: UInt8 = 0x40
  static let head: UInt8 = 0x0f
}

/// Bits of the interrupt reason of PACKET commands, in place of the sector count.
enum IDEInterruptReason {
  static let isCommand: UInt8 = 0x01
  static let toHost: UInt8 = 0x02
}

/// Command codes, ATA/ATAPI-6 annex E.
enum ATACommand {
  static let nop: UInt8 = 0x00
  static let dataSetManagement: UInt8 = 0x06
  static let deviceReset: UInt8 = 0x08
  /// Obsolete since ATA-4; old drivers still send it.
  static let recalibrate: UInt8 = 0x10
  static let readSectors: UInt8 = 0x20
  static let readSectorsNoRetry: UInt8 = 0x21
  static let readSectorsExt: UInt8 = 0x24
  static let readDMAExt: UInt8 = 0x25
  static let readNativeMaxExt: UInt8 = 0x27
  static let readMultipleExt: UInt8 = 0x29
  static let writeSectors: UInt8 = 0x30
  static let writeSectorsNoRetry: UInt8 = 0x31
  static let writeSectorsExt: UInt8 = 0x34
  static let writeDMAExt: UInt8 = 0x35
  static let writeMultipleExt: UInt8 = 0x39
  static let writeVerify: UInt8 = 0x3c
  static let readVerify: UInt8 = 0x40
  static let readVerifyNoRetry: UInt8 = 0x41
  static let readVerifyExt: UInt8 = 0x42
  static let seek: UInt8 = 0x70
  static let executeDiagnostic: UInt8 = 0x90
  static let initializeParameters: UInt8 = 0x91
  static let packet: UInt8 = 0xa0
  static let identifyPacketDevice: UInt8 = 0xa1
  static let smart: UInt8 = 0xb0
  static let readMultiple: UInt8 = 0xc4
  static let writeMultiple: UInt8 = 0xc5
  static let setMultiple: UInt8 = 0xc6
  static let readDMA: UInt8 = 0xc8
  static let readDMANoRetry: UInt8 = 0xc9
  static let writeDMA: UInt8 = 0xca
  static let writeDMANoRetry: UInt8 = 0xcb
  static let standbyImmediate: UInt8 = 0xe0
  static let idleImmediate: UInt8 = 0xe1
  static let standby: UInt8 = 0xe2
  static let idle: UInt8 = 0xe3
  static let checkPowerMode: UInt8 = 0xe5
  static let sleep: UInt8 = 0xe6
  static let flushCache: UInt8 = 0xe7
  static let flushCacheExt: UInt8 = 0xea
  static let identifyDevice: UInt8 = 0xec
  static let setFeatures: UInt8 = 0xef
  static let securityFreezeLock: UInt8 = 0xf5
  static let readNativeMax: UInt8 = 0xf8
}
