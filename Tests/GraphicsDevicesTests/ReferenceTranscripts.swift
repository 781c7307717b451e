// SPDX-License-Identifier: Apache-2.0
// Recorded from QEMU by Tests/Reference/record_vga.py; do not edit.

enum Reference {
  /// Sequencer, graphics, CRT and attribute controller, miscellaneous output, by mode.
  static let modes: [UInt64: [String]] = [
    0x0: [
      "0308030002",
      "0000000000100e0fff",
      "2d2728902ba0bf1f004f0d0e000000009c8e8f141f96b9a3ff",
      "000102030405140738393a3b3c3d3e3f0c000f0800",
      "67",
    ],
    0x1: [
      "0308030002",
      "0000000000100e0fff",
      "2d2728902ba0bf1f004f0d0e000000009c8e8f141f96b9a3ff",
      "000102030405140738393a3b3c3d3e3f0c000f0800",
      "67",
    ],
    0x3: [
      "0300030002",
      "0000000000100e0fff",
      "5f4f50825581bf1f004f0d0e000000009c8e8f281f96b9a3ff",
      "000102030405140738393a3b3c3d3e3f0c000f0800",
      "67",
    ],
    0x4: [
      "0309030002",
      "0000000000300f0fff",
      "2d2728902b80bf1f00c10000000000009c8e8f140096b9a2ff",
      "001315170204060710111213141516170100030000",
      "63",
    ],
    0x6: [
      "0301010006",
      "0000000000000d0fff",
      "5f4f50825480bf1f00c10000000000009c8e8f280096b9c2ff",
      "001717171717171717171717171717170100010000",
      "63",
    ],
    0x7: [
      "0300030002",
      "0000000000100a0fff",
      "5f4f50825581bf1f004f0d0e000000a09c8e8f281f96b9a3ff",
      "200808080808080810181818181818180e000f0800",
      "66",
    ],
    0xd: [
      "03090f0006",
      "000000000000050fff",
      "2d2728902b80bf1f00c00000000000009c8e8f140096b9e3ff",
      "0001020304050607101112131415161701000f0000",
      "63",
    ],
    0xe: [
      "03010f0006",
      "000000000000050fff",
      "5f4f50825480bf1f00c00000000000009c8e8f280096b9e3ff",
      "0001020304050607101112131415161701000f0000",
      "63",
    ],
    0xf: [
      "03010f0006",
      "000000000000050fff",
      "5f4f50825480bf1f004000000000000083855d280f63bae3ff",
      "000800001818000000080000001800000100010000",
      "a3",
    ],
    0x10: [
      "03010f0006",
      "000000000000050fff",
      "5f4f50825480bf1f004000000000000083855d280f63bae3ff",
      "000102030405140738393a3b3c3d3e3f01000f0000",
      "a3",
    ],
    0x11: [
      "03010f0006",
      "000000000000050fff",
      "5f4f508254800b3e0040000000000000ea8cdf2800e704e3ff",
      "003f003f003f003f003f003f003f003f01000f0000",
      "e3",
    ],
    0x12: [
      "03010f0006",
      "000000000000050fff",
      "5f4f508254800b3e0040000000000000ea8cdf2800e704e3ff",
      "000102030405140738393a3b3c3d3e3f01000f0000",
      "e3",
    ],
    0x13: [
      "03010f000e",
      "000000000040050fff",
      "5f4f50825480bf1f00410000000000009c8e8f284096b9a3ff",
      "000102030405060708090a0b0c0d0e0f41000f0000",
      "63",
    ],
  ]

  static let transcripts: [(name: String, lines: String)] = [
    (
      "before any programming",
      """
      shot 280 1e0 43408c71
      """
    ),
    (
      "mode 0",
      """
      mode 0; o2 3d4 200a; fill e0000000 40000 1; shot 280 190 5639ecae
      """
    ),
    (
      "mode 1",
      """
      mode 1; o2 3d4 200a; fill e0000000 40000 2; shot 280 190 4eb38fe5
      """
    ),
    (
      "mode 3",
      """
      mode 3; o2 3d4 200a; fill e0000000 40000 4; shot 2d0 190 c3caeed7
      """
    ),
    (
      "mode 7",
      """
      mode 7; o2 3b4 200a; fill e0000000 40000 8; shot 2d0 190 e555eccf
      """
    ),
    (
      "mode 3, cursor",
      """
      mode 3; o2 3d4 10e; o2 3d4 230f; o2 3d4 30a; o2 3d4 1f0b; fill e0000000 40000 4; shot 2d0 190 9432d5f1
      """
    ),
    (
      "mode 1, cursor",
      """
      mode 1; o2 3d4 e; o2 3d4 770f; fill e0000000 40000 2; shot 280 190 4af326fc
      """
    ),
    (
      "mode 3, eight dots",
      """
      mode 3; o2 3d4 200a; o2 3c4 101; fill e0000000 40000 4; shot 280 190 41833a9c
      """
    ),
    (
      "mode 3, fonts 0 and 5",
      """
      mode 3; o2 3d4 200a; o2 3c4 2403; fill e0000000 40000 4; shot 2d0 190 649f8899
      """
    ),
    (
      "mode 3, fonts 3 and 6",
      """
      mode 3; o2 3d4 200a; o2 3c4 3d03; fill e0000000 40000 4; shot 2d0 190 49d67e8a
      """
    ),
    (
      "mode 3, no line graphics",
      """
      mode 3; o2 3d4 200a; x 3da; o1 3c0 10; o1 3c0 8; o1 3c0 20; fill e0000000 40000 4; shot 2d0 190 f619662
      """
    ),
    (
      "mode 3, scrolled",
      """
      mode 3; o2 3d4 200a; o2 3d4 120c; o2 3d4 340d; fill e0000000 40000 4; shot 2d0 190 260e060e
      """
    ),
    (
      "mode 3, wide rows",
      """
      mode 3; o2 3d4 200a; o2 3d4 3513; fill e0000000 40000 4; shot 2d0 190 225f8adf
      """
    ),
    (
      "mode 3, split",
      """
      mode 3; o2 3d4 200a; o2 3d4 990d; o2 3d4 f07; o2 3d4 9f18; o2 3d4 e11; o2 3d4 f07; fill e0000000 40000 4
      shot 2d0 190 c9ab91f1
      """
    ),
    (
      "mode 3, 50 rows",
      """
      mode 3; o2 3d4 200a; o2 3d4 4709; fill e0000000 40000 4; shot 2d0 190 94758781
      """
    ),
    (
      "mode 3, 160x100",
      """
      mode 1; o2 3d4 200a; o2 3d4 e11; o2 3d4 6406; o2 3d4 109; o2 3d4 4f01; fill e0000000 40000 2
      shot 500 c8 e687fcae
      """
    ),
    (
      "mode 3, colour select",
      """
      mode 3; o2 3d4 200a; x 3da; o1 3c0 10; o1 3c0 8c; o1 3c0 20; x 3da; o1 3c0 14; o1 3c0 5; o1 3c0 20
      fill e0000000 40000 4; shot 2d0 190 e3f79fa0
      """
    ),
    (
      "mode 4",
      """
      mode 4; fill e0000000 40000 5; shot 280 190 8ad4f453
      """
    ),
    (
      "mode 6",
      """
      mode 6; fill e0000000 40000 7; shot 280 190 c6ccaf08
      """
    ),
    (
      "mode 0Dh",
      """
      mode d; fill e0000000 40000 e; shot 280 190 164afde1
      """
    ),
    (
      "mode 0Eh",
      """
      mode e; fill e0000000 40000 f; shot 280 190 8288819a
      """
    ),
    (
      "mode 0Fh",
      """
      mode f; fill e0000000 40000 10; shot 280 15e ada44bdf
      """
    ),
    (
      "mode 10h",
      """
      mode 10; fill e0000000 40000 11; shot 280 15e 7db1c2d4
      """
    ),
    (
      "mode 11h",
      """
      mode 11; fill e0000000 40000 12; shot 280 1e0 68db0849
      """
    ),
    (
      "mode 12h",
      """
      mode 12; fill e0000000 40000 13; shot 280 1e0 d524d420
      """
    ),
    (
      "mode 13h",
      """
      mode 13; fill e0000000 40000 14; shot 280 190 f0e313e7
      """
    ),
    (
      "mode 12h, split",
      """
      mode 12; o2 3d4 80c; o2 3d4 4018; o2 3d4 c11; o2 3d4 2e07; fill e0000000 40000 13; shot 280 1e0 bfb7ba58
      """
    ),
    (
      "mode 12h, three planes",
      """
      mode 12; x 3da; o1 3c0 12; o1 3c0 b; o1 3c0 20; fill e0000000 40000 13; shot 280 1e0 1a4a1dde
      """
    ),
    (
      "mode 12h, sixteen of 256 colours",
      """
      mode 12; x 3da; o1 3c0 10; o1 3c0 81; o1 3c0 20; x 3da; o1 3c0 14; o1 3c0 a; o1 3c0 20; fill e0000000 40000 13
      shot 280 1e0 74016285
      """
    ),
    (
      "mode 12h, four rows of each",
      """
      mode 12; o2 3d4 4309; fill e0000000 40000 13; shot 280 1e0 aca7df63
      """
    ),
    (
      "mode 12h, Hercules rows",
      """
      mode 12; o2 3d4 e017; fill e0000000 40000 13; shot 280 1e0 d7a233f6
      """
    ),
    (
      "mode 13h unchained",
      """
      mode 13; o2 3c4 604; o2 3d4 14; o2 3d4 e317; o2 3d4 1f0c; fill e0000000 40000 14; shot 280 190 b376b70b
      """
    ),
    (
      "linear 4",
      """
      mode 13; o2 1ce 4; o2 1cf 0; o2 1ce 1; o2 1cf 280; o2 1ce 2; o2 1cf 1e0; o2 1ce 3; o2 1cf 4; o2 1ce 4; o2 1cf 41
      o2 1ce 0; i2 1cf b0c5; o2 1ce 1; i2 1cf 280; o2 1ce 2; i2 1cf 1e0; o2 1ce 3; i2 1cf 4; o2 1ce 4; i2 1cf 41
      o2 1ce 5; i2 1cf 0; o2 1ce 6; i2 1cf 280; o2 1ce 7; i2 1cf cccc; o2 1ce 8; i2 1cf 0; o2 1ce 9; i2 1cf 0; o2 1ce a
      i2 1cf 100; fill e0000000 80000 4; shot 280 1e0 25b1fb70
      """
    ),
    (
      "linear 8",
      """
      mode 13; o2 1ce 4; o2 1cf 0; o2 1ce 1; o2 1cf 280; o2 1ce 2; o2 1cf 1e0; o2 1ce 3; o2 1cf 8; o2 1ce 4; o2 1cf 41
      o2 1ce 0; i2 1cf b0c5; o2 1ce 1; i2 1cf 280; o2 1ce 2; i2 1cf 1e0; o2 1ce 3; i2 1cf 8; o2 1ce 4; i2 1cf 41
      o2 1ce 5; i2 1cf 0; o2 1ce 6; i2 1cf 280; o2 1ce 7; i2 1cf 6666; o2 1ce 8; i2 1cf 0; o2 1ce 9; i2 1cf 0; o2 1ce a
      i2 1cf 100; fill e0000000 80000 8; shot 280 1e0 e799a89c
      """
    ),
    (
      "linear 8, eight-bit palette",
      """
      mode 13; o2 1ce 4; o2 1cf 0; o2 1ce 1; o2 1cf 140; o2 1ce 2; o2 1cf c8; o2 1ce 3; o2 1cf 8; o2 1ce 4; o2 1cf 61
      o2 1ce 0; i2 1cf b0c5; o2 1ce 1; i2 1cf 140; o2 1ce 2; i2 1cf c8; o2 1ce 3; i2 1cf 8; o2 1ce 4; i2 1cf 61
      o2 1ce 5; i2 1cf 0; o2 1ce 6; i2 1cf 140; o2 1ce 7; i2 1cf cccc; o2 1ce 8; i2 1cf 0; o2 1ce 9; i2 1cf 0; o2 1ce a
      i2 1cf 100; fill e0000000 80000 8; shot 140 c8 656e6023
      """
    ),
    (
      "linear 15",
      """
      mode 13; o2 1ce 4; o2 1cf 0; o2 1ce 1; o2 1cf 140; o2 1ce 2; o2 1cf c8; o2 1ce 3; o2 1cf f; o2 1ce 4; o2 1cf 41
      o2 1ce 0; i2 1cf b0c5; o2 1ce 1; i2 1cf 140; o2 1ce 2; i2 1cf c8; o2 1ce 3; i2 1cf f; o2 1ce 4; i2 1cf 41
      o2 1ce 5; i2 1cf 0; o2 1ce 6; i2 1cf 140; o2 1ce 7; i2 1cf 6666; o2 1ce 8; i2 1cf 0; o2 1ce 9; i2 1cf 0; o2 1ce a
      i2 1cf 100; fill e0000000 80000 f; shot 140 c8 6abcfdd8
      """
    ),
    (
      "linear 16",
      """
      mode 13; o2 1ce 4; o2 1cf 0; o2 1ce 1; o2 1cf 280; o2 1ce 2; o2 1cf 190; o2 1ce 3; o2 1cf 10; o2 1ce 4; o2 1cf 41
      o2 1ce 0; i2 1cf b0c5; o2 1ce 1; i2 1cf 280; o2 1ce 2; i2 1cf 190; o2 1ce 3; i2 1cf 10; o2 1ce 4; i2 1cf 41
      o2 1ce 5; i2 1cf 0; o2 1ce 6; i2 1cf 280; o2 1ce 7; i2 1cf 3333; o2 1ce 8; i2 1cf 0; o2 1ce 9; i2 1cf 0; o2 1ce a
      i2 1cf 100; fill e0000000 80000 10; shot 280 190 4b758f25
      """
    ),
    (
      "linear 24",
      """
      mode 13; o2 1ce 4; o2 1cf 0; o2 1ce 1; o2 1cf 140; o2 1ce 2; o2 1cf f0; o2 1ce 3; o2 1cf 18; o2 1ce 4; o2 1cf 41
      o2 1ce 0; i2 1cf b0c5; o2 1ce 1; i2 1cf 140; o2 1ce 2; i2 1cf f0; o2 1ce 3; i2 1cf 18; o2 1ce 4; i2 1cf 41
      o2 1ce 5; i2 1cf 0; o2 1ce 6; i2 1cf 140; o2 1ce 7; i2 1cf 4444; o2 1ce 8; i2 1cf 0; o2 1ce 9; i2 1cf 0; o2 1ce a
      i2 1cf 100; fill e0000000 80000 18; shot 140 f0 b20b8597
      """
    ),
    (
      "linear 32",
      """
      mode 13; o2 1ce 4; o2 1cf 0; o2 1ce 1; o2 1cf 190; o2 1ce 2; o2 1cf 12c; o2 1ce 3; o2 1cf 20; o2 1ce 4; o2 1cf 41
      o2 1ce 0; i2 1cf b0c5; o2 1ce 1; i2 1cf 190; o2 1ce 2; i2 1cf 12c; o2 1ce 3; i2 1cf 20; o2 1ce 4; i2 1cf 41
      o2 1ce 5; i2 1cf 0; o2 1ce 6; i2 1cf 190; o2 1ce 7; i2 1cf 28f5; o2 1ce 8; i2 1cf 0; o2 1ce 9; i2 1cf 0; o2 1ce a
      i2 1cf 100; fill e0000000 80000 20; shot 190 12c aa02de6b
      """
    ),
    (
      "linear 16, panned",
      """
      mode 13; o2 1ce 4; o2 1cf 0; o2 1ce 1; o2 1cf 140; o2 1ce 2; o2 1cf c8; o2 1ce 3; o2 1cf 10; o2 1ce 4; o2 1cf 41
      o2 1ce 6; o2 1cf 190; o2 1ce 8; o2 1cf d; o2 1ce 9; o2 1cf 39; o2 1ce 0; i2 1cf b0c5; o2 1ce 1; i2 1cf 140
      o2 1ce 2; i2 1cf c8; o2 1ce 3; i2 1cf 10; o2 1ce 4; i2 1cf 41; o2 1ce 5; i2 1cf 0; o2 1ce 6; i2 1cf 190; o2 1ce 7
      i2 1cf 51eb; o2 1ce 8; i2 1cf d; o2 1ce 9; i2 1cf 39; o2 1ce a; i2 1cf 100; fill e0000000 80000 10
      shot 140 c8 c456570b
      """
    ),
    (
      "linear 24, panned",
      """
      mode 13; o2 1ce 4; o2 1cf 0; o2 1ce 1; o2 1cf 140; o2 1ce 2; o2 1cf c8; o2 1ce 3; o2 1cf 18; o2 1ce 4; o2 1cf 41
      o2 1ce 6; o2 1cf 168; o2 1ce 8; o2 1cf 3; o2 1ce 9; o2 1cf 7; o2 1ce 0; i2 1cf b0c5; o2 1ce 1; i2 1cf 140
      o2 1ce 2; i2 1cf c8; o2 1ce 3; i2 1cf 18; o2 1ce 4; i2 1cf 41; o2 1ce 5; i2 1cf 0; o2 1ce 6; i2 1cf 168; o2 1ce 7
      i2 1cf 3cae; o2 1ce 8; i2 1cf 3; o2 1ce 9; i2 1cf 7; o2 1ce a; i2 1cf 100; fill e0000000 80000 18
      shot 140 c8 6499f3b9
      """
    ),
    (
      "linear 8, too tall",
      """
      mode 13; o2 1ce 4; o2 1cf 0; o2 1ce 1; o2 1cf 640; o2 1ce 2; o2 1cf 4b0; o2 1ce 3; o2 1cf 8; o2 1ce 4; o2 1cf 41
      o2 1ce 6; o2 1cf 3e80; o2 1ce 9; o2 1cf 384; o2 1ce 0; i2 1cf b0c5; o2 1ce 1; i2 1cf 640; o2 1ce 2; i2 1cf 418
      o2 1ce 3; i2 1cf 8; o2 1ce 4; i2 1cf 41; o2 1ce 5; i2 1cf 0; o2 1ce 6; i2 1cf 3e80; o2 1ce 7; i2 1cf 418
      o2 1ce 8; i2 1cf 0; o2 1ce 9; i2 1cf 0; o2 1ce a; i2 1cf 100; fill e0000000 80000 8; shot 640 418 2b007c39
      """
    ),
    (
      "planes",
      """
      mode 12; fill e0000000 100 3; r1 a0000 3c; w1 a0014 c3; o2 3ce f702; w4 a0010 99f916b1; w4 a0008 5e1ea978
      o2 3ce 305; w1 a0000 26; w4 a0014 165c982b; r1 a000c 30; r4 a0018 b16498eb; r4 e000001c 7c1bfce1; w2 a0008 53b9
      r1 a0000 18; r4 e0000014 76693a99; o2 3c4 d02; w4 a001c 9bfad94f; w1 a0004 85; o2 3c4 b02; w2 a0018 3a48
      o2 3ce 905; w2 a0014 5bdb; o2 3ce dc08; w1 a0000 71; w4 a0000 9b774054; r1 a000c 0; o2 3ce 1202; w2 a0018 ff21
      o2 3ce 5; w2 a001c 6ae6; o2 3ce b05; w4 a001c fd1032e8; w1 a0014 60; r1 a000c 0; r1 a0014 0; o2 3ce 1400
      w1 a000c b8; r1 a0008 2; r4 e0000050 bdd49430; r1 a0010 0; o2 3ce f404; w2 a001c 867d; w1 a001c e5; o2 3ce 5
      w2 a0010 e3e3; r2 a000c d20; w1 a0000 d; o2 3ce d702; w1 a0008 66; o2 3c4 102; w1 a0010 d5; o2 3c4 202
      w1 a0018 b1; r1 a0018 30; r4 e0000004 c1a38818; w1 a0008 13; r1 a0018 30; r1 a0018 30; r2 a000c d20; o2 3ce b05
      w1 a0004 c9; w4 a0004 5b130474; o2 3ce 4802; w2 a0004 9f06; w2 a0018 5a02; o2 3ce e303; w1 a001c 1d
      w4 a0014 53d3b920; r2 a0000 4000; o2 3c4 602; w2 a0018 70d5; w2 a0008 531f; w1 a0018 eb; w1 a0000 d0
      w4 a0018 a9cc49b7; r2 a0010 0; r4 e0000004 c1a38818; o2 3ce b05; w2 a0014 5738; o2 3ce 4401; w4 a0010 bc0c922
      r4 a0010 0; r4 a0010 0; r1 a0014 8; o2 3ce 1007; w4 a0018 a8921644; o2 3ce a05; w4 a001c f09c9b1a; r1 a0008 ff
      r1 a0010 ff; r2 a0000 ffff; r4 e000004c 9956a199; r1 a0010 ff; r2 a0000 ffff; o2 3ce 5708; w1 a000c 64
      r1 a0010 ff; r1 a0010 ff; r4 e0000018 e9c8cb5d; o2 3c4 f02; w4 a000c 4b1d37e9; o2 3c4 c02; w1 a0018 8e
      o2 3ce fb01; w1 a0014 da; w1 a0014 42; o2 3ce 305; w4 a0004 3fe0ccb0; o2 3ce e07; w4 a000c a11466a6
      w4 a0014 d497855d; r1 a0018 30; w1 a0014 b9; o2 3ce f800; w2 a0008 66b; o2 3ce f700; w2 a0018 cf87
      r4 a0014 28201830; r2 a001c 3131; o2 3ce b904; w1 a0004 ae; o2 3c4 402; w2 a001c 8117; o2 3ce 105
      w4 a0004 2c3e2553; w4 a0010 55f0f133; o2 3c4 a02; w1 a001c 58; w2 a000c bbf9; w2 a0008 ac30; o2 3ce a05
      w2 a0000 25b8; r2 a0004 a020; o2 3ce 2e03; w1 a0010 e0; o2 3ce 7700; w1 a000c 8c; w1 a000c f5; r4 a0010 181800a0
      o2 3ce c803; w4 a001c 63837060; o2 3ce 305; w4 a000c b6de8bcf; o2 3c4 902; w1 a0008 26; r4 a0010 a1e1e100
      w4 a0010 50736f5b; o2 3ce a05; w1 a0000 19; w1 a0010 51; o2 3ce c208; w2 a001c 2fb1
      """
    ),
    (
      "windows",
      """
      mode 3; fill e0000000 100 3; r1 b0010 ff; r4 e0000054 cf777233; w1 a000c 6d; r4 e000005c e9760594
      w4 b0000 ff7d5ec0; r4 e0000020 642e3242; r2 a0004 ffff; r4 e000005c e9760594; w2 b0008 77d2; r4 e000003c eb25861a
      r2 b8018 9430; r4 e0000050 4fcabc29; r2 b0004 ffff; r4 e0000050 4fcabc29; w1 b001c e3; r4 e0000044 6bce258b
      w1 a0010 b6; r4 e0000020 642e3242; r2 b001c ffff; r4 e0000030 bdb79430; r1 a001c ff; r4 e0000018 e9c8975d
      w1 b8014 ed; r4 e0000030 bdb79430; w1 a0018 fe; r4 e0000058 70ea0fd; r1 b0010 ff; r4 e000005c e9760594
      r1 b0014 ff; r4 e0000050 4fcabc29; r1 b0008 ff; r4 e0000018 e9c8975d; mode 7; fill e0000000 100 7; w1 b8000 ae
      r4 e0000014 bf177b5c; r1 b000c d5; r4 e0000044 7b80d4a3; w1 a000c 13; r4 e0000038 2d6f2c; w1 b0004 9f
      r4 e000000c c79a8c73; r2 b0010 9f1d; r4 e0000058 345a546a; r2 a001c ffff; r4 e0000004 d5cdb0c; w2 a0014 f2cd
      r4 e000001c 1b74741f; r2 b800c ffff; r4 e0000030 2d7cff61; w1 b8008 6e; r4 e0000020 15c59f1d; r2 b000c 5bd5
      r4 e0000048 e253f5c9; r1 b0018 61; r4 e0000034 7e96eb40; w4 a0014 ebda5a4f; r4 e0000050 d34b0d35
      w4 b000c 8dfc2307; r4 e0000028 b683505a; r4 a0010 ffffffff; r4 e0000010 da796bc7; r2 a0004 ffff
      r4 e0000018 fb2d2307; w4 b0010 58fc0342; r4 e000000c c79a8c73; mode 4; fill e0000000 100 4; r4 b001c ffffffff
      r4 e0000048 2f87f6ba; r2 b0000 ffff; r4 e0000010 31945f52; r1 a0014 ff; r4 e0000044 ef7ad051; r1 b8008 52
      r4 e0000054 8b3a6397; r4 a0004 ffffffff; r4 e0000008 7a9ccf8a; w1 b0010 79; r4 e0000054 8b3a6397; r1 a001c ff
      r4 e000004c 3bedb6cf; r1 a0000 ff; r4 e0000044 ef7ad051; w2 b0018 9880; r4 e0000020 5094cd39; r1 a0014 ff
      r4 e0000014 8814cb4a; r1 b8000 3c; r4 e0000020 5094cd39; w4 a0014 b36964f8; r4 e0000004 4d119c0c; w2 a0004 c67f
      r4 e000003c 132515c0; r1 b0010 ff; r4 e0000038 1143bd47; r1 b0000 ff; r4 e0000020 5094cd39; r1 b000c ff
      r4 e000002c 66ae297f; mode 6; fill e0000000 100 6; w4 b0008 27b2bdda; r4 e0000048 510f4a6e; r1 b801c 90
      r4 e0000058 29c7a7cf; r1 b000c ff; r4 e0000004 23ee1b62; w1 b0008 44; r4 e0000024 715e1abf; w1 a001c db
      r4 e0000000 e3edd23d; w1 b8000 4e; r4 e0000050 322bf972; w2 a0018 b03; r4 e000004c e3f16cbd; r2 a000c ffff
      r4 e0000000 e3edd24e; r2 b801c dc90; r4 e000004c e3f16cbd; r1 a0018 ff; r4 e000005c c01f68cc; r2 a0004 ffff
      r4 e0000038 5bdfde35; r2 b0008 ffff; r4 e0000054 5bf445e; r2 b0004 ffff; r4 e0000010 f72c67a0; w1 b8008 48
      r4 e000004c e3f16cbd; r4 b8000 798f624e; r4 e0000030 514aa414; w4 b801c dbef2191; r4 e0000040 2da5396a; mode d
      fill e0000000 100 d; r4 b0014 ffffffff; r4 e0000018 95c60289; r4 b8014 ffffffff; r4 e000003c 79241c92
      r1 b0010 ff; r4 e0000038 df02d2f7; r4 b0018 ffffffff; r4 e000005c 6001fa4f; w2 a0004 4aa5; r4 e0000044 928dda47
      w1 b0010 96; r4 e0000000 26b8753d; r1 a0004 a5; r4 e0000008 a3b1541e; w1 b8018 8; r4 e0000014 4a4a4a4a
      w1 b8008 df; r4 e0000048 48eaf2e6; r1 a0018 37; r4 e0000040 c8bbd5b0; w1 a0004 1a; r4 e0000040 c8bbd5b0
      r1 b8008 ff; r4 e0000034 f5589c8e; w2 b0018 9029; r4 e0000048 48eaf2e6; w2 b8018 6c6e; r4 e000000c 92f94250
      w1 b8004 3d; r4 e0000020 9e2842e4; w2 a000c fc6f; r4 e0000038 df02d2f7; mode 13; fill e0000000 100 13
      r1 b8004 ff; r4 e0000048 ad81f003; r1 b8018 ff; r4 e000001c f881dcd7; w2 b0014 fadc; r4 e0000008 bf6aac2c
      w2 b8004 d7c0; r4 e0000010 7e0e999e; w1 b8000 4d; r4 e0000034 6d194cdb; w2 b0000 b2ad; r4 e000005c e54bfbf
      r1 a0004 c; r4 e0000048 ad81f003; r1 a0018 3e; r4 e000004c a60b8aca; w4 b0004 f3263030; r4 e0000000 5fd4003e
      r2 b0018 ffff; r4 e0000030 7eca3ef4; w1 b0004 19; r4 e0000038 bed835c1; r4 b0004 ffffffff; r4 e0000044 a999e0eb
      w1 a000c de; r4 e0000004 c88d40c; w4 b0010 598183dd; r4 e000005c e54bfbf; w1 b0018 69; r4 e0000034 6d194cdb
      w1 b8018 71; r4 e0000054 98a2816f; mode 3; fill e0000000 100 3; w4 b800c 440ea57; r4 e0000040 7d763f71
      r4 b8018 cb0d9430; r4 e0000040 7d763f71; w1 a001c fa; r4 e0000048 9e434b60; r1 b801c 50; r4 e0000040 7d763f71
      r1 b8000 3c; r4 e000003c eb25861a; r1 b8008 2a; r4 e0000000 c7df8c3c; w4 b000c aab4e37; r4 e0000020 642e3242
      w1 b801c 8; r4 e0000014 76693a99; w2 b8004 f3b3; r4 e0000018 e9c8ea57; r1 b801c 8; r4 e000001c 7c1b0440
      w1 a001c 21; r4 e0000030 bdb79430; r1 b8008 2a; r4 e0000004 63a3dd62; r4 b8000 dd628c3c; r4 e000005c e9760594
      w1 b0014 59; r4 e0000010 4e475b2a; r4 a0004 ffffffff; r4 e0000014 76693a99; r1 b0018 ff; r4 e0000024 1aca32d
      """
    ),
    (
      "banks",
      """
      mode 13; o2 1ce 4; o2 1cf 0; o2 1ce 1; o2 1cf 280; o2 1ce 2; o2 1cf 1e0; o2 1ce 3; o2 1cf 8; o2 1ce 4; o2 1cf 1
      o2 1ce 5; o2 1cf 12c; w4 a0004 417a8105; r4 a0000 0; r4 e0ff0004 0; w4 a000c 658c6762; r4 a0000 0; r4 e001000c 0
      o2 1ce 5; o2 1cf 2; w4 a0008 cecf4f4e; r4 a0008 cecf4f4e; r4 e0ff0008 0; w4 a0004 467c0714; r4 a0000 0
      r4 e0ff0004 0; o2 1ce 5; o2 1cf fe; w4 a0008 71d1481; r4 a0008 71d1481; r4 e0000008 0; w4 a000c 9b872a76
      r4 a0000 0; r4 e0ff000c 0; w4 a0008 dff27e9f; r4 a0004 0; r4 e0010008 0; w4 a0004 412ecd08; r4 a0000 0
      r4 e0000004 0; o2 1ce 5; o2 1cf 0; w4 a0000 69703fee; r4 a0000 69703fee; r4 e0010000 0; w4 a0004 88ebf5e6
      r4 a000c 0; r4 e0010004 0; w4 a000c d3a1c30b; r4 a0008 0; r4 e001000c 0; o2 1ce 5; o2 1cf ff; w4 a000c 24af1bee
      r4 a0008 0; r4 e0ff000c 24af1bee; w4 a000c 6c50f5cc; r4 a0008 0; r4 e0ff000c 6c50f5cc; w4 a000c 437743f7
      r4 a0008 0; r4 e0ff000c 437743f7; o2 1ce 5; o2 1cf 12c; w4 a000c cc3681ee; r4 a0000 0; r4 e001000c 0; o2 1ce 5
      o2 1cf 1; w4 a0008 81b4feac; r4 a0008 81b4feac; r4 e0010008 81b4feac; o2 1ce 5; o2 1cf 1; w4 a0004 74bfa3
      r4 a0008 81b4feac; r4 e0ff0004 0; o2 1ce 5; o2 1cf 1; w4 a0004 eac99f4e; r4 a0008 81b4feac; r4 e0ff0004 0
      w4 a0008 3284254f; r4 a000c 0; r4 e0010008 3284254f; o2 1ce 5; o2 1cf ff; w4 a0008 813e30b; r4 a000c 437743f7
      r4 e0010008 3284254f; w4 a0000 1a6e5640; r4 a0004 0; r4 e0000000 69703fee; w4 a0004 3628cbac; r4 a000c 437743f7
      r4 e0010004 eac99f4e; o2 1ce 5; o2 1cf ff; w4 a0000 c8fbf714; r4 a0008 813e30b; r4 e0ff0000 c8fbf714; o2 1ce 5
      o2 1cf ff; w4 a000c 20fd9ae0; r4 a0004 3628cbac; r4 e000000c d3a1c30b; o2 1ce 5; o2 1cf 12c; w4 a0004 2584f058
      r4 a0004 2584f058; r4 e0ff0004 3628cbac; w4 a0008 b405b370; r4 a000c cc3681ee; r4 e0010008 3284254f; o2 1ce 5
      o2 1cf ff; w4 a0008 eeeeb726; r4 a0008 eeeeb726; r4 e0000008 0; w4 a0000 118fb4ec; r4 a0000 118fb4ec
      r4 e0000000 69703fee; w4 a0004 1170a456; r4 a0008 eeeeb726; r4 e0000004 88ebf5e6; o2 1ce 5; o2 1cf ff
      w4 a0004 731c5694; r4 a000c 20fd9ae0; r4 e0ff0004 731c5694
      """
    ),
    (
      "DISPI registers",
      """
      mode 13; o2 1ce 3; o2 1cf 4; o2 1ce 0; i2 1cf b0c5; o2 1ce 1; i2 1cf 0; o2 1ce 2; i2 1cf 0; o2 1ce 3; i2 1cf 4
      o2 1ce 4; i2 1cf 0; o2 1ce 5; i2 1cf 0; o2 1ce 6; i2 1cf 0; o2 1ce 7; i2 1cf 0; o2 1ce 8; i2 1cf 0; o2 1ce 9
      i2 1cf 0; o2 1ce a; i2 1cf 100; o1 3d4 1; i1 3d5 4f; o1 3d4 7; i1 3d5 1f; o1 3d4 12; i1 3d5 8f; o1 3d4 13
      i1 3d5 28; o1 3ce 5; i1 3cf 40; o1 3ce 6; i1 3cf 5; o2 1ce 0; o2 1cf 4b64; o2 1ce 0; i2 1cf b0c5; o2 1ce 1
      i2 1cf 0; o2 1ce 2; i2 1cf 0; o2 1ce 3; i2 1cf 4; o2 1ce 4; i2 1cf 0; o2 1ce 5; i2 1cf 0; o2 1ce 6; i2 1cf 0
      o2 1ce 7; i2 1cf 0; o2 1ce 8; i2 1cf 0; o2 1ce 9; i2 1cf 0; o2 1ce a; i2 1cf 100; o1 3d4 1; i1 3d5 4f; o1 3d4 7
      i1 3d5 1f; o1 3d4 12; i1 3d5 8f; o1 3d4 13; i1 3d5 28; o1 3ce 5; i1 3cf 40; o1 3ce 6; i1 3cf 5; o2 1ce 5
      o2 1cf 5b1; o2 1ce 0; i2 1cf b0c5; o2 1ce 1; i2 1cf 0; o2 1ce 2; i2 1cf 0; o2 1ce 3; i2 1cf 4; o2 1ce 4; i2 1cf 0
      o2 1ce 5; i2 1cf b1; o2 1ce 6; i2 1cf 0; o2 1ce 7; i2 1cf 0; o2 1ce 8; i2 1cf 0; o2 1ce 9; i2 1cf 0; o2 1ce a
      i2 1cf 100; o1 3d4 1; i1 3d5 4f; o1 3d4 7; i1 3d5 1f; o1 3d4 12; i1 3d5 8f; o1 3d4 13; i1 3d5 28; o1 3ce 5
      i1 3cf 40; o1 3ce 6; i1 3cf 5; o2 1ce 4; o2 1cf 3; o2 1ce 0; i2 1cf b0c5; o2 1ce 1; i2 1cf 3e80; o2 1ce 2
      i2 1cf 2ee0; o2 1ce 3; i2 1cf 20; o2 1ce 4; i2 1cf 3; o2 1ce 5; i2 1cf b1; o2 1ce 6; i2 1cf 8; o2 1ce 7; i2 1cf 0
      o2 1ce 8; i2 1cf 0; o2 1ce 9; i2 1cf 0; o2 1ce a; i2 1cf 100; o1 3d4 1; i1 3d5 0; o1 3d4 7; i1 3d5 1d; o1 3d4 12
      i1 3d5 0; o1 3d4 13; i1 3d5 0; o1 3ce 5; i1 3cf 0; o1 3ce 6; i1 3cf 5; o2 1ce 3; o2 1cf 21; o2 1ce 0; i2 1cf b0c5
      o2 1ce 1; i2 1cf 3e80; o2 1ce 2; i2 1cf 2ee0; o2 1ce 3; i2 1cf 20; o2 1ce 4; i2 1cf 3; o2 1ce 5; i2 1cf b1
      o2 1ce 6; i2 1cf 8; o2 1ce 7; i2 1cf 0; o2 1ce 8; i2 1cf 0; o2 1ce 9; i2 1cf 0; o2 1ce a; i2 1cf 100; o1 3d4 1
      i1 3d5 0; o1 3d4 7; i1 3d5 1d; o1 3d4 12; i1 3d5 0; o1 3d4 13; i1 3d5 1; o1 3ce 5; i1 3cf 40; o1 3ce 6; i1 3cf 5
      o2 1ce 6; o2 1cf b0c7; o2 1ce 0; i2 1cf b0c5; o2 1ce 1; i2 1cf 3e80; o2 1ce 2; i2 1cf 2ee0; o2 1ce 3; i2 1cf 20
      o2 1ce 4; i2 1cf 3; o2 1ce 5; i2 1cf b1; o2 1ce 6; i2 1cf 3e80; o2 1ce 7; i2 1cf 418; o2 1ce 8; i2 1cf 0
      o2 1ce 9; i2 1cf 0; o2 1ce a; i2 1cf 100; o1 3d4 1; i1 3d5 0; o1 3d4 7; i1 3d5 1d; o1 3d4 12; i1 3d5 0; o1 3d4 13
      i1 3d5 d0; o1 3ce 5; i1 3cf 40; o1 3ce 6; i1 3cf 5; o2 1ce 5; o2 1cf 50a; o2 1ce 0; i2 1cf b0c5; o2 1ce 1
      i2 1cf 3e80; o2 1ce 2; i2 1cf 2ee0; o2 1ce 3; i2 1cf 20; o2 1ce 4; i2 1cf 3; o2 1ce 5; i2 1cf a; o2 1ce 6
      i2 1cf 3e80; o2 1ce 7; i2 1cf 418; o2 1ce 8; i2 1cf 0; o2 1ce 9; i2 1cf 0; o2 1ce a; i2 1cf 100; o1 3d4 1
      i1 3d5 0; o1 3d4 7; i1 3d5 1d; o1 3d4 12; i1 3d5 0; o1 3d4 13; i1 3d5 d0; o1 3ce 5; i1 3cf 40; o1 3ce 6; i1 3cf 5
      o2 1ce 1; o2 1cf fb02; o2 1ce 0; i2 1cf b0c5; o2 1ce 1; i2 1cf 3e80; o2 1ce 2; i2 1cf 2ee0; o2 1ce 3; i2 1cf 20
      o2 1ce 4; i2 1cf 3; o2 1ce 5; i2 1cf a; o2 1ce 6; i2 1cf 3e80; o2 1ce 7; i2 1cf 418; o2 1ce 8; i2 1cf 0; o2 1ce 9
      i2 1cf 0; o2 1ce a; i2 1cf 100; o1 3d4 1; i1 3d5 cf; o1 3d4 7; i1 3d5 1d; o1 3d4 12; i1 3d5 0; o1 3d4 13
      i1 3d5 d0; o1 3ce 5; i1 3cf 40; o1 3ce 6; i1 3cf 5; o2 1ce 8; o2 1cf b0c4; o2 1ce 0; i2 1cf b0c5; o2 1ce 1
      i2 1cf 3e80; o2 1ce 2; i2 1cf 2ee0; o2 1ce 3; i2 1cf 20; o2 1ce 4; i2 1cf 3; o2 1ce 5; i2 1cf a; o2 1ce 6
      i2 1cf 3e80; o2 1ce 7; i2 1cf 418; o2 1ce 8; i2 1cf 3e80; o2 1ce 9; i2 1cf 0; o2 1ce a; i2 1cf 100; o1 3d4 1
      i1 3d5 cf; o1 3d4 7; i1 3d5 1d; o1 3d4 12; i1 3d5 0; o1 3d4 13; i1 3d5 d0; o1 3ce 5; i1 3cf 40; o1 3ce 6
      i1 3cf 5; o2 1ce 7; o2 1cf 199; o2 1ce 0; i2 1cf b0c5; o2 1ce 1; i2 1cf 3e80; o2 1ce 2; i2 1cf 2ee0; o2 1ce 3
      i2 1cf 20; o2 1ce 4; i2 1cf 3; o2 1ce 5; i2 1cf a; o2 1ce 6; i2 1cf 3e80; o2 1ce 7; i2 1cf 418; o2 1ce 8
      i2 1cf 3e80; o2 1ce 9; i2 1cf 0; o2 1ce a; i2 1cf 100; o1 3d4 1; i1 3d5 cf; o1 3d4 7; i1 3d5 1d; o1 3d4 12
      i1 3d5 0; o1 3d4 13; i1 3d5 d0; o1 3ce 5; i1 3cf 40; o1 3ce 6; i1 3cf 5; o2 1ce 0; o2 1cf 77f; o2 1ce 0
      i2 1cf b0c5; o2 1ce 1; i2 1cf 3e80; o2 1ce 2; i2 1cf 2ee0; o2 1ce 3; i2 1cf 20; o2 1ce 4; i2 1cf 3; o2 1ce 5
      i2 1cf a; o2 1ce 6; i2 1cf 3e80; o2 1ce 7; i2 1cf 418; o2 1ce 8; i2 1cf 3e80; o2 1ce 9; i2 1cf 0; o2 1ce a
      i2 1cf 100; o1 3d4 1; i1 3d5 cf; o1 3d4 7; i1 3d5 1d; o1 3d4 12; i1 3d5 0; o1 3d4 13; i1 3d5 d0; o1 3ce 5
      i1 3cf 40; o1 3ce 6; i1 3cf 5; o2 1ce 8; o2 1cf 76f9; o2 1ce 0; i2 1cf b0c5; o2 1ce 1; i2 1cf 3e80; o2 1ce 2
      i2 1cf 2ee0; o2 1ce 3; i2 1cf 20; o2 1ce 4; i2 1cf 3; o2 1ce 5; i2 1cf a; o2 1ce 6; i2 1cf 3e80; o2 1ce 7
      i2 1cf 418; o2 1ce 8; i2 1cf 3e80; o2 1ce 9; i2 1cf 0; o2 1ce a; i2 1cf 100; o1 3d4 1; i1 3d5 cf; o1 3d4 7
      i1 3d5 1d; o1 3d4 12; i1 3d5 0; o1 3d4 13; i1 3d5 d0; o1 3ce 5; i1 3cf 40; o1 3ce 6; i1 3cf 5; o2 1ce 3
      o2 1cf 20; o2 1ce 0; i2 1cf b0c5; o2 1ce 1; i2 1cf 3e80; o2 1ce 2; i2 1cf 2ee0; o2 1ce 3; i2 1cf 20; o2 1ce 4
      i2 1cf 3; o2 1ce 5; i2 1cf a; o2 1ce 6; i2 1cf 3e80; o2 1ce 7; i2 1cf 106; o2 1ce 8; i2 1cf 3e80; o2 1ce 9
      i2 1cf 0; o2 1ce a; i2 1cf 100; o1 3d4 1; i1 3d5 cf; o1 3d4 7; i1 3d5 1d; o1 3d4 12; i1 3d5 0; o1 3d4 13
      i1 3d5 40; o1 3ce 5; i1 3cf 40; o1 3ce 6; i1 3cf 5; o2 1ce 6; o2 1cf f3fd; o2 1ce 0; i2 1cf b0c5; o2 1ce 1
      i2 1cf 3e80; o2 1ce 2; i2 1cf 2ee0; o2 1ce 3; i2 1cf 20; o2 1ce 4; i2 1cf 3; o2 1ce 5; i2 1cf a; o2 1ce 6
      i2 1cf 3e80; o2 1ce 7; i2 1cf 106; o2 1ce 8; i2 1cf 3e80; o2 1ce 9; i2 1cf 0; o2 1ce a; i2 1cf 100; o1 3d4 1
      i1 3d5 cf; o1 3d4 7; i1 3d5 1d; o1 3d4 12; i1 3d5 0; o1 3d4 13; i1 3d5 40; o1 3ce 5; i1 3cf 40; o1 3ce 6
      i1 3cf 5; o2 1ce 4; o2 1cf 2; o2 1ce 0; i2 1cf b0c5; o2 1ce 1; i2 1cf 3e80; o2 1ce 2; i2 1cf 2ee0; o2 1ce 3
      i2 1cf 20; o2 1ce 4; i2 1cf 2; o2 1ce 5; i2 1cf a; o2 1ce 6; i2 1cf 3e80; o2 1ce 7; i2 1cf 106; o2 1ce 8
      i2 1cf 3e80; o2 1ce 9; i2 1cf 0; o2 1ce a; i2 1cf 100; o1 3d4 1; i1 3d5 cf; o1 3d4 7; i1 3d5 1d; o1 3d4 12
      i1 3d5 0; o1 3d4 13; i1 3d5 40; o1 3ce 5; i1 3cf 40; o1 3ce 6; i1 3cf 5; o2 1ce 6; o2 1cf b0c4; o2 1ce 0
      i2 1cf b0c5; o2 1ce 1; i2 1cf 3e80; o2 1ce 2; i2 1cf 2ee0; o2 1ce 3; i2 1cf 20; o2 1ce 4; i2 1cf 2; o2 1ce 5
      i2 1cf a; o2 1ce 6; i2 1cf b0c4; o2 1ce 7; i2 1cf 106; o2 1ce 8; i2 1cf 3e80; o2 1ce 9; i2 1cf 0; o2 1ce a
      i2 1cf 100; o1 3d4 1; i1 3d5 cf; o1 3d4 7; i1 3d5 1d; o1 3d4 12; i1 3d5 0; o1 3d4 13; i1 3d5 40; o1 3ce 5
      i1 3cf 40; o1 3ce 6; i1 3cf 5
      """
    ),
    (
      "ports",
      """
      i1 3b0 ff; i1 3b1 ff; i1 3b2 ff; i1 3b3 ff; i1 3b4 0; i1 3b5 0; i1 3b6 ff; i1 3b7 ff; i1 3b8 ff; i1 3b9 ff
      i1 3bb ff; i1 3bc ff; i1 3bd ff; i1 3be ff; i1 3bf ff; i1 3c0 0; i1 3c1 0; i1 3c2 0; i1 3c3 0; i1 3c4 0; i1 3c5 0
      i1 3c7 0; i1 3c8 0; i1 3ca 0; i1 3cb 0; i1 3cc 0; i1 3cd 0; i1 3ce 0; i1 3cf 0; i1 3d0 ff; i1 3d1 ff; i1 3d2 ff
      i1 3d3 ff; i1 3d4 ff; i1 3d5 ff; i1 3d6 ff; i1 3d7 ff; i1 3d8 ff; i1 3d9 ff; i1 3db ff; i1 3dc ff; i1 3dd ff
      i1 3de ff; i1 3df ff; o1 3ce 91; o1 3b4 2; i1 3b4 2; o1 3c9 71; o1 3c0 ab; i1 3c4 0; o1 3ca 70; o1 3c9 4e
      o1 3c0 97; i1 3c8 0; o1 3ce 2c; o1 3ce 58; i1 3ca 0; i1 3ca 0; i1 3c0 2b; o1 3c8 9e; o1 3ca e8; o1 3c1 f6
      o1 3c0 fb; i1 3c0 0; i1 3d4 ff; o1 3c2 28; i1 3d4 ff; i1 3c4 0; i1 3cf 0; i1 3c0 0; i1 3cf 0; i1 3d4 ff
      o1 3c1 33; i1 3c1 0; o1 3c8 17; i1 3c2 0; i1 3c0 0; o1 3cf 82; o1 3c8 5; i1 3c8 5; o1 3c2 4b; o1 3c9 13
      o1 3cf ee; o1 3b5 1e; i1 3c0 0; i1 3b4 ff; o1 3d5 6e; o1 3c2 37; o1 3ca de; i1 3c4 0; o1 3c8 43; o1 3cf 73
      o1 3cf fd; i1 3c5 0; i1 3c7 0; o1 3c0 97; i1 3c2 0; i1 3ca 0; i1 3c8 43; o1 3d4 e2; o1 3d5 28; i1 3c2 0
      o1 3cc 29; i1 3d4 e2; i1 3c0 3b; o1 3c5 ba; o1 3cf 21; o1 3c8 6b; i1 3c0 3b; o1 3c8 68; o1 3c0 b; i1 3cf 21
      i1 3c4 0; o1 3c8 89; o1 3d5 6f; i1 3d4 e2; o1 3ce eb; o1 3c5 b; i1 3c1 17; i1 3ca 0; o1 3c2 5f; i1 3c2 0
      o1 3c8 df; o1 3c1 2d; o1 3b5 10; o1 3c4 50; o1 3c7 b5; i1 3c2 0; o1 3cf 3e; i1 3cf 0; i1 3ce b; o1 3ce b0
      i1 3c7 3; i1 3c7 3; i1 3b4 ff; i1 3c0 0; i1 3b4 ff; o1 3cc cf; o1 3ce 4b; o1 3b4 a4; o1 3c5 c0; i1 3c0 0
      i1 3b5 ff; o1 3c0 0; i1 3c5 0; i1 3c7 3; i1 3ca 0; i1 3b4 ff; o1 3c0 0; o1 3c4 28; o1 3ca db; i1 3ca 0; i1 3b4 ff
      i1 3c4 0; o1 3ca e3; o1 3cc 85; o1 3cf f4; o1 3c0 ab; o1 3cf e6; i1 3ca 0; o1 3c7 7; i1 3d4 e2; i1 3c7 3
      o1 3b4 72; o1 3cc 37; i1 3c9 0; o1 3c0 56; o1 3ce 94; i1 3ce 4; i1 3c5 0; o1 3d5 2a; o1 3c9 a; i1 3c2 0
      o1 3c9 3d; o1 3d4 b; i1 3c0 0; i1 3c9 0; o1 3c2 f7; i1 3cf 0; o1 3c7 72; o1 3c5 b4; o1 3c1 68; i1 3c4 0
      o1 3b4 87; i1 3ca 0; i1 3cc e7; i1 3cc e7; o1 3cf 7f; o1 3b5 9; o1 3ce d0; o1 3d5 2d; o1 3d5 7a; o1 3c8 16
      o1 3c5 b8; i1 3d4 b; i1 3d4 b; o1 3c8 d7; i1 3ce 0; o1 3c8 5; i1 3b4 ff; i1 3c7 0; i1 3b4 ff; o1 3c0 45
      i1 3c0 16
      """
    ),
    (
      "register window",
      """
      r4 f0000000 ffffff00; r4 f0000004 ffffff; r4 f0000008 12341449; r4 f000000c 0; r4 f0000010 401182a
      r4 f0000014 781420a5; r4 f0000018 a391ee06; r4 f000001c 26994c54; r4 f0000020 2154500f; r4 f0000024 c0e10008
      r4 f0000028 d1c0d1; r4 f000002c b340a9; r4 f0000030 80810095; r4 f0000034 29ea4081; r4 f0000038 2051c000
      r4 f000003c 2640301c; r4 f0000040 cb454044; r4 f0000044 18000010; r4 f0000048 f7000000; r4 f000004c 40000a00
      r4 f0000050 20280082; r4 f0000054 0; r4 f0000058 0; r4 f000005c 3200fd00; r4 f0000060 ffa01e7d
      r4 f0000064 20200a01; r4 f0000068 20202020; r4 f000006c fc000000; r4 f0000070 4d455100; r4 f0000074 6f4d2055
      r4 f0000078 6f74696e; r4 f000007c 3a010a72; r4 f0000080 b0302; r4 f0000084 60657d46; r4 f0000088 611f59
      r4 f000008c 100000; r4 f0000090 0; r4 f0000094 0; r4 f0000098 0; r4 f000009c 0; r4 f00000a0 10; r4 f00000a4 0
      r4 f00000a8 0; r4 f00000ac 0; r4 f00000b0 100000; r4 f00000b4 0; r4 f00000b8 0; r4 f00000bc 0; r4 f00000c0 0
      r4 f00000c4 10; r4 f00000c8 0; r4 f00000cc 0; r4 f00000d0 0; r4 f00000d4 100000; r4 f00000d8 0; r4 f00000dc 0
      r4 f00000e0 0; r4 f00000e4 0; r4 f00000e8 10; r4 f00000ec 0; r4 f00000f0 0; r4 f00000f4 0; r4 f00000f8 0
      r4 f00000fc 2f000000; r4 f0000100 0; r4 f0000104 0; r4 f0000108 0; r4 f000010c 0; r4 f0000110 0; r4 f0000114 0
      r4 f0000118 0; r4 f000011c 0; r4 f0000120 0; r4 f0000124 0; r4 f0000128 0; r4 f000012c 0; r4 f0000130 0
      r4 f0000134 0; r4 f0000138 0; r4 f000013c 0; r4 f0000140 0; r4 f0000144 0; r4 f0000148 0; r4 f000014c 0
      r4 f0000150 0; r4 f0000154 0; r4 f0000158 0; r4 f000015c 0; r4 f0000160 0; r4 f0000164 0; r4 f0000168 0
      r4 f000016c 0; r4 f0000170 0; r4 f0000174 0; r4 f0000178 0; r4 f000017c 0; w1 f0000402 1; w2 f0000404 302
      r1 f0000404 2; r1 f0000405 3; i1 3c5 3; w2 f0000502 320; w2 f0000504 258; w2 f0000506 10; w2 f0000508 41
      r2 f0000500 b0c5; r2 f0000502 320; r2 f0000504 258; r2 f0000506 10; r2 f0000508 41; r2 f000050a 0
      r2 f000050c 320; r2 f000050e 28f5; r2 f0000510 0; r2 f0000512 0; r2 f0000514 100; r4 f00003fc ffffffff
      r4 f0000420 ffffffff; r4 f0000520 ffffffff; r4 f0000600 8; r4 f0000604 1e1e1e1e; r4 f0000608 ffffffff
      r4 f0000ffc ffffffff
      """
    ),
  ]
}
