// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The numbers that open each kind of message.
enum NBDMagic {
  /// "NBDMAGIC", the first bytes of every server.
  static let server: UInt64 = 0x4e42_444d_4147_4943
  /// "IHAVEOPT", the second, and the first of every option.
  static let option: UInt64 = 0x4948_4156_454f_5054
  static let optionReply: UInt64 = 0x0003_e889_0455_65a9
  static let request: UInt32 = 0x2560_9513
  static let simpleReply: UInt32 = 0x6744_6698
  static let structuredReply: UInt32 = 0x668e_33ef
}
