import Synchronization

/// The launches in direct mode that are under way: each keeps a thread of the daemon until its child has executed.
///
/// An account can hold its own children up before that, by stopping them or by a lease on their program, until each is ended at
/// its deadline. So that this costs nobody else, it has few of the threads, and the last ones are nobody's: whoever finds no place
/// is launched isolated, where nothing waits for a child but a descriptor.
final class DirectPlaces: Sendable {
    /// The right to one thread, given back with the last reference.
    final class Place: Sendable {
        private let places: DirectPlaces
        private let userID: UInt32

        fileprivate init(_ places: DirectPlaces, of userID: UInt32) {
            self.places = places
            self.userID = userID
        }

        deinit { places.giveBack(of: userID) }
    }

    private let taken = Mutex<[UInt32: Int]>([:])
    private let maximum: Int
    private let maximumForEach: Int

    /// - Parameters:
    ///   - maximum: How many launches there are at the same time.
    ///   - each: How many of them are of one account.
    init(_ maximum: Int, forEachAccount each: Int) {
        self.maximum = maximum
        maximumForEach = each
    }

    /// Takes a place for a launch.
    ///
    /// - Parameter userID: The account of the job.
    /// - Returns: The place, which lasts as long as somebody refers to it; `nil` when there is none.
    func take(for userID: UInt32) -> Place? {
        let isThere = taken.withLock { taken in
            let own = taken[userID, default: 0]
            guard own < maximumForEach, taken.values.reduce(0, +) < maximum else { return false }
            taken[userID] = own + 1
            return true
        }
        return isThere ? Place(self, of: userID) : nil
    }

    private func giveBack(of userID: UInt32) {
        taken.withLock { taken in
            let left = taken[userID, default: 1] - 1
            taken[userID] = left > 0 ? left : nil
        }
    }
}
