// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Foundation

/// The person at the terminal, if there is one.
enum Terminal {
  /// Reads the password from the first line of standard input; at a terminal it asks, and does
  /// not echo.
  static func password() throws -> String {
    var before = termios()
    let asks = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before) == 0
    if asks {
      write("Password: ")
      var silent = before
      silent.c_lflag &= ~tcflag_t(ECHO)
      tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
    }
    defer {
      if asks {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)
        write("\n")
      }
    }
    guard let password = readLine(strippingNewline: true), !password.isEmpty else {
      throw ValidationError("The password is expected on standard input.")
    }
    return password
  }

  /// Shows how far something is, in place of what was shown before; not into a file or a pipe.
  static func show(progress percent: Int) {
    guard isatty(STDERR_FILENO) == 1 else { return }
    write("\r\(percent) % ")
  }

  /// A text of somebody else's, such as a file's name, that does nothing to a terminal and stays
  /// on its line: control characters are written as `\u{1b}`.
  static func plain(_ text: String) -> String {
    var plain = ""
    for scalar in text.unicodeScalars {
      let isControl = scalar.properties.generalCategory == .control || scalar == "\u{2028}"
      plain += isControl ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
    }
    return plain
  }

  private static func write(_ text: String) {
    FileHandle.standardError.write(Data(text.utf8))
  }
}
