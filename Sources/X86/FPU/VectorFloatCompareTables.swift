// SPDX-License-Identifier: Apache-2.0

/// Instances of CMP, COMIS and UCOMIS.
enum VectorCompareHandlers {
  static let cmpss = VectorForms(
    register: { compareScalarRegister(Binary32.self, $0, $1) },
    long: { compareScalarMemory(Binary32.self, LongAddress.self, $0, $1) },
    general: { compareScalarMemory(Binary32.self, GeneralAddress.self, $0, $1) })
  static let cmpsd = VectorForms(
    register: { compareScalarRegister(Binary64.self, $0, $1) },
    long: { compareScalarMemory(Binary64.self, LongAddress.self, $0, $1) },
    general: { compareScalarMemory(Binary64.self, GeneralAddress.self, $0, $1) })
  static let cmpps = VectorForms(
    register: { comparePackedRegister(Binary32.self, $0, $1) },
    long: { comparePackedMemory(Binary32.self, LongAddress.self, $0, $1) },
    general: { comparePackedMemory(Binary32.self, GeneralAddress.self, $0, $1) })
  static let cmppd = VectorForms(
    register: { comparePackedRegister(Binary64.self, $0, $1) },
    long: { comparePackedMemory(Binary64.self, LongAddress.self, $0, $1) },
    general: { comparePackedMemory(Binary64.self, GeneralAddress.self, $0, $1) })
  static let comiss = VectorForms(
    register: { orderRegister(OrderedComparison.self, Binary32.self, $0, $1) },
    flat: { orderMemory(OrderedComparison.self, Binary32.self, FlatAddress.self, $0, $1) },
    long: { orderMemory(OrderedComparison.self, Binary32.self, LongAddress.self, $0, $1) },
    general: { orderMemory(OrderedComparison.self, Binary32.self, GeneralAddress.self, $0, $1) })
  static let comisd = VectorForms(
    register: { orderRegister(OrderedComparison.self, Binary64.self, $0, $1) },
    flat: { orderMemory(OrderedComparison.self, Binary64.self, FlatAddress.self, $0, $1) },
    long: { orderMemory(OrderedComparison.self, Binary64.self, LongAddress.self, $0, $1) },
    general: { orderMemory(OrderedComparison.self, Binary64.self, GeneralAddress.self, $0, $1) })
  static let ucomiss = VectorForms(
    register: { orderRegister(UnorderedComparison.self, Binary32.self, $0, $1) },
    flat: { orderMemory(UnorderedComparison.self, Binary32.self, FlatAddress.self, $0, $1) },
    long: { orderMemory(UnorderedComparison.self, Binary32.self, LongAddress.self, $0, $1) },
    general: { orderMemory(UnorderedComparison.self, Binary32.self, GeneralAddress.self, $0, $1) })
  static let ucomisd = VectorForms(
    register: { orderRegister(UnorderedComparison.self, Binary64.self, $0, $1) },
    flat: { orderMemory(UnorderedComparison.self, Binary64.self, FlatAddress.self, $0, $1) },
    long: { orderMemory(UnorderedComparison.self, Binary64.self, LongAddress.self, $0, $1) },
    general: { orderMemory(UnorderedComparison.self, Binary64.self, GeneralAddress.self, $0, $1) })
}
