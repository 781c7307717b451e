// swift-tools-version: 6.1
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

/// One floor of the house may import only the floors below it; see Docs/ARCHITECTURE.md.
/// `make lint` builds with `--explicit-target-dependency-import-check error` and checks system imports itself.
let settings: [SwiftSetting] = [.swiftLanguageMode(.v6)]

func floor(_ name: String, path: String? = nil, _ dependencies: [Target.Dependency] = [],
           settings extra: [SwiftSetting] = []) -> Target {
  .target(name: name, dependencies: dependencies, path: "Sources/" + (path ?? name), swiftSettings: settings + extra)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: settings)
}

let package = Package(
  name: "apus",
  products: [.executable(name: "apus", targets: ["apus"])],
  targets: [
    .systemLibrary(name: "CPixman", path: "Sources/CPixman", pkgConfig: "pixman-1", providers: [.apt(["libpixman-1-dev"])]),
    .systemLibrary(name: "CPNG", path: "Sources/CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(name: "CSlirp", path: "Sources/CSlirp", providers: [.apt(["libslirp-dev"])]),
    .systemLibrary(name: "CLinux", path: "Sources/CLinux"),

    .systemLibrary(name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CXXHash", path: "Sources/CXXHash", providers: [.apt(["libxxhash-dev"])]),
    .systemLibrary(name: "CNettle", path: "Sources/CNettle", pkgConfig: "nettle", providers: [.apt(["nettle-dev"])]),
    .systemLibrary(name: "CPCRE2", path: "Sources/CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
    .systemLibrary(name: "CZstd", path: "Sources/CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),

    // Floor 0
    // Merged functions reach each other by calls, not jumps, and handlers must end with a jump.
    // They call nothing, so they need no frame pointer.
    floor("X86", settings: [.unsafeFlags(["-Xfrontend", "-disable-llvm-merge-functions-pass"]),
                            .unsafeFlags(["-Xcc", "-momit-leaf-frame-pointer"]),
                            // A square root is one instruction, not a call that may set errno.
                            .unsafeFlags(["-Xcc", "-fno-math-errno"]),
                            .unsafeFlags(["-O"], .when(configuration: .debug))]),
    floor("HostIO", ["CLinux"]),
    // Floor 1
    floor("Platform", ["HostIO"]),
    floor("QAPI"),
    // Floor 2
    floor("Block", ["HostIO", "Platform", "QAPI", "CZlib", "CZstd"]),
    floor("Chardev", ["HostIO"]),
    floor("Network", ["HostIO", "Platform", "CSlirp"]),
    floor("Screen", ["HostIO", "CPixman", "CPNG", "CNettle"]),
    // Floor 3
    floor("ImageTool", ["HostIO", "Block", "QAPI"]),
    floor("ScreenTool", ["HostIO", "QAPI", "Screen"]),
    floor("Chipset", path: "Devices/Chipset", ["Platform"]),
    floor("StorageDevices", path: "Devices/Storage", ["Platform", "Block"]),
    floor("VirtioDevices", path: "Devices/Virtio", ["HostIO", "Platform", "Block", "Network"]),
    floor("GraphicsDevices", path: "Devices/Graphics", ["Platform", "Screen"]),
    floor("InputDevices", path: "Devices/Input", ["Platform"]),
    floor("NetworkDevices", path: "Devices/Network", ["Platform", "Network"]),
    floor("SerialDevices", path: "Devices/Serial", ["Platform"]),
    // Floor 4
    floor("PC", ["X86", "HostIO", "Platform", "Block", "Chardev", "Network", "Screen", "Chipset", "StorageDevices",
                 "VirtioDevices", "GraphicsDevices", "InputDevices", "NetworkDevices", "SerialDevices"]),
    // Floor 5
    floor("Migration", ["X86", "HostIO", "Platform", "QAPI", "Block", "Chardev", "Network", "PC", "CZlib", "CXXHash"]),
    // Floor 6
    floor("Automation", ["Platform", "Screen", "GraphicsDevices", "PC", "Migration", "CPCRE2"]),
    // Floor 7
    floor("Monitor", ["HostIO", "Platform", "QAPI", "Block", "Chardev", "Network", "Screen", "PC", "Migration", "X86", "InputDevices",
                       "GraphicsDevices", "Automation", "ScreenTool"]),
    // Floor 8
    floor("Options", ["HostIO", "QAPI", "Automation", "Block", "Chardev", "Network", "VirtioDevices", "PC", "X86"]),
    // Floor 9
    floor("Shot", ["HostIO", "QAPI", "Block", "Platform", "Screen", "ScreenTool", "PC", "Migration", "Automation", "Monitor", "Options"]),
    // Floor 10
    .executableTarget(name: "apus",
                      dependencies: ["HostIO", "Platform", "QAPI", "Block", "Chardev", "PC", "Migration", "Monitor", "Options", "ImageTool",
                                     "ScreenTool", "Automation", "Shot"],
                      path: "Sources/apus",
                      swiftSettings: settings),

    // Tests
    .executableTarget(name: "exact-run", dependencies: ["HostIO", "Platform", "Block", "Chardev", "Screen", "InputDevices", "GraphicsDevices",
                                                        "X86", "PC", "Migration", "Options", "Fuzzing", "CZlib"],
                      path: "Tests/ExactRun", swiftSettings: settings),
    .executableTarget(name: "lockstep", dependencies: ["HostIO", "Chardev", "PC", "Options", "X86"], path: "Tests/Lockstep",
                      swiftSettings: settings),
    .target(name: "DeviceBattery", dependencies: ["Platform"], path: "Tests/DeviceBattery", swiftSettings: settings),
    .target(name: "Fuzzing", dependencies: ["HostIO"], path: "Tests/Fuzzing", swiftSettings: settings),
    .target(name: "MachineBench", dependencies: ["HostIO", "Platform", "Block", "Chardev", "PC"], path: "Tests/MachineBench",
            swiftSettings: settings),
    tests("X86Tests", ["X86", "HostIO", "Fuzzing"]),
    tests("HostIOTests", ["HostIO"]),
    tests("PlatformTests", ["Platform", "HostIO", "DeviceBattery"]),
    tests("QAPITests", ["QAPI", "Fuzzing"]),
    tests("BlockTests", ["Block", "HostIO", "Platform", "Fuzzing"]),
    tests("ChardevTests", ["Chardev", "HostIO"]),
    tests("NetworkTests", ["Network", "HostIO", "Platform", "Fuzzing"]),
    tests("ScreenTests", ["Screen", "Fuzzing"]),
    tests("ChipsetTests", ["Chipset", "Platform", "DeviceBattery"]),
    tests("StorageDevicesTests", ["StorageDevices", "HostIO", "Platform", "Block", "DeviceBattery", "Fuzzing"]),
    tests("VirtioDevicesTests", ["VirtioDevices", "HostIO", "Platform", "Block", "Network", "DeviceBattery", "Fuzzing"]),
    tests("GraphicsDevicesTests", ["GraphicsDevices", "Platform", "Screen", "DeviceBattery", "Fuzzing"]),
    tests("InputDevicesTests", ["InputDevices", "Platform", "DeviceBattery"]),
    tests("NetworkDevicesTests", ["NetworkDevices", "Network", "Platform", "HostIO", "DeviceBattery", "Fuzzing"]),
    tests("SerialDevicesTests", ["SerialDevices", "Platform", "DeviceBattery"]),
    tests("PCTests", ["PC", "Platform", "Block", "X86", "HostIO", "Chipset", "InputDevices", "MachineBench", "Fuzzing",
                      "GraphicsDevices", "Screen"]),
    tests("MonitorTests", ["Monitor", "PC", "InputDevices", "Screen", "QAPI", "HostIO", "Platform", "Chardev", "Migration", "Fuzzing"]),
    tests("AutomationTests", ["Automation", "PC", "Platform", "Screen"]),
    tests("InterfaceTests", ["X86", "Platform", "QAPI", "Block", "Chipset"]),
    tests("MigrationTests", ["Migration", "Block", "CZlib", "CXXHash", "HostIO", "Platform", "PC", "MachineBench", "Fuzzing"]),
    tests("OptionsTests", ["Options", "PC", "Block", "Chardev", "Network", "VirtioDevices", "HostIO"]),
  ]
)
