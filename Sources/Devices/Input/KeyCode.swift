// SPDX-License-Identifier: Apache-2.0

/// A key by its place on the keyboard; raw values are the names of QEMU's `QKeyCode`.
public enum KeyCode: String, Sendable, CaseIterable {
  case esc
  case digit1 = "1"
  case digit2 = "2"
  case digit3 = "3"
  case digit4 = "4"
  case digit5 = "5"
  case digit6 = "6"
  case digit7 = "7"
  case digit8 = "8"
  case digit9 = "9"
  case digit0 = "0"
  case minus
  case equal
  case backspace
  case tab
  case q
  case w
  case e
  case r
  case t
  case y
  case u
  case i
  case o
  case p
  case bracketLeft = "bracket_left"
  case bracketRight = "bracket_right"
  case ret
  case ctrl
  case a
  case s
  case d
  case f
  case g
  case h
  case j
  case k
  case l
  case semicolon
  case apostrophe
  case graveAccent = "grave_accent"
  case shift
  case backslash
  case z
  case x
  case c
  case v
  case b
  case n
  case m
  case comma
  case dot
  case slash
  case shiftR = "shift_r"
  case kpMultiply = "kp_multiply"
  case alt
  case spc
  case capsLock = "caps_lock"
  case f1
  case f2
  case f3
  case f4
  case f5
  case f6
  case f7
  case f8
  case f9
  case f10
  case numLock = "num_lock"
  case scrollLock = "scroll_lock"
  case kp7 = "kp_7"
  case kp8 = "kp_8"
  case kp9 = "kp_9"
  case kpSubtract = "kp_subtract"
  case kp4 = "kp_4"
  case kp5 = "kp_5"
  case kp6 = "kp_6"
  case kpAdd = "kp_add"
  case kp1 = "kp_1"
  case kp2 = "kp_2"
  case kp3 = "kp_3"
  case kp0 = "kp_0"
  case kpDecimal = "kp_decimal"
  case sysrq
  case less
  case f11
  case f12
  case ro
  case hiragana
  case henkan
  case muhenkan
  case katakanahiragana
  case yen
  case kpComma = "kp_comma"
  case kpEquals = "kp_equals"
  case f13
  case f14
  case f15
  case kpEnter = "kp_enter"
  case ctrlR = "ctrl_r"
  case kpDivide = "kp_divide"
  case print
  case altR = "alt_r"
  case home
  case up
  case pgup
  case left
  case right
  case end
  case down
  case pgdn
  case insert
  case delete
  case metaL = "meta_l"
  case metaR = "meta_r"
  case menu
  case compose
  case power
  case sleep
  case wake
  case volumeup
  case volumedown
  case audiomute
  case audionext
  case audioprev
  case audiostop
  case audioplay
  case mail
  case mediaselect
  case calculator
  case computer
  case acHome = "ac_home"
  case acBack = "ac_back"
  case acForward = "ac_forward"
  case acRefresh = "ac_refresh"
  case acBookmarks = "ac_bookmarks"
  case stop
  case again
  case props
  case undo
  case front
  case copy
  case open
  case paste
  case find
  case cut
  case lf
  case help
  case pause
}
