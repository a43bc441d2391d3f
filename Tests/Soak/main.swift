// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Simulation
import Synchronization

// `scripts/soak` runs this; docs/simulation.md says more.
//
//   soak SEEDS [FIRST]   runs that many seeds on all cores and prints the rate
//   soak replay SEED     runs one and prints what happened last

let numbers = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
if CommandLine.arguments.dropFirst().first == "replay", numbers.count == 1 {
  exit(Soak.replay(numbers[0]) ? 0 : 1)
} else if let count = numbers.first, numbers.count == CommandLine.arguments.count - 1 {
  let first = numbers.dropFirst().first ?? 0
  exit(await Soak.run(first..<first + count) ? 0 : 1)
}
print("usage: soak SEEDS [FIRST] | soak replay SEED")
exit(2)
