// SPDX-License-Identifier: Apache-2.0

/// Coefficients of the transcendental functions as fixed-point numbers of 128 bits, high word first, rounded down.
///
/// They are what their definitions say, worked out with 400 bits.
enum FunctionTables {
  /// 1 / (2k + 3)!, with 128 fraction bits.
  static let sine: InlineArray<24, UInt64> = [
    0x2aaa_aaaa_aaaa_aaaa, 0xaaaa_aaaa_aaaa_aaaa,
    0x0222_2222_2222_2222, 0x2222_2222_2222_2222,
    0x000d_00d0_0d00_d00d, 0x00d0_0d00_d00d_00d0,
    0x0000_2e3b_c74a_ad8e, 0x671f_5583_911c_a002,
    0x0000_006b_9915_9fd5, 0x138e_3f9d_1f92_e0df,
    0x0000_0000_b092_309d, 0x4368_4be5_1c19_8e91,
    0x0000_0000_00d7_3f9f, 0x399d_c0f8_8ec3_2b58,
    0x0000_0000_0000_ca96, 0x3b81_856a_5359_3028,
    0x0000_0000_0000_0097, 0xa4da_340a_0ab9_2650,
    0x0000_0000_0000_0000, 0x5c6e_3bdb_73d5_c62f,
    0x0000_0000_0000_0000, 0x002e_c368_262c_7033,
    0x0000_0000_0000_0000, 0x0000_13f3_ccdd_165f,
  ]
  /// 1 / (2k + 2)!, with 128 fraction bits.
  static let cosine: InlineArray<24, UInt64> = [
    0x8000_0000_0000_0000, 0x0000_0000_0000_0000,
    0x0aaa_aaaa_aaaa_aaaa, 0xaaaa_aaaa_aaaa_aaaa,
    0x005b_05b0_5b05_b05b, 0x05b0_5b05_b05b_05b0,
    0x0001_a01a_01a0_1a01, 0xa01a_01a0_1a01_a01a,
    0x0000_049f_93ed_de27, 0xd71c_bbc0_5b4f_a999,
    0x0000_0008_f76c_77fc, 0x6c4b_daa2_6d4c_3d67,
    0x0000_0000_0c9c_ba54, 0x603e_4e90_5d6f_8a2e,
    0x0000_0000_000d_73f9, 0xf399_dc0f_88ec_32b5,
    0x0000_0000_0000_0b41, 0x3c31_dcbe_cbbd_d802,
    0x0000_0000_0000_0007, 0x950a_e900_8089_41ea,
    0x0000_0000_0000_0000, 0x0433_8e5b_6dfe_14a5,
    0x0000_0000_0000_0000, 0x0001_f2cf_0197_2f57,
  ]
  /// 1 / (k + 1)!, with 126 fraction bits.
  static let exponential: InlineArray<54, UInt64> = [
    0x4000_0000_0000_0000, 0x0000_0000_0000_0000,
    0x2000_0000_0000_0000, 0x0000_0000_0000_0000,
    0x0aaa_aaaa_aaaa_aaaa, 0xaaaa_aaaa_aaaa_aaaa,
    0x02aa_aaaa_aaaa_aaaa, 0xaaaa_aaaa_aaaa_aaaa,
    0x0088_8888_8888_8888, 0x8888_8888_8888_8888,
    0x0016_c16c_16c1_6c16, 0xc16c_16c1_6c16_c16c,
    0x0003_4034_0340_3403, 0x4034_0340_3403_4034,
    0x0000_6806_8068_0680, 0x6806_8068_0680_6806,
    0x0000_0b8e_f1d2_ab63, 0x99c7_d560_e447_2800,
    0x0000_0127_e4fb_7789, 0xf5c7_2ef0_16d3_ea66,
    0x0000_001a_e645_67f5, 0x44e3_8fe7_47e4_b837,
    0x0000_0002_3ddb_1dff, 0x1b12_f6a8_9b53_0f59,
    0x0000_0000_2c24_8c27, 0x50da_12f9_4706_63a4,
    0x0000_0000_0327_2e95, 0x180f_93a4_175b_e28b,
    0x0000_0000_0035_cfe7, 0xce67_703e_23b0_cad6,
    0x0000_0000_0003_5cfe, 0x7ce6_7703_e23b_0cad,
    0x0000_0000_0000_32a5, 0x8ee0_615a_94d6_4c0a,
    0x0000_0000_0000_02d0, 0x4f0c_772f_b2ef_7600,
    0x0000_0000_0000_0025, 0xe936_8d02_82ae_4994,
    0x0000_0000_0000_0001, 0xe542_ba40_2022_507a,
    0x0000_0000_0000_0000, 0x171b_8ef6_dcf5_718b,
    0x0000_0000_0000_0000, 0x010c_e396_db7f_8529,
    0x0000_0000_0000_0000, 0x000b_b0da_098b_1c0c,
    0x0000_0000_0000_0000, 0x0000_7cb3_c065_cbd5,
    0x0000_0000_0000_0000, 0x0000_04fc_f337_4597,
    0x0000_0000_0000_0000, 0x0000_0031_1d0b_f8d4,
    0x0000_0000_0000_0000, 0x0000_0001_d1ab_1c2d,
  ]
  /// 1 / (2k + 1), with 126 fraction bits.
  static let odd: InlineArray<50, UInt64> = [
    0x4000_0000_0000_0000, 0x0000_0000_0000_0000,
    0x1555_5555_5555_5555, 0x5555_5555_5555_5555,
    0x0ccc_cccc_cccc_cccc, 0xcccc_cccc_cccc_cccc,
    0x0924_9249_2492_4924, 0x9249_2492_4924_9249,
    0x071c_71c7_1c71_c71c, 0x71c7_1c71_c71c_71c7,
    0x05d1_745d_1745_d174, 0x5d17_45d1_745d_1745,
    0x04ec_4ec4_ec4e_c4ec, 0x4ec4_ec4e_c4ec_4ec4,
    0x0444_4444_4444_4444, 0x4444_4444_4444_4444,
    0x03c3_c3c3_c3c3_c3c3, 0xc3c3_c3c3_c3c3_c3c3,
    0x035e_50d7_9435_e50d, 0x7943_5e50_d794_35e5,
    0x030c_30c3_0c30_c30c, 0x30c3_0c30_c30c_30c3,
    0x02c8_590b_2164_2c85, 0x90b2_1642_c859_0b21,
    0x028f_5c28_f5c2_8f5c, 0x28f5_c28f_5c28_f5c2,
    0x025e_d097_b425_ed09, 0x7b42_5ed0_97b4_25ed,
    0x0234_f72c_234f_72c2, 0x34f7_2c23_4f72_c234,
    0x0210_8421_0842_1084, 0x2108_4210_8421_0842,
    0x01f0_7c1f_07c1_f07c, 0x1f07_c1f0_7c1f_07c1,
    0x01d4_1d41_d41d_41d4, 0x1d41_d41d_41d4_1d41,
    0x01ba_cf91_4c1b_acf9, 0x14c1_bacf_914c_1bac,
    0x01a4_1a41_a41a_41a4, 0x1a41_a41a_41a4_1a41,
    0x018f_9c18_f9c1_8f9c, 0x18f9_c18f_9c18_f9c1,
    0x017d_05f4_17d0_5f41, 0x7d05_f417_d05f_417d,
    0x016c_16c1_6c16_c16c, 0x16c1_6c16_c16c_16c1,
    0x015c_9882_b931_0572, 0x620a_e4c4_15c9_882b,
    0x014e_5e0a_72f0_5397, 0x829c_bc14_e5e0_a72f,
  ]
  /// The arc tangents of 0/16...16/16, with 126 fraction bits.
  static let arctangent: InlineArray<34, UInt64> = [
    0x0000_0000_0000_0000, 0x0000_0000_0000_0000,
    0x03fe_ab76_e59f_bd38, 0xdb2c_9e4b_7038_b835,
    0x07f5_6ea6_ab0b_db71, 0x9644_bcc4_f9f4_4477,
    0x0bdc_bda5_e72d_8113, 0x47b0_b4f8_81c9_c748,
    0x0fad_bafc_9640_6eb1, 0x56dc_79ef_5f7a_217e,
    0x1362_7737_07eb_cbcd, 0x38b5_7693_1a4f_5e65,
    0x16f6_1941_e4de_f08e, 0x7154_6424_5b9f_c890,
    0x1a64_eec3_cc23_fcb6, 0xc84f_92bd_2003_ce26,
    0x1dac_6705_61bb_4f68, 0xadfc_88bd_9787_51a0,
    0x20ca_fd29_b661_9f8a, 0x92da_8272_d869_4570,
    0x23c0_1757_bdfd_67e6, 0xd720_d785_9971_0dd1,
    0x268b_e039_9c6f_7688, 0x1089_be38_8813_fcef,
    0x292f_1f46_4d3d_c249, 0x066a_1fca_915f_6b27,
    0x2bab_130e_2d36_3020, 0x051c_978b_cf94_81c2,
    0x2e01_4f8a_f08c_679c, 0xf2cb_6954_8429_110f,
    0x3033_a16e_2b14_9990, 0x2277_58b1_1ba4_be89,
    0x3243_f6a8_885a_308d, 0x3131_98a2_e037_0734,
  ]
  /// With 126 fraction bits: pi and its half.
  static let pi: InlineArray<2, UInt64> = [0xc90f_daa2_2168_c234, 0xc4c6_628b_80dc_1cd1]
  static let halfPi: InlineArray<2, UInt64> = [0x6487_ed51_10b4_611a, 0x6263_3145_c06e_0e68]
  /// With 128 fraction bits: the natural logarithm of 2, and half its reciprocal, which is half of log2(e).
  static let ln2: InlineArray<2, UInt64> = [0xb172_17f7_d1cf_79ab, 0xc9e3_b398_03f2_f6af]
  static let halfLog2E: InlineArray<2, UInt64> = [0xb8aa_3b29_5c17_f0bb, 0xbe87_fed0_691d_3e88]
}
