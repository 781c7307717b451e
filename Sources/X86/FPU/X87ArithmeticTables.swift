// SPDX-License-Identifier: Apache-2.0

/// One x87 memory operation for the three address forms.
struct X87Addressed {
  let flat: Handler
  let long: Handler
  let general: Handler

  subscript(form form: AddressForm) -> Handler {
    switch form {
    case .flat: flat
    case .long: long
    case .general: general
    }
  }
}

/// All forms of one arithmetic operation.
struct X87ArithmeticForms {
  let register: Handler
  let pop: Handler
  let single: X87Addressed
  let double: X87Addressed
  let word: Handler
  let doubleword: Handler
}

enum X87ArithmeticTables {
  static let add = X87ArithmeticForms(
    register: { x87Arithmetic(X87Add.self, pops: false, $0, $1) },
    pop: { x87Arithmetic(X87Add.self, pops: true, $0, $1) },
    single: X87Addressed(
      flat: { x87Arithmetic(X87Add.self, X87Single.self, FlatAddress.self, $0, $1) },
      long: { x87Arithmetic(X87Add.self, X87Single.self, LongAddress.self, $0, $1) },
      general: { x87Arithmetic(X87Add.self, X87Single.self, GeneralAddress.self, $0, $1) }),
    double: X87Addressed(
      flat: { x87Arithmetic(X87Add.self, X87Double.self, FlatAddress.self, $0, $1) },
      long: { x87Arithmetic(X87Add.self, X87Double.self, LongAddress.self, $0, $1) },
      general: { x87Arithmetic(X87Add.self, X87Double.self, GeneralAddress.self, $0, $1) }),
    word: { x87Arithmetic(X87Add.self, integer: UInt16.self, $0, $1) },
    doubleword: { x87Arithmetic(X87Add.self, integer: UInt32.self, $0, $1) })
  static let subtract = X87ArithmeticForms(
    register: { x87Arithmetic(X87Subtract.self, pops: false, $0, $1) },
    pop: { x87Arithmetic(X87Subtract.self, pops: true, $0, $1) },
    single: X87Addressed(
      flat: { x87Arithmetic(X87Subtract.self, X87Single.self, FlatAddress.self, $0, $1) },
      long: { x87Arithmetic(X87Subtract.self, X87Single.self, LongAddress.self, $0, $1) },
      general: { x87Arithmetic(X87Subtract.self, X87Single.self, GeneralAddress.self, $0, $1) }),
    double: X87Addressed(
      flat: { x87Arithmetic(X87Subtract.self, X87Double.self, FlatAddress.self, $0, $1) },
      long: { x87Arithmetic(X87Subtract.self, X87Double.self, LongAddress.self, $0, $1) },
      general: { x87Arithmetic(X87Subtract.self, X87Double.self, GeneralAddress.self, $0, $1) }),
    word: { x87Arithmetic(X87Subtract.self, integer: UInt16.self, $0, $1) },
    doubleword: { x87Arithmetic(X87Subtract.self, integer: UInt32.self, $0, $1) })
  static let subtractReversed = X87ArithmeticForms(
    register: { x87Arithmetic(X87Reversed<X87Subtract>.self, pops: false, $0, $1) },
    pop: { x87Arithmetic(X87Reversed<X87Subtract>.self, pops: true, $0, $1) },
    single: X87Addressed(
      flat: { x87Arithmetic(X87Reversed<X87Subtract>.self, X87Single.self, FlatAddress.self, $0, $1) },
      long: { x87Arithmetic(X87Reversed<X87Subtract>.self, X87Single.self, LongAddress.self, $0, $1) },
      general: { x87Arithmetic(X87Reversed<X87Subtract>.self, X87Single.self, GeneralAddress.self, $0, $1) }),
    double: X87Addressed(
      flat: { x87Arithmetic(X87Reversed<X87Subtract>.self, X87Double.self, FlatAddress.self, $0, $1) },
      long: { x87Arithmetic(X87Reversed<X87Subtract>.self, X87Double.self, LongAddress.self, $0, $1) },
      general: { x87Arithmetic(X87Reversed<X87Subtract>.self, X87Double.self, GeneralAddress.self, $0, $1) }),
    word: { x87Arithmetic(X87Reversed<X87Subtract>.self, integer: UInt16.self, $0, $1) },
    doubleword: { x87Arithmetic(X87Reversed<X87Subtract>.self, integer: UInt32.self, $0, $1) })
  static let multiply = X87ArithmeticForms(
    register: { x87Arithmetic(X87Multiply.self, pops: false, $0, $1) },
    pop: { x87Arithmetic(X87Multiply.self, pops: true, $0, $1) },
    single: X87Addressed(
      flat: { x87Arithmetic(X87Multiply.self, X87Single.self, FlatAddress.self, $0, $1) },
      long: { x87Arithmetic(X87Multiply.self, X87Single.self, LongAddress.self, $0, $1) },
      general: { x87Arithmetic(X87Multiply.self, X87Single.self, GeneralAddress.self, $0, $1) }),
    double: X87Addressed(
      flat: { x87Arithmetic(X87Multiply.self, X87Double.self, FlatAddress.self, $0, $1) },
      long: { x87Arithmetic(X87Multiply.self, X87Double.self, LongAddress.self, $0, $1) },
      general: { x87Arithmetic(X87Multiply.self, X87Double.self, GeneralAddress.self, $0, $1) }),
    word: { x87Arithmetic(X87Multiply.self, integer: UInt16.self, $0, $1) },
    doubleword: { x87Arithmetic(X87Multiply.self, integer: UInt32.self, $0, $1) })
  static let divide = X87ArithmeticForms(
    register: { x87Arithmetic(X87Divide.self, pops: false, $0, $1) },
    pop: { x87Arithmetic(X87Divide.self, pops: true, $0, $1) },
    single: X87Addressed(
      flat: { x87Arithmetic(X87Divide.self, X87Single.self, FlatAddress.self, $0, $1) },
      long: { x87Arithmetic(X87Divide.self, X87Single.self, LongAddress.self, $0, $1) },
      general: { x87Arithmetic(X87Divide.self, X87Single.self, GeneralAddress.self, $0, $1) }),
    double: X87Addressed(
      flat: { x87Arithmetic(X87Divide.self, X87Double.self, FlatAddress.self, $0, $1) },
      long: { x87Arithmetic(X87Divide.self, X87Double.self, LongAddress.self, $0, $1) },
      general: { x87Arithmetic(X87Divide.self, X87Double.self, GeneralAddress.self, $0, $1) }),
    word: { x87Arithmetic(X87Divide.self, integer: UInt16.self, $0, $1) },
    doubleword: { x87Arithmetic(X87Divide.self, integer: UInt32.self, $0, $1) })
  static let divideReversed = X87ArithmeticForms(
    register: { x87Arithmetic(X87Reversed<X87Divide>.self, pops: false, $0, $1) },
    pop: { x87Arithmetic(X87Reversed<X87Divide>.self, pops: true, $0, $1) },
    single: X87Addressed(
      flat: { x87Arithmetic(X87Reversed<X87Divide>.self, X87Single.self, FlatAddress.self, $0, $1) },
      long: { x87Arithmetic(X87Reversed<X87Divide>.self, X87Single.self, LongAddress.self, $0, $1) },
      general: { x87Arithmetic(X87Reversed<X87Divide>.self, X87Single.self, GeneralAddress.self, $0, $1) }),
    double: X87Addressed(
      flat: { x87Arithmetic(X87Reversed<X87Divide>.self, X87Double.self, FlatAddress.self, $0, $1) },
      long: { x87Arithmetic(X87Reversed<X87Divide>.self, X87Double.self, LongAddress.self, $0, $1) },
      general: { x87Arithmetic(X87Reversed<X87Divide>.self, X87Double.self, GeneralAddress.self, $0, $1) }),
    word: { x87Arithmetic(X87Reversed<X87Divide>.self, integer: UInt16.self, $0, $1) },
    doubleword: { x87Arithmetic(X87Reversed<X87Divide>.self, integer: UInt32.self, $0, $1) })
}
