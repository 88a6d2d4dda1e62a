import Testing

@testable import Impersonation

@Suite("Places for launches in direct mode")
struct DirectPlacesTests {
    private let places = DirectPlaces(3, forEachAccount: 2)

    @Test("are few for one account, however many there are, and come back")
    func forOneAccount() {
        var first = places.take(for: 1)
        let second = places.take(for: 1)
        #expect(first != nil && second != nil)
        #expect(places.take(for: 1) == nil)
        #expect(places.take(for: 2) != nil)
        first = nil
        #expect(places.take(for: 1) != nil)
        withExtendedLifetime(second) {}
    }

    @Test("are not all that there are, whoever has them")
    func forAll() {
        let taken = [places.take(for: 1), places.take(for: 1), places.take(for: 2)]
        #expect(taken.allSatisfy { $0 != nil })
        #expect(places.take(for: 3) == nil)
        withExtendedLifetime(taken) {}
    }
}
