// SPDX-License-Identifier: Apache-2.0

/// Instances of the conversions.
enum VectorConversionHandlers {
  static let cvtsi2ssd = VectorForms(
    register: { fromIntegerRegister(Binary32.self, UInt32.self, $0, $1) },
    long: { fromIntegerMemory(Binary32.self, UInt32.self, LongAddress.self, $0, $1) },
    general: { fromIntegerMemory(Binary32.self, UInt32.self, GeneralAddress.self, $0, $1) })
  static let cvtsi2ssq = VectorForms(
    register: { fromIntegerRegister(Binary32.self, UInt64.self, $0, $1) },
    long: { fromIntegerMemory(Binary32.self, UInt64.self, LongAddress.self, $0, $1) },
    general: { fromIntegerMemory(Binary32.self, UInt64.self, GeneralAddress.self, $0, $1) })
  static let cvtsi2sdd = VectorForms(
    register: { fromIntegerRegister(Binary64.self, UInt32.self, $0, $1) },
    long: { fromIntegerMemory(Binary64.self, UInt32.self, LongAddress.self, $0, $1) },
    general: { fromIntegerMemory(Binary64.self, UInt32.self, GeneralAddress.self, $0, $1) })
  static let cvtsi2sdq = VectorForms(
    register: { fromIntegerRegister(Binary64.self, UInt64.self, $0, $1) },
    long: { fromIntegerMemory(Binary64.self, UInt64.self, LongAddress.self, $0, $1) },
    general: { fromIntegerMemory(Binary64.self, UInt64.self, GeneralAddress.self, $0, $1) })
  static let cvtss2sid = VectorForms(
    register: { toIntegerRegister(RoundingNearest.self, Binary32.self, UInt32.self, $0, $1) },
    long: { toIntegerMemory(RoundingNearest.self, Binary32.self, UInt32.self, LongAddress.self, $0, $1) },
    general: { toIntegerMemory(RoundingNearest.self, Binary32.self, UInt32.self, GeneralAddress.self, $0, $1) })
  static let cvtss2siq = VectorForms(
    register: { toIntegerRegister(RoundingNearest.self, Binary32.self, UInt64.self, $0, $1) },
    long: { toIntegerMemory(RoundingNearest.self, Binary32.self, UInt64.self, LongAddress.self, $0, $1) },
    general: { toIntegerMemory(RoundingNearest.self, Binary32.self, UInt64.self, GeneralAddress.self, $0, $1) })
  static let cvtsd2sid = VectorForms(
    register: { toIntegerRegister(RoundingNearest.self, Binary64.self, UInt32.self, $0, $1) },
    long: { toIntegerMemory(RoundingNearest.self, Binary64.self, UInt32.self, LongAddress.self, $0, $1) },
    general: { toIntegerMemory(RoundingNearest.self, Binary64.self, UInt32.self, GeneralAddress.self, $0, $1) })
  static let cvtsd2siq = VectorForms(
    register: { toIntegerRegister(RoundingNearest.self, Binary64.self, UInt64.self, $0, $1) },
    long: { toIntegerMemory(RoundingNearest.self, Binary64.self, UInt64.self, LongAddress.self, $0, $1) },
    general: { toIntegerMemory(RoundingNearest.self, Binary64.self, UInt64.self, GeneralAddress.self, $0, $1) })
  static let cvttss2sid = VectorForms(
    register: { toIntegerRegister(Truncating.self, Binary32.self, UInt32.self, $0, $1) },
    long: { toIntegerMemory(Truncating.self, Binary32.self, UInt32.self, LongAddress.self, $0, $1) },
    general: { toIntegerMemory(Truncating.self, Binary32.self, UInt32.self, GeneralAddress.self, $0, $1) })
  static let cvttss2siq = VectorForms(
    register: { toIntegerRegister(Truncating.self, Binary32.self, UInt64.self, $0, $1) },
    long: { toIntegerMemory(Truncating.self, Binary32.self, UInt64.self, LongAddress.self, $0, $1) },
    general: { toIntegerMemory(Truncating.self, Binary32.self, UInt64.self, GeneralAddress.self, $0, $1) })
  static let cvttsd2sid = VectorForms(
    register: { toIntegerRegister(Truncating.self, Binary64.self, UInt32.self, $0, $1) },
    long: { toIntegerMemory(Truncating.self, Binary64.self, UInt32.self, LongAddress.self, $0, $1) },
    general: { toIntegerMemory(Truncating.self, Binary64.self, UInt32.self, GeneralAddress.self, $0, $1) })
  static let cvttsd2siq = VectorForms(
    register: { toIntegerRegister(Truncating.self, Binary64.self, UInt64.self, $0, $1) },
    long: { toIntegerMemory(Truncating.self, Binary64.self, UInt64.self, LongAddress.self, $0, $1) },
    general: { toIntegerMemory(Truncating.self, Binary64.self, UInt64.self, GeneralAddress.self, $0, $1) })
  static let cvtss2sd = VectorForms(
    register: { widenScalarRegister($0, $1) },
    flat: { widenScalarMemory(FlatAddress.self, $0, $1) },
    long: { widenScalarMemory(LongAddress.self, $0, $1) },
    general: { widenScalarMemory(GeneralAddress.self, $0, $1) })
  static let cvtsd2ss = VectorForms(
    register: { narrowScalarRegister($0, $1) },
    flat: { narrowScalarMemory(FlatAddress.self, $0, $1) },
    long: { narrowScalarMemory(LongAddress.self, $0, $1) },
    general: { narrowScalarMemory(GeneralAddress.self, $0, $1) })
  static let cvtps2pd = VectorForms(
    register: { convertRegister(.ps2pd, $0, $1) },
    long: { convertHalfMemory(.ps2pd, LongAddress.self, $0, $1) },
    general: { convertHalfMemory(.ps2pd, GeneralAddress.self, $0, $1) })
  static let cvtpd2ps = VectorForms(
    register: { convertRegister(.pd2ps, $0, $1) },
    long: { convertMemory(.pd2ps, LongAddress.self, $0, $1) },
    general: { convertMemory(.pd2ps, GeneralAddress.self, $0, $1) })
  static let cvtps2dq = VectorForms(
    register: { convertRegister(.ps2dq, $0, $1) },
    long: { convertMemory(.ps2dq, LongAddress.self, $0, $1) },
    general: { convertMemory(.ps2dq, GeneralAddress.self, $0, $1) })
  static let cvttps2dq = VectorForms(
    register: { convertRegister(.truncatedPS2dq, $0, $1) },
    long: { convertMemory(.truncatedPS2dq, LongAddress.self, $0, $1) },
    general: { convertMemory(.truncatedPS2dq, GeneralAddress.self, $0, $1) })
  static let cvtpd2dq = VectorForms(
    register: { convertRegister(.pd2dq, $0, $1) },
    long: { convertMemory(.pd2dq, LongAddress.self, $0, $1) },
    general: { convertMemory(.pd2dq, GeneralAddress.self, $0, $1) })
  static let cvttpd2dq = VectorForms(
    register: { convertRegister(.truncatedPD2dq, $0, $1) },
    long: { convertMemory(.truncatedPD2dq, LongAddress.self, $0, $1) },
    general: { convertMemory(.truncatedPD2dq, GeneralAddress.self, $0, $1) })
  static let cvtdq2ps = VectorForms(
    register: { convertRegister(.dq2ps, $0, $1) },
    long: { convertMemory(.dq2ps, LongAddress.self, $0, $1) },
    general: { convertMemory(.dq2ps, GeneralAddress.self, $0, $1) })
  static let cvtdq2pd = VectorForms(
    register: { convertRegister(.dq2pd, $0, $1) },
    long: { convertHalfMemory(.dq2pd, LongAddress.self, $0, $1) },
    general: { convertHalfMemory(.dq2pd, GeneralAddress.self, $0, $1) })
}

/// Instances of the conversions from and to MMX registers.
enum MMXConversionHandlers {
  static let cvtpi2ps = MMXForms(
    register: { convertFromMMX(.pi2ps, $0, $1) },
    memory: { convertHalfMemory(.pi2ps, GeneralAddress.self, $0, $1) })
  static let cvtpi2pd = MMXForms(
    register: { convertFromMMX(.dq2pd, $0, $1) },
    memory: { convertHalfMemory(.dq2pd, GeneralAddress.self, $0, $1) })
  static let cvtps2pi = MMXForms(
    register: { convertToMMX(.ps2pi, $0, $1) },
    memory: { convertSinglesToMMX(.ps2pi, $0, $1) })
  static let cvttps2pi = MMXForms(
    register: { convertToMMX(.truncatedPS2pi, $0, $1) },
    memory: { convertSinglesToMMX(.truncatedPS2pi, $0, $1) })
  static let cvtpd2pi = MMXForms(
    register: { convertToMMX(.pd2dq, $0, $1) },
    memory: { convertDoublesToMMX(.pd2dq, $0, $1) })
  static let cvttpd2pi = MMXForms(
    register: { convertToMMX(.truncatedPD2dq, $0, $1) },
    memory: { convertDoublesToMMX(.truncatedPD2dq, $0, $1) })
}

/// Instances of the SSE3 operations.
enum VectorPairHandlers {
  static let haddps = VectorForms(
    register: { softRegister(.horizontalAdd, .ps, $0, $1) },
    long: { softMemory(.horizontalAdd, .ps, LongAddress.self, $0, $1) },
    general: { softMemory(.horizontalAdd, .ps, GeneralAddress.self, $0, $1) })
  static let haddpd = VectorForms(
    register: { softRegister(.horizontalAdd, .pd, $0, $1) },
    long: { softMemory(.horizontalAdd, .pd, LongAddress.self, $0, $1) },
    general: { softMemory(.horizontalAdd, .pd, GeneralAddress.self, $0, $1) })
  static let hsubps = VectorForms(
    register: { softRegister(.horizontalSubtract, .ps, $0, $1) },
    long: { softMemory(.horizontalSubtract, .ps, LongAddress.self, $0, $1) },
    general: { softMemory(.horizontalSubtract, .ps, GeneralAddress.self, $0, $1) })
  static let hsubpd = VectorForms(
    register: { softRegister(.horizontalSubtract, .pd, $0, $1) },
    long: { softMemory(.horizontalSubtract, .pd, LongAddress.self, $0, $1) },
    general: { softMemory(.horizontalSubtract, .pd, GeneralAddress.self, $0, $1) })
  static let addsubps = VectorForms(
    register: { softRegister(.subtractAdd, .ps, $0, $1) },
    long: { softMemory(.subtractAdd, .ps, LongAddress.self, $0, $1) },
    general: { softMemory(.subtractAdd, .ps, GeneralAddress.self, $0, $1) })
  static let addsubpd = VectorForms(
    register: { softRegister(.subtractAdd, .pd, $0, $1) },
    long: { softMemory(.subtractAdd, .pd, LongAddress.self, $0, $1) },
    general: { softMemory(.subtractAdd, .pd, GeneralAddress.self, $0, $1) })
}

/// Instances of RCP and RSQRT.
enum VectorEstimateHandlers {
  static let rcpss = VectorForms(
    register: { estimateScalarRegister(Reciprocal.self, $0, $1) },
    long: { estimateScalarMemory(Reciprocal.self, LongAddress.self, $0, $1) },
    general: { estimateScalarMemory(Reciprocal.self, GeneralAddress.self, $0, $1) })
  static let rcpps = VectorForms(
    register: { estimatePackedRegister(Reciprocal.self, $0, $1) },
    long: { estimatePackedMemory(Reciprocal.self, LongAddress.self, $0, $1) },
    general: { estimatePackedMemory(Reciprocal.self, GeneralAddress.self, $0, $1) })
  static let rsqrtss = VectorForms(
    register: { estimateScalarRegister(ReciprocalRoot.self, $0, $1) },
    long: { estimateScalarMemory(ReciprocalRoot.self, LongAddress.self, $0, $1) },
    general: { estimateScalarMemory(ReciprocalRoot.self, GeneralAddress.self, $0, $1) })
  static let rsqrtps = VectorForms(
    register: { estimatePackedRegister(ReciprocalRoot.self, $0, $1) },
    long: { estimatePackedMemory(ReciprocalRoot.self, LongAddress.self, $0, $1) },
    general: { estimatePackedMemory(ReciprocalRoot.self, GeneralAddress.self, $0, $1) })
}
