// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
package import Store

/// The site's tweaks as the store has them: a change is durable when the call returns, and holds
/// for whoever looks next.
package actor TweakBook {
  private let store: any Store
  package private(set) var tweaks = Tweaks()

  package init(store: any Store) { self.store = store }

  /// Reads the store; called once before anything else.
  package func load() async throws(SiteError) {
    do { tweaks = try await store.tweaks() ?? Tweaks() } catch { throw SiteError(error) }
  }

  /// Sets one; nil sets it back to what is usual.
  func set(_ tweak: Tweak, to setting: Tweaks.Setting?) async throws(SiteError) {
    let before = tweaks[tweak]
    tweaks[tweak] = setting
    do {
      // Again if another was set meanwhile: whichever write is the last, it has both.
      var saved: Tweaks
      repeat {
        saved = tweaks
        try await store.save(saved)
      } while saved != tweaks
    } catch {
      if tweaks[tweak] == setting { tweaks[tweak] = before }
      throw SiteError(error)
    }
  }
}
