import Glibc

extension MonitorTable {
    /// A word that its owner offers to whoever gets a message about it.
    ///
    /// It is the owner's until somebody takes it, so it goes with the owner's end, and the owner may think better of it: of taking
    /// and withdrawing one comes first, and the other is told so.
    struct Offer: Equatable {
        let slot: Int
        let owner: Int32
        /// Which offer it is; never 0.
        let number: UInt32

        /// An offer that was not made before.
        init(of slot: Int, by owner: Int32) {
            self.init(of: slot, by: owner, as: .random(in: 1...UInt32.max))
        }

        init(of slot: Int, by owner: Int32, as number: UInt32) {
            (self.slot, self.owner, self.number) = (slot, owner, number)
        }

        fileprivate var word: UInt64 { UInt64(number) << 32 | MonitorTable.word(owner) }
    }

    /// Makes an offer.
    ///
    /// - Returns: Whether the word was the owner's.
    func make(_ offer: Offer) -> Bool { exchangeOwner(of: offer.slot, Self.word(offer.owner), offer.word) }

    /// Takes an offer back.
    ///
    /// - Returns: Whether nobody has taken the word before.
    func withdraw(_ offer: Offer) -> Bool { exchangeOwner(of: offer.slot, offer.word, Self.word(offer.owner)) }

    /// Takes a word that is offered.
    ///
    /// - Returns: Whether it is offered still.
    func take(_ offer: Offer, for taker: Int32) -> Bool {
        offer.number != 0 && exchangeOwner(of: offer.slot, offer.word, Self.word(taker))
    }

    /// Whether a process offers a word.
    func offersWord(_ process: Int32) -> Bool {
        (0..<capacity).contains { ownerWord(of: $0) >> 32 != 0 && owner(of: $0) == process }
    }
}
