// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibvirt
internal import Foundation

/// The thread that takes libvirt's messages: one per process, for as long as the process lives,
/// because libvirt's own event loop is that too.
enum LibvirtEventLoop {
  /// Starts the thread if it does not run yet; must come before the first connection.
  static func start() { _ = running }

  private static let running: Void = {
    // Without this libvirt prints each error on stderr; ours are thrown instead.
    virSetErrorFunc(nil) { _, _ in }
    virEventRegisterDefaultImpl()
    let thread = Thread {
      while true {
        if virEventRunDefaultImpl() < 0 { Thread.sleep(forTimeInterval: 0.1) }
      }
    }
    thread.name = "libvirt-events"
    thread.start()
  }()
}
